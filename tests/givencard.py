"""`--reader NAME --reader-card FILE`: a card in a real reader that the contract suites may erase.

FILE is a JSON object with `serial`, `pin`, `puk`, `management_key` (hexadecimal), maybe `transport_pin` and
`channel_keys`, and `"may_be_erased": true`. Only a card of that serial number, in the reader of exactly that
name, is sent anything but SELECT and the question for its serial number.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cardio.apdu import CommandApdu
from cardio.errors import (
    ApduError,
    CardError,
    InvalidPinError,
    InvalidPukError,
    PinBlockedError,
    PukBlockedError,
)
from cardio.globalplatform.keys import KeySet
from cardio.piv.session import PivSession
from cardio.transport import pcsc

_CONSENT = "may_be_erased"
_INS_RESET = 0xFB  # Yubico's PIV extensions: back to the factory's state, once PIN and PUK are blocked
_MOST_TRIES = 255
_WRONG = "00000000", "99999999"


class GivenCardError(Exception):
    """The card is not one to be erased, or not the one that was named."""


@dataclass(frozen=True)
class GivenCard:
    """A card given for tests, and the values that its factory gave it."""

    serial: int
    pin: str = field(repr=False)
    puk: str = field(repr=False)
    management_key: bytes = field(repr=False)
    transport_pin: bool = True
    """Whether the factory's PIN opens nothing but its own replacement."""
    channel_keys: KeySet | None = None

    @classmethod
    def load(cls, path: Path) -> "GivenCard":
        """Reads the file; raises GivenCardError where it doesn't say all, and consent above all."""
        try:
            value = json.loads(path.read_bytes())
            if value[_CONSENT] is not True:
                raise GivenCardError(f'{path}: "{_CONSENT}" is not true: no test touches that card')
            return cls(
                serial=int(value["serial"]),
                pin=str(value["pin"]),
                puk=str(value["puk"]),
                management_key=bytes.fromhex(value["management_key"]),
                transport_pin=bool(value.get("transport_pin", True)),
                channel_keys=_key_set(value.get("channel_keys")),
            )
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise GivenCardError(f"{path}: not the description of a card for tests: {error!r}") from None

    def require(self, connection: pcsc.PcscConnection) -> None:
        """Makes sure, without any PIN, that this card is at the other end."""
        with connection.transaction():
            self._require_in(PivSession(connection))

    def erase_in(self, reader: str, pin: str, puk: str) -> None:
        """Returns its PIV application to the factory's state, then to this PIN and PUK.

        The card is asked its number in the transaction that erases it: hands may swap cards before.
        """
        if reader not in pcsc.list_readers():
            raise GivenCardError(f"no reader is named exactly {reader!r}: {pcsc.list_readers()}")
        with pcsc.connect(reader) as connection, connection.exclusive():
            session = PivSession(connection)
            self._require_in(session)
            _block(lambda wrong: session.change_pin(wrong, wrong))
            _block(lambda wrong: session.change_puk(wrong, wrong))
            try:
                session.channel.send(CommandApdu(0, _INS_RESET, 0, 0))
                session.reset()
                self._require_in(session)  # a reset takes whatever card is in the reader then
                session.authenticate_management(self.management_key)
                session.change_pin(self.pin, pin)
                session.change_puk(self.puk, puk)
            except CardError as error:
                raise GivenCardError(
                    f"card {self.serial} can't be erased as its file says: {error}"
                ) from error

    def _require_in(self, session: PivSession) -> None:
        found = session.card_serial()
        if found != self.serial:
            reader = session.channel.connection.name
            raise GivenCardError(f"card {found} is in {reader}; only {self.serial} is given for tests")


def _block(attempt: Callable[[str], None]) -> None:
    for count in range(2 * _MOST_TRIES):
        try:
            attempt(_WRONG[count % 2])
        except (PinBlockedError, PukBlockedError):
            return
        except (InvalidPinError, InvalidPukError, ApduError):
            continue
    raise GivenCardError("it takes wrong PINs without end")


def _key_set(value: Any) -> KeySet | None:
    if value is None:
        return None
    enc, mac, dek = (bytes.fromhex(value[name]) for name in ("enc", "mac", "dek"))
    return KeySet(int(value["version"]), enc, mac, dek)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("hoviat")
    group.addoption(
        "--reader", metavar="NAME", help="contract suites: also over the card in this PC/SC reader"
    )
    group.addoption(
        "--reader-card",
        metavar="FILE",
        help="what that card is, and that it may be erased; see docs/testing.md",
    )


def pytest_configure(config: pytest.Config) -> None:
    reader, card = config.getoption("--reader"), config.getoption("--reader-card")
    if (reader is None) != (card is None):
        raise pytest.UsageError("--reader and --reader-card go together")
    if card is not None:
        try:
            GivenCard.load(Path(card))
        except GivenCardError as error:
            raise pytest.UsageError(str(error)) from None
