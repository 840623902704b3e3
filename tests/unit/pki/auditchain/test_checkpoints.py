"""Checkpoints over a growing record: right at every size, never going back, never over a changed past."""

import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from pki.auditchain import append_many, read
from pki.auditchain import checkpoints as module
from pki.auditchain.checkpoints import Checkpointer, all_checkpoints, at_size, newest
from pki.auditchain.errors import AuditChainError, CheckpointError, RecordError, ShorterLogError, TreeError
from pki.auditchain.keeping import KeptNote
from pki.auditchain.merkle import BLOCK, EMPTY_ROOT, fold, leaf_hash, peaks_of
from pki.auditchain.note import NOTE_LIMIT, Checkpoint, CheckpointKey
from pki.auditchain.tree import StoredTree, grow
from pki.keys.files import FileSigner
from pki.keys.signer import Signer
from pki.store.database import create_database_engine
from tests.unit.pki.auditchain.service import (
    NOON,
    ORIGIN,
    RECORD,
    Entry,
    StoredNode,
    checkpoint,
    create_tables,
    events,
    fill,
    tamper,
)

_ROOT_AT = len(f"{ORIGIN}\n600\n")
FORGED_ROOT = (
    f"UPDATE checkpoints SET note = substr(note, 1, {_ROOT_AT}) || '{'A' * 43}=' "  # noqa: S608
    f"|| substr(note, {_ROOT_AT + 45})"
)
"""The root is 44 characters of Base64."""


def root_of_rows(engine: Engine, size: int) -> bytes:
    """From nothing but the entries, without what is stored beside them."""
    with Session(engine) as session:
        hashes = [bytes.fromhex(entry.hash) for entry in read(session, Entry)][:size]
    return fold(peaks_of([leaf_hash(digest) for digest in hashes]))


def stored_nodes(engine: Engine) -> int:
    with Session(engine) as session:
        return session.scalar(select(func.count()).select_from(StoredNode)) or 0


def test_checkpoints_cover_what_was_there(engine: Engine, signer: Signer, key: CheckpointKey) -> None:
    sizes, total = [], 0
    for count in (0, 1, 254, 1, 1, 255, 600, 1):
        fill(engine, count)
        total += count
        made = checkpoint(engine, signer).checkpoint
        made.verify([key])
        assert (made.size, made.root) == (total, root_of_rows(engine, total))
        sizes.append(total)
    assert stored_nodes(engine) == 4 + 2 + 1
    with Session(engine) as session:
        kept = [item.checkpoint for item in all_checkpoints(session, RECORD)]
        assert [item.size for item in kept] == sizes
        assert newest(session, RECORD) == at_size(session, RECORD, total)
        assert at_size(session, RECORD, total - 2) is None
        for item in kept:
            assert StoredTree(session, RECORD).root(item.size) == item.root


def test_a_checkpoint_over_nothing_has_the_empty_root(sqlite_engine: Engine, signer: Signer) -> None:
    assert checkpoint(sqlite_engine, signer).checkpoint.root == EMPTY_ROOT


def test_the_same_entries_are_not_signed_again(engine: Engine, signer: Signer) -> None:
    fill(engine, 3)
    assert checkpoint(engine, signer) == checkpoint(engine, signer)
    with Session(engine) as session:
        assert len(list(all_checkpoints(session, RECORD))) == 1


def test_a_checkpoint_rolled_back_was_never_made(engine: Engine, signer: Signer) -> None:
    fill(engine, 600)
    with Session(engine) as session:
        module.make_checkpoint(session, RECORD, ORIGIN, signer, NOON)
        session.rollback()
    with Session(engine) as session:
        assert newest(session, RECORD) is None
    assert stored_nodes(engine) == 0
    assert checkpoint(engine, signer).checkpoint.size == 600


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 700), st.booleans()), min_size=1, max_size=6))
def test_growing_by_any_steps_gives_the_same_tree(
    signer: Signer, tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, bool]]
) -> None:
    engine = fresh(tmp_path_factory)
    try:
        for count, signs in steps:
            fill(engine, count)
            if signs:
                checkpoint(engine, signer)
        made = checkpoint(engine, signer).checkpoint
        assert made.root == root_of_rows(engine, sum(count for count, _ in steps))
    finally:
        engine.dispose()


