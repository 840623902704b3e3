"""SIGKILL at each step of appending and of checkpointing; two processes at once, on both databases."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from pki.auditchain.checkpoints import all_checkpoints
from pki.auditchain.verification import snapshot, verify_record
from pki.store.database import create_database_engine
from tests.integration.pki.recorder import BACKLOG, BATCH
from tests.unit.pki.auditchain.service import RECORD, StoredNode, create_tables

FILES_AFTER_RENAMING = 3
"""Calls between a note's renaming and the commit: an unlink in vain, the folder opened and synced."""
REPOSITORY = Path(__file__).parents[3]


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path / 'record.db'}" if sqlite else request.getfixturevalue("postgres_url")
    opened = create_database_engine(url)
    try:
        create_tables(opened)
        yield opened
    finally:
        opened.dispose()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With the checkpoints' key; the kept note comes there, too."""
    made = tmp_path / "service"
    made.mkdir()
    key = ec.generate_private_key(ec.SECP256R1())
    (made / "checkpoint.pem").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    return made


def start(engine: Engine, folder: Path, how: str, what: str) -> "subprocess.Popen[str]":
    url = engine.url.render_as_string(hide_password=False)
    return subprocess.Popen(
        [sys.executable, "-m", "tests.integration.pki.recorder", url, str(folder), how, what],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: "subprocess.Popen[str]") -> str:
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return output


def killed_step_by_step(engine: Engine, folder: Path, what: str) -> list[dict[str, Any]]:
    """What the record was after each death, all but the last child having been killed."""
    told = [json.loads(line) for line in finish(start(engine, folder, "kill", what)).splitlines()]
    assert [item["status"] for item in told] == [-signal.SIGKILL] * (len(told) - 1) + [0]
    assert len(told) > 5
    return told


def test_a_killed_checkpoint_is_made_by_the_next(engine: Engine, folder: Path) -> None:
    told = killed_step_by_step(engine, folder, "checkpoint")
    sizes = [item["covered"] for item in told]
    assert sizes == sorted(sizes)
    assert sizes[-1] == told[-1]["entries"] == len(told) * BACKLOG
    notes = [item["noted"] for item in told]
    assert notes == sorted(notes)
    assert notes[0] == 0
    assert notes[-1] == sizes[-1]
    # Kept before the commit, and committed entries alone: never behind a checkpoint, never before the log.
    assert all(item["covered"] <= item["noted"] <= item["entries"] for item in told)
    ahead = sum(item["covered"] < item["noted"] for item in told)
    assert ahead >= FILES_AFTER_RENAMING, "no death between the note and its commit"


def test_a_killed_append_leaves_whole_batches(engine: Engine, folder: Path) -> None:
    sizes = [item["entries"] for item in killed_step_by_step(engine, folder, "append")]
    assert sizes == sorted(sizes)
    assert all(size % BATCH == 0 for size in sizes)


def test_processes_append_and_sign_at_once(engine: Engine, folder: Path) -> None:
    """Three at a time on one database: no gap, no fork, checkpoints in the order of their sizes."""
    for process in [start(engine, folder, "live", "both") for _ in range(3)]:
        assert finish(process) == "done\n"
    with Session(snapshot(engine)) as session:
        verified = verify_record(session, RECORD)
        kept = [item.checkpoint.size for item in all_checkpoints(session, RECORD)]
        nodes = session.scalar(select(func.count()).select_from(StoredNode))
    assert verified.head.sequence == verified.covered == 3 * 8 * 60
    assert len(kept) == len(set(kept)) > 3
    whole = verified.covered // 256
    assert nodes == sum(whole >> level for level in range(whole.bit_length()))
