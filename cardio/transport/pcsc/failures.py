"""What the results of PC/SC mean, before and after the card has been reached."""

from typing import NoReturn

from smartcard import scard

from cardio.transport.base import (
    CardRemovedError,
    CardResetError,
    NoCardError,
    ReaderBusyError,
    ReaderUnavailableError,
    TransmitError,
    TransportError,
)

SUCCESS = scard.SCARD_S_SUCCESS
HRESULT_MASK = 0xFFFFFFFF  # pyscard gives signed or unsigned values, by platform
NO_CARD = "no card in the reader"
_GONE_OR_MUTE = "the card was removed, or answers no more"


def _unsigned(*names: str) -> frozenset[int]:
    return frozenset(getattr(scard, name) & HRESULT_MASK for name in names)


# winscard.h of pcsc-lite; the comments give the values that come up in practice.
_SERVICE_GONE = _unsigned("SCARD_E_NO_SERVICE", "SCARD_E_SERVICE_STOPPED")  # 8010001D, 8010001E
READER_GONE = _unsigned("SCARD_E_UNKNOWN_READER", "SCARD_E_READER_UNAVAILABLE")  # 80100009, 80100017
_EMPTY = _unsigned("SCARD_E_NO_SMARTCARD", "SCARD_W_REMOVED_CARD")  # 8010000C, 80100069
_MUTE = _unsigned("SCARD_W_UNRESPONSIVE_CARD", "SCARD_W_UNPOWERED_CARD")  # 80100066, 80100067
_BUSY = _unsigned("SCARD_E_SHARING_VIOLATION")  # 8010000B
_RESET_BY_ANOTHER = _unsigned("SCARD_W_RESET_CARD")  # 80100068
NO_HANDLE = HRESULT_MASK  # pyscard's -1: its connection was never made, or was lost in a reset
_HANDLE_GONE = _unsigned("SCARD_E_INVALID_HANDLE") | {NO_HANDLE}  # 80100003: pcscd was restarted


def raise_failure(reader: str, hresult: int, *, while_connected: bool) -> NoReturn:
    """Raises the error that a PC/SC result means, before or after the card had been reached."""
    error = _CONNECTED_ERRORS if while_connected else _CONNECTING_ERRORS
    code = hresult & HRESULT_MASK
    for codes, error_class, detail in error:
        if code in codes:
            raise error_class(reader, detail)
    fallback = TransmitError if while_connected else ReaderUnavailableError
    raise fallback(reader, f"PC/SC error {code:08X}: {scard.SCardGetErrorMessage(hresult)}")


_ErrorTable = tuple[tuple[frozenset[int], type[TransportError], str], ...]
_SHARED_ERRORS: _ErrorTable = (
    (_SERVICE_GONE, ReaderUnavailableError, "no PC/SC service answers; start it (pcscd --foreground)"),
    (READER_GONE, ReaderUnavailableError, "there is no such reader now; was it unplugged?"),
    (_BUSY, ReaderBusyError, "another program holds the card exclusively"),
)
_CONNECTING_ERRORS: _ErrorTable = (
    *_SHARED_ERRORS,
    (_EMPTY, NoCardError, NO_CARD),
    (_MUTE, NoCardError, "the card does not answer; is it the right way round?"),
)
_CONNECTED_ERRORS: _ErrorTable = (
    *_SHARED_ERRORS,
    # A card lost in the middle of an APDU: pyscard reports success (0) and an answer without status word.
    (frozenset({0}), CardRemovedError, _GONE_OR_MUTE),
    (_EMPTY | _MUTE, CardRemovedError, _GONE_OR_MUTE),
    (_RESET_BY_ANOTHER, CardResetError, "another program reset the card"),
    (_HANDLE_GONE, CardRemovedError, "the PC/SC service dropped the card"),
)
