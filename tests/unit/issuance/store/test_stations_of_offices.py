"""What a station's office was called becomes the office's code, where it can be told; on both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from issuance.database import Database
from tests.columnkey import CIPHER
from tests.unit.issuance.store.test_older_registries import to

BEFORE, AFTER = "0020", "0021"
OFFICE = (
    "INSERT INTO offices (code, persian_name, latin_name, province, inspects) "
    "VALUES (:code, :persian, :latin, 'x', :no)"
)
STATION = (
    "INSERT INTO stations (id, office, state, version, created_by, created_at) "
    "VALUES (:id, :office, 'waiting', 1, 'boss', '2026-01-01 00:00:00')"
)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/r.sqlite3" if sqlite else request.getfixturevalue("postgres_url")
    opened = Database(url, CIPHER)
    to(opened, BEFORE)
    with opened.writing() as session:
        session.execute(
            text(
                "INSERT INTO operators (username, role, office, state, password_hash) "
                "VALUES ('boss', 'administrator', '1', 'active', :hash)"
            ),
            {"hash": b"-"},
        )
    yield opened
    opened.close()


def stations(database: Database, **offices: str) -> dict[str, str]:
    """Where stations stand after the migration, that stood in these before."""
    with database.writing() as session:
        for station, office in offices.items():
            session.execute(text(STATION), {"id": station, "office": office})
    to(database, AFTER)
    with database.reading() as session:
        rows = session.execute(text("SELECT id, office FROM stations")).all()
    return {row.id: row.office for row in rows}


def test_the_only_office_has_all_stations(database: Database) -> None:
    assert stations(database, a="Tehran 1", b="1", c="") == {"a": "1", "b": "1", "c": "1"}


def test_names_and_codes_are_told_apart_from_anything_else(database: Database) -> None:
    with database.writing() as session:
        for code, persian, latin in (("2", "شیراز", "Shiraz"), ("QOM", "قم", "2")):
            row = {"code": code, "persian": persian, "latin": latin, "no": False}
            session.execute(text(OFFICE), row)
    found = stations(database, a="Shiraz", b="قم", c="2", d="QOM", e="Tehran 1", f="shiraz")
    assert found == {"a": "2", "b": "QOM", "c": "2", "d": "QOM", "e": "Tehran 1", "f": "shiraz"}
