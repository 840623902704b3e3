"""The check of a whole record: each kind of tampering is found, and named as well as can be."""

import tracemalloc

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from pki.auditchain.errors import AuditChainError, CheckpointError, RecordError, TreeError
from pki.auditchain.note import Checkpoint, CheckpointKey, sign_checkpoint
from pki.auditchain.table import read_head
from pki.auditchain.tree import StoredTree
from pki.auditchain.verification import Expectations, Verified, snapshot, verify_record
from pki.keys.files import FileSigner
from pki.keys.signer import Signer
from tests.unit.pki.auditchain.service import ORIGIN, RECORD, checkpoint, fill, tamper


@pytest.fixture
def record(engine: Engine, signer: Signer) -> Engine:
    return filled(engine, signer)


@pytest.fixture
def sqlite_record(sqlite_engine: Engine, signer: Signer) -> Engine:
    return filled(sqlite_engine, signer)


def filled(engine: Engine, signer: Signer) -> Engine:
    """700 entries under checkpoints at 100, 600 and 650."""
    for count in (100, 500, 50):
        fill(engine, count)
        checkpoint(engine, signer)
    fill(engine, 50)
    return engine


def verify(engine: Engine, expected: Expectations | None = None) -> Verified:
    with Session(snapshot(engine)) as session:
        return verify_record(session, RECORD, expected or Expectations())


def test_a_whole_record_verifies(record: Engine, key: CheckpointKey) -> None:
    verified = verify(record, Expectations(keys=(key,)))
    with Session(record) as session:
        assert verified.head == read_head(session, RECORD.entries)
        assert verified.root == StoredTree(session, RECORD).root(700)
    assert (verified.head.sequence, verified.checkpoints, verified.covered) == (700, 3, 650)


def test_an_empty_record_verifies(engine: Engine) -> None:
    assert verify(engine).head.sequence == 0


def test_what_was_noted_elsewhere_still_holds(record: Engine, signer: Signer, key: CheckpointKey) -> None:
    with Session(record) as session:
        head = read_head(session, RECORD.entries)
    noted = checkpoint(record, signer).checkpoint
    fill(record, 300)
    verify(record, Expectations(head, (noted, noted), (key,)))


def test_what_is_added_meanwhile_disturbs_no_snapshot(record: Engine, signer: Signer) -> None:
    with Session(snapshot(record)) as session:
        assert read_head(session, RECORD.entries).sequence == 700
        fill(record, 300)
        checkpoint(record, signer)
        assert verify_record(session, RECORD).head.sequence == 700
    assert verify(record).head.sequence == 1000


COPIED = "time, actor, action, subject, details, previous_hash, hash"
ENTRY_TAMPERINGS = [
    ("UPDATE events SET actor = 'nobody' WHERE sequence = 50", 50),
    ("UPDATE events SET details = '{}' WHERE sequence = 256", 256),
    ("UPDATE events SET time = time + 1 WHERE sequence = 700", 700),
    ("DELETE FROM events WHERE sequence = 1", 1),
    ("DELETE FROM events WHERE sequence = 257", 257),
    ("DELETE FROM events WHERE sequence > 690", None),
    ("DELETE FROM events WHERE sequence > 620", 621),
    ("DELETE FROM events WHERE sequence > 10", 11),
    ("DELETE FROM events", 1),
    ("UPDATE events SET sequence = 701 WHERE sequence = 300", 300),
    ("UPDATE events SET sequence = -1 WHERE sequence = 1", 1),
    (f"INSERT INTO events SELECT 0, {COPIED} FROM events WHERE sequence = 1", 1),  # noqa: S608
    (f"INSERT INTO events SELECT 701, {COPIED} FROM events WHERE sequence = 700", 701),  # noqa: S608
]


@pytest.mark.parametrize(("statement", "sequence"), ENTRY_TAMPERINGS)
def test_a_changed_log_is_found_and_named(record: Engine, statement: str, sequence: int | None) -> None:
    tamper(record, statement)
    if sequence is None:  # cut off after the newest checkpoint: only a noted end knows
        assert verify(record).head.sequence == 690
        return
    with pytest.raises(AuditChainError) as caught:
        verify(record)
    assert caught.value.sequence == sequence


def test_a_log_cut_off_after_its_checkpoints_lacks_the_noted_end(record: Engine) -> None:
    with Session(record) as session:
        noted = read_head(session, RECORD.entries)
    tamper(record, "DELETE FROM events WHERE sequence > 690")
    with pytest.raises(AuditChainError, match="cut off") as caught:
        verify(record, Expectations(noted))
    assert caught.value.sequence == 691


def test_rows_that_swapped_places_are_named(record: Engine) -> None:
    tamper(
        record,
        "UPDATE events SET sequence = 9999 WHERE sequence = 400",
        "UPDATE events SET sequence = 400 WHERE sequence = 401",
        "UPDATE events SET sequence = 401 WHERE sequence = 9999",
    )
    with pytest.raises(AuditChainError) as caught:
        verify(record)
    assert caught.value.sequence == 400


def rewritten(engine: Engine, signer: Signer, *counts: int) -> None:
    """A new history, each of whose parts is consistent, in the place of the old one."""
    tamper(engine, "DELETE FROM events", "DELETE FROM nodes", "DELETE FROM checkpoints")
    for count in counts:
        fill(engine, count)
        checkpoint(engine, signer)


