"""A card that lies: the simulated card with some answers changed, and all that a terminal does with one."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding

from cardio.errors import CardError
from cardio.globalplatform.handshake import open_secure_channel
from cardio.globalplatform.keys import KeySet
from cardio.globalplatform.registry import CardLifeCycle, RegistryScope
from cardio.globalplatform.session import IssuerSecurityDomain
from cardio.piv.objects import Ccc, Chuid, ObjectId, PrintedInformation
from cardio.piv.session import PivSession
from cardio.piv.slots import Algorithm, PublicKey, Slot
from cardio.processors import ApduPolicy
from cardio.station.delivery import Handover, accept
from cardio.transport.base import CardConnection, CardRemovedError, TransmitError
from cardio.webeid import create_token
from simulators.card.blank import blank_state
from simulators.card.card import SimulatedCard
from simulators.card.globalplatform.keyset import KeySet as CardKeySet
from simulators.card.state import CardState
from simulators.card.store import VolatileStore

NAME = "Hostile Card"
TRANSPORT_PIN, PIN, NEW_PIN, PUK, NEW_PUK = "102938", "471100", "112233", "55667788", "99887766"
MANAGEMENT_KEY = bytes(range(32))
CHANNEL_KEYS = KeySet(0xFF, bytes(range(16)), bytes(range(16, 32)), bytes(range(32, 48)))
NEW_KEYS = KeySet(0x30, bytes(16), bytes(16), bytes(16))
CHALLENGE = bytes(range(32))
MAX_APDUS = 20_000
_ALGORITHMS = {Slot.AUTHENTICATION: Algorithm.ECC_P256, Slot.SIGNATURE: Algorithm.ECC_P384}
_SHORT_OF_WHOLE = 100  # bytes that an extended answer may lack


@dataclass(frozen=True)
class Lie:
    """What becomes of the answer to APDU number `apdu`, or to all from it on (`for_ever`).

    `kind` is one of `LIES`; `at` and `value` are where and what.
    """

    apdu: int
    kind: str
    at: int = 0
    value: bytes = b""
    for_ever: bool = False


def _replace(_answer: bytes, lie: Lie) -> bytes:
    return lie.value


def _status(answer: bytes, lie: Lie) -> bytes:
    return answer[:-2] + lie.value[:2].rjust(2, b"\x90")


def _only_status(_answer: bytes, lie: Lie) -> bytes:
    return lie.value[:2].rjust(2, b"\x90")


def _flip(answer: bytes, lie: Lie) -> bytes:
    place = lie.at % max(1, len(answer))
    return (
        answer[:place]
        + bytes(byte ^ (1 << lie.at % 8) for byte in answer[place : place + 1])
        + answer[place + 1 :]
    )


def _cut(answer: bytes, lie: Lie) -> bytes:
    return answer[: -2 - lie.at % _SHORT_OF_WHOLE] + answer[-2:]


def _cut_all(answer: bytes, lie: Lie) -> bytes:
    return answer[: lie.at % (len(answer) + 1)]


def _insert(answer: bytes, lie: Lie) -> bytes:
    place = lie.at % max(1, len(answer) - 1)
    return answer[:place] + lie.value + answer[place:]


def _prolong(answer: bytes, lie: Lie) -> bytes:
    return answer[:-2] + bytes(lie.at * 64) + answer[-2:]


def _more(answer: bytes, lie: Lie) -> bytes:
    return answer[:-2] + bytes((0x61, lie.at & 0xFF))


def _a_byte_and_more(_answer: bytes, lie: Lie) -> bytes:
    return bytes((0x53, 0x61, lie.at & 0xFF))


def _wrong_le(_answer: bytes, lie: Lie) -> bytes:
    return bytes((0x6C, lie.at & 0xFF))


def _removed(_answer: bytes, _lie: Lie) -> bytes:
    raise CardRemovedError(NAME, "removed")


def _not_carried(_answer: bytes, _lie: Lie) -> bytes:
    raise TransmitError(NAME, "not carried")


LIES: dict[str, Callable[[bytes, Lie], bytes]] = {
    function.__name__.strip("_"): function
    for function in (
        *(_replace, _status, _only_status, _flip, _cut, _cut_all, _insert, _prolong),
        *(_more, _a_byte_and_more, _wrong_le, _removed, _not_carried),
    )
}


@dataclass
class LyingCard:
    """A `CardConnection`; counts what it is sent, and ends a test that would send without end."""

    lies: tuple[Lie, ...]
    state: CardState
    name: str = NAME
    atr: bytes = bytes.fromhex("3B00")
    apdus: int = 0
    _card: SimulatedCard = field(init=False)

    def __post_init__(self) -> None:
        self._card = SimulatedCard(VolatileStore(self.state), random_bytes=bytes)
        self._card.power_on()

    def transmit(self, command: bytes) -> bytes:
        self.apdus += 1
        assert self.apdus < MAX_APDUS, "the terminal doesn't end"
        answer = self._card.transmit(command)
        for lie in self.lies:
            if lie.apdu == self.apdus or (lie.for_ever and lie.apdu < self.apdus):
                answer = LIES[lie.kind](answer, lie)
        return answer

    def reset(self) -> None:
        self._card.reset()

    def close(self) -> None:
        """Nothing to let go."""


@cache
def blank() -> CardState:
    """A card as the manufacturer delivers it."""
    keys = CardKeySet(CHANNEL_KEYS.enc, CHANNEL_KEYS.mac, CHANNEL_KEYS.dek)
    return blank_state(17, TRANSPORT_PIN, PUK, MANAGEMENT_KEY, keys)


@cache
def issued() -> CardState:
    """A card in its holder's hand: two keys, their certificates, objects."""
    card = LyingCard((), blank())
    session = PivSession(card)
    session.authenticate_management(MANAGEMENT_KEY)
    for slot, algorithm in _ALGORITHMS.items():
        session.put_certificate(slot, certificate(session.generate_key(slot, algorithm)))
    _put_objects(session)
    session.reset()
    session.change_pin(TRANSPORT_PIN, PIN)
    return card._card._memory.state


