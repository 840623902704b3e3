"""Rows stay with their person, and what nobody decided is not done."""

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from issuance.audit import AuditEntry
from issuance.lifecycle.models import Card, CardDecision
from issuance.lifecycle.states import SuspensionReason
from issuance.lookups.models import RecordLookup, What
from issuance.lookups.purposes import Purpose, Said
from issuance.lookups.service import Looker
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.people.models import Erasure, Ground
from simulators.actors.operator import add_operator
from tests.integration.issuance.office import CLERK, SUPERVISOR, Office

OTHER = Actor("supervisor-2", Role.SUPERVISOR)

FORGED_ERASURE = """
INSERT INTO erasures (id, national_code, ground, requested_by, requested_at, confirmed_by, confirmed_at)
SELECT 'E', :somebody, ground, requested_by, requested_at, confirmed_by, confirmed_at FROM erasures
"""


def execute(office: Office, statement: str, **values: object) -> None:
    with office.registry.database.writing() as session:
        session.execute(text(statement), values)


def codes(office: Office) -> dict[str, str]:
    with office.registry.database.reading() as session:
        return {row[0]: row[1] for row in session.execute(text("SELECT id, national_code FROM applications"))}


def looked_at(office: Office, number: int) -> str:
    """An application that was looked at."""
    application = office.enrol(number)
    look = Looker(CLERK, Said(Purpose.ENROLMENT, None))
    with office.registry.lookups.looking(look) as looking:
        looking.saw(What.APPLICATION, office.people.person(number).national_code, application)
    return application


@pytest.mark.parametrize("table", ["record_lookups", "applications", "cards"])
def test_rows_stay_with_their_person(office: Office, table: str) -> None:
    looked_at(office, 0)
    somebody = office.enrol(1)
    other = codes(office)[somebody]
    office.issue(2)
    with pytest.raises(DBAPIError, match="stay with their person"):
        execute(office, f"UPDATE {table} SET national_code = :other", other=other)  # noqa: S608 - ours


def test_an_erasure_that_is_done_covers_no_other_person(office: Office) -> None:
    gone, stays = looked_at(office, 0), looked_at(office, 1)
    registry = office.registry
    add_operator(registry.accounts, OTHER.username, OTHER.role)
    registry.enrolment.withdraw(CLERK, gone)
    asked = registry.erasures.request(SUPERVISOR, office.people.person(0).national_code, Ground.COURT)
    registry.erasures.confirm(OTHER, asked)
    with registry.database.reading() as session:
        erasure = session.get_one(Erasure, asked)
        assert (erasure.replaced, erasure.confirmed_by) == (None, OTHER.username)
        looks = {look.application_id: look.national_code for look in session.scalars(select(RecordLookup))}
    assert looks[gone] == erasure.national_code
    nobody, somebody = codes(office)[gone], codes(office)[stays]
    for statement in (
        "UPDATE record_lookups SET national_code = :nobody WHERE national_code = :somebody",
        "UPDATE erasures SET replaced = :somebody",
        "UPDATE erasures SET national_code = :somebody, replaced = :nobody",
        "UPDATE erasures SET confirmed_by = NULL, confirmed_at = NULL",
        "DELETE FROM erasures",
        FORGED_ERASURE,
    ):
        values = {"nobody": nobody, "somebody": somebody}
        used = {name: value for name, value in values.items() if f":{name}" in statement}
        with pytest.raises(DBAPIError, match=r"stay|once|asked for first"):
            execute(office, statement, **used)


def entries(office: Office, number: str) -> list[tuple[str, str]]:
    query = select(AuditEntry.action, AuditEntry.actor).where(AuditEntry.subject == f"card:{number}")
    with office.registry.database.reading() as session:
        return [(row.action, row.actor) for row in session.execute(query.order_by(AuditEntry.sequence))][-3:]


def state(office: Office, number: str) -> str:
    with office.registry.database.reading() as session:
        return session.get_one(Card, number).state


def put(office: Office, number: str, event: str, reason: str | None = None) -> None:
    with office.registry.database.writing() as session:
        decision = CardDecision(card_number=number, event=event, reason=reason, decided_by=CLERK.username)
        decision.decided_at = office.clock()
        session.add(decision)


def test_a_decision_is_told_before_it_is_done(office: Office) -> None:
    number = office.issue()
    office.registry.lifecycle.suspend(CLERK, number, SuspensionReason.FOUND)
    assert entries(office, number)[-2:] == [
        ("card.decided", CLERK.username),
        ("card.suspended", CLERK.username),
    ]


def test_what_nobody_decided_is_dropped(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    number = office.issue()
    office.registry.lifecycle.suspend(CLERK, number)
    put(office, number, "resume")
    assert office.registry.lifecycle.finish_decided() == 1
    assert state(office, number) == "suspended"
    assert entries(office, number)[-1] == ("card.decision-dropped", "system")
    assert "nobody has decided" in caplog.text
    office.registry.lifecycle.resume(CLERK, number)
    assert state(office, number) == "active"


def test_an_earlier_decision_of_the_same_kind_is_none(office: Office) -> None:
    number = office.issue()
    lifecycle = office.registry.lifecycle
    lifecycle.suspend(CLERK, number)
    lifecycle.resume(CLERK, number)
    put(office, number, "suspend", "holder")
    lifecycle.finish_decided()
    assert state(office, number) == "active"


def test_a_decision_that_was_changed_is_none(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Decided to suspend, and the process died; then somebody wrote a revocation over it."""
    number = office.issue()
    monkeypatch.setattr(office.registry.lifecycle, "_do", lambda *_: (_ for _ in ()).throw(KeyError))
    with pytest.raises(KeyError):
        office.registry.lifecycle.suspend(CLERK, number)
    monkeypatch.undo()
    execute(office, "UPDATE card_decisions SET event = 'revoke', reason = 'lost'")
    office.registry.lifecycle.finish_decided()
    assert state(office, number) == "active"
