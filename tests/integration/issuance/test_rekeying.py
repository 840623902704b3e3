"""Keys made anew at a station: the holder's PIN stays there, and whatever is torn goes on."""

import json
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from sqlalchemy import select

from cardio.piv.session import PivSession
from cardio.piv.slots import Algorithm, Slot
from cardio.station import wire
from cardio.station.proofs import Proofs
from cardio.station.requestinfo import RequestInfo
from cardio.station.wire import Signed, StationMessage
from cardio.transport import pcsc
from cardio.transport.base import CardResetError, ReaderBusyError, TransportError
from hoviat import main
from issuance.audit import Audit, AuditEntry
from issuance.delivery.errors import IdentityUncheckedError
from issuance.enrolment.kinds import RULES
from issuance.errors import DeceasedError, ForbiddenTransitionError, NotFoundError, RoleRequiredError
from issuance.lifecycle.cards import get_card
from issuance.lifecycle.states import RevocationCause
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.production.connection import Job
from issuance.production.errors import ReadBackError, WrongCardError
from issuance.production.models import Renewal, RenewalState
from issuance.production.renewalsteps import RenewalSteps, RenewalView
from issuance.rekeying.errors import KeyProofError
from issuance.stations.connection import StationConnection
from issuance.stations.errors import NotSignedError
from pki.authority.values import IssuedCertificate
from pki.profiles import Profile
from pki.status.state import Status
from simulators.readers.pinpad import NoEntry, PinPad, Prompt
from simulators.stations.process import agent_process
from tests.integration.issuance.conftest import signed_in
from tests.integration.issuance.office import CLERK, ITS_PERSON, SUPERVISOR
from tests.integration.issuance.stationing import Desk, Yard, open_desk
from tests.integration.issuance.test_mass_actions import hold_all
from tests.integration.issuance.test_station_production import hand_over, produce
from tests.waiting import WAIT_SECONDS

T = TypeVar("T")
KEYS = {Profile.AUTHENTICATION: Slot.AUTHENTICATION, Profile.SIGNATURE: Slot.SIGNATURE}
both_keys = pytest.mark.parametrize("profile", list(KEYS))


@pytest.fixture
def desk(yard: Yard) -> Iterator[Desk]:
    with open_desk(yard) as opened:
        yield opened


@pytest.fixture
def card(yard: Yard, desk: Desk) -> str:
    """A card in use in the station's reader; its holder is there."""
    return in_use(yard, desk)


def in_use(yard: Yard, desk: Desk) -> str:
    number = produce(yard, desk).card_number
    assert number is not None
    hand_over(yard, desk, number)
    meet(yard, number)
    desk.typist.asked.clear()
    return number


def meet(yard: Yard, number: str) -> None:
    yard.office.registry.identity_checks.meet(CLERK, number, ITS_PERSON)


def renew(
    yard: Yard, desk: Desk, card: str, profile: Profile = Profile.AUTHENTICATION, actor: Actor = CLERK
) -> RenewalView:
    return yard.office.registry.rekeying.renew(actor, card, desk.full_name, profile)


def statuses(yard: Yard, card: str, profile: Profile = Profile.AUTHENTICATION) -> list[Status]:
    """Of the certificates of that key, oldest first."""
    with yard.office.registry.database.reading() as session:
        rows = [row for row in get_card(session, card).certificates if row.profile == profile.value]
        rows.sort(key=lambda row: row.superseded_at is None)
        return [yard.office.status(row.serial_number).status for row in rows]


def actions(yard: Yard, pattern: str) -> list[str]:
    query = select(AuditEntry.action).where(AuditEntry.action.like(pattern)).order_by(AuditEntry.sequence)
    with yard.office.registry.database.reading() as session:
        return list(session.scalars(query))


def at_card(desk: Desk, ask: Callable[[PivSession], T]) -> T:
    """The station lets go of the card, and resets it, in its own time."""
    for _ in range(20):
        with suppress(CardResetError, ReaderBusyError), pcsc.connect(desk.reader.name) as connection:
            return ask(PivSession(connection))
    raise AssertionError("the station keeps the card")