def certificate(key: PublicKey) -> bytes:
    """A certificate for somebody else's key."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Holder")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key).serial_number(5)
    builder = builder.not_valid_before(datetime(2025, 1, 1, tzinfo=UTC))
    builder = builder.not_valid_after(datetime(2035, 1, 1, tzinfo=UTC))
    return builder.sign(ec.generate_private_key(ec.SECP256R1()), SHA256()).public_bytes(Encoding.DER)


def _put_objects(session: PivSession) -> None:
    session.put_object(ObjectId.CHUID, Chuid(UUID(int=1), date(2035, 1, 1)).encode())
    session.put_object(ObjectId.CARD_CAPABILITY_CONTAINER, Ccc(bytes(21)).encode())
    printed = PrintedInformation("NAME", "IR", date(2035, 1, 1), "17", "HOVIAT")
    session.put_object(ObjectId.PRINTED_INFORMATION, printed.encode())
    session.put_object(ObjectId.FACIAL_IMAGE, bytes(range(256)) * 12)


Step = Callable[[], object]
Operation = Callable[[CardConnection, ApduPolicy], list[Step]]
"""Opens what it needs, and gives the steps; one that fails does not keep the next from being taken."""


def reading(connection: CardConnection, policy: ApduPolicy) -> list[Step]:
    session = PivSession(connection, policy)
    return [
        session.version,
        session.card_serial,
        session.pin_status,
        session.read_chuid,
        session.read_ccc,
        lambda: session.read_certificate(Slot.AUTHENTICATION),
        lambda: session.public_key(Slot.SIGNATURE),
        lambda: session.get_object(ObjectId.DISCOVERY),
        lambda: session.verify_pin(PIN),
        session.read_printed_information,
        lambda: session.get_object(ObjectId.FACIAL_IMAGE),
    ]


def logging_in(connection: CardConnection, policy: ApduPolicy) -> list[Step]:
    session = PivSession(connection, policy)
    return [lambda: create_token(session, PIN, "https://site.example", "n" * 44)]


def signing(connection: CardConnection, policy: ApduPolicy) -> list[Step]:
    session = PivSession(connection, policy)
    key = session.public_key(Slot.SIGNATURE)
    return [
        lambda: session.verify_pin(PIN),
        lambda: session.sign(Slot.SIGNATURE, key, b"letter", SHA384()),
        lambda: session.sign(Slot.AUTHENTICATION, key, b"letter", SHA384()),
    ]


def pins(connection: CardConnection, policy: ApduPolicy) -> list[Step]:
    session = PivSession(connection, policy)
    return [
        session.pin_tries_left,
        lambda: session.verify_pin(NEW_PIN),
        lambda: session.change_pin(PIN, NEW_PIN),
        session.log_out,
        lambda: session.change_puk(PUK, NEW_PUK),
        lambda: session.unblock_pin(NEW_PUK, PIN),
        session.pin_tries_left,
        session.reset,
    ]


def delivering(connection: CardConnection, _policy: ApduPolicy) -> list[Step]:
    return [lambda: accept(connection, Handover(TRANSPORT_PIN, CHALLENGE), PIN)]


def personalising(connection: CardConnection, policy: ApduPolicy) -> list[Step]:
    session = PivSession(connection, policy)
    open_secure_channel(session.channel, CHANNEL_KEYS)
    return [
        lambda: session.authenticate_management(MANAGEMENT_KEY),
        lambda: session.generate_key(Slot.AUTHENTICATION, Algorithm.ECC_P256),
        lambda: session.verify_pin(TRANSPORT_PIN),
        lambda: _put_objects(session),
        lambda: session.get_object(ObjectId.FACIAL_IMAGE),
        lambda: session.change_puk(PUK, NEW_PUK),
        lambda: session.set_management_key(bytes(32)),
        session.reset,
    ]


def personalising_in_clear(connection: CardConnection, policy: ApduPolicy) -> list[Step]:
    session = PivSession(connection, policy)
    return [
        lambda: session.authenticate_management(MANAGEMENT_KEY),
        lambda: session.generate_key(Slot.SIGNATURE, Algorithm.ECC_P384),
        lambda: _put_objects(session),
        lambda: session.set_management_key(bytes(16)),
    ]


def managing(connection: CardConnection, policy: ApduPolicy) -> list[Step]:
    domain = IssuerSecurityDomain(connection, policy)
    return [
        domain.cplc,
        domain.card_data,
        domain.key_versions,
        domain.sequence_counter,
        lambda: domain.first_recognised((NEW_KEYS, CHANNEL_KEYS)),
        lambda: domain.authenticate(CHANNEL_KEYS),
        *(lambda scope=scope: domain.registry(scope) for scope in RegistryScope),
        domain.card_life_cycle,
        lambda: domain.put_key_set(NEW_KEYS),
        lambda: domain.delete_key_set(0x31),
        lambda: domain.set_card_life_cycle(CardLifeCycle.SECURED),
    ]


BEFORE_ISSUANCE: dict[str, Operation] = {
    operation.__name__: operation
    for operation in (personalising, personalising_in_clear, managing, delivering)
}
AFTER_ISSUANCE: dict[str, Operation] = {
    operation.__name__: operation for operation in (reading, logging_in, signing, pins, managing, delivering)
}


def carry_out(operation: Operation, connection: CardConnection, policy: ApduPolicy) -> list[CardError]:
    """Every step of it; the errors. Whatever else is raised fails the test."""
    errors: list[CardError] = []
    try:
        steps = operation(connection, policy)
    except CardError as error:
        return [error]
    for step in steps:
        try:
            step()
        except CardError as error:
            errors.append(error)
    return errors
