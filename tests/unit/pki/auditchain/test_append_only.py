"""The databases themselves refuse to change what stands in a record."""

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from pki.auditchain import verify_table
from pki.auditchain.appendonly import append_only, unprotected
from pki.keys.signer import Signer
from tests.unit.pki.auditchain.service import TABLES, Entry, checkpoint, fill, tamper

CHANGES = {
    "events": [
        "UPDATE events SET actor = 'nobody' WHERE sequence = 2",
        "DELETE FROM events WHERE sequence = 300",
    ],
    "nodes": ["UPDATE nodes SET position = 7", "DELETE FROM nodes"],
    "checkpoints": ["UPDATE checkpoints SET note = ''", "DELETE FROM checkpoints"],
}


@pytest.fixture
def filled(engine: Engine, signer: Signer) -> Engine:
    fill(engine, 300)
    checkpoint(engine, signer)
    return engine


@pytest.mark.parametrize("table", TABLES)
def test_rows_are_neither_changed_nor_deleted(filled: Engine, table: str) -> None:
    for statement in CHANGES[table]:
        with pytest.raises(DBAPIError, match=f"{table} is append-only"), filled.begin() as connection:
            connection.exec_driver_sql(statement)
    fill(filled, 1)
    with Session(filled) as session:
        assert verify_table(session, Entry).sequence == 301


@pytest.mark.parametrize("table", TABLES)
def test_a_table_is_not_emptied_at_once(postgres_engine: Engine, table: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"), postgres_engine.begin() as connection:
        connection.exec_driver_sql(f"TRUNCATE {table}")


def test_a_row_is_not_replaced(sqlite_engine: Engine) -> None:
    fill(sqlite_engine, 2)
    with pytest.raises(DBAPIError, match="append-only"), sqlite_engine.begin() as connection:
        connection.exec_driver_sql("REPLACE INTO events SELECT * FROM events WHERE sequence = 1")


def test_a_row_is_not_changed_where_it_conflicts(engine: Engine) -> None:
    fill(engine, 2)
    again = "INSERT INTO events SELECT * FROM events WHERE sequence = 1"
    upsert = f"{again} ON CONFLICT (sequence) DO UPDATE SET actor = 'x'"
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.exec_driver_sql(upsert)


def test_the_protection_is_taken_away_by_name(filled: Engine) -> None:
    tamper(filled, *[change for changes in CHANGES.values() for change in changes])


def test_other_databases_are_not_pretended_to_be_protected() -> None:
    for statements in (append_only, unprotected):
        with pytest.raises(ValueError, match="mysql"):
            statements("mysql", "events")
