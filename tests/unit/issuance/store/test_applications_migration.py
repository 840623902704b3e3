"""A registry in use comes through the migration with every row, on both databases, and back again."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError, IntegrityError

from issuance.database import MIGRATIONS, Database
from issuance.enrolment.seals import require_approved, require_sealed
from issuance.models import Application, Base, Card, Citizen, Operator, Renewal
from issuance.registry.namekeys import pair_key
from pki.store.database import UtcDateTime, create_database_engine
from pki.store.encrypted import use_cipher
from tests.columnkey import CIPHER

BEFORE = "0003"
FORMER_ROWS = """
INSERT INTO operators VALUES ('clerk-1', 'clerk', '-'), ('supervisor-1', 'supervisor', '-');
INSERT INTO citizens VALUES
  ('0084575948', 'آرش', 'آذری', 'کیان', 'Arash', 'Azari', '1990-01-01', 'M', '2026-01-01 00:00:00');
INSERT INTO applications
  (id, national_code, state, version, latin_given_name, latin_surname, portrait, enrolled_by, created_at,
   decided_by, decided_at, decision_note)
VALUES
  ('A', '0084575948', 'delivered', 3, 'Arash', 'Azari', 'x', 'clerk-1', '2026-01-01 00:00:00',
   'supervisor-1', '2026-01-01 00:00:00', '');
INSERT INTO cards
  (card_number, national_code, application_id, state, version, guid, key_version, taken_at, delivered_at)
VALUES
  ('1', '0084575948', 'A', 'active', 1, 'g', 1, '2026-01-01 00:00:00', '2026-01-01 00:00:00')
