"""`hoviat bench audit`: appending, checkpoints and proofs, against hashing alone."""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import ParamSpec

from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from pki.auditchain import Event, append, append_many
from pki.auditchain.chain import EMPTY, link
from pki.auditchain.checkpoints import Checkpointer
from pki.auditchain.merkle import BLOCK, Frontier, leaf_hash, subtree_hash
from pki.auditchain.proofs import prove_inclusion
from pki.bootstrap import MIGRATIONS
from pki.keys.files import FileSigner
from pki.store.database import create_database_engine, migrate, read_only
from pki.store.models import AUDIT
from simulators.load.result import Result

P = ParamSpec("P")
_NAME = "audit"
_BATCH = 1000
_SINGLE = 200
_PROOFS = 50
_GOAL = 0.40
"""15 µs an entry, where its canonical text and hash take 6."""
_TEXT_AND_HASH = "canonical JSON and SHA-256 alone"


def measure(entries: int) -> Iterator[Result]:
    """Fills a record of `entries` entries, covers it by one checkpoint, and proves some of them."""
    with tempfile.TemporaryDirectory(prefix="hoviat-bench-") as folder:
        engine = create_database_engine(f"sqlite:///{Path(folder) / 'pki.sqlite3'}")
        try:
            migrate(engine, MIGRATIONS)
            yield from _appending(engine, entries)
            yield _checkpoint(engine, entries)
            yield _proof(engine, entries)
        finally:
            engine.dispose()


def _appending(engine: Engine, entries: int) -> Iterator[Result]:
    """The limit is measured before each batch: both suffer alike from what else the machine does."""
    inside, whole, alone = [], [], []
    for first in range(0, entries, _BATCH):
        events = _events(first, _BATCH)
        alone.append(_seconds(_link, events))
        began = time.perf_counter()
        with Session(engine) as session, session.begin():
            inside.append(_seconds(append_many, session, AUDIT.entries, events))
        whole.append(time.perf_counter() - began)
    limit = _BATCH / statistics.median(alone)
    batches = f"batches of {_BATCH}, SQLite"
    rate = _BATCH / statistics.median(inside)
    yield Result(_NAME, f"{batches}, before the commit", rate, "entries/s", limit, _TEXT_AND_HASH, _GOAL)
    rate = _BATCH / statistics.median(whole)
    yield Result(_NAME, f"{batches}, with commits", rate, "entries/s", limit, _TEXT_AND_HASH)
    yield Result(_NAME, "one by one, SQLite", _one_by_one(engine), "entries/s", limit, _TEXT_AND_HASH)


def _link(events: list[Event]) -> None:
    for _ in link(EMPTY, events):
        pass


def _one_by_one(engine: Engine) -> float:
    """Entries a second by `append`, in one transaction that is then given up."""
    with Session(engine) as session:
        seconds = [_seconds(_append, session, event) for event in _events(0, _SINGLE)]
        session.rollback()
    return 1 / statistics.median(seconds)


def _append(session: Session, event: Event) -> None:
    append(session, AUDIT.entries, **event._asdict())


def _checkpoint(engine: Engine, entries: int) -> Result:
    alone = _seconds(_grow, _digests(entries))
    signer = FileSigner(ec.generate_private_key(ec.SECP256R1()))
    checkpointer = Checkpointer(engine, AUDIT, "bench.invalid/audit", signer, lambda: datetime.now(UTC))
    seconds = _seconds(checkpointer.make)
    limit_is = "hashing its leaves and nodes alone"
    return Result(
        _NAME, f"checkpoint over {entries:,} new entries", seconds, "s", alone, limit_is, counts=True
    )


def _grow(digests: list[bytes]) -> None:
    frontier = Frontier()
    for digest in digests:
        frontier.add(leaf_hash(digest))
    frontier.root()


def _proof(engine: Engine, entries: int) -> Result:
    """Inclusion proofs of entries all over the record; each hashes the blocks at both ends of its path."""
    block = _digests(BLOCK)
    alone = 2 * statistics.median(_seconds(subtree_hash, block) for _ in range(_PROOFS))
    places = range(1, entries + 1, max(1, entries // _PROOFS))
    seconds = statistics.median(_seconds(_prove, engine, place) for place in places)
    limit_is = "hashing two blocks of entries"
    return Result(
        _NAME, f"proof among {entries:,}", seconds * 1000, "ms", alone * 1000, limit_is, counts=True
    )


def _prove(engine: Engine, sequence: int) -> None:
    with Session(read_only(engine)) as session:
        prove_inclusion(session, AUDIT, sequence)


def _digests(count: int) -> list[bytes]:
    return [leaf_hash(number.to_bytes(8, "big")) for number in range(count)]


def _events(first: int, count: int) -> list[Event]:
    """As the authority writes them when it issues."""
    now = datetime.now(UTC)
    return [
        Event(
            now,
            "clerk-1",
            "certificate.issued",
            f"{number * 0x9E3779B97F4A7C15 % (1 << 127):032x}",
            {"issuer": "citizen-auth-g1", "profile": "citizen-auth", "request": f"request-{number}"},
        )
        for number in range(first, first + count)
    ]


def _seconds(work: Callable[P, object], *arguments: P.args, **options: P.kwargs) -> float:
    began = time.perf_counter()
    work(*arguments, **options)
    return time.perf_counter() - began