def test_a_history_written_anew_contradicts_what_was_noted(
    sqlite_record: Engine, signer: Signer, key: CheckpointKey
) -> None:
    with Session(sqlite_record) as session:
        head = read_head(session, RECORD.entries)
    noted = checkpoint(sqlite_record, signer).checkpoint
    rewritten(sqlite_record, signer, 701)
    verify(sqlite_record, Expectations(keys=(key,)))
    with pytest.raises(AuditChainError, match="rewritten") as chain:
        verify(sqlite_record, Expectations(head))
    assert chain.value.sequence == 700
    with pytest.raises(CheckpointError) as caught:
        verify(sqlite_record, Expectations(checkpoints=(noted,)))
    assert caught.value.size == 700


def test_a_noted_checkpoint_of_a_longer_log_shows_that_it_was_cut_off(
    sqlite_record: Engine, signer: Signer
) -> None:
    longer = sign_checkpoint(signer, ORIGIN, 900, bytes(32))
    with pytest.raises(AuditChainError) as caught:
        verify(sqlite_record, Expectations(checkpoints=(longer,)))
    assert caught.value.sequence == 701


def test_a_forged_noted_checkpoint_accuses_nobody(sqlite_record: Engine, key: CheckpointKey) -> None:
    forger = FileSigner(ec.generate_private_key(ec.SECP256R1()))
    for size in (0, 300, 900):
        noted: tuple[Checkpoint, ...] = (sign_checkpoint(forger, ORIGIN, size, bytes(32)),)
        with pytest.raises(CheckpointError, match="not signed"):
            verify(sqlite_record, Expectations(checkpoints=noted, keys=(key,)))


@pytest.mark.parametrize(
    ("statement", "error", "where"),
    [
        ("UPDATE nodes SET hash = zeroblob(32) WHERE level = 8 AND position = 1", TreeError, (8, 1)),
        ("UPDATE nodes SET hash = zeroblob(32) WHERE level = 9", TreeError, (9, 0)),
        ("UPDATE nodes SET hash = 'x' WHERE level = 9", TreeError, (9, 0)),
        ("DELETE FROM nodes WHERE level = 8 AND position = 0", TreeError, (8, 0)),
        ("DELETE FROM nodes WHERE level = 8 AND position = 1", TreeError, (9, 0)),
        ("DELETE FROM nodes WHERE level = 9", TreeError, (9, 0)),
        ("DELETE FROM nodes WHERE level = 9 OR position = 1", TreeError, (8, 1)),
        ("DELETE FROM nodes", TreeError, (8, 0)),
        ("INSERT INTO nodes VALUES (7, 0, zeroblob(32))", TreeError, (7, 0)),
        ("INSERT INTO nodes VALUES (9, 1, zeroblob(32))", TreeError, (9, 1)),
        ("INSERT INTO nodes VALUES (70, 0, zeroblob(32))", TreeError, (70, 0)),
        ("INSERT INTO nodes VALUES (8, 2, zeroblob(32))", AuditChainError, None),
        ("UPDATE checkpoints SET size = 99 WHERE size = 100", CheckpointError, None),
        ("UPDATE checkpoints SET note = '' WHERE size = 600", CheckpointError, None),
        (
            "UPDATE checkpoints SET note = replace(note, 'example', 'invalid') WHERE size = 600",
            CheckpointError,
            None,
        ),
    ],
)
def test_changed_nodes_and_checkpoints_are_named(
    sqlite_record: Engine,
    key: CheckpointKey,
    statement: str,
    error: type[RecordError],
    where: tuple[int, int] | None,
) -> None:
    tamper(sqlite_record, statement)
    with pytest.raises(error) as caught:
        verify(sqlite_record, Expectations(keys=(key,)))
    if isinstance(caught.value, TreeError):
        assert (caught.value.level, caught.value.position) == where


def test_a_checkpoint_by_another_key_is_named(sqlite_record: Engine, key: CheckpointKey) -> None:
    forger = FileSigner(ec.generate_private_key(ec.SECP256R1()))
    with Session(sqlite_record) as session:
        root = StoredTree(session, RECORD).root(600)
    forged = sign_checkpoint(forger, ORIGIN, 600, root).note
    tamper(sqlite_record, f"UPDATE checkpoints SET note = '{forged}' WHERE size = 600")  # noqa: S608
    assert verify(sqlite_record).checkpoints == 3
    with pytest.raises(CheckpointError, match="not signed") as caught:
        verify(sqlite_record, Expectations(keys=(key,)))
    assert caught.value.size == 600


def test_both_keys_of_a_rollover_count(sqlite_record: Engine, key: CheckpointKey) -> None:
    newer = FileSigner(ec.generate_private_key(ec.SECP384R1()))
    checkpoint(sqlite_record, newer)
    assert isinstance(newer.public_key, ec.EllipticCurvePublicKey)
    both = (CheckpointKey(ORIGIN, newer.public_key), key)
    assert verify(sqlite_record, Expectations(keys=both)).covered == 700
    for single in both:
        with pytest.raises(CheckpointError):
            verify(sqlite_record, Expectations(keys=(single,)))


def test_memory_does_not_grow_with_the_record(sqlite_engine: Engine, signer: Signer) -> None:
    peaks = []
    for count in (3_000, 9_000):
        fill(sqlite_engine, count)
        checkpoint(sqlite_engine, signer)
        tracemalloc.start()
        verify(sqlite_engine)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]


def test_reading_takes_no_lock(sqlite_record: Engine) -> None:
    statements: list[str] = []
    event.listen(sqlite_record, "before_cursor_execute", lambda *args: statements.append(args[2]))
    verify(sqlite_record)
    assert not [
        text for text in statements if not text.startswith(("SELECT", "BEGIN")) or "IMMEDIATE" in text
    ]
