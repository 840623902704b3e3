"""APDU traces that hold no secret: what may be shown is listed, everything else is a length."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cardio.apdu import (
    CLA_FURTHER_INTERINDUSTRY,
    CLA_FURTHER_SECURE_MESSAGING,
    CLA_SECURE_MESSAGING,
    INS,
    ApduFormatError,
    CommandApdu,
    ResponseApdu,
)
from cardio.transport.base import CardConnection, SharedConnection, TransmitError
from cardio.transport.pinpad import ControllableConnection

# Data is shown only for these, and only outside secure messaging. VERIFY, CHANGE REFERENCE DATA, RESET RETRY
# COUNTER, PUT KEY and SET MANAGEMENT KEY carry PINs and keys; GENERAL AUTHENTICATE carries proofs and
# decrypted secrets; objects, personal data. With INITIALIZE UPDATE and EXTERNAL AUTHENTICATE weak keys could
# be searched for off line; GET DATA by P1 P2 answers serial numbers.
_SHOWN_COMMANDS = frozenset(
    {INS.SELECT, INS.GET_DATA, INS.GENERATE_ASYMMETRIC_KEY_PAIR, INS.GET_STATUS, INS.DELETE}
)
_SHOWN_ANSWERS = frozenset({INS.SELECT, INS.GENERATE_ASYMMETRIC_KEY_PAIR, INS.YUBICO_GET_VERSION})

_logger = logging.getLogger("cardio.apdu")


def _to_logger(line: str) -> None:
    _logger.debug("%s", line)


class TracingConnection:
    """A `CardConnection` around another that writes two lines for each APDU, redacted at the source."""

    def __init__(self, inner: CardConnection, write: Callable[[str], None] = _to_logger) -> None:
        self._inner = inner
        self._write = write
        self._answering: int | None = None

    @property
    def name(self) -> str:
        """The reader's full name."""
        return self._inner.name

    @property
    def atr(self) -> bytes:
        """The answer to reset."""
        return self._inner.atr

    def transmit(self, command: bytes) -> bytes:
        """As the inner connection's, traced."""
        self._write(self._describe_command(command))
        response = self._inner.transmit(command)
        self._write(self._describe_response(response))
        return response

    def control(self, code: int, request: bytes) -> bytes:
        """As the inner connection's, traced: a PIN typed at the reader's pad never passes here."""
        if not isinstance(self._inner, ControllableConnection):
            raise TransmitError(self.name, "the reader takes no requests of its own")
        self._write(f"-- reader request {code:08X} [{len(request)} bytes]")
        answer = self._inner.control(code, request)
        self._write(f"-- reader answer [{len(answer)} bytes]")
        return answer

    def reset(self) -> None:
        """As the inner connection's, traced."""
        self._write("-- reset")
        self._inner.reset()

    def close(self) -> None:
        """As the inner connection's."""
        self._inner.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """As the inner connection's."""
        with self._shared().transaction():
            yield

    def reconnect(self) -> None:
        """As the inner connection's, traced."""
        self._write("-- reconnect")
        self._shared().reconnect()

    def _shared(self) -> SharedConnection:
        if not isinstance(self._inner, SharedConnection):
            raise TransmitError(self.name, "no other program shares this connection's card")
        return self._inner

    def _describe_command(self, encoded: bytes) -> str:
        try:
            command = CommandApdu.decode(encoded)
        except ApduFormatError:
            self._answering = None
            return f"-> [{len(encoded)} bytes that are no APDU]"
        shown = None if _secure_messaging(command.cla) else command.ins
        if command.ins != INS.GET_RESPONSE:  # GET RESPONSE brings more of the answer before
            self._answering = shown
        le = "" if command.le is None else f" Le={command.le}"
        return f"-> {command.header.hex(' ')}{_field(command.data, shown in _SHOWN_COMMANDS)}{le}"

    def _describe_response(self, encoded: bytes) -> str:
        try:
            response = ResponseApdu.decode(encoded)
        except ApduFormatError:
            return f"<- [{len(encoded)} bytes that are no answer]"
        shown = self._answering in _SHOWN_ANSWERS
        return f"<- {response.sw:04X}{_field(response.data, shown)}"


def _secure_messaging(cla: int) -> bool:
    """Whether CLA says that data are protected (ISO/IEC 7816-4 tables 2 and 3, GPCS table 11-11)."""
    bits = CLA_FURTHER_SECURE_MESSAGING if cla & CLA_FURTHER_INTERINDUSTRY else CLA_SECURE_MESSAGING
    return bool(cla & bits)


def _field(data: bytes, shown: bool) -> str:
    if not data:
        return ""
    return f" {data.hex(' ')}" if shown else f" [{len(data)} bytes]"
