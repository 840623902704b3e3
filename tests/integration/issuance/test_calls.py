"""A call stops its caller's card and nobody else's; wrong tries count, and who resumes is there in person."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import httpx
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from issuance.audit import AuditEntry
from issuance.calls.errors import CallLockedError, CallRefusedError
from issuance.calls.models import PassPhrase
from issuance.calls.service import MOST_WRONG
from issuance.delivery.errors import IdentityUncheckedError
from issuance.errors import ForbiddenTransitionError, InvalidInputError, NotFoundError, RoleRequiredError
from issuance.lifecycle.models import Card
from issuance.lifecycle.states import CardState, RevocationCause, SuspensionReason
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.tracking.errors import StatusThrottledError
from issuance.tracking.throttle import ALLOWED
from pki.status.state import Status
from tests.integration.issuance.office import CLERK, ITS_PERSON, SUPERVISOR, Office
from tests.integration.issuance.test_deliveries import statuses

PHRASE, HEARD, WRONG = "کتابِ قدیمی ۱۲", "كتاب قديمي 12", "کتاب تازهٔ ۱۲"


@pytest.fixture
def card(office: Office) -> str:
    """In use, with a phrase."""
    number = office.issue()
    office.registry.calls.agree(CLERK, number, PHRASE)  # by the check of its delivery
    return number


def call(office: Office, phrase: str = HEARD, number: int = 0, born: date | None = None) -> str:
    person = office.people.person(number)
    return office.registry.calls.suspend(SUPERVISOR, person.national_code, born or person.birth_date, phrase)


def state(office: Office, number: str) -> str:
    with office.registry.database.reading() as session:
        return session.get_one(Card, number).state


def test_a_call_stops_the_card_at_once(office: Office, card: str) -> None:
    assert call(office) == card
    assert state(office, card) == CardState.SUSPENDED
    assert statuses(office) == {Status.ON_HOLD}


def test_it_is_resumed_in_person_alone(office: Office, card: str) -> None:
    call(office)
    with pytest.raises(IdentityUncheckedError):
        office.registry.lifecycle.resume(CLERK, card)
    office.registry.identity_checks.meet(SUPERVISOR, card, ITS_PERSON)
    with pytest.raises(IdentityUncheckedError):  # somebody else's check
        office.registry.lifecycle.resume(CLERK, card)
    office.registry.identity_checks.meet(CLERK, card, ITS_PERSON)
    office.registry.lifecycle.resume(CLERK, card)
    assert statuses(office) == {Status.GOOD}


def test_who_was_there_before_the_call_has_not_come_because_of_it(office: Office, card: str) -> None:
    """Neither the check of the delivery nor one a moment before."""
    registry = office.registry
    registry.identity_checks.meet(SUPERVISOR, card, ITS_PERSON)
    call(office)
    for before in (CLERK, SUPERVISOR):
        with pytest.raises(IdentityUncheckedError):
            registry.lifecycle.resume(before, card)
    registry.identity_checks.meet(SUPERVISOR, card, ITS_PERSON)
    registry.lifecycle.resume(SUPERVISOR, card)


def test_a_call_about_a_stopped_card_binds_it_to_its_holder(office: Office, card: str) -> None:
    office.registry.lifecycle.suspend(CLERK, card)
    office.clock.ahead += timedelta(hours=1)
    assert call(office) == card
    with pytest.raises(IdentityUncheckedError):
        office.registry.lifecycle.resume(CLERK, card)
    assert statuses(office) == {Status.ON_HOLD}
    with office.registry.database.reading() as session:
        heard = session.scalars(select(AuditEntry.subject).where(AuditEntry.action == "call.heard"))
        assert list(heard) == [f"card:{card}"]
    office.registry.identity_checks.meet(CLERK, card, ITS_PERSON)
    office.registry.lifecycle.resume(CLERK, card)
    assert statuses(office) == {Status.GOOD}


def test_a_phrase_that_was_heard_is_spent(office: Office, card: str) -> None:
    call(office)
    office.registry.identity_checks.meet(CLERK, card, ITS_PERSON)
    office.registry.lifecycle.resume(CLERK, card)
    with pytest.raises(CallLockedError):
        call(office)
    office.registry.calls.agree(CLERK, card, "a new phrase 99")
    assert call(office, "A NEW PHRASE ۹۹") == card


def test_wrong_phrases_are_counted_and_lock(office: Office, card: str) -> None:
    for _ in range(MOST_WRONG):
        with pytest.raises(CallRefusedError):
            call(office, WRONG)
    with pytest.raises(CallLockedError):
        call(office)
    assert state(office, card) == CardState.ACTIVE
    office.registry.lifecycle.suspend(CLERK, card, SuspensionReason.HOLDER)  # an office still can


def test_an_operator_who_guesses_at_many_waits(office: Office, card: str) -> None:
    """However many people's codes: what stops the guesser is no single phrase's count."""
    for _ in range(ALLOWED):
        with pytest.raises(CallRefusedError):
            call(office, number=50)  # nobody of that code
    with pytest.raises(StatusThrottledError):
        call(office)
    assert state(office, card) == CardState.ACTIVE


def test_a_right_phrase_after_wrong_ones(office: Office, card: str) -> None:
    for _ in range(MOST_WRONG - 1):
        with pytest.raises(CallRefusedError):
            call(office, WRONG)
    assert call(office) == card


def test_many_at_once_have_no_more_tries(office: Office, card: str) -> None:
    assert card

    def attempt(number: int) -> type[Exception] | None:
        try:
            call(office, f"guess number {number}")
        except (CallRefusedError, CallLockedError) as refused:
            return type(refused)
        return None

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(attempt, range(3 * MOST_WRONG)))
    assert answers.count(CallRefusedError) == MOST_WRONG
    assert answers.count(CallLockedError) == 2 * MOST_WRONG


@pytest.mark.parametrize("code", ["", "1", "1111111111", "0000000000", "x" * 20])
def test_nobody_of_that_code(office: Office, card: str, code: str) -> None:
    assert card
    with pytest.raises(CallRefusedError):
        office.registry.calls.suspend(SUPERVISOR, code, date(1990, 1, 1), HEARD)


def test_another_birth_date_counts_at_nobodys_phrase(office: Office, card: str) -> None:
    for _ in range(MOST_WRONG + 1):
        with pytest.raises(CallRefusedError):
            call(office, born=date(1900, 1, 1))
    assert call(office) == card


def test_another_persons_phrase(office: Office, card: str) -> None:
    other = office.issue(1)
    office.registry.calls.agree(CLERK, other, "another phrase 7")
    with pytest.raises(CallRefusedError):
        call(office, "another phrase 7")
    assert state(office, card) == state(office, other) == CardState.ACTIVE


def test_who_never_agreed_on_one(office: Office) -> None:
    office.issue()
    with pytest.raises(CallRefusedError):
        call(office)


def test_a_card_that_has_ended(office: Office, card: str) -> None:
    office.registry.lifecycle.revoke(CLERK, card, RevocationCause.LOST)
    with pytest.raises(CallRefusedError):
        call(office)
    with pytest.raises(ForbiddenTransitionError):
        office.registry.calls.agree(CLERK, card, PHRASE)


def test_agreeing_takes_the_holder(office: Office) -> None:
    number = office.issue()
    office.clock.ahead += timedelta(hours=1)
    with pytest.raises(IdentityUncheckedError):
        office.registry.calls.agree(CLERK, number, PHRASE)
    with pytest.raises(InvalidInputError):
        office.registry.calls.agree(CLERK, number, "short")
    with pytest.raises(NotFoundError):
        office.registry.calls.agree(CLERK, "0000000001", PHRASE)


@pytest.mark.parametrize("role", [Role.STOCK, Role.ADMINISTRATOR, Role.PRODUCTION])
def test_whose_work_it_is_not(office: Office, card: str, role: Role) -> None:
    actor = Actor("stock-1", role)
    with pytest.raises(RoleRequiredError):
        office.registry.calls.agree(actor, card, PHRASE)
    with pytest.raises(RoleRequiredError):
        office.registry.calls.suspend(actor, "0", date(1990, 1, 1), PHRASE)


def test_nothing_of_it_is_kept_in_clear(office: Office, card: str) -> None:
    with pytest.raises(CallRefusedError):
        call(office, WRONG)
    call(office)
    with office.registry.database.reading() as session:
        stored = session.get_one(PassPhrase, card).phrase_hash
        told = str([(e.action, e.subject, e.details) for e in session.scalars(select(AuditEntry))])
    assert stored.startswith("scrypt$")
    assert "12" not in stored.split("$")[0]
    assert office.people.person(0).national_code not in told
    assert "کتاب" not in told


def test_at_the_api(office: Office, card: str, clerk: httpx.Client) -> None:
    person = office.people.person(0)
    said = {"national_code": person.national_code, "birth_date": person.birth_date.isoformat()}
    wrong = clerk.post("/suspension-calls", json={**said, "pass_phrase": WRONG})
    assert (wrong.status_code, wrong.json()["type"].rpartition(":")[2]) == (403, "call-refused")
    assert WRONG not in wrong.text
    assert person.national_code not in wrong.text
    done = clerk.post("/suspension-calls", json={**said, "pass_phrase": HEARD})
    assert (done.status_code, done.json()) == (201, {"card_number": card})
    locked = clerk.post("/suspension-calls", json={**said, "pass_phrase": HEARD})
    assert (locked.status_code, locked.json()["type"].rpartition(":")[2]) == (409, "call-locked")
    assert clerk.put(f"/cards/{card}/pass-phrase", json={"pass_phrase": "x"}).status_code == 422


@pytest.mark.parametrize("change", ["resumed = 1, ended_by = 'clerk-1', ended_at = suspended_at"])
def test_the_database_wants_the_holder_too(office: Office, card: str, change: str) -> None:
    assert card
    call(office)
    with pytest.raises(DBAPIError), office.registry.database.writing() as session:
        session.execute(text(f"UPDATE card_suspensions SET {change}"))  # noqa: S608 - our own text