def fresh(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    engine = create_database_engine(f"sqlite:///{tmp_path_factory.mktemp('record') / 'record.db'}")
    create_tables(engine)
    return engine


def make_kept(engine: Engine, signer: Signer, kept: KeptNote) -> Checkpoint:
    return Checkpointer(engine, RECORD, ORIGIN, signer, lambda: NOON, kept=kept).make().checkpoint


def test_the_newest_checkpoint_is_kept_beside_the_database(
    engine: Engine, signer: Signer, tmp_path: Path
) -> None:
    kept = KeptNote(tmp_path / "audit" / "log.note")
    assert kept.read() is None
    for count in (300, 0, 5):
        fill(engine, count)
        assert make_kept(engine, signer, kept) == kept.read()
    assert stat.S_IMODE(kept.path.stat().st_mode) == 0o600
    assert [path.name for path in kept.path.parent.iterdir()] == ["log.note"]


def test_a_crash_between_keeping_and_commit_is_repaired_by_the_next(
    engine: Engine, signer: Signer, tmp_path: Path
) -> None:
    kept = KeptNote(tmp_path / "log.note")
    fill(engine, 300)
    with Session(engine) as session:
        lost = module.make_checkpoint(session, RECORD, ORIGIN, signer, NOON, kept=kept).checkpoint
        session.rollback()
    assert kept.read() == lost
    made = make_kept(engine, signer, kept)
    assert (made.size, made.root) == (lost.size, lost.root)
    fill(engine, 1)
    assert make_kept(engine, signer, kept).size == 301


def test_a_log_shorter_than_the_kept_checkpoint_is_not_signed(
    engine: Engine, signer: Signer, tmp_path: Path
) -> None:
    kept = KeptNote(tmp_path / "log.note")
    fill(engine, 300)
    before = make_kept(engine, signer, kept)
    tamper(engine, "DELETE FROM events WHERE sequence > 299", "DELETE FROM checkpoints", "DELETE FROM nodes")
    with pytest.raises(ShorterLogError) as caught:
        make_kept(engine, signer, kept)
    assert (caught.value.found, caught.value.signed) == (299, 300)
    fill(engine, 9)
    with pytest.raises(CheckpointError) as other:
        make_kept(engine, signer, kept)
    assert other.value.size == 300
    assert "of 308 entries now" in str(other.value)
    assert kept.read() == before


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.mkdir(),
        lambda path: path.write_bytes(b"\xff"),
        lambda path: path.write_text("x" * (NOTE_LIMIT + 1)),
        lambda path: path.write_text(""),
    ],
    ids=["folder", "no text", "long", "empty"],
)
def test_a_spoilt_note_stops_signing(
    sqlite_engine: Engine, signer: Signer, tmp_path: Path, spoil: Callable[[Path], object]
) -> None:
    kept = KeptNote(tmp_path / "log.note")
    fill(sqlite_engine, 3)
    spoil(kept.path)
    with pytest.raises(CheckpointError):
        make_kept(sqlite_engine, signer, kept)
    with Session(sqlite_engine) as session:
        assert newest(session, RECORD) is None