"""

OPEN_RENEWAL = """
INSERT INTO renewals (id, card_number, profile, state, version, csr, ends_at, started_by, started_at)
VALUES ('R', '1', 'authentication', 'requested', 1, :csr, :end, 'clerk-1', :start)
"""
MOMENT = datetime(2031, 1, 2, 3, 4, 5, 6, UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path}/registry.sqlite3"


@pytest.fixture
def engine(url: str) -> Iterator[sa.Engine]:
    opened = create_database_engine(url)
    use_cipher(opened, CIPHER)
    yield opened
    opened.dispose()


def migrate_to(engine: sa.Engine, revision: str, go: str = "upgrade") -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.connect() as connection:
        raw = connection.connection.driver_connection
        if engine.dialect.name == "sqlite":
            assert raw is not None
            raw.execute("PRAGMA foreign_keys = OFF")
        with connection.begin():
            config.attributes["connection"] = connection
            getattr(command, go)(config, revision)
        if engine.dialect.name == "sqlite":
            assert raw is not None
            raw.execute("PRAGMA foreign_keys = ON")


def fill(engine: sa.Engine) -> None:
    """A person with a delivered card, as they stood before."""
    with engine.begin() as connection:
        for statement in FORMER_ROWS.split(";"):
            connection.exec_driver_sql(statement)


def value(engine: sa.Engine, query: str) -> object:
    with engine.connect() as connection:
        return connection.exec_driver_sql(query).scalar()


def test_rows_come_through_and_back(engine: sa.Engine, url: str) -> None:
    migrate_to(engine, BEFORE)
    fill(engine)
    database = Database(url, CIPHER)
    try:
        database.migrate()
        assert value(engine, "SELECT portrait_by FROM applications") == "clerk-1"
        assert value(engine, "SELECT kind FROM applications") == "new"
        assert value(engine, "SELECT application_id || username FROM application_authors") == "Aclerk-1"
        assert value(engine, "SELECT application_id FROM cards") == "A"
        with database.reading() as session:
            person = session.get_one(Citizen, "0084575948")
            by_name = select(Citizen.national_code).where(Citizen.pair_index == pair_key("آذری", "ارش"))
            assert session.scalar(by_name) == "0084575948"
            assert (person.given_name, person.sex, person.birth_date) == ("آرش", "M", date(1990, 1, 1))
            application = session.get_one(Application, "A")
            assert (application.portrait, application.citizen) == (b"x", person)
            require_sealed(session, application)
            assert (session.get_one(Card, "1").national_code) == "0084575948"
            clerk = session.get_one(Operator, "clerk-1")
            assert (clerk.password_hash, clerk.is_whole(session)) == ("-", True)
        with database.engine.connect() as connection:
            assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    finally:
        database.close()
    migrate_to(engine, BEFORE, "downgrade")
    assert value(engine, "SELECT decided_by FROM applications") == "supervisor-1"
    assert value(engine, "SELECT count(*) FROM cards") == 1
    written = "SELECT national_code || given_name || latin_surname || birth_date FROM citizens"
    assert value(engine, written) == "0084575948آرشAzari1990-01-01"
    assert value(engine, "SELECT national_code FROM cards") == "0084575948"
    migrate_to(engine, "head")
    assert value(engine, "SELECT count(*) FROM applications") == 1


def test_open_renewals_are_sealed_as_they_are(engine: sa.Engine, url: str) -> None:
    migrate_to(engine, BEFORE)
    fill(engine)
    migrate_to(engine, "0036")
    moments = [sa.bindparam(name, MOMENT, type_=UtcDateTime()) for name in ("end", "start")]
    with engine.begin() as connection:
        connection.execute(sa.text(OPEN_RENEWAL).bindparams(*moments), {"csr": b"0"})
    database = Database(url, CIPHER)
    try:
        database.migrate()
        with database.reading() as session:
            renewal = session.get_one(Renewal, "R")
            assert (renewal.ends_at, renewal.is_whole(session)) == (MOMENT, True)
    finally:
        database.close()
    migrate_to(engine, "0036", "downgrade")
    assert value(engine, "SELECT state FROM renewals") == "requested"


def test_what_was_approved_before_approvals_were_sealed_is_made_all_the_same(
    engine: sa.Engine, url: str
) -> None:
    migrate_to(engine, BEFORE)
    fill(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM cards")
        connection.exec_driver_sql("UPDATE applications SET state = 'approved'")
    database = Database(url, CIPHER)
    try:
        database.migrate()
        with database.reading() as session:
            require_approved(session, session.get_one(Application, "A"))
    finally:
        database.close()


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("edited_by = 'supervisor-1'", "ck_applications_not_own_edit"),
        ("portrait_by = 'supervisor-1'", "ck_applications_not_own_portrait"),
        ("decided_by = 'clerk-1', edited_by = NULL, portrait_by = NULL", "decide"),
        ("state = 'printed'", "applications follow their arrows"),
        ("decided_by = NULL", "ck_applications_decided"),
        ("undecided_matches = 1", "ck_applications_matches_decided"),
        ("undecided_matches = -1", "ck_applications_matches_decided"),
        ("kind = 'renewal'", "ck_applications_replaces"),
        ("replaces = '1'", "ck_applications_replaces"),
        ("kind = 'replacement', replaces = '1'", "ck_applications_replaced_for_cause"),
        ("cause = 'lost'", "ck_applications_replaced_for_cause"),
        ("kind = 'gift', replaces = '1'", "ck_applications_kind"),
    ],
)
def test_what_the_database_refuses(engine: sa.Engine, change: str, constraint: str) -> None:
    migrate_to(engine, BEFORE)
    fill(engine)
    migrate_to(engine, "head")
    with pytest.raises(DBAPIError) as refused, engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE applications SET {change}")  # noqa: S608 - our own text
    assert constraint in str(refused.value.orig)


def test_the_card_that_is_replaced_exists(engine: sa.Engine) -> None:
    migrate_to(engine, BEFORE)
    fill(engine)
    migrate_to(engine, "head")
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.exec_driver_sql("UPDATE applications SET kind = 'renewal', replaces = '2'")


def test_deliveries_of_before_are_marked_and_no_new_one_is(engine: sa.Engine) -> None:
    migrate_to(engine, BEFORE)
    fill(engine)
    migrate_to(engine, "0007")
    columns = "card_number, version, challenge, tries_left, opened_by, opened_at, expires_at, proven_at"
    moment = "'2026-01-01 00:00:00'"
    with engine.begin() as connection:
        for name, state in (("D", "completed"), ("E", "proven")):
            connection.exec_driver_sql(
                f"INSERT INTO deliveries (id, state, {columns}) VALUES ('{name}', '{state}', '1', 1, '', 1, "  # noqa: S608
                f"'clerk-1', {moment}, {moment}, {moment})"
            )
    migrate_to(engine, "head")
    with engine.connect() as connection:
        query = "SELECT id, state, closed_for FROM deliveries WHERE unsigned"
        assert [tuple(row) for row in connection.exec_driver_sql(query)] == [("D", "completed", None)]
        query = "SELECT id, state, closed_for FROM deliveries WHERE NOT unsigned"
        assert [tuple(row) for row in connection.exec_driver_sql(query)] == [("E", "closed", "unrecorded")]
