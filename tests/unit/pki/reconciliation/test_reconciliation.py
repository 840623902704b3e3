"""What the log says of each certificate the tables say, too; whoever changes a row is found by its serial."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.orm import Session

from pki import home as homes
from pki.auditchain import Event
from pki.auditchain.errors import AuditChainError
from pki.auditchain.verification import snapshot, verify_record
from pki.authority import CertificateRequest, IssuedCertificate, PersonSubject
from pki.authority.record import record_events
from pki.bootstrap import Pki, initialise, open_pki
from pki.errors import StatusError
from pki.home import Home
from pki.keys.files import FileSigner
from pki.massactions.selection import Selection, listed
from pki.massactions.service import MassActions
from pki.massactions.values import Kind, Terms
from pki.pkcs10 import create_csr
from pki.profiles import Profile
from pki.reconciliation import Difference, Reconciliation
from pki.reconciliation.spool import open_spool
from pki.reconciliation.standing import ReplayError, issued
from pki.status import RevocationReason
from pki.status.state import Hold
from pki.store.massactions import MassActionRow, MassSkip, MassTarget
from pki.store.models import AUDIT, CertificateBody, CertificateRow, Intent
from tests.postgres import PostgresServer
from tests.unit.pki.conftest import ManualClock

COPIED = (
    "INSERT INTO issuers (name, role, generation, subject, key, online, certificate, shards, status_version)"
    " SELECT 'card-g7', role, 7, subject, key, online, certificate, shards, 0 FROM issuers"
    " WHERE name = 'card-g1'"
)
"""A CA that no ceremony made."""
COMPROMISED = RevocationReason.KEY_COMPROMISE


class Lived(NamedTuple):
    pki: Pki
    serials: list[int]


def compare(session: Session) -> list[Difference]:
    with open_spool() as spool:
        replay = Reconciliation(session, spool)
        verify_record(session, AUDIT, watch=replay.watch)
        found = list(replay.differences())
        assert replay.compared > 0
        return found


def compared(pki: Pki) -> list[Difference]:
    with Session(snapshot(pki.engine)) as session:
        return compare(session)


def issue(pki: Pki, count: int) -> list[int]:
    """Serials; those at odd places were not delivered."""
    person = PersonSubject("0012345679", "سارا", "محمدی")
    requests = []
    for number in range(count):
        csr = create_csr(FileSigner.generate(ec.SECP256R1()), "card")
        name = f"{pki.clock().timestamp()}-{number}"
        requests.append(CertificateRequest(name, Profile.AUTHENTICATION, person, csr, "tester"))
    results = pki.authority.issue_many(requests)
    serials = [result.serial for result in results if isinstance(result, IssuedCertificate)]
    pki.authority.activate_card(serials[::2], "clerk-1", "delivered")
    return serials


def carry_out(pki: Pki, clock: Any, kind: Kind, serials: Sequence[int]) -> int:
    """A mass action in parts of two."""
    mass = MassActions(pki.engine, clock, part_size=2)
    revokes = kind is Kind.REVOKE
    date = clock() - timedelta(days=2) if revokes else None
    terms = Terms(kind, "drill", COMPROMISED if revokes else None, date)
    proposed = mass.propose(Selection(serials=listed(serials)), terms, "officer-1")
    mass.approve(proposed.number, "officer-2", proposed.digest)
    list(mass.run(proposed.number, "officer-2"))
    return proposed.number


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def lived(
    request: pytest.FixtureRequest, template_home: Home, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lived]:
    """Certificates that have been through all there is, on each database. Tests roll their changes back."""
    folder = tmp_path_factory.mktemp("lived")
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        clock = ManualClock()
        if request.param == "postgresql":
            server: PostgresServer = request.getfixturevalue("postgres_server")
            patch.setenv("HOVIAT_PKI_DATABASE", stack.enter_context(server.database()))
            home = homes.create(folder / "home", "http://127.0.0.1:8080")
            initialise(home, clock)
        else:
            shutil.copytree(template_home.root, folder / "home")
            home = homes.load(folder / "home")
        pki = open_pki(home, clock)
        stack.callback(pki.close)
        yield Lived(pki, _live(pki, clock))


def _live(pki: Pki, clock: ManualClock) -> list[int]:
    serials = issue(pki, 9)
    authority = pki.authority
    clock.advance(hours=1)
    authority.activate(serials[1], "clerk-1", "delivered")
    authority.suspend(serials[0], "clerk-1", "lost")
    authority.suspend(serials[0], "officer-1", "", Hold.OFFICER)  # takes over
    authority.suspend(serials[2], "officer-1", "", Hold.OFFICER)
    authority.suspend(serials[2], "clerk-1", "lost")  # waits under it
    authority.resume(serials[2], "officer-1", "", Hold.OFFICER)
    clock.advance(hours=1)
    authority.revoke(serials[3], COMPROMISED, "officer-1", "", clock() - timedelta(days=1))
    authority.revoke(serials[4], RevocationReason.SUPERSEDED, "officer-1", "")
    clock.advance(hours=1)
    carry_out(pki, clock, Kind.HOLD, serials[:7])
    carry_out(pki, clock, Kind.RELEASE, serials[:6])
    carry_out(pki, clock, Kind.REVOKE, serials[5:7])
    clock.advance(hours=1)
    return serials


@pytest.fixture
def tampering(lived: Lived) -> Iterator[Session]:
    """A transaction in which tables are changed, and which never was."""
    with Session(lived.pki.engine) as session:
        yield session
        session.rollback()


def test_tables_that_nobody_touched_say_what_the_log_says(lived: Lived) -> None:
    assert compared(lived.pki) == []


def _set(**values: object) -> Callable[[Session, int], None]:
    def change(session: Session, serial: int) -> None:
        session.execute(update(CertificateRow).where(CertificateRow.serial == serial).values(**values))

    return change


def _later(seconds: int) -> Callable[[Session, int], None]:
    def change(session: Session, serial: int) -> None:
        row = session.get_one(CertificateRow, serial)
        row.since += timedelta(seconds=seconds)

    return change


def _without_row(session: Session, serial: int) -> None:
    session.execute(delete(CertificateBody).where(CertificateBody.serial == serial))
    session.execute(delete(CertificateRow).where(CertificateRow.serial == serial))


def _without_body(session: Session, serial: int) -> None:
    session.execute(delete(CertificateBody).where(CertificateBody.serial == serial))


GOOD = {"status": "good", "reason": None, "held_by": None, "held_under": None}
REVOKED = {"status": "revoked", "held_by": None, "held_under": None}


@pytest.mark.parametrize(
    ("which", "change", "told"),
    [
        (3, _set(**GOOD), "status: the table says 'good', the log 'revoked'"),
        (5, _set(**GOOD), "status: the table says 'good', the log 'revoked'"),
        (0, _set(**GOOD), "status: the table says 'good', the log 'on_hold'"),
        (8, _set(**REVOKED, reason="keyCompromise"), "status: the table says 'revoked', the log 'good'"),
        (3, _set(reason="superseded"), "reason: the table says 'superseded', the log 'keyCompromise'"),
        (3, _set(invalidity_date=None), "invalidity_date: the table says None"),
        (6, _set(invalidity_date=None), "invalidity_date: the table says None"),
        (4, _later(1), "since: the table says"),
        (8, _later(1), "since: the table says"),
        (6, _later(-1), "since: the table says"),
        (0, _set(held_by="delivery"), "held_by: the table says 'delivery', the log 'registry'"),
        (2, _set(held_under="delivery"), "held_under: the table says 'delivery', the log None"),
        (7, _set(activated=True), "activated: the table says True, the log False"),
        (8, _set(issuer="citizen-sign-g1"), "issuer: the table says 'citizen-sign-g1'"),
        (8, _set(profile="signature"), "profile: the table says 'signature'"),
        (7, _without_row, "it has no row"),
        (8, _without_body, "its certificate is missing"),
    ],
)
def test_a_changed_row_is_named(
    lived: Lived, tampering: Session, which: int, change: Callable[[Session, int], None], told: str
) -> None:
    serials, session = lived.serials, tampering
    change(session, serials[which])
    found = compare(session)
    assert {item.serial for item in found} == {f"{serials[which]:032x}"}
    assert told in " ".join(item.what for item in found)


def test_a_planted_row_is_named(lived: Lived, tampering: Session) -> None:
    serials, session = lived.serials, tampering
    for model in (Intent, CertificateRow):
        row = session.scalars(select(model).where(model.serial == serials[8])).one()
        values = {column.name: getattr(row, column.name) for column in model.__table__.columns}
        planted = {"serial": serials[8] ^ 1, "request_id": "planted"}
        session.execute(insert(model).values(**{**values, **planted}))
    assert compare(session) == [Difference(f"{serials[8] ^ 1:032x}", "has a row; no entry tells of it")]


def test_another_request_of_a_row_is_named(lived: Lived, tampering: Session) -> None:
    serials, session = lived.serials, tampering
    name = "ca-card-g1"
    session.execute(delete(CertificateBody).where(CertificateBody.serial == serials[8]))
    other = session.scalars(select(CertificateRow.serial).where(CertificateRow.request_id == name)).one()
    session.execute(delete(CertificateBody).where(CertificateBody.serial == other))
    session.execute(delete(CertificateRow).where(CertificateRow.serial == other))
    session.execute(update(CertificateRow).where(CertificateRow.serial == serials[8]).values(request_id=name))
    assert f"{serials[8]:032x}" in {item.serial for item in compare(session) if "request" in item.what}


@pytest.mark.parametrize(
    "change",
    [
        lambda session, serial: session.execute(delete(MassTarget).where(MassTarget.serial == serial)),
        lambda session, serial: session.execute(
            insert(MassSkip).values(action=3, serial=serial, why="expired")
        ),
        lambda session, _: session.execute(update(MassActionRow).values(reason=None, kind="hold")),
        lambda session, _: session.execute(
            update(MassActionRow).where(MassActionRow.number == 3).values(reason="superseded")
        ),
    ],
    ids=["target", "skip", "kind", "reason"],
)
def test_a_mass_action_that_was_changed_is_named(
    lived: Lived, tampering: Session, change: Callable[[Session, int], None]
) -> None:
    serials, session = lived.serials, tampering
    change(session, serials[5])
    found = compare(session)
    assert any(item.serial == "mass-3" for item in found)
    assert any(item.serial == f"{serials[5]:032x}" for item in found)


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE certificates SET since = 'x' WHERE request_id = :request", "since: the table says 'x'"),
        ("UPDATE certificates SET issuer = x'00' WHERE request_id = :request", "issuer: the table says b"),
        ("UPDATE certificates SET serial = 'x' WHERE request_id = :request", "no entry tells of it"),
        ("UPDATE certificates SET serial = zeroblob(5000) WHERE request_id = :request", "it has no row"),
    ],
)
def test_values_of_other_types_are_named(pki: Pki, statement: str, told: str) -> None:
    with pki.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA foreign_keys = OFF")  # SQLite takes any type anywhere
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        connection.execute(text(statement), {"request": "ca-card-g1"})
        connection.commit()
    assert told in " ".join(item.what for item in compared(pki))


def test_a_log_that_does_not_hold_is_compared_with_nothing(pki: Pki) -> None:
    with pki.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER audit_no_update"))
        connection.execute(text("UPDATE audit SET action = 'certificate.revoked' WHERE sequence = 2"))
    with pytest.raises(AuditChainError):
        compared(pki)


_OPERATIONS = st.tuples(
    st.sampled_from(["suspend", "resume", "activate", "revoke", "hold", "release", "mass-revoke"]),
    st.integers(0, 5),
    st.sampled_from([Hold.REGISTRY, Hold.OFFICER]),
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_OPERATIONS, max_size=12))
def test_whatever_is_done_the_log_tells_it(
    pki: Pki, clock: Any, operations: list[tuple[str, int, Hold]]
) -> None:
    serials = issue(pki, 6)
    for name, index, hold in operations:
        clock.advance(seconds=61.5)
        with suppress(StatusError):
            _operate(pki, clock, name, serials, index, hold)
    assert compared(pki) == []
    clock.advance(seconds=1)


def _operate(pki: Pki, clock: Any, name: str, serials: list[int], index: int, hold: Hold) -> None:
    masses = {"hold": Kind.HOLD, "release": Kind.RELEASE, "mass-revoke": Kind.REVOKE}
    serial, authority = serials[index], pki.authority
    if name in masses:
        carry_out(pki, clock, masses[name], serials[: index + 1])
    elif name == "suspend":
        authority.suspend(serial, "clerk-1", "", hold)
    elif name == "resume":
        authority.resume(serial, "clerk-1", "", hold)
    elif name == "activate":
        authority.activate(serial, "clerk-1", "")
    else:
        authority.revoke(serial, COMPROMISED, "clerk-1", "")


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("UPDATE issuers SET certificate = x'3000' WHERE name = 'card-g1'", "certificate: the table says"),
        ("UPDATE issuers SET certificate = NULL WHERE name = 'card-g1'", "certificate: the table says None"),
        ("UPDATE issuers SET retired = 1 WHERE name = 'card-g1'", "retired: the table says 1"),
        ("UPDATE issuers SET shards = 9 WHERE name = 'card-g1'", "shards: the table says 9"),
        ("UPDATE issuers SET key = 'root-g1' WHERE name = 'card-g1'", "key: the table says 'root-g1'"),
        (
            "UPDATE issuers SET certificate = 'x' WHERE name = 'card-g1'",
            "certificate: the table says \"'x'\"",
        ),
        (COPIED, "has a row; no entry tells of it"),
    ],
)
def test_a_cas_row_is_held_against_its_ceremony(pki: Pki, change: str, what: str) -> None:
    assert compared(pki) == []
    with pki.engine.begin() as connection:
        connection.exec_driver_sql(change)
    found = [item for item in compared(pki) if item.kind == "CA"]
    assert any(item.what.startswith(what) and item.serial.startswith("card-g") for item in found)


def test_entries_about_a_ca_that_contradict_one_another(pki: Pki, clock: Any) -> None:
    with Session(pki.engine) as session, session.begin():
        again = ("issuer.registered", "issuer.certified")
        record_events(session, [Event(clock(), "x", action, "card-g1", {}) for action in again])
        record_events(session, [Event(clock(), "x", "issuer.retired", "card-g7", {})])
    found = [(item.serial, item.kind) for item in compared(pki)]
    assert found == [("card-g1", "CA"), ("card-g1", "CA"), ("card-g7", "CA")]


def test_a_cards_certificate_that_the_log_issues_good_is_named() -> None:
    """Only a delivery makes it good, whoever wrote the entry."""
    details = {"issuer": "citizen-auth-g1", "request": "r", "status": "good"}
    for profile in ("authentication", "signature", "card_authentication"):
        with pytest.raises(ReplayError, match="before any delivery"):
            issued(7, {**details, "profile": profile})
    assert issued(7, {**details, "profile": "service"}).activated
