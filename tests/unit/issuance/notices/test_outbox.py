"""Messages are put once, sent at least once, tried again later and later, and name nobody."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from issuance.enrolment.models import Application
from issuance.errors import InvalidInputError, NotFoundError
from issuance.notices.dispatcher import (
    FIRST_PAUSE,
    LEASE,
    LONGEST_PAUSE,
    MAX_TRIES,
    Dispatcher,
    Sent,
    pause_after,
)
from issuance.notices.models import Channel, Notice, NoticeState
from issuance.notices.outbox import counts, put, put_selected, retry
from issuance.notices.senders import Message, SendError, SpoolSender
from issuance.notices.templates import TEXTS, Template
from tests.depot import Depot


class Gateway:
    """Keeps what it gets, and refuses as it is told."""

    def __init__(self) -> None:
        self.got: list[Message] = []
        self.down: str | None = None
        self.refused: dict[str, str] = {}

    def send(self, messages: Sequence[Message]) -> Mapping[str, str]:
        if self.down is not None:
            raise SendError(self.down)
        self.got += [message for message in messages if message.key not in self.refused]
        return {message.key: self.refused[message.key] for message in messages if message.key in self.refused}


class PowerCutError(Exception):
    """The process is gone."""


class Cut(Gateway):
    """Takes the messages, and the power goes before anybody hears of it."""

    def send(self, messages: Sequence[Message]) -> Mapping[str, str]:
        super().send(messages)
        raise PowerCutError


@pytest.fixture
def application(depot: Depot) -> str:
    return depot.approved()


def add(depot: Depot, application: str, key: str = "k", template: Template = Template.CARD_HELD) -> bool:
    with depot.database.writing() as session:
        return put(session, key, application, template, Channel.SMS, depot.clock())


def notice(depot: Depot, key: str = "k") -> Notice:
    with depot.database.reading() as session:
        return session.get_one(Notice, key)


def test_a_message_is_put_once(depot: Depot, application: str) -> None:
    assert add(depot, application)
    assert not add(depot, application)
    with depot.database.reading() as session:
        assert counts(session) == {NoticeState.WAITING: 1}


def test_it_goes_or_stays_with_its_transaction(depot: Depot, application: str) -> None:
    def cut(session: Session) -> None:
        put(session, "k", application, Template.CARD_HELD, Channel.SMS, depot.clock())
        session.flush()
        raise PowerCutError

    with pytest.raises(PowerCutError), depot.database.writing() as session:
        cut(session)
    with depot.database.reading() as session:
        assert counts(session) == {}


def test_many_are_put_by_one_statement_and_once(depot: Depot) -> None:
    first, second = depot.approved(), depot.approved()
    chosen = select(Application.id)

    def put_all(session: Session) -> None:
        put_selected(session, chosen, ("m:", ":held"), Template.CARD_HELD, Channel.SMS, depot.clock())

    with depot.database.writing() as session:
        put(session, f"m:{first}:held", first, Template.CARD_HELD, Channel.SMS, depot.clock())
        session.flush()
        put_all(session)
        put_all(session)
        assert counts(session) == {NoticeState.WAITING: 2}
    assert notice(depot, f"m:{second}:held").application_id == second


@pytest.mark.parametrize("key", ["", "x" * 81])
def test_a_key_that_is_none(depot: Depot, application: str, key: str) -> None:
    with pytest.raises(InvalidInputError):
        add(depot, application, key)


def test_what_is_due_is_sent_once(depot: Depot, application: str) -> None:
    add(depot, application)
    gateway = Gateway()
    dispatcher = Dispatcher(depot.database, gateway, depot.clock)
    assert dispatcher.send_due() == Sent(1, 1, 0, 0)
    assert dispatcher.send_due() is None
    assert gateway.got == [Message("k", application, Channel.SMS, Template.CARD_HELD)]
    assert notice(depot).sent_at == depot.clock()


def test_batches_are_bounded(depot: Depot, application: str) -> None:
    for number in range(5):
        add(depot, application, f"k{number}")
    dispatcher = Dispatcher(depot.database, Gateway(), depot.clock, batch=2)
    sizes = []
    while (sent := dispatcher.send_due()) is not None:
        sizes.append(sent.sent)
    assert sizes == [2, 2, 1]


def test_a_crash_after_sending_sends_again_with_the_same_key(depot: Depot, application: str) -> None:
    add(depot, application)
    cut, gateway = Cut(), Gateway()
    with pytest.raises(PowerCutError):
        Dispatcher(depot.database, cut, depot.clock).send_due()
    dispatcher = Dispatcher(depot.database, gateway, depot.clock)
    assert dispatcher.send_due() is None  # the lease of the one that died
    depot.clock.forward(LEASE)
    assert dispatcher.send_due() == Sent(1, 1, 0, 0)
    assert [message.key for message in cut.got + gateway.got] == ["k", "k"]


def test_another_takes_what_is_not_claimed(depot: Depot, application: str) -> None:
    for number in range(3):
        add(depot, application, f"k{number}")
    with pytest.raises(PowerCutError):
        Dispatcher(depot.database, Cut(), depot.clock, batch=2).send_due()
    gateway = Gateway()
    assert Dispatcher(depot.database, gateway, depot.clock).send_due() == Sent(1, 1, 0, 0)
    assert [message.key for message in gateway.got] == ["k2"]


def test_what_is_not_taken_waits_longer_each_time(depot: Depot, application: str) -> None:
    add(depot, application)
    gateway = Gateway()
    gateway.down = "unreachable"
    dispatcher = Dispatcher(depot.database, gateway, depot.clock)
    for tries in range(1, MAX_TRIES):
        assert dispatcher.send_due() == Sent(1, 0, 1, 0)
        assert notice(depot).failure == "unreachable"
        assert dispatcher.send_due() is None
        depot.clock.forward(pause_after(tries))
    assert dispatcher.send_due() == Sent(1, 0, 0, 1)
    assert notice(depot).state == NoticeState.FAILED
    depot.clock.forward(timedelta(days=365))
    assert dispatcher.send_due() is None


def test_pauses() -> None:
    pauses = [pause_after(tries) for tries in range(1, 100)]
    assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE


def test_one_that_is_refused_holds_up_no_other(depot: Depot, application: str) -> None:
    add(depot, application, "a")
    add(depot, application, "b")
    gateway = Gateway()
    gateway.refused = {"a": "x" * 100}
    assert Dispatcher(depot.database, gateway, depot.clock).send_due() == Sent(2, 1, 1, 0)
    assert (notice(depot, "a").state, notice(depot, "b").state) == (NoticeState.WAITING, NoticeState.SENT)


def test_a_template_that_nobody_knows_is_not_sent(depot: Depot, application: str) -> None:
    add(depot, application)
    with depot.database.writing() as session:
        session.execute(text("UPDATE notices SET template = 'from-tomorrow'"))
    gateway = Gateway()
    assert Dispatcher(depot.database, gateway, depot.clock).send_due() == Sent(1, 0, 1, 0)
    assert gateway.got == []
    assert notice(depot).failure == "unknown-template"


def test_what_failed_can_wait_again(depot: Depot, application: str) -> None:
    add(depot, application)
    with depot.database.writing() as session:
        session.execute(text("UPDATE notices SET state = 'failed', tries = 20, failure = 'unreachable'"))
    with depot.database.writing() as session:
        retry(session, "k", depot.clock())
    assert Dispatcher(depot.database, Gateway(), depot.clock).send_due() == Sent(1, 1, 0, 0)
    with pytest.raises(NotFoundError), depot.database.writing() as session:
        retry(session, "k", depot.clock())  # it was sent
    with pytest.raises(NotFoundError), depot.database.writing() as session:
        retry(session, "another", depot.clock())


@pytest.mark.parametrize(
    "change",
    [
        "state = 'lost'",
        "channel = 'pigeon'",
        "state = 'sent', tries = 1",
        "sent_at = '2026-01-01 00:00:00'",
        "state = 'failed', tries = 1",
        "state = 'failed', failure = 'x'",
        "tries = -1",
        "application_id = 'nobody'",
    ],
)
def test_what_the_database_refuses(depot: Depot, application: str, change: str) -> None:
    add(depot, application)
    with pytest.raises(IntegrityError), depot.database.writing() as session:
        session.execute(text(f"UPDATE notices SET {change}"))  # noqa: S608 - our own text


MESSAGE = Message("k", "0000000000000001", Channel.SMS, Template.CARD_HELD)


def test_the_spool_has_whole_files_of_json_lines(tmp_path: Path) -> None:
    spool = tmp_path / "deep" / "spool"
    assert SpoolSender(spool).send([MESSAGE, MESSAGE]) == {}
    (made,) = spool.iterdir()
    assert made.suffix == ".jsonl"
    assert made.stat().st_mode & 0o077 == 0
    lines = [json.loads(line) for line in made.read_text(encoding="utf-8").splitlines()]
    assert len(lines) == 2
    assert set(lines[0]) == {"key", "reference", "channel", "template", "texts"}
    assert "کارت" in lines[0]["texts"]["fa"]


def test_a_spool_that_takes_nothing_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("not a folder")
    with pytest.raises(SendError) as refused:
        SpoolSender(tmp_path / "spool").send([MESSAGE])
    assert refused.value.failure.startswith("spool-")
    assert [path.name for path in tmp_path.iterdir()] == ["spool"]


def test_each_template_has_both_texts_and_no_place_for_data() -> None:
    assert set(TEXTS) == set(Template)
    for texts in TEXTS.values():
        for told in (texts.persian, texts.english):
            assert 0 < len(told) <= 500
            assert not set("{}%$") & set(told)