@contextmanager
def frames_of_stations(patch: pytest.MonkeyPatch) -> Iterator[list[str | bytes]]:
    frames: list[str | bytes] = []
    decode = wire.decode_from_station

    def listen(frame: str | bytes) -> StationMessage:
        frames.append(frame)
        return decode(frame)

    with patch.context() as within:
        within.setattr(wire, "decode_from_station", listen)
        yield frames


@both_keys
def test_a_key_is_made_anew_and_its_holder_types_once(
    profile: Profile, yard: Yard, desk: Desk, card: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with frames_of_stations(monkeypatch) as frames:
        renewed = renew(yard, desk, card, profile)
    assert (renewed.card_number, renewed.state) == (card, RenewalState.FINISHED)
    assert statuses(yard, card, profile) == [Status.REVOKED, Status.GOOD]
    (other,) = KEYS.keys() - {profile}
    assert statuses(yard, card, other) == [Status.GOOD]
    assert desk.typist.asked == [card]
    assert not any(desk.typist.pin in str(frame) for frame in frames)
    der, key = at_card(
        desk, lambda piv: (piv.read_certificate(KEYS[profile]), piv.key_in_slot(KEYS[profile]))
    )
    certificate = x509.load_der_x509_certificate(der)
    assert (certificate.serial_number, certificate.public_key()) == (renewed.serial, key)
    assert actions(yard, "rekeying.%") == ["rekeying.begun"]
    assert actions(yard, "renewal.%") == ["renewal.begun", "renewal.finished"]


def test_no_pin_is_verified_when_the_hub_goes_on(
    yard: Yard, desk: Desk, card: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has the hub could else let the card sign what they like."""
    seen: list[bool] = []
    prove = StationConnection.prove

    def prove_and_ask(connection: StationConnection, slot: Slot, content: bytes) -> bytes:
        signature = prove(connection, slot, content)
        seen.append(PivSession(connection).pin_status().verified)
        return signature

    monkeypatch.setattr(StationConnection, "prove", prove_and_ask)
    renew(yard, desk, card)
    assert seen == [False, False]


def test_a_wrong_pin_is_counted_and_told_and_nothing_is_lost(yard: Yard, desk: Desk, card: str) -> None:
    right, desk.typist.pin = desk.typist.pin, "99999999"
    for left in (2, 1):
        with pytest.raises(NotSignedError) as told:
            renew(yard, desk, card)
        assert str(left) in told.value.detail
        assert desk.typist.pin not in str(told.value)
    assert statuses(yard, card) == [Status.GOOD]
    assert actions(yard, "renewal.%") == []
    desk.typist.pin = right
    assert renew(yard, desk, card).state is RenewalState.FINISHED


def test_nobody_types(yard: Yard) -> None:
    with open_desk(yard, pad=PinPad(keys_of("918273", "918273", "918273", NoEntry.CANCELLED))) as desk:
        card = in_use(yard, desk)
        with pytest.raises(NotSignedError):
            renew(yard, desk, card)
    assert statuses(yard, card) == [Status.GOOD]


def keys_of(*pressed: str | NoEntry) -> Callable[[Prompt], str | NoEntry | None]:
    left = list(pressed)
    return lambda _prompt: left.pop(0) if left else None


def test_the_pin_is_typed_at_the_pad(yard: Yard) -> None:
    with open_desk(yard, pad=PinPad(keys_of(*["918273"] * 5))) as desk:
        card = in_use(yard, desk)
        assert renew(yard, desk, card, Profile.SIGNATURE).state is RenewalState.FINISHED
        assert desk.typist.asked == []
        assert len(desk.typist.told) == 2


def test_who_may_not(yard: Yard, desk: Desk, card: str) -> None:
    with pytest.raises(IdentityUncheckedError):
        renew(yard, desk, card, actor=SUPERVISOR)
    for role in (Role.STOCK, Role.ADMINISTRATOR, Role.PRODUCTION):
        with pytest.raises(RoleRequiredError):
            renew(yard, desk, card, actor=Actor("stock-1", role))
    with pytest.raises(NotFoundError):
        renew(yard, desk, "0000000001")
    with pytest.raises(NotFoundError):
        renew(yard, desk, card, Profile.OPERATOR)
    assert desk.typist.asked == []


def test_one_check_admits_one_new_key(yard: Yard, desk: Desk, card: str) -> None:
    first = renew(yard, desk, card)
    desk.typist.asked.clear()
    assert renew(yard, desk, card) == first  # whose answer was lost gets it again
    with pytest.raises(IdentityUncheckedError):
        renew(yard, desk, card, Profile.SIGNATURE)
    with pytest.raises(IdentityUncheckedError):
        yard.office.registry.unblocking.unblock(CLERK, card, desk.full_name)
    assert desk.typist.asked == []
    assert statuses(yard, card) == [Status.REVOKED, Status.GOOD]
    assert statuses(yard, card, Profile.SIGNATURE) == [Status.GOOD]
    meet(yard, card)
    assert renew(yard, desk, card).id != first.id


def test_a_check_that_was_used_up_while_the_card_was_connected(
    yard: Yard, desk: Desk, card: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rekeying = yard.office.registry.rekeying
    connect = rekeying._connect

    def after_another(reader: str, job: Job) -> StationConnection:
        monkeypatch.undo()
        renew(yard, desk, card, Profile.SIGNATURE)
        return connect(reader, job)

    monkeypatch.setattr(rekeying, "_connect", after_another)
    with pytest.raises(IdentityUncheckedError):
        renew(yard, desk, card)
    assert statuses(yard, card, Profile.SIGNATURE) == [Status.REVOKED, Status.GOOD]
    assert statuses(yard, card) == [Status.GOOD]


def test_a_check_that_was_used_up_before_the_end(
    yard: Yard, desk: Desk, card: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By another server: the key is made, and its certificate stays on hold until its holder is checked."""
    registry = yard.office.registry
    write = registry.rekeying._steps.write

    def then_another(session: PivSession, issued: IssuedCertificate) -> None:
        monkeypatch.undo()
        write(session, issued)
        begun = select(AuditEntry).where(AuditEntry.action == "rekeying.begun")
        with registry.database.writing() as records:
            told = records.scalars(begun).one()
            check = {"check": told.details["check"]}
            Audit(yard.office.clock).record(records, "clerk-2", "unblocking.finished", told.subject, check)

    monkeypatch.setattr(registry.rekeying._steps, "write", then_another)
    with pytest.raises(IdentityUncheckedError):
        renew(yard, desk, card)
    assert statuses(yard, card) == [Status.REVOKED, Status.ON_HOLD]
    meet(yard, card)
    renew(yard, desk, card)
    assert statuses(yard, card)[-1] is Status.GOOD


def test_the_check_of_a_delivery_admits_no_new_key(yard: Yard, desk: Desk) -> None:
    number = produce(yard, desk).card_number
    hand_over(yard, desk, number)
    desk.typist.asked.clear()
    with pytest.raises(IdentityUncheckedError):
        renew(yard, desk, str(number))
    assert desk.typist.asked == []


def test_whoever_died_since_the_check_gets_no_new_key(
    yard: Yard, desk: Desk, card: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The civil register is asked again once its answer is old."""
    registry = yard.office.registry
    at_once = replace(RULES.delivery, register_age=-timedelta(seconds=1))
    monkeypatch.setattr(registry.rekeying, "_rules", at_once)
    monkeypatch.setattr(registry.unblocking, "_rules", at_once)
    yard.office.died(0)
    with pytest.raises(DeceasedError):
        renew(yard, desk, card)
    with pytest.raises(DeceasedError):
        registry.unblocking.unblock(CLERK, card, desk.full_name)
    assert desk.typist.asked == []
    assert statuses(yard, card) == [Status.GOOD]


def test_a_card_that_its_holder_stopped(yard: Yard, desk: Desk, card: str) -> None:
    yard.office.registry.lifecycle.suspend(CLERK, card)
    with pytest.raises(ForbiddenTransitionError):
        renew(yard, desk, card)
    yard.office.registry.lifecycle.revoke(CLERK, card, RevocationCause.LOST)
    with pytest.raises(ForbiddenTransitionError):
        renew(yard, desk, card)


def test_another_card_in_the_reader(yard: Yard, desk: Desk, card: str) -> None:
    desk.insert(yard.office.blank())
    with pytest.raises(WrongCardError):
        renew(yard, desk, card)
    assert desk.typist.asked == []


def lie(patch: pytest.MonkeyPatch, at: int, change: Callable[[list[bytes]], bytes]) -> list[bytes]:
    """The station's signature number `at` is another; `change` gets those up to it, the right one last."""
    decode, said = wire.decode_from_station, list[bytes]()

    def heard(frame: str | bytes) -> StationMessage:
        message = decode(frame)
        if not isinstance(message, Signed):
            return message
        said.append(message.signature)
        return message.model_copy(update={"signature": change(said)}) if len(said) == at else message

    patch.setattr(wire, "decode_from_station", heard)
    return said


@pytest.mark.parametrize(
    ("at", "change"),
    [
        pytest.param(
            1, lambda said: said[-1][:-1] + bytes((said[-1][-1] ^ 1,)), id="of a certified key, altered"
        ),
        pytest.param(1, lambda _: b"\x30", id="of a certified key, none"),
        pytest.param(2, lambda said: said[-1][:-1] + bytes((said[-1][-1] ^ 1,)), id="of a new key, altered"),
        pytest.param(2, lambda said: said[0], id="of the key before"),
    ],
)
def test_a_station_that_lies(
    at: int, change: Callable[[list[bytes]], bytes], yard: Yard, desk: Desk, card: str
) -> None:
    """No certificate comes of it, and the renewal is finished later."""
    with pytest.MonkeyPatch.context() as patch:
        lie(patch, at, change)
        with pytest.raises(KeyProofError):
            renew(yard, desk, card)
    assert actions(yard, "rekeying.%") == ["rekeying.begun", "rekeying.refused"]
    assert statuses(yard, card) == [Status.GOOD if at == 1 else Status.REVOKED]
    renew(yard, desk, card)
    assert statuses(yard, card) == [Status.REVOKED, Status.GOOD]


def test_a_signature_of_yesterday_shows_no_holder(yard: Yard, desk: Desk, card: str) -> None:
    """By the right key, about the right card; but each proof has a challenge of its own."""
    with pytest.MonkeyPatch.context() as patch:
        said = lie(patch, 0, lambda right: right[-1])
        tear_at(patch, "begin", after=False, tear=lambda: None)
        with pytest.raises(TornError):
            renew(yard, desk, card)
    with pytest.MonkeyPatch.context() as patch:
        lie(patch, 1, lambda _: said[0])
        with pytest.raises(KeyProofError):
            renew(yard, desk, card)
    assert statuses(yard, card) == [Status.GOOD]


STEPS = ("begin", "make_key", "keep_request", "certify", "write", "finish")


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_a_renewal_that_is_torn_is_finished_by_the_same_again(
    step: str, after: bool, yard: Yard, desk: Desk, card: str
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        tear_at(patch, step, after=after, tear=desk.reader.remove)
        with pytest.raises((TransportError, TornError)):
            renew(yard, desk, card)
    desk.insert(yard.office.home.cards / f"{card}.card")
    assert Status.GOOD not in statuses(yard, card)[:-1]
    renewed = renew(yard, desk, card)
    assert statuses(yard, card)[-2:] == [Status.REVOKED, Status.GOOD]
    assert renewed.state is RenewalState.FINISHED
    assert yard.office.registry.renewals.open_on(card) == []
    certificate = x509.load_der_x509_certificate(
        at_card(desk, lambda piv: piv.read_certificate(Slot.AUTHENTICATION))
    )
    assert certificate.serial_number == renewed.serial
    assert at_card(desk, lambda piv: piv.key_in_slot(Slot.AUTHENTICATION)) == certificate.public_key()


class TornError(Exception):
    """The server's part ended there."""


def tear_at(patch: pytest.MonkeyPatch, step: str, *, after: bool, tear: Callable[[], None]) -> None:
    real = getattr(RenewalSteps, step)

    def torn(*arguments: object) -> object:
        done = real(*arguments) if after else None
        tear()
        raise TornError(done)

    patch.setattr(RenewalSteps, step, torn)


def test_a_killed_agent_leaves_a_renewal_that_its_return_finishes(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = yard.enrol("st-1")
    monkeypatch.setenv("HOVIAT_NEW_PIN", "918273")
    monkeypatch.setenv("HOVIAT_PIN", "918273")
    blank = yard.office.blank()
    registry = yard.office.registry
    keep = RenewalSteps.keep_request
    with agent_process(yard.address, folder, blank) as agent:
        (reader,) = (f"st-1/{one.name}" for one in yard.line("st-1").readers)
        card = registry.production.produce(CLERK, yard.office.approved(), reader).card_number
        assert card is not None
        registry.identity_checks.check(CLERK, card, ITS_PERSON)
        registry.handovers.hand_over(CLERK, card, reader)
        meet(yard, card)

        def keep_and_kill(*arguments: object) -> object:
            kept = keep(*arguments)  # type: ignore[arg-type]
            os.kill(agent.pid, signal.SIGKILL)
            agent.wait(WAIT_SECONDS)
            return kept

        with monkeypatch.context() as patch:
            patch.setattr(RenewalSteps, "keep_request", keep_and_kill)
            with pytest.raises(TransportError):
                registry.rekeying.renew(CLERK, card, reader, Profile.SIGNATURE)
    yard.wait_gone("st-1")
    (left,) = registry.renewals.open_on(card)
    assert left.state is RenewalState.REQUESTED
    with agent_process(yard.address, folder, blank):
        yard.line("st-1")
        assert registry.rekeying.renew(CLERK, card, reader, Profile.SIGNATURE).id == left.id
    assert statuses(yard, card, Profile.SIGNATURE) == [Status.REVOKED, Status.GOOD]


def test_a_torn_renewal_is_given_up_and_begun_anew(yard: Yard, desk: Desk, card: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        tear_at(patch, "write", after=False, tear=desk.reader.remove)
        with pytest.raises(TornError):
            renew(yard, desk, card)
    (left,) = yard.office.registry.renewals.open_on(card)
    yard.office.registry.renewals.give_up(CLERK, left.id)
    desk.insert(yard.office.home.cards / f"{card}.card")
    assert renew(yard, desk, card).id != left.id
    assert Counter(statuses(yard, card)) == Counter({Status.GOOD: 1, Status.REVOKED: 2})


def test_another_key_than_the_requests_came_into_the_slot(yard: Yard, desk: Desk, card: str) -> None:
    """As a late command of a torn call may leave it: nothing is signed, and nothing becomes good."""
    rekeying = yard.office.registry.rekeying
    with pytest.MonkeyPatch.context() as patch:
        tear_at(patch, "certify", after=True, tear=lambda: None)
        with pytest.raises(TornError):
            renew(yard, desk, card)
    with closing(yard.office.registry.hub.connect(desk.full_name, Job("clerk-1", card))) as connection:
        session = rekeying._opened(connection, card)
        session.generate_key(Slot.AUTHENTICATION, Algorithm.ECC_P256)
    desk.typist.asked.clear()
    with pytest.raises(NotSignedError):
        renew(yard, desk, card)
    assert desk.typist.asked == []
    assert statuses(yard, card) == [Status.REVOKED, Status.ON_HOLD]
    (left,) = yard.office.registry.renewals.open_on(card)
    yard.office.registry.renewals.give_up(CLERK, left.id)
    assert renew(yard, desk, card).state is RenewalState.FINISHED


def forge_request(yard: Yard, card: str, key: ec.EllipticCurvePrivateKey) -> None:
    """What somebody writes into the database: a torn renewal whose request is of their own key."""
    info = RequestInfo(card, key.public_key())
    csr = info.signed(key.sign(info.encode(), ec.ECDSA(SHA256())))
    with yard.office.registry.database.writing() as session:
        session.add(
            Renewal(
                id="A" * 16,
                card_number=card,
                profile=Profile.AUTHENTICATION.value,
                state=RenewalState.REQUESTED.value,
                csr=csr,
                started_by=CLERK.username,
                started_at=yard.office.clock(),
            )
        )


def test_a_request_in_the_record_certifies_no_key_that_the_card_has_not(
    yard: Yard, desk: Desk, card: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its writer has a station, too, and answers there with their own key: nobody types."""
    mine = ec.generate_private_key(ec.SECP256R1())
    forge_request(yard, card, mine)
    monkeypatch.setattr(Proofs, "sign", lambda _self, _slot, content: mine.sign(content, ec.ECDSA(SHA256())))
    with pytest.raises(ReadBackError):
        renew(yard, desk, card)
    assert desk.typist.asked == []
    assert statuses(yard, card) == [Status.GOOD]


def test_a_card_that_does_not_tell_its_key_goes_on_with_no_recorded_request(
    yard: Yard, desk: Desk, card: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A status word is under no MAC: a station could say it in the card's place."""
    mine = ec.generate_private_key(ec.SECP256R1())
    forge_request(yard, card, mine)
    monkeypatch.setattr(Proofs, "sign", lambda _self, _slot, content: mine.sign(content, ec.ECDSA(SHA256())))
    monkeypatch.setattr(PivSession, "key_in_slot", lambda _self, _slot: None)
    with pytest.raises(ReadBackError):
        renew(yard, desk, card)
    assert statuses(yard, card) == [Status.GOOD]


def test_a_recorded_request_of_the_cards_own_key_ends_the_certificate_before(
    yard: Yard, desk: Desk, card: str
) -> None:
    """Whoever wrote it, one certificate of a key is good."""
    with pytest.MonkeyPatch.context() as patch:
        tear_at(patch, "keep_request", after=True, tear=lambda: None)
        patch.setattr(RenewalSteps, "_supersede", lambda *_: None)
        with pytest.raises(TornError):
            renew(yard, desk, card)
    assert statuses(yard, card) == [Status.GOOD]
    renew(yard, desk, card)
    assert statuses(yard, card) == [Status.REVOKED, Status.GOOD]


def test_a_card_leaves_its_mass_action_at_a_station(yard: Yard, desk: Desk, card: str) -> None:
    action = hold_all(yard.office)
    assert statuses(yard, card) == [Status.ON_HOLD]
    for profile in KEYS:
        meet(yard, card)
        renew(yard, desk, card, profile)
        assert statuses(yard, card, profile) == [Status.REVOKED, Status.GOOD]
    assert yard.office.registry.mass_actions.report(SUPERVISOR, action).states == {"rekeyed": 2}


def test_over_http(server: str, yard: Yard, desk: Desk, card: str) -> None:
    path, body = f"/cards/{card}/station-renewals", {"reader": desk.full_name, "key": "signature"}
    with signed_in(server, yard.office, "clerk-1") as api:
        for wrong in ({"key": "card"}, {"key": ""}, {"pin": desk.typist.pin}, {"reader": ""}):
            assert api.post(path, json=body | wrong).status_code == 422
        right, desk.typist.pin = desk.typist.pin, "99999999"
        told = api.post(path, json=body)
        assert (told.status_code, told.json()["type"]) == (409, "urn:hoviat:problem:not-signed")
        assert "2" in told.json()["detail"]
        desk.typist.pin = right
        answer = api.post(path, json=body)
        assert answer.status_code == 200, answer.text
        assert "no-store" in answer.headers["cache-control"]
    told = answer.json()
    assert (told["card_number"], told["key"], told["state"]) == (card, "signature", "finished")
    assert yard.office.status(int(told["serial"], 16)).status is Status.GOOD


def test_at_the_desk_by_command(server: str, yard: Yard, desk: Desk, card: str) -> None:
    address = server.removesuffix("/issuance")
    renewing = ["station", "renew", card, "--server", address, "--operator", "supervisor-1"]
    renewing += ["--reader", desk.full_name, "--key", "signature"]
    accounts = json.loads((yard.office.home.secrets / "operators.json").read_text())
    password = {"HOVIAT_OPERATOR_PASSWORD": accounts["supervisor-1"]}
    refused = CliRunner().invoke(main, renewing, env=password)
    assert refused.exit_code == 1
    assert "who the person is" in refused.output
    done = CliRunner().invoke(main, [*renewing, "--known-by", ITS_PERSON.document], env=password)
    assert (done.exit_code, card in done.output) == (0, True), done.output
    assert statuses(yard, card, Profile.SIGNATURE) == [Status.REVOKED, Status.GOOD]
