"""A card body as the manufacturer delivers it: PIN, PUK and management key of the factory, nothing else."""

import secrets
from pathlib import Path
from types import MappingProxyType

from simulators.card.errors import BlankError
from simulators.card.file import CardFile
from simulators.card.globalplatform.identifiers import FACTORY_KEY_VERSION
from simulators.card.globalplatform.keyset import KeySet
from simulators.card.globalplatform.scp03 import KEY_LENGTHS
from simulators.card.globalplatform.state import IsdState
from simulators.card.piv.identifiers import AES_KEY_LENGTHS, Algorithm
from simulators.card.piv.state import REFERENCE_LENGTH, PivState, ReferenceData, StoredKey
from simulators.card.piv.verify import is_pin_block
from simulators.card.state import MAX_SERIAL, CardState

_PADDING = b"\xff"
_REFERENCE_RULE = "six to eight decimal digits"


def blank_state(
    serial: int, pin: str, puk: str, management_key: bytes, channel_keys: KeySet | None = None
) -> CardState:
    """The state of a blank. Without `channel_keys` its secure channel has random keys that nobody knows.

    :raises BlankError: a value doesn't fit
    """
    if not 1 <= serial <= MAX_SERIAL:
        raise BlankError("serial", f"1 to {MAX_SERIAL}")
    return CardState(
        serial,
        PivState(
            pin=ReferenceData(_reference("pin", pin)),
            pin_is_transport=True,
            puk=ReferenceData(_reference("puk", puk)),
            management_key=StoredKey(_algorithm(management_key), management_key),
        ),
        IsdState(MappingProxyType({FACTORY_KEY_VERSION: channel_keys or _unknown_keys()})),
    )


def _unknown_keys() -> KeySet:
    length = max(KEY_LENGTHS)
    return KeySet(secrets.token_bytes(length), secrets.token_bytes(length), secrets.token_bytes(length))


def create_blank(
    path: Path, serial: int, pin: str, puk: str, management_key: bytes, channel_keys: KeySet | None = None
) -> None:
    """Makes the card file of a blank, whose PIN is a transport PIN.

    PIN and PUK are six to eight digits; the management key is an AES key of 16, 24 or 32 bytes. Of
    `channel_keys`: see `blank_state`.

    :raises BlankError: a value doesn't fit
    :raises CardFileExistsError: a card is already kept at `path`
    """
    CardFile.create(path, blank_state(serial, pin, puk, management_key, channel_keys)).close()


def _reference(field: str, digits: str) -> bytes:
    block = digits.encode(errors="replace").ljust(REFERENCE_LENGTH, _PADDING)
    if not is_pin_block(block):
        raise BlankError(field, _REFERENCE_RULE)
    return block


def _algorithm(management_key: bytes) -> Algorithm:
    for algorithm, length in AES_KEY_LENGTHS.items():
        if len(management_key) == length:
            return algorithm
    raise BlankError("management_key", "16, 24 or 32 bytes")
