"""Proofs that stand alone: every entry, every old size, and everything changed in them refused."""

import base64
import copy
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from pki.auditchain.errors import AuditChainError, CheckpointError, ProofError, RecordError
from pki.auditchain.note import CheckpointKey, parse_checkpoint, sign_checkpoint
from pki.auditchain.proofs import PROOF_LIMIT, check_proof, prove_consistency, prove_inclusion
from pki.keys.files import FileSigner
from pki.keys.signer import Signer
from pki.store.database import create_database_engine
from tests.unit.pki.auditchain.service import ORIGIN, RECORD, checkpoint, create_tables, fill, tamper


@pytest.fixture
def engine_of_600(engine: Engine, signer: Signer) -> Engine:
    fill(engine, 300)
    checkpoint(engine, signer)
    fill(engine, 300)
    checkpoint(engine, signer)
    fill(engine, 5)
    return engine


def inclusion(engine: Engine, sequence: int) -> str:
    with Session(engine) as session:
        return json.dumps(prove_inclusion(session, RECORD, sequence), ensure_ascii=False)


def consistency(engine: Engine, old_size: int) -> str:
    with Session(engine) as session:
        return json.dumps(prove_consistency(session, RECORD, old_size))


@pytest.mark.parametrize("sequence", [1, 2, 255, 256, 257, 300, 511, 512, 513, 599, 600])
def test_entries_are_proven(engine_of_600: Engine, key: CheckpointKey, sequence: int) -> None:
    proven = check_proof(inclusion(engine_of_600, sequence), [key])
    assert proven.checkpoint.size == 600
    assert f"entry {sequence} " in proven.statement


@pytest.mark.parametrize("size", [1, 255, 256, 300, 512, 599, 600])
def test_beginnings_are_proven(engine_of_600: Engine, key: CheckpointKey, size: int) -> None:
    text = consistency(engine_of_600, size)
    told = f"first {size} of 600" if size in {300, 600} else f"begin with {size} whose root is"
    assert told in check_proof(text, [key]).statement
    assert (json.loads(text)["old_checkpoint"] is None) == (size not in {300, 600})


@pytest.mark.parametrize("sequence", [-1, 0, 601, 605, 10**30])
def test_what_no_checkpoint_covers_is_not_proven(engine_of_600: Engine, sequence: int) -> None:
    with pytest.raises(ProofError, match="1 to 600"):
        inclusion(engine_of_600, sequence)
    with pytest.raises(ProofError, match="1 to 600"):
        consistency(engine_of_600, sequence)


def test_without_a_checkpoint_nothing_is_proven(engine: Engine) -> None:
    fill(engine, 3)
    for prove in (inclusion, consistency):
        with pytest.raises(ProofError, match="no checkpoint yet"):
            prove(engine, 1)


def test_a_noted_checkpoint_is_where_a_consistency_proof_starts(
    sqlite_engine: Engine, signer: FileSigner, key: CheckpointKey
) -> None:
    fill(sqlite_engine, 300)
    noted = checkpoint(sqlite_engine, signer).checkpoint
    fill(sqlite_engine, 300)
    checkpoint(sqlite_engine, signer)
    check_proof(consistency(sqlite_engine, 300), [key], noted)
    for other in (
        sign_checkpoint(signer, ORIGIN, 300, bytes(32)),
        sign_checkpoint(signer, ORIGIN, 299, noted.root),
    ):
        with pytest.raises(ProofError, match="another record"):
            check_proof(consistency(sqlite_engine, 300), [key], other)


def test_another_key_s_proof_is_refused(sqlite_engine: Engine, signer: Signer) -> None:
    fill(sqlite_engine, 3)
    checkpoint(sqlite_engine, signer)
    stranger = ec.generate_private_key(ec.SECP256R1()).public_key()
    for keys in ([], [CheckpointKey(ORIGIN, stranger)]):
        with pytest.raises(CheckpointError, match="not signed"):
            check_proof(inclusion(sqlite_engine, 2), keys)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET actor = 'nobody' WHERE sequence = 2",
        "DELETE FROM events WHERE sequence = 2",
        "UPDATE events SET hash = zeroblob(32) WHERE sequence = 4",
        "UPDATE nodes SET hash = zeroblob(32) WHERE level = 8",
        "DELETE FROM nodes",
    ],
)
def test_a_changed_record_makes_no_proof(sqlite_engine: Engine, signer: Signer, statement: str) -> None:
    fill(sqlite_engine, 600)
    checkpoint(sqlite_engine, signer)
    tamper(sqlite_engine, statement)
    with pytest.raises(RecordError):
        inclusion(sqlite_engine, 2)


