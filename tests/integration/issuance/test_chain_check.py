"""What was written past the registry is told by its own audit chain."""

import pytest
from click.testing import CliRunner
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from hoviat import main
from issuance.chaincheck import discrepancies
from issuance.delivery.rules import Seen
from issuance.lifecycle.states import RevocationCause
from issuance.people.models import Ground
from pki.auditchain.verification import snapshot
from simulators.actors.operator import first_password
from tests.integration.issuance.office import CLERK, SUPERVISOR, Office

NOBODYS_ACCOUNT = """
INSERT INTO operators (username, role, office, password_hash, state, seal)
SELECT 'eve', role, office, password_hash, state, seal FROM operators WHERE username = 'clerk-1'
"""


def told(office: Office) -> list[str]:
    with Session(snapshot(office.registry.database.engine)) as session:
        return [f"{each.subject}: {each.detail}" for each in discrepancies(session)]


def write(office: Office, *statements: str) -> None:
    with office.registry.database.writing() as session:
        for statement in statements:
            session.execute(text(statement))


@pytest.fixture
def busy(office: Office) -> Office:
    """A bit of everything that happens to applications and cards."""
    registry = office.registry
    suspended = office.issue(0)
    registry.lifecycle.suspend(CLERK, suspended)
    revoked = office.issue(1)
    registry.lifecycle.revoke(CLERK, revoked, RevocationCause.LOST)
    office.issue(2)
    registry.approval.send_back(SUPERVISOR, office.enrol(3), "the name")
    registry.approval.refuse(SUPERVISOR, office.enrol(4), "no")
    registry.enrolment.withdraw(CLERK, office.approved(5))
    office.insert(office.blank())
    card = str(office.produce(office.approved(6)).card_number)
    for _ in range(3):
        registry.identity_checks.check(CLERK, card, Seen("birth_certificate", same_person=False))
    return office


def test_what_the_registry_did_itself_agrees(busy: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(busy) == []
    monkeypatch.setenv("HOVIAT_HOME", str(busy.home.root))
    done = CliRunner().invoke(main, ["registry", "check"])
    assert (done.exit_code, done.output) == (0, "tables and chain agree\n")


@pytest.mark.parametrize(
    ("statement", "line"),
    [
        ("UPDATE operators SET seal = ''", "operator:clerk-1: the seal of its account is broken"),
        (
            "UPDATE operator_sessions SET method = 'card'",
            "operator:clerk-1: the seal of its session is broken",
        ),
        ("UPDATE citizens SET seal = ''", "application:{}: the seal of its person is broken"),
        ("UPDATE applications SET approval_seal = ''", "application:{}: the seal of its approval is broken"),
    ],
)
def test_broken_seals(office: Office, monkeypatch: pytest.MonkeyPatch, statement: str, line: str) -> None:
    monkeypatch.setenv("HOVIAT_HOME", str(office.home.root))
    application = office.approved(0)
    password = first_password(office.home, "clerk-1")
    office.registry.operators.sign_in("clerk-1", password, "here")
    before = CliRunner().invoke(main, ["registry", "seals"])
    assert (before.exit_code, before.output) == (0, "all seals are whole\n")
    write(office, statement)
    after = CliRunner().invoke(main, ["registry", "seals"])
    assert after.exit_code == 1
    assert line.format(application) in after.output.splitlines()


def test_a_forged_approval(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    application = office.enrol()
    write(office, "UPDATE applications SET state = 'approved', decided_by = 'supervisor-1'")
    expected = [
        f"application:{application}: it is approved, and the chain's last word is application.submitted",
        f"application:{application}: decided by somebody else than the chain tells",
    ]
    assert told(office) == expected
    monkeypatch.setenv("HOVIAT_HOME", str(office.home.root))
    done = CliRunner().invoke(main, ["registry", "check"])
    assert (done.exit_code, done.output.splitlines()) == (1, expected)


@pytest.mark.parametrize(
    ("statements", "detail"),
    [
        (
            ("UPDATE cards SET state = 'suspended' WHERE state = 'active'",),
            "it is suspended, and the chain's",
        ),
        (
            ("UPDATE cards SET state = 'revoked', revocation_cause = 'lost' WHERE state = 'active'",),
            "it is revoked, and the chain's last word is card.delivered",
        ),
        (("UPDATE cards SET state = 'active' WHERE state = 'suspended'",), "it is active, and the chain's"),
        (
            ("DROP TRIGGER applications_decided", "UPDATE applications SET decided_by = 'administrator-1'"),
            "decided by",
        ),
        (
            ("DROP TRIGGER applications_origin", "UPDATE applications SET enrolled_by = 'stock-1'"),
            "opened by",
        ),
        (
            (
                "DROP TRIGGER operators_changed",
                "UPDATE operators SET role = 'administrator' WHERE username = 'clerk-1'",
            ),
            "its role is administrator",
        ),
        (
            (
                "DROP TRIGGER operators_founded",
                NOBODYS_ACCOUNT,
            ),
            "no such account",
        ),
    ],
)
def test_what_was_written_past_it(office: Office, statements: tuple[str, ...], detail: str) -> None:
    office.issue(0)
    office.registry.lifecycle.suspend(CLERK, office.issue(1))
    assert told(office) == []
    write(office, *statements)
    assert detail in "\n".join(told(office))


def test_what_was_deleted(office: Office) -> None:
    application = office.enrol()
    gone = ("application_authors", "register_answers", "editing_leases")
    statements = [f"DROP TRIGGER {name}" for name in ("application_authors_no_delete", "applications_kept")]
    write(
        office,
        *statements,
        *(f"DELETE FROM {table}" for table in (*gone, "applications")),  # noqa: S608 - ours
    )
    assert told(office) == [f"application:{application}: the chain tells of it, and it is gone"]


def test_an_erasure_that_nobody_confirmed(office: Office) -> None:
    application = office.enrol()
    office.registry.enrolment.withdraw(CLERK, application)
    person = office.people.person(0).national_code
    office.registry.erasures.request(SUPERVISOR, person, Ground.COURT)
    assert told(office) == []
    forged = "UPDATE erasures SET confirmed_by = 'administrator-1', confirmed_at = requested_at"
    with pytest.raises(DBAPIError, match="done once"):
        write(office, forged)
    write(office, "DROP TRIGGER erasures_done", forged)
    (line,) = told(office)
    assert "confirmed by somebody else" in line


@pytest.mark.parametrize(
    "table",
    [
        *("applications", "cards", "card_certificates", "card_suspensions", "deliveries"),
        *("key_provenance", "production_journal", "productions"),
    ],
)
def test_rows_that_stay(office: Office, table: str) -> None:
    office.registry.lifecycle.suspend(CLERK, office.issue())
    with pytest.raises(DBAPIError, match=f"{table} keeps its rows"):
        write(office, f"DELETE FROM {table}")  # noqa: S608 - ours
