"""A status database of millions, written past the authority: status rows, no bodies, no intents."""

import random
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pki.auditchain.chain import Head
from pki.bootstrap import Pki
from pki.status.ocsp.answerstore import AnswerStore
from pki.status.ocsp.record import StoredAnswer
from pki.status.store import Found

ISSUER = "citizen-auth-g1"
_LOWEST = 1 << 120
_HIGHEST = 1 << 127
_REVOKED_EACH = 50
"""Every so manyth is revoked."""
_CHUNK = 20_000
_DAY = 86_400
_COLUMNS = (
    "serial, request_id, issuer, shard, profile, key_kind, provenance, not_before, not_after, status, reason,"
    " since, invalidity_date, held_by, activated, changed"
)


@dataclass(frozen=True)
class Population:
    """How many certificates there are, and those that will be asked for, drawn from all at random."""

    size: int
    asked: tuple[int, ...]


def populate(database: Path, size: int, asked: int, now: int) -> Population:
    """Writes `size` certificates of one CA; 16-octet serials, evenly spread, one in 50 revoked."""
    chosen = set(random.Random("hoviat bench ocsp").sample(range(size), min(asked, size)))  # noqa: S311
    drawn: list[int] = []
    connection = sqlite3.connect(database, isolation_level=None)
    try:
        # The rows have no intents; that, and no power cut, is all that is asked of this database.
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        marks = ", ".join("?" * (_COLUMNS.count(",") + 1))
        for start in range(0, size, _CHUNK):
            rows = [
                _row(index, serial, now) for index, serial in _serials(start, min(size, start + _CHUNK), size)
            ]
            drawn += [int.from_bytes(row[0]) for offset, row in enumerate(rows) if start + offset in chosen]
            connection.executemany(f"INSERT INTO certificates ({_COLUMNS}) VALUES ({marks})", rows)  # noqa: S608
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()
    random.Random("order").shuffle(drawn)  # noqa: S311
    return Population(size, tuple(drawn))


def _serials(start: int, end: int, size: int) -> Iterator[tuple[int, int]]:
    """Each index with its serial: ascending, so that the tables are filled in their order."""
    width = (_HIGHEST - _LOWEST) // size
    chance = random.Random(start)  # noqa: S311
    for index in range(start, end):
        yield index, _LOWEST + index * width + chance.randrange(width)


def _row(index: int, serial: int, now: int) -> tuple[bytes, *tuple[object, ...]]:
    revoked = index % _REVOKED_EACH == 0
    return (
        serial.to_bytes(16, "big"),
        f"bench-{index:09d}",
        ISSUER,
        0,
        "authentication",
        "secp256r1",
        None,
        now - _DAY,
        now + 1000 * _DAY,
        "revoked" if revoked else "good",
        "superseded" if revoked else None,
        now - _DAY,
        None,
        None,
        1,
        0,
    )


def fill_store(pki: Pki, population: Population) -> None:
    """Stores the answers to what will be asked, and as many records as the population has certificates.

    The others, which nobody asks for, bear a signature of another answer: they are there so that the store
    is as large as it would be.
    """
    form = pki.ocsp.forms.of_issuer(ISSUER)[0]
    states: dict[int, Found] = {}
    for start in range(0, len(population.asked), 1000):
        states |= pki.status.states(population.asked[start : start + 1000])
    signed = [pki.ocsp.maker.stored(form, serial, found[1], 0) for serial, found in sorted(states.items())]
    head = pki.feed.head()
    _put_fillers(pki.answers, signed[0], population.size - len(signed), head)
    with pki.answers.adding() as adding:
        adding.put({answer.key: answer.record() for answer in signed}, head)


def _put_fillers(store: AnswerStore, like: StoredAnswer, count: int, head: Head) -> None:
    record = like.record()
    width = (_HIGHEST - _LOWEST) // max(count, 1)
    for start in range(0, count, _CHUNK):
        with store.adding() as adding:
            adding.put(
                {
                    like.form.form_id + (_LOWEST + index * width).to_bytes(16, "big"): record
                    for index in range(start, min(count, start + _CHUNK))
                },
                head,
            )