def test_an_entry_that_is_gone_is_named(sqlite_engine: Engine, signer: Signer) -> None:
    fill(sqlite_engine, 3)
    checkpoint(sqlite_engine, signer)
    tamper(sqlite_engine, "DELETE FROM events WHERE sequence = 2")
    with pytest.raises(AuditChainError) as caught:
        inclusion(sqlite_engine, 2)
    assert caught.value.sequence == 2


def test_a_proof_reads_few_rows_of_a_long_record(sqlite_engine: Engine, signer: Signer) -> None:
    fill(sqlite_engine, 40_000)
    checkpoint(sqlite_engine, signer)
    assert rows_read(sqlite_engine, inclusion) < 600
    assert rows_read(sqlite_engine, consistency) < 600


def rows_read(engine: Engine, prove: Any) -> int:
    """Rows that the statements of a proof give, counted at the driver."""
    counted = 0
    statements: list[tuple[str, Any]] = []
    event.listen(engine, "before_cursor_execute", lambda *args: statements.append((args[2], args[3])))
    prove(engine, 12_345)
    selects = [(text, values) for text, values in statements if text.startswith("SELECT")]
    with engine.connect() as connection:
        for text, values in selects:
            counted += len(connection.exec_driver_sql(text, values).all())
    return counted


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory, signer: Signer) -> list[dict[str, Any]]:
    """Some proofs, as data."""
    engine = create_database_engine(f"sqlite:///{tmp_path_factory.mktemp('record') / 'record.db'}")
    create_tables(engine)
    try:
        fill(engine, 300)
        checkpoint(engine, signer)
        fill(engine, 300)
        checkpoint(engine, signer)
        texts = [
            inclusion(engine, 7),
            inclusion(engine, 600),
            consistency(engine, 300),
            consistency(engine, 299),
        ]
        return [json.loads(text) for text in texts]
    finally:
        engine.dispose()


OTHER_VALUES: list[Any] = [None, 1, -1, "", "x", [], {}, 0.5, True, 10**40, "A" * 44, "\ud800"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_changed_proof_is_refused(
    samples: list[dict[str, Any]], key: CheckpointKey, data: st.DataObject
) -> None:
    proof = copy.deepcopy(data.draw(st.sampled_from(samples)))
    places = [(holder, name) for holder, name in walk(proof) if holder[name] != {}]
    holder, name = data.draw(st.sampled_from(places))
    changed: Any = data.draw(
        st.sampled_from([None, 1, -1, "", "x", [], {}, 0.5, True, 10**40, "A" * 44, "\ud800"])
    )
    if holder[name] == changed or (name == "old_checkpoint" and changed is None):
        return
    holder[name] = changed
    with pytest.raises((ProofError, CheckpointError)):
        check_proof(json.dumps(proof), [key])


def walk(value: Any) -> list[tuple[Any, Any]]:
    names = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
    return [place for name in names for place in [(value, name), *walk(value[name])]]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_missing_part_is_refused(
    samples: list[dict[str, Any]], key: CheckpointKey, data: st.DataObject
) -> None:
    proof = copy.deepcopy(data.draw(st.sampled_from(samples)))
    holder, name = data.draw(
        st.sampled_from([place for place in walk(proof) if place[1] != "old_checkpoint"])
    )
    del holder[name]
    with pytest.raises((ProofError, CheckpointError)):
        check_proof(json.dumps(proof), [key])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        "{",
        "[" * 100_000,
        '"' + "x" * PROOF_LIMIT + '"',
        '{"format": "x"}',
        "\x00",
        "1e999",
    ],
    ids=range(10),
)
def test_what_is_no_proof_is_refused(key: CheckpointKey, text: str) -> None:
    with pytest.raises(ProofError):
        check_proof(text, [key])


def test_a_good_checkpoint_of_an_unknown_kind_of_proof_is_refused(
    samples: list[dict[str, Any]], key: CheckpointKey
) -> None:
    with pytest.raises(ProofError, match="format"):
        check_proof(json.dumps({**samples[0], "format": "hoviat-audit-inclusion/2"}), [key])


def test_a_proof_with_another_checkpoint_of_the_same_log_is_refused(
    samples: list[dict[str, Any]], signer: FileSigner, key: CheckpointKey
) -> None:
    size = parse_checkpoint(samples[0]["checkpoint"]).size
    other = sign_checkpoint(signer, ORIGIN, size, bytes(32)).note
    with pytest.raises(ProofError, match="root"):
        check_proof(json.dumps({**samples[0], "checkpoint": other}), [key])


def test_hashes_in_a_proof_are_base64(samples: list[dict[str, Any]]) -> None:
    assert all(len(base64.b64decode(item)) == 32 for item in samples[0]["path"])
