"""A registry of earlier days gets offices, stock and a queue, and loses nothing; on both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from issuance.database import MIGRATIONS, Database
from issuance.stock.check import faults
from pki.errors import StoredValueError
from tests.columnkey import CIPHER

BEFORE = "0003"
ROWS = (
    "INSERT INTO operators (username, role, password_hash) VALUES ('clerk', 'clerk', '-')",
    "INSERT INTO operators (username, role, password_hash) VALUES ('chief', 'supervisor', '-')",
    *(
        "INSERT INTO citizens VALUES "  # noqa: S608 - ours
        f"('{code}', 'آرش', 'آذری', 'کیان', 'Arash', 'Azari', '1990-01-01', 'M', '2026-01-01 00:00:00')"
        for code in ("1", "2", "3")
    ),
    *(
        "INSERT INTO applications (id, national_code, state, version, latin_given_name, "  # noqa: S608 - ours
        "latin_surname, portrait, enrolled_by, created_at, decided_by, decided_at, decision_note) VALUES "
        f"('{key}', '{code}', '{state}', 1, 'A', 'A', '', 'clerk', '2026-01-01 00:00:00', 'chief', "
        f"'2026-01-0{day} 00:00:00', '')"
        for key, code, state, day in (
            ("A", "1", "delivered", 1),
            ("B", "2", "approved", 3),
            ("C", "3", "approved", 2),
        )
    ),
    *(
        "INSERT INTO cards (card_number, national_code, application_id, state, version, guid, "  # noqa: S608
        "key_version, taken_at, delivered_at) "
        f" VALUES ('{number}', '{code}', '{key}', '{state}', 1, '{number}', 1, "
        "'2026-01-02 00:00:00', '2026-01-03 00:00:00')"
        for number, code, key, state in (
            ("0000000001", "1", "A", "active"),
            ("0000000002", "2", "B", "voided"),
        )
    ),
    """
    INSERT INTO productions (id, application_id, card_number, state, version, reader, started_by, started_at,
        lease_expires_at, attempts, apdus)
    VALUES ('P', 'A', '0000000001', 'produced', 1, 'r', 'clerk', '2026-01-02 00:00:00',
        '2026-01-02 00:01:00', 1, 39)
    """,
)


@pytest.fixture(params=["sqlite", "postgresql"])
def older(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/r.sqlite3" if sqlite else request.getfixturevalue("postgres_url")
    database = Database(url, CIPHER)
    fill(database)
    yield database
    database.close()


def fill(database: Database) -> None:
    to(database, BEFORE)
    with database.writing() as session:
        for row in ROWS:
            session.execute(text(row))


def to(database: Database, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def all_of(database: Database, query: str) -> list[tuple[object, ...]]:
    with database.reading() as session:
        return [tuple(row) for row in session.execute(text(query))]


def test_everything_belongs_to_the_first_office(older: Database) -> None:
    older.migrate()
    assert all_of(older, "SELECT DISTINCT office FROM operators") == [("1",)]
    assert all_of(older, "SELECT id, office, state FROM applications ORDER BY id") == [
        ("A", "1", "delivered"),
        ("B", "1", "approved"),
        ("C", "1", "approved"),
    ]
    assert all_of(older, "SELECT started_by, resumed_by FROM productions") == [("clerk", "clerk")]


def test_what_was_approved_waits_in_its_order(older: Database) -> None:
    older.migrate()
    queue = "SELECT application_id, state, priority FROM orders ORDER BY rank_at"
    assert all_of(older, queue) == [("C", "approved", "ordinary"), ("B", "approved", "ordinary")]


def test_cards_have_bodies_and_stock_adds_up(older: Database) -> None:
    older.migrate()
    bodies = "SELECT serial, state, moved_by FROM stock_bodies ORDER BY serial"
    assert all_of(older, bodies) == [
        ("0000000001", "used", "system"),
        ("0000000002", "spoiled", "system"),
    ]
    with older.reading() as session:
        assert list(faults(session)) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE applications SET decided_by = enrolled_by",
        "UPDATE applications SET state = 'printed'",
        "UPDATE applications SET office = '9'",
        "UPDATE cards SET state = 'revoked' WHERE revocation_cause IS NULL",
        "UPDATE cards SET delivered_at = NULL",
        "UPDATE cards SET card_number = '0000000009' WHERE state = 'voided'",
        "UPDATE productions SET resumed_by = 'nobody'",
        "UPDATE productions SET state = 'lost'",
        "DELETE FROM operators",
    ],
)
def test_the_rules_of_before_still_hold(older: Database, statement: str) -> None:
    older.migrate()
    with pytest.raises(DBAPIError), older.writing() as session:
        session.execute(text(statement))


def test_it_can_be_undone(postgres_url: str) -> None:
    """Where tables need not be copied for it."""
    database = Database(postgres_url, CIPHER)
    fill(database)
    database.migrate()
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, BEFORE)
    assert all_of(database, "SELECT id, state FROM applications ORDER BY id")[0] == ("A", "delivered")
    database.migrate()
    with database.reading() as session:
        assert list(faults(session)) == []
    database.close()


def test_a_reference_that_leads_nowhere_stops_the_migration(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/r.sqlite3", CIPHER)
    to(database, BEFORE)
    with database.engine.connect() as connection:
        raw = connection.connection.dbapi_connection
        assert raw is not None
        raw.cursor().execute("PRAGMA foreign_keys = OFF")
        with connection.begin():
            for row in ROWS[1:]:  # whose clerk is no operator
                connection.exec_driver_sql(row)
        raw.cursor().execute("PRAGMA foreign_keys = ON")
    with pytest.raises(StoredValueError):
        database.migrate()
    assert all_of(database, "SELECT version_num FROM alembic_version") == [(BEFORE,)]
    database.close()
