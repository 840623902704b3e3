"""A card body as the manufacturer delivers it: PIN, PUK, management and attestation key of the factory."""

from pathlib import Path

from simulators.card.errors import BlankError
from simulators.card.file import CardFile
from simulators.card.globalplatform.keyset import KeySet
from simulators.card.globalplatform.state import factory_domain, unknown_keys
from simulators.card.lifecycle import LifeCycle
from simulators.card.piv.attestation import AttestationAuthority, with_attestation_key
from simulators.card.piv.identifiers import AES_KEY_LENGTHS, MANAGEMENT_KEY_LENGTHS, Algorithm
from simulators.card.piv.state import PivState
from simulators.card.piv.stored import REFERENCE_LENGTH, FactoryValues, ReferenceData, StoredKey
from simulators.card.piv.verify import is_pin_block
from simulators.card.state import MAX_SERIAL, CardState

_PADDING = b"\xff"
_REFERENCE_RULE = "six to eight decimal digits"


def blank_state(
    serial: int,
    pin: str,
    puk: str,
    management_key: bytes,
    channel_keys: KeySet | None = None,
    *,
    authority: AttestationAuthority | None = None,
    triple_des: bool = False,
    random_challenges: bool = False,
) -> CardState:
    """The state of a blank. Without `channel_keys` its secure channel has random keys that nobody knows.

    `authority` vouches for its attestation key, which else is self-signed. `triple_des` takes 24 bytes as a
    3DES key: only for tests with clients that know no AES management key. With `random_challenges` the secure
    channel's challenges are random, not pseudo-random (SCP03 with i = 60 instead of 70).

    :raises BlankError: a value doesn't fit
    """
    if not 1 <= serial <= MAX_SERIAL:
        raise BlankError("serial", f"1 to {MAX_SERIAL}")
    factory = FactoryValues(
        pin=_reference("pin", pin),
        puk=_reference("puk", puk),
        management_key=StoredKey(_algorithm(management_key, triple_des=triple_des), management_key),
    )
    piv = PivState(
        pin=ReferenceData(factory.pin),
        pin_is_transport=True,
        puk=ReferenceData(factory.puk),
        management_key=factory.management_key,
        factory=factory,
    )
    # Keys and codes are there already, hence not OP_READY (GPCS 5.1.1.2).
    return CardState(
        serial,
        with_attestation_key(piv, serial, authority),
        factory_domain(channel_keys or unknown_keys(), pseudo_random=not random_challenges),
        LifeCycle.INITIALIZED,
    )


def create_blank(
    path: Path,
    serial: int,
    pin: str,
    puk: str,
    management_key: bytes,
    channel_keys: KeySet | None = None,
    *,
    authority: AttestationAuthority | None = None,
    triple_des: bool = False,
    random_challenges: bool = False,
) -> None:
    """Makes the card file of a blank, whose PIN is a transport PIN.

    PIN and PUK are six to eight digits; the management key is an AES key of 16, 24 or 32 bytes. The rest is
    as for `blank_state`.

    :raises BlankError: a value doesn't fit
    :raises CardFileExistsError: a card is already kept at `path`
    """
    state = blank_state(
        serial,
        pin,
        puk,
        management_key,
        channel_keys,
        authority=authority,
        triple_des=triple_des,
        random_challenges=random_challenges,
    )
    CardFile.create(path, state).close()


def _reference(field: str, digits: str) -> bytes:
    block = digits.encode(errors="replace").ljust(REFERENCE_LENGTH, _PADDING)
    if not is_pin_block(block):
        raise BlankError(field, _REFERENCE_RULE)
    return block


def _algorithm(management_key: bytes, *, triple_des: bool) -> Algorithm:
    if triple_des:
        if len(management_key) != MANAGEMENT_KEY_LENGTHS[Algorithm.TRIPLE_DES]:
            raise BlankError("management_key", "24 bytes, for 3DES")
        return Algorithm.TRIPLE_DES
    for algorithm, length in AES_KEY_LENGTHS.items():
        if len(management_key) == length:
            return algorithm
    raise BlankError("management_key", "16, 24 or 32 bytes")
