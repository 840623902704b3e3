"""The agent: whom it trusts, what it does with a hub that lies, and PINs typed at its pad."""

import ssl
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.sync.server import ServerConnection, serve
from websockets.typing import Subprotocol

from cardio.station import wire
from cardio.station.agent import Agent, Post
from cardio.station.backoff import FIRST_S, LONGEST_S, waits
from cardio.station.delivery import read_identity
from cardio.station.errors import HubError
from cardio.station.handovercontent import signed_content
from cardio.station.identity import tls_context
from cardio.station.wire import (
    Accept,
    Answered,
    FailureKind,
    Hello,
    KeySlot,
    Open,
    Opened,
    Prove,
    Refused,
    Reset,
    Send,
)
from cardio.transport import pcsc
from issuance.production.connection import Job
from issuance.production.steps import ProductionState
from issuance.stations.errors import HandoverError
from issuance.stations.tls import hub_tls
from pki.hierarchy import Role as CaRole
from pki.status.state import RevocationReason
from simulators.readers.inprocess import InProcessReader
from simulators.readers.pinpad import NoEntry, PinPad, Prompt
from tests.integration.issuance.office import CLERK, ITS_PERSON, Office, open_office
from tests.integration.issuance.stationing import (
    ADMINISTRATOR,
    Desk,
    Typist,
    Yard,
    forged,
    open_desk,
)
from tests.waiting import WAIT_SECONDS

JOB = "0" * 16
PIN = "918273"
HANDOVER = Accept(job=JOB, number=1, transport_pin="123456", challenge=bytes(32))


def _base64(octets: bytes) -> str:
    return b64encode(octets).decode()


@pytest.fixture
def desk(yard: Yard) -> Iterator[Desk]:
    with open_desk(yard) as opened:
        yield opened


def agent_at(address: str, folder: Path) -> Agent:
    return Agent(Post(address, tls_context(folder), dict, pcsc.connect, Typist()))


@contextmanager
def hub_with(tls: ssl.SSLContext, visit: Callable[[ServerConnection], None]) -> Iterator[str]:
    """Another program in the hub's place."""
    with serve(visit, "127.0.0.1", 0, ssl=tls, subprotocols=[Subprotocol(wire.SUBPROTOCOL)]) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"wss://127.0.0.1:{server.socket.getsockname()[1]}"
        server.shutdown()
        thread.join(WAIT_SECONDS)


def server_tls(own: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(str(own))
    return context


def never(_connection: ServerConnection) -> None:
    raise AssertionError("a station spoke with a hub that it can't trust")


@pytest.mark.parametrize("issuer", [CaRole.OPERATOR, CaRole.CITIZEN_AUTHENTICATION, CaRole.SERVICE])
def test_a_hub_without_a_services_certificate_of_its_name(issuer: CaRole, yard: Yard, tmp_path: Path) -> None:
    """Not even under our own root: no client's certificate, and none of another name."""
    folder = yard.enrol("st-1")
    own = forged(yard.office, tmp_path / "own.pem", issuer, name="127.0.0.1")
    with hub_with(server_tls(own), never) as address, pytest.raises(HubError) as told:
        agent_at(address, folder).serve_once()
    assert told.value.final
    assert "trust" in str(told.value)


def test_a_hub_of_another_nation(yard: Yard, tmp_path: Path) -> None:
    folder = yard.enrol("st-1")
    (tmp_path / "abroad").mkdir()
    with open_office(tmp_path / "abroad") as abroad:
        tls = hub_tls(abroad.home, abroad.pki, "127.0.0.1")
        tls.verify_mode = ssl.CERT_NONE
        with hub_with(tls, never) as address, pytest.raises(HubError) as told:
            agent_at(address, folder).serve_once()
    assert told.value.final


def test_a_hub_that_refuses_for_good_ends_the_agent(yard: Yard) -> None:
    folder = yard.enrol("st-1")
    yard.office.registry.stations.revoke(ADMINISTRATOR, "st-1")
    with pytest.raises(HubError) as told:
        agent_at(yard.address, folder).run()
    assert told.value.final


@pytest.mark.parametrize(
    "address", ["ws://127.0.0.1:1", "https://127.0.0.1:1", "wss://", "wss://127.0.0.1:x"]
)
def test_addresses_that_no_hub_has(address: str, yard: Yard) -> None:
    with pytest.raises(HubError) as told:
        agent_at(address, yard.enrol("st-1")).serve_once()
    assert told.value.final


def test_nobody_at_the_address_is_tried_again(yard: Yard) -> None:
    with pytest.raises(HubError) as told:
        agent_at("wss://127.0.0.1:1", yard.enrol("st-1")).serve_once()
    assert not told.value.final


def test_waits_grow_to_a_bound() -> None:
    longest, shortest = waits(lambda: 1.0), waits(lambda: 0.0)
    times = [next(longest) for _ in range(20)]
    assert times == sorted(times)
    assert times[0] == FIRST_S
    assert times[-1] == LONGEST_S
    assert [next(shortest) for _ in range(20)] == [time / 2 for time in times]


# A hub that lies


@contextmanager
def lying(
    office: Office,
    yard: Yard,
    visit: Callable[[ServerConnection], None],
    reader: InProcessReader | None = None,
) -> Iterator[None]:
    """Our own certificate in wrong hands; the agent visits it once."""
    folder = yard.enrol("st-1")
    tls = hub_tls(office.home, office.pki, "127.0.0.1")
    states = dict if reader is None else lambda: {reader.name: reader.presence()}
    with hub_with(tls, visit) as address:
        agent = Agent(Post(address, tls_context(folder), states, pcsc.connect, Typist()))
        agent.serve_once()
        yield


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param("x", id="no JSON"),
        pytest.param(b"x", id="binary"),
        pytest.param('{"type":"unknown"}', id="an unknown type"),
        pytest.param(wire.encode(Hello(agent="", readers=())), id="a station's own"),
        pytest.param(wire.encode(Reset(job=JOB, number=1)), id="a request of no job"),
        pytest.param(
            wire.encode(HANDOVER),
            id="a handover",
        ),
        pytest.param(
            wire.encode(HANDOVER).replace(_base64(HANDOVER.challenge), _base64(bytes(64))),
            id="a login token's hashes in a challenge's place",
        ),
        pytest.param(
            wire.encode(Prove(job=JOB, number=1, slot=KeySlot.AUTHENTICATION, content=b"x")), id="a proof"
        ),
        pytest.param("x" * (wire.MAX_FRAME_BYTES + 1), id="too long"),
    ],
)
def test_the_agent_leaves_a_hub_that_breaks_the_protocol(
    frame: str | bytes, office: Office, yard: Yard
) -> None:
    ended: list[int | None] = []

    def visit(connection: ServerConnection) -> None:
        assert isinstance(wire.decode_from_station(connection.recv()), Hello)
        connection.send(frame)
        with suppress(ConnectionClosed):
            assert list(connection) == []
        ended.append(connection.close_code)

    with lying(office, yard, visit):
        pass
    assert ended == [
        CloseCode.MESSAGE_TOO_BIG if len(frame) > wire.MAX_FRAME_BYTES else CloseCode.POLICY_VIOLATION
    ]


