"""A database of revoked certificates for `bench crl`, filled as fast as SQLite takes rows."""

import random
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import insert
from sqlalchemy.orm import Session

from pki.hierarchy import Role, issuer_name
from pki.profiles.names import encode_ca
from pki.store.database import create_database_engine
from pki.store.models import Base, Issuer, KeyRow

ISSUER = issuer_name(Role.CITIZEN_AUTHENTICATION, 1)
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
_SEED = "hoviat bench crl"
_LIFE = 5 * 365 * 86_400
_REASONS = ("keyCompromise", "superseded", "cessationOfOperation", "certificateHold")
_COLUMNS = (
    "serial, request_id, issuer, shard, profile, key_kind, not_before, not_after, status, reason, since, "
    "held_by, activated, changed"
)


def database_of(root: Path) -> Path:
    """Its file."""
    return root / "pki.sqlite3"


def populate(root: Path, entries: int, shards: int, changed: int) -> None:
    """`entries` held and revoked certificates, of which the last `changed` changed after version 1."""
    engine = create_database_engine(f"sqlite:///{database_of(root)}")
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        session.execute(insert(KeyRow).values(name=ISSUER, uri="file:bench", created=NOW))
        session.execute(
            insert(Issuer).values(
                name=ISSUER,
                role=Role.CITIZEN_AUTHENTICATION.value,
                generation=1,
                subject=encode_ca(Role.CITIZEN_AUTHENTICATION, 1),
                key=ISSUER,
                online=True,
                certificate=None,
                shards=shards,
                status_version=1,
            )
        )
    engine.dispose()
    _insert(database_of(root), _rows(entries, shards, changed))


def _insert(path: Path, rows: Iterator[tuple[object, ...]]) -> None:
    """Without intents, bodies and care for power cuts: only their status is measured."""
    marks = ", ".join("?" * len(_COLUMNS.split(",")))
    connection = sqlite3.connect(path)
    try:
        connection.execute("PRAGMA synchronous = OFF")
        with connection:
            statement = f"INSERT INTO certificates ({_COLUMNS}) VALUES ({marks})"  # noqa: S608 - our own names
            connection.executemany(statement, rows)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


def _rows(entries: int, shards: int, changed: int) -> Iterator[tuple[object, ...]]:
    """Revoked at any second of five years; serials rise, which the index likes, and are else random."""
    chance = random.Random(_SEED)  # noqa: S311 - no secret
    now = int(NOW.timestamp())
    step = (1 << 126) // entries
    for number in range(entries):
        serial = (1 << 126) + number * step + chance.randrange(step)
        began = now - chance.randrange(_LIFE)
        reason = chance.choice(_REASONS)
        held = reason == "certificateHold"
        yield (
            serial.to_bytes(16, "big"),
            f"bench-{number}",
            ISSUER,
            serial % shards,
            "authentication",
            "P-256",
            began,
            began + _LIFE,
            "on_hold" if held else "revoked",
            reason,
            chance.randrange(began, now + 1),
            "registry" if held else None,
            True,
            2 if number >= entries - changed else 1,
        )
