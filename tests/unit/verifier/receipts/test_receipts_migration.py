"""Databases of before receipts were signed, and back to them, on SQLite and PostgreSQL."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, inspect, text

from pki.store.database import create_database_engine, migrate
from tests.postgres import PostgresServer
from verifier.bootstrap import MIGRATIONS
from verifier.receipts.service import find
from verifier.store.sessions import Database

NEW = {"key_id", "signature", "detail", "challenge_digest"}
OLD_SITE = (
    "INSERT INTO sites VALUES ('aaaaaaaaaaaaaaaa', 'n', 'https://o', 'national', 'h', '2026-01-01 00:00:00')"
)
OLD_RECEIPT = (
    "INSERT INTO receipts (code, site_id, time, policy, outcome) "
    "VALUES ('0123456789', 'aaaaaaaaaaaaaaaa', '2026-01-01 00:00:00', 'national', 'accepted')"
)


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "sqlite":
        made = create_database_engine(f"sqlite:///{tmp_path / 'old.sqlite3'}")
        yield made
        made.dispose()
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    with server.database() as url:
        made = create_database_engine(url)
        yield made
        made.dispose()


def to(engine: Engine, revision: str, change: Callable[[Config, str], None]) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        change(config, revision)


def columns(engine: Engine) -> set[str]:
    return {column["name"] for column in inspect(engine).get_columns("receipts")}


def test_there_and_back(engine: Engine) -> None:
    to(engine, "0002", command.upgrade)
    with engine.begin() as connection:
        for row in (OLD_SITE, OLD_RECEIPT):
            connection.execute(text(row))
    before = columns(engine), inspect(engine).get_indexes("receipts")
    migrate(engine, MIGRATIONS)
    assert columns(engine) == before[0] | NEW
    with Database(engine).read() as session:
        old = find(session, "aaaaaaaaaaaaaaaa", "0123456789")
    assert (old.outcome, old.signed, old.certificate_hash) == ("accepted", None, None)
    to(engine, "0002", command.downgrade)
    assert (columns(engine), inspect(engine).get_indexes("receipts")) == before
    migrate(engine, MIGRATIONS)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM receipts")).scalar_one() == 1