def test_a_hub_asks_for_a_card_that_is_not_there(office: Office, yard: Yard) -> None:
    told: list[object] = []

    def visit(connection: ServerConnection) -> None:
        connection.recv()
        connection.send(wire.encode(Open(job=JOB, reader="No such", operator="x", card=None)))
        told.append(wire.decode_from_station(connection.recv()))

    with lying(office, yard, visit):
        pass
    (refused,) = told
    assert isinstance(refused, Refused)


def test_a_hub_in_wrong_hands_gets_no_pin_out_of_a_card(office: Office, yard: Yard) -> None:
    """It may guess nothing: neither a PIN in clear, nor one that pretends to be enciphered."""
    told: list[object] = []
    clear = bytes.fromhex("0020008008") + b"123456\xff\xff"
    pretending = bytes.fromhex("0420008018") + bytes(24)

    def visit(connection: ServerConnection) -> None:
        connection.recv()
        connection.send(wire.encode(Open(job=JOB, reader=reader.name, operator="x", card=None)))
        told.append(wire.decode_from_station(connection.recv()))
        for number, command in enumerate((clear, pretending), 1):
            connection.send(wire.encode(Send(job=JOB, number=number, commands=(command,))))
            told.append(wire.decode_from_station(connection.recv()))

    with InProcessReader(f"reader of the liar at {yard.port}") as reader:
        desk = Desk("st-1", reader, Typist())
        desk.insert(office.blank())
        with lying(office, yard, visit, reader):
            pass
        desk.remove()
    opened, *answers = told
    assert isinstance(opened, Opened)
    for answer in answers:
        assert isinstance(answer, Answered)
        assert answer.answers == ()
        assert answer.failure is not None


def test_a_hub_in_wrong_hands_gets_nothing_signed_but_requests(yard: Yard, desk: Desk) -> None:
    """What a login token's signature takes, asked of the very card that the station has found."""
    card, told = made_at(yard, desk), list[object]()
    desk.typist.asked.clear()
    asked = desk.typist.asked

    def visit(connection: ServerConnection) -> None:
        connection.recv()
        connection.send(wire.encode(Open(job=JOB, reader=desk.reader.name, operator="x", card=card)))
        told.append(wire.decode_from_station(connection.recv()))
        token = Prove(job=JOB, number=1, slot=KeySlot.AUTHENTICATION, content=bytes(64))
        connection.send(wire.encode(token))
        told.append(wire.decode_from_station(connection.recv()))

    tls = hub_tls(yard.office.home, yard.office.pki, "127.0.0.1")
    states = lambda: {desk.reader.name: desk.reader.presence()}  # noqa: E731
    with hub_with(tls, visit) as address:
        folder = yard.enrol("st-2")
        Agent(Post(address, tls_context(folder), states, pcsc.connect, desk.typist)).serve_once()
    opened, answered = told
    assert isinstance(opened, Opened)
    assert isinstance(answered, Answered)
    assert answered.failure is not None
    assert (answered.failure.kind, asked) == (FailureKind.REFUSED, [])