def test_no_checkpoint_is_made_that_cannot_be_kept(
    sqlite_engine: Engine, signer: Signer, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    fill(sqlite_engine, 3)
    with pytest.raises(CheckpointError):
        make_kept(sqlite_engine, signer, KeptNote(tmp_path / "file" / "log.note"))
    with Session(sqlite_engine) as session:
        assert newest(session, RECORD) is None


def test_a_note_by_another_key_stops_signing(sqlite_engine: Engine, signer: Signer, tmp_path: Path) -> None:
    kept = KeptNote(tmp_path / "log.note")
    fill(sqlite_engine, 3)
    make_kept(sqlite_engine, FileSigner.generate(ec.SECP256R1()), KeptNote(tmp_path / "other"))
    (tmp_path / "other").rename(kept.path)
    with pytest.raises(CheckpointError, match="not signed by a key"):
        make_kept(sqlite_engine, signer, kept)


def test_a_long_backlog_is_added_in_several_transactions(
    engine: Engine, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_STEP", 300)
    fill(engine, 1000)
    times = iter([NOON, NOON + timedelta(seconds=1)])
    checkpointer = Checkpointer(engine, RECORD, ORIGIN, signer, lambda: next(times))
    made = checkpointer.make()
    assert (made.time, made.checkpoint.size) == (NOON, 1000)
    assert made.checkpoint.root == root_of_rows(engine, 1000)
    fill(engine, 1)
    assert checkpointer.make().checkpoint.size == 1001


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("DELETE FROM events WHERE sequence = 650", AuditChainError),
        ("DELETE FROM events WHERE sequence = 560", AuditChainError),
        ("DELETE FROM events WHERE sequence > 550", AuditChainError),
        ("DELETE FROM events WHERE sequence > 200", AuditChainError),
        ("UPDATE events SET hash = previous_hash WHERE sequence = 550", AuditChainError),
        ("UPDATE events SET previous_hash = hash WHERE sequence = 650", AuditChainError),
        ("UPDATE events SET hash = zeroblob(32) WHERE sequence = 650", AuditChainError),
        ("UPDATE events SET hash = 'x' WHERE sequence = 650", AuditChainError),
        ("UPDATE events SET hash = 'x' WHERE sequence = 700", AuditChainError),
        ("UPDATE nodes SET hash = zeroblob(32) WHERE level = 9", CheckpointError),
        ("UPDATE nodes SET hash = 'x' WHERE level = 9", TreeError),
        ("UPDATE nodes SET hash = zeroblob(31) WHERE level = 9", TreeError),
        ("DELETE FROM nodes WHERE level = 9", TreeError),
        ("DELETE FROM nodes WHERE level = 8 AND position = 1", RecordError),
        ("INSERT INTO nodes VALUES (8, 99, zeroblob(32))", RecordError),
        ("INSERT INTO nodes VALUES (8, 'x', zeroblob(32))", TreeError),
        (FORGED_ROOT, CheckpointError),
        ("UPDATE checkpoints SET note = ''", CheckpointError),
        ("UPDATE checkpoints SET note = 5", CheckpointError),
        ("UPDATE checkpoints SET size = 500", CheckpointError),
        ("UPDATE checkpoints SET size = 'x'", CheckpointError),
        ("UPDATE checkpoints SET time = 9223372036854775807", CheckpointError),
        ("UPDATE checkpoints SET time = 'x'", CheckpointError),
    ],
)
def test_nothing_is_signed_over_a_changed_past(
    sqlite_engine: Engine, signer: Signer, statement: str, error: type[Exception]
) -> None:
    fill(sqlite_engine, 600)
    checkpoint(sqlite_engine, signer)
    fill(sqlite_engine, 100)
    tamper(sqlite_engine, statement)
    with pytest.raises(error):
        checkpoint(sqlite_engine, signer)
    with sqlite_engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM checkpoints").scalar() == 1


def test_a_tree_does_not_shrink(sqlite_engine: Engine) -> None:
    fill(sqlite_engine, 600)
    with Session(sqlite_engine) as session, session.begin():
        grow(session, RECORD, 2 * BLOCK)
        with pytest.raises(AuditChainError, match="cut off"):
            grow(session, RECORD, 2 * BLOCK - 1)


def test_a_root_over_entries_that_do_not_exist_is_refused(sqlite_engine: Engine) -> None:
    fill(sqlite_engine, 10)
    with Session(sqlite_engine) as session, pytest.raises(AuditChainError):
        StoredTree(session, RECORD).root(11)


def test_a_transaction_s_own_entries_are_covered(engine: Engine, signer: Signer) -> None:
    with Session(engine) as session, session.begin():
        append_many(session, Entry, events(300))
        made = module.make_checkpoint(session, RECORD, ORIGIN, signer, NOON)
    assert made.checkpoint.root == root_of_rows(engine, 300)
