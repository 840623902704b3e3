"""Cards made through stations: as at a local reader, in few round trips, and through whatever happens."""

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial

import pytest
from sqlalchemy import select

from cardio.errors import CardError
from cardio.station import wire
from cardio.station.identity import tls_context
from cardio.station.wire import (
    Answered,
    Close,
    Failure,
    FailureKind,
    Hello,
    HubMessage,
    Open,
    Opened,
    Reader,
    Refused,
    Send,
    StationMessage,
)
from cardio.transport.base import (
    CardConnection,
    NoCardError,
    ReaderBusyError,
    ReaderUnavailableError,
    TransmitError,
)
from issuance.batchruns.states import BatchRunState
from issuance.lifecycle.cards import get_card
from issuance.lifecycle.models import Card
from issuance.production.cardsecrets import issuer_secrets
from issuance.production.connection import Job
from issuance.production.errors import WrongCardError
from issuance.production.journal import Journal
from issuance.production.models import RenewalState
from issuance.production.service import ProductionView
from issuance.production.steps import ProductionState, Step
from issuance.stations import hub as hub_module
from pki.profiles import Profile
from pki.status.state import Status
from simulators.card.card import SimulatedCard
from simulators.faults.delay import slow_link
from simulators.faults.link import T0Card
from simulators.stations.process import agent_process
from tests.integration.issuance.conftest import signed_in
from tests.integration.issuance.office import CITIZENS_PIN, CLERK, ITS_PERSON
from tests.integration.issuance.stationing import Desk, Yard, open_desk
from tests.waiting import WAIT_SECONDS, wait_for

MOST_ROUND_TRIPS = 26
"""Of a whole production: at 100 ms each, 2.6 s more than at a local reader."""
MOST_OVER_SHORT_APDUS = 26
"""T=0 takes more commands, and no more round trips: chains and GET RESPONSE stay at the station."""
TEARING_STEPS = (
    Step.GENERATE_SIGNATURE_KEY,
    Step.WRITE_CERTIFICATES,
    Step.SET_PUK,
    Step.ROTATE_CHANNEL_KEYS,
    Step.SECURE_CARD,
)


@pytest.fixture
def desk(yard: Yard) -> Iterator[Desk]:
    with open_desk(yard) as opened:
        yield opened


def produce(yard: Yard, desk: Desk, number: int = 0) -> ProductionView:
    """A new blank in the desk's reader, made into a citizen's card."""
    desk.insert(yard.office.blank())
    application = yard.office.approved(number)
    return yard.office.registry.production.produce(CLERK, application, desk.full_name)


def hand_over(yard: Yard, desk: Desk, card: str | None) -> None:
    assert card is not None
    yard.office.registry.identity_checks.check(CLERK, card, ITS_PERSON)
    yard.office.registry.handovers.hand_over(CLERK, card, desk.full_name)


def test_a_card_is_made_and_handed_over_through_a_station(yard: Yard, desk: Desk) -> None:
    made = produce(yard, desk)
    assert (made.state, made.reader) == (ProductionState.PRODUCED, desk.full_name)
    hand_over(yard, desk, made.card_number)
    assert desk.typist.asked == [made.card_number]
    with yard.office.registry.database.reading() as session:
        serials = [row.serial_number for row in get_card(session, made.card_number or "").certificates]
    assert {yard.office.status(serial).status for serial in serials} == {Status.GOOD}


def test_the_round_trips_of_a_card(yard: Yard, desk: Desk) -> None:
    line = yard.line("st-1")
    for number in range(2):
        before = line.round_trips
        made = produce(yard, desk, number)
        assert made.state is ProductionState.PRODUCED
        assert made.apdus > MOST_ROUND_TRIPS
        assert line.round_trips - before <= MOST_ROUND_TRIPS


def test_the_round_trips_of_a_card_that_takes_short_apdus_only(yard: Yard, desk: Desk) -> None:
    desk.insert(yard.office.blank(), lambda file: T0Card(SimulatedCard(file)))
    before = yard.line("st-1").round_trips
    made = yard.office.registry.production.produce(CLERK, yard.office.approved(), desk.full_name)
    assert made.state is ProductionState.PRODUCED
    assert yard.line("st-1").round_trips - before <= MOST_OVER_SHORT_APDUS


def test_a_local_reader_gets_the_same_commands(yard: Yard, desk: Desk) -> None:
    far = produce(yard, desk)
    yard.office.insert(yard.office.blank())
    near = yard.office.produce(yard.office.approved(1))
    assert [(step.step, step.apdus) for step in far.steps] == [(step.step, step.apdus) for step in near.steps]