def test_a_hub_in_wrong_hands_gets_no_login_out_of_a_handover(yard: Yard, desk: Desk) -> None:
    """What a Web eID token signs is no challenge (as a frame: above); what is signed is no half of it."""
    card = made_at(yard, desk)
    token = sha256(b"https://bank.example.ir").digest() + sha256(b"nonce").digest()
    job, hub = Job(CLERK.username, card), yard.office.registry.hub
    pin = yard.office.registry.deliveries.open(CLERK, card).transport_pin
    with closing(hub.connect(desk.full_name, job)) as connection:
        key = x509.load_der_x509_certificate(read_identity(connection).certificate).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    for half in (token[:32], token[32:]):
        signature = hub.hand_over(desk.full_name, job, pin, half)
        key.verify(signature, signed_content(half), ec.ECDSA(SHA256()))
        with pytest.raises(InvalidSignature):
            key.verify(signature, half, ec.ECDSA(SHA256()))


# PINs at the pad


def pressing(*keys: str | NoEntry) -> PinPad:
    """A pad whose user presses these, one prompt after the other, and only knows a new PIN."""
    left = list(keys)

    def user(prompt: Prompt) -> str | NoEntry | None:
        assert prompt is not Prompt.CURRENT_PIN
        return left.pop(0) if left else None

    return PinPad(user)


def made_at(yard: Yard, desk: Desk) -> str:
    desk.insert(yard.office.blank())
    made = yard.office.registry.production.produce(CLERK, yard.office.approved(), desk.full_name)
    assert made.state is ProductionState.PRODUCED
    assert made.card_number is not None
    yard.office.registry.identity_checks.check(CLERK, made.card_number, ITS_PERSON)
    return made.card_number


def test_the_new_pin_is_typed_at_the_pad(yard: Yard) -> None:
    with open_desk(yard, pad=pressing(PIN, PIN, PIN)) as desk:
        card = made_at(yard, desk)
        yard.office.registry.handovers.hand_over(CLERK, card, desk.full_name)
        assert (desk.typist.at, desk.typist.asked) == ([card], [])


def test_who_types_nothing_gets_no_card_and_may_try_again(yard: Yard) -> None:
    pad = pressing(NoEntry.CANCELLED, PIN, "918274", PIN, PIN, NoEntry.TIMED_OUT, PIN)
    with open_desk(yard, pad=pad) as desk:
        card = made_at(yard, desk)
        for _ in ("cancelled", "not the same twice", "set, and not used"):
            with pytest.raises(HandoverError):
                yard.office.registry.handovers.hand_over(CLERK, card, desk.full_name)
        yard.office.registry.handovers.hand_over(CLERK, card, desk.full_name)


def test_a_pin_that_is_none(yard: Yard) -> None:
    with open_desk(yard) as desk:
        card = made_at(yard, desk)
        desk.typist.pin = "12345x"
        with pytest.raises(HandoverError) as told:
            yard.office.registry.handovers.hand_over(CLERK, card, desk.full_name)
        assert "12345x" not in str(told.value)
        desk.typist.pin = PIN
        yard.office.registry.handovers.hand_over(CLERK, card, desk.full_name)


def test_the_hubs_certificate_is_kept_and_made_anew_for_another_host(office: Office) -> None:
    kept = office.home.secrets / "stations-tls.pem"

    def serial() -> int:
        return x509.load_pem_x509_certificates(kept.read_bytes())[0].serial_number

    hub_tls(office.home, office.pki, "127.0.0.1")
    first = serial()
    assert kept.stat().st_mode & 0o077 == 0
    assert b"ENCRYPTED" in kept.read_bytes()
    hub_tls(office.home, office.pki, "127.0.0.1")
    assert serial() == first
    hub_tls(office.home, office.pki, "stations.example")
    second = serial()
    assert second != first
    kept.write_bytes(kept.read_bytes().replace(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMI", b"", 1))
    hub_tls(office.home, office.pki, "stations.example")
    second, before = serial(), second
    assert second != before
    office.pki.authority.revoke(second, RevocationReason.SUPERSEDED, "officer-1", "")
    hub_tls(office.home, office.pki, "stations.example")
    assert serial() not in {first, second}
