"""A renewal that somebody wrote past the registry revokes nothing, and gets nothing certified."""

import pytest
from sqlalchemy import select, text

from issuance.errors import SealBrokenError
from issuance.lifecycle.states import CardState, RevocationCause
from issuance.production.models import Production
from pki.status.state import Status
from tests.integration.issuance.office import CLERK, Office
from tests.integration.issuance.test_renewals import renew, statuses, torn

BY_SQL = """
INSERT INTO renewals (id, card_number, profile, state, version, csr, started_by, started_at, seal)
VALUES (:id, :card, 'authentication', 'begun', 1, NULL, 'clerk-1', '2026-01-01 00:00:00.000000', :seal)
"""


def write(office: Office, statement: str, **values: object) -> None:
    with office.registry.database.writing() as session:
        session.execute(text(statement), values)


def run_of(office: Office, card: str) -> str:
    """The production that made it: by its name the authority knows the card's certificates."""
    with office.registry.database.reading() as session:
        return session.scalars(select(Production.id).where(Production.card_number == card)).one()


def forged(office: Office, at: str, names: str) -> str:
    """At one card, with the name of the run that made another."""
    run = run_of(office, names)
    write(office, BY_SQL, id=run, card=at, seal="0" * 64)
    return run


def test_anothers_certificate_is_not_given_up(office: Office) -> None:
    ended, victim = office.issue(0), office.issue(1)
    renewal = forged(office, at=ended, names=victim)
    with pytest.raises(SealBrokenError):
        office.registry.renewals.give_up(CLERK, renewal)
    office.registry.lifecycle.revoke(CLERK, ended, RevocationCause.LOST)
    office.registry.renewals.give_up_ended()
    assert statuses(office) == {Status.REVOKED: 1, Status.GOOD: 1}
    with office.registry.database.reading() as session:
        state = text("SELECT state FROM cards WHERE card_number = :card")
        assert session.scalar(state, {"card": ended}) == CardState.REVOKED


def test_a_renewal_that_nobody_began(office: Office) -> None:
    card = office.issue()
    write(office, BY_SQL, id="A" * 16, card=card, seal="")
    with pytest.raises(SealBrokenError):
        renew(office)
    assert statuses(office) == {Status.GOOD: 1}


@pytest.mark.parametrize(
    "change",
    [
        "ends_at = '2099-01-01 00:00:00.000000'",
        "ends_at = NULL",
        "started_by = 'supervisor-1'",
        "csr = x'30'",
        "state = 'begun', csr = NULL",
        "seal = ''",
    ],
)
def test_a_torn_one_that_was_changed(office: Office, change: str) -> None:
    card = office.issue()
    torn(office, card)
    before = statuses(office)
    write(office, f"UPDATE renewals SET {change}")  # noqa: S608 - our own words
    with pytest.raises(SealBrokenError, match="replace the card"):
        renew(office)
    assert statuses(office) == before
    office.registry.lifecycle.revoke(CLERK, card, RevocationCause.LOST)
    assert Status.GOOD not in statuses(office)


def test_one_that_ended_is_not_taken_up_again(office: Office) -> None:
    office.issue()
    renew(office)
    write(office, "UPDATE renewals SET state = 'requested', serial = NULL, ended_at = NULL")
    with pytest.raises(SealBrokenError):
        renew(office)
    assert statuses(office)[Status.GOOD] == 1