def test_renewal_and_rotation_through_a_station(yard: Yard, desk: Desk) -> None:
    made = produce(yard, desk)
    hand_over(yard, desk, made.card_number)
    registry = yard.office.registry
    assert registry.channel_keys.rotate(CLERK, desk.full_name) == 2
    renewed = registry.renewals.renew(CLERK, desk.full_name, Profile.AUTHENTICATION, CITIZENS_PIN)
    assert renewed.state is RenewalState.FINISHED


def test_no_pin_of_the_holder_passes_the_line(
    yard: Yard, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames: list[str | bytes] = []
    decode = wire.decode_from_station

    def listen(frame: str | bytes) -> StationMessage:
        frames.append(frame)
        return decode(frame)

    monkeypatch.setattr(wire, "decode_from_station", listen)
    made = produce(yard, desk)
    hand_over(yard, desk, made.card_number)
    assert len(frames) > MOST_ROUND_TRIPS
    assert not any(desk.typist.pin in str(frame) for frame in frames)


def test_no_log_holds_what_passes_the_line(yard: Yard, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), open_desk(yard) as desk:
        made = produce(yard, desk)
        hand_over(yard, desk, made.card_number)
    secrets = issuer_secrets(yard.office.pki.master_keys["card"], int(made.card_number or ""))
    logged = "\n".join(record.getMessage() for record in caplog.records)
    assert not any(secret in logged for secret in (secrets.transport_pin, secrets.puk, desk.typist.pin))
    assert '"type"' not in logged


def torn_by(monkeypatch: pytest.MonkeyPatch, at: Step, tear: Callable[[], object]) -> None:
    """Once, when the run begins that step."""
    entered = Journal._entered
    torn = threading.Event()

    def enter_and_tear(journal: Journal, step: Step) -> None:
        entered(journal, step)
        if step is at and not torn.is_set():
            torn.set()
            tear()

    monkeypatch.setattr(Journal, "_entered", enter_and_tear)


@pytest.mark.parametrize("step", TEARING_STEPS)
def test_a_killed_agent_interrupts_the_run_and_its_return_finishes_it(
    step: Step, yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, blank = yard.enrol("st-1"), yard.office.blank()
    application = yard.office.approved()
    production = yard.office.registry.production
    with agent_process(yard.address, folder, blank) as agent:
        (reader,) = (f"st-1/{reader.name}" for reader in yard.line("st-1").readers)

        def kill() -> None:
            os.kill(agent.pid, signal.SIGKILL)
            agent.wait(WAIT_SECONDS)

        torn_by(monkeypatch, step, kill)
        torn = production.produce(CLERK, application, reader)
    assert torn.state is ProductionState.INTERRUPTED
    yard.wait_gone("st-1")
    with pytest.raises(ReaderUnavailableError):
        production.produce(CLERK, application, reader)
    with agent_process(yard.address, folder, blank):
        yard.line("st-1")
        made = production.produce(CLERK, application, reader)
    assert (made.state, made.card_number) == (ProductionState.PRODUCED, blank.stem)
    assert made.attempts == 2


def test_a_cut_network_interrupts_the_run_and_the_next_connection_finishes_it(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    with slow_link("127.0.0.1", yard.port, 0.001) as (link, port), open_desk(yard, port=port) as desk:
        first = yard.line("st-1")
        torn_by(monkeypatch, Step.WRITE_OBJECTS, link.cut)
        torn = produce(yard, desk)
        assert torn.state is ProductionState.INTERRUPTED
        wait_for_another(yard, first)
        production = yard.office.registry.production
        made = production.produce(CLERK, torn.application_id, desk.full_name)
        assert (made.state, made.card_number) == (ProductionState.PRODUCED, torn.card_number)


def wait_for_another(yard: Yard, line: object) -> None:
    wait_for(lambda: yard.office.registry.hub.line("st-1") not in {None, line})
    yard.line("st-1")


def test_a_torn_run_goes_on_with_its_own_card_alone(
    yard: Yard, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    torn_by(monkeypatch, Step.WRITE_OBJECTS, desk.reader.remove)
    torn = produce(yard, desk)
    assert torn.state is ProductionState.INTERRUPTED
    production = yard.office.registry.production
    with pytest.raises(NoCardError):
        production.produce(CLERK, torn.application_id, desk.full_name)
    desk.insert(yard.office.blank())
    with pytest.raises(WrongCardError):
        production.produce(CLERK, torn.application_id, desk.full_name)
    assert production.view(torn.id).state is ProductionState.INTERRUPTED
    desk.insert(yard.office.home.cards / f"{torn.card_number}.card")
    assert production.produce(CLERK, torn.application_id, desk.full_name).state is ProductionState.PRODUCED


def test_a_card_is_handed_over_to_nobody_elses_pin(yard: Yard, desk: Desk) -> None:
    """The transport PIN of one card is not shown to another."""
    made = produce(yard, desk)
    desk.insert(yard.office.blank())
    with pytest.raises(WrongCardError):
        hand_over(yard, desk, made.card_number)
    assert desk.typist.asked == []


def test_one_job_at_a_reader(yard: Yard, desk: Desk) -> None:
    desk.insert(yard.office.blank())
    hub = yard.office.registry.hub
    first = hub.connect(desk.full_name, Job("clerk-1"))
    with pytest.raises(ReaderBusyError):
        hub.connect(desk.full_name, Job("clerk-2"))
    first.close()
    first.close()
    with pytest.raises(CardError):
        first.transmit(bytes(4))
    hub.connect(desk.full_name, Job("clerk-2")).close()


def test_readers_that_are_not_there(yard: Yard, desk: Desk) -> None:
    hub = yard.office.registry.hub
    for name in ("st-2/Reader", "st-1/Reader", "st-1/", "st-1"):
        with pytest.raises(ReaderUnavailableError):
            hub.connect(name, Job("clerk-1"))
    with pytest.raises(NoCardError):
        hub.connect(desk.full_name, Job("clerk-1"))


def test_a_pin_in_clear_is_refused_at_the_station(yard: Yard, desk: Desk) -> None:
    desk.insert(yard.office.blank())
    card = yard.office.registry.hub.connect(desk.full_name, Job("clerk-1"))
    verify = bytes.fromhex("0020008008") + b"123456\xff\xff"
    with pytest.raises(TransmitError) as refused:
        card.transmit(verify)
    assert "123456" not in str(refused.value)
    assert "PIN" in str(refused.value)
    card.close()


# Stations that lie


def lying(yard: Yard, answer: Callable[[HubMessage], list[StationMessage]]) -> threading.Thread:
    """A station whose every answer is made up."""
    client = yard.dial(tls_context(yard.enrol("st-1")))
    readers = (Reader(name="Reader", atr=b"\x3b\x80", movements=1),)
    client.send(wire.encode(Hello(agent="liar", readers=readers)))

    def serve() -> None:
        with client, suppress(Exception):
            for frame in client:
                for message in answer(wire.decode_from_hub(frame)):
                    client.send(wire.encode(message))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yard.line("st-1")
    return thread


def connect_liar(yard: Yard, card: str | None = None) -> CardConnection:
    return yard.office.registry.hub.connect("st-1/Reader", Job("clerk-1", card))


def made_so_far(yard: Yard, batch_run: str, cards: int) -> bool:
    return yard.office.registry.batch_runs.view(CLERK, batch_run).produced == cards


def test_a_batch_run_at_a_station(yard: Yard, desk: Desk) -> None:
    registry, orders = yard.office.registry, [yard.office.approved(number) for number in range(2)]
    run = registry.batch_runs.start(CLERK, [desk.full_name])
    for made in (1, 2):
        desk.insert(yard.office.blank())
        wait_for(partial(made_so_far, yard, run, made))
    desk.insert(yard.office.blank())
    wait_for(lambda: registry.batch_runs.view(CLERK, run).state is BatchRunState.FINISHED)
    with registry.database.reading() as session:
        assert {card.application_id for card in session.scalars(select(Card))} == set(orders)


@pytest.mark.parametrize("word", ["6a82", "9000", "5302aabb9000", "6f00"])
def test_an_odd_card_at_the_desk_is_told_as_such(yard: Yard, server: str, word: str) -> None:
    """A bank card whose station says that it is the right one, or a hostile one."""

    def answer(message: HubMessage) -> list[StationMessage]:
        match message:
            case Open():
                return [Opened(job=message.job, atr=b"\x3b\x80", card=message.card)]
            case Send():
                said = tuple(bytes.fromhex(word) for _ in message.commands)
                return [Answered(job=message.job, number=message.number, answers=said, failure=None)]
        return []

    card = yard.office.approved()
    yard.office.insert(yard.office.blank())
    number = yard.office.produce(card).card_number
    assert number is not None
    yard.office.registry.identity_checks.check(CLERK, number, ITS_PERSON)
    lying(yard, answer)
    with signed_in(server, yard.office, "clerk-1") as api:
        for _ in range(2):
            given = api.post(f"/cards/{number}/station-deliveries", json={"reader": "st-1/Reader"})
            assert given.status_code == 409, given.text
            assert given.json()["type"].startswith("urn:hoviat:problem:")


@pytest.mark.parametrize("kind", FailureKind)
def test_a_station_that_opens_nothing(kind: FailureKind, yard: Yard) -> None:
    def answer(message: HubMessage) -> list[StationMessage]:
        assert isinstance(message, Open)
        return [Refused(job=message.job, failure=Failure(kind=kind, detail="so it says"))]

    lying(yard, answer)
    for _ in range(2):
        with pytest.raises((CardError, WrongCardError)):
            connect_liar(yard, "0000000001")


def replayed(message: HubMessage, before: list[StationMessage]) -> list[StationMessage]:
    """The first answer, again and again."""
    if isinstance(message, Open):
        return [Opened(job=message.job, atr=b"", card=None)]
    if isinstance(message, Send) and not before:
        before.append(Answered(job=message.job, number=1, answers=(b"\x90\x00",), failure=None))
    return before


def test_a_replayed_answer_ends_the_connection(yard: Yard) -> None:
    before: list[StationMessage] = []
    lying(yard, lambda message: replayed(message, before))
    card = connect_liar(yard)
    assert card.transmit(bytes.fromhex("00A4040000")) == b"\x90\x00"
    with pytest.raises(ReaderUnavailableError):
        card.transmit(bytes.fromhex("00A4040000"))
    yard.wait_gone("st-1")


def test_an_answer_for_another_card_ends_the_connection(yard: Yard) -> None:
    def answer(message: HubMessage) -> list[StationMessage]:
        return [Opened(job=message.job, atr=b"", card="0000000002")]

    lying(yard, answer)
    with pytest.raises(ReaderUnavailableError):
        connect_liar(yard, "0000000001")
    yard.wait_gone("st-1")


@pytest.mark.parametrize("word", ["9000", "6a82", "6982", "63c0", "6100", "6c00", "0000"])
def test_a_station_that_says_the_same_to_everything_makes_no_card(word: str, yard: Yard) -> None:
    """Its run ends before a body is taken; what it says is no card's proof."""

    def answer(message: HubMessage) -> list[StationMessage]:
        if isinstance(message, Open):
            return [Opened(job=message.job, atr=b"\x3b\x80", card=None)]
        if isinstance(message, Close):
            return []
        assert isinstance(message, Send)
        said = bytes.fromhex(word)
        return [Answered(job=message.job, number=message.number, answers=(said,), failure=None)]

    lying(yard, answer)
    run = yard.office.registry.production.produce(CLERK, yard.office.approved(), "st-1/Reader")
    assert run.state is ProductionState.FAILED
    assert run.card_number is None


def test_a_station_that_does_not_answer_in_time(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job is given up; its late answer is nobody's, and the line goes on."""
    late: list[StationMessage] = []

    def answer(message: HubMessage) -> list[StationMessage]:
        if isinstance(message, Open) and not late:
            late.append(Opened(job=message.job, atr=b"", card=None))
            return []
        if isinstance(message, Close):
            return late if message.job == late[0].job else []  # type: ignore[union-attr]
        return [Opened(job=message.job, atr=b"", card=None)]

    lying(yard, answer)
    line = yard.line("st-1")
    monkeypatch.setattr(hub_module, "OPEN_SECONDS", 0.1)
    with pytest.raises(ReaderUnavailableError, match="in time"):
        connect_liar(yard)
    monkeypatch.setattr(hub_module, "OPEN_SECONDS", WAIT_SECONDS)
    connect_liar(yard).close()
    assert yard.line("st-1") is line


def test_the_agents_own_process_takes_no_secret_to_its_folder(yard: Yard) -> None:
    """After a whole card there is what enrolment left, and nothing else."""
    folder, blank = yard.enrol("st-1"), yard.office.blank()
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with agent_process(yard.address, folder, blank, {"HOVIAT_NEW_PIN": CITIZENS_PIN}):
        (reader,) = (f"st-1/{reader.name}" for reader in yard.line("st-1").readers)
        made = yard.office.registry.production.produce(CLERK, yard.office.approved(), reader)
        assert made.card_number is not None
        yard.office.registry.identity_checks.check(CLERK, made.card_number, ITS_PERSON)
        yard.office.registry.handovers.hand_over(CLERK, made.card_number, reader)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert sorted(before) == ["station.pem", "trust.pem"]
    assert all(path.stat().st_mode & 0o077 == 0 for path in (folder, *folder.iterdir()))
