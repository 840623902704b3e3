"""The models of a service that keeps a record and does nothing else; subprocesses use them, too."""

from datetime import UTC, datetime

from sqlalchemy import Engine
from sqlalchemy.orm import DeclarativeBase, Session

from pki.auditchain import AuditEntryColumns, Event, append_many
from pki.auditchain.appendonly import protect, unprotected
from pki.auditchain.checkpoints import StoredCheckpoint, make_checkpoint
from pki.auditchain.columns import CheckpointColumns, MerkleNodeColumns
from pki.auditchain.tree import Record
from pki.keys.signer import Signer

NOON = datetime(2026, 11, 24, 12, 0, 0, 250_000, tzinfo=UTC)
ORIGIN = "pki.example/audit"
TABLES = ("events", "nodes", "checkpoints")


class Base(DeclarativeBase):
    pass


class Entry(AuditEntryColumns, Base):
    __tablename__ = "events"


class StoredNode(MerkleNodeColumns, Base):
    __tablename__ = "nodes"


class CheckpointRow(CheckpointColumns, Base):
    __tablename__ = "checkpoints"


RECORD = Record(Entry, StoredNode, CheckpointRow)


def create_tables(engine: Engine) -> None:
    """As a service's migrations make them."""
    with engine.begin() as connection:
        Base.metadata.create_all(connection)
        protect(connection, TABLES)


def events(count: int, first: int = 1) -> list[Event]:
    """Some events, no two alike."""
    return [
        Event(NOON, "officer", "card.issued", f"card:{number}", {"n": number, "نتیجه": "تأیید"})
        for number in range(first, first + count)
    ]


def fill(engine: Engine, count: int) -> None:
    """Adds entries and commits them."""
    with Session(engine) as session, session.begin():
        append_many(session, Entry, events(count))


def checkpoint(engine: Engine, signer: Signer) -> StoredCheckpoint:
    """Makes a checkpoint and commits it."""
    with Session(engine) as session, session.begin():
        return make_checkpoint(session, RECORD, ORIGIN, signer, NOON)


def tamper(engine: Engine, *statements: str) -> None:
    """What someone with all rights to the database can do."""
    with engine.begin() as connection:
        for table in TABLES:
            for statement in unprotected(connection.dialect.name, table):
                connection.exec_driver_sql(statement)
        for statement in statements:
            connection.exec_driver_sql(statement)
