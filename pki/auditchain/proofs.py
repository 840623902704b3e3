"""Proofs that stand alone: what is needed to check them is in them, but for the checkpoint's key.

Two kinds of JSON objects. `hoviat-audit-inclusion/1`: an `entry` (its fields but the hash), its `path` and
a `checkpoint`. `hoviat-audit-consistency/1`: `old_size`, `old_root`, the signed `old_checkpoint` at that size
if there is one (else null), `path`, and the newer `checkpoint`. Hashes of trees are Base64.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass

from sqlalchemy.orm import Session

from pki.auditchain.canonical import Json, canonical_json, canonical_time
from pki.auditchain.checkpoints import at_size, newest
from pki.auditchain.errors import AuditChainError, ProofError
from pki.auditchain.merkle import (
    check_consistency,
    check_inclusion,
    consistency_spans,
    inclusion_spans,
    leaf_hash,
)
from pki.auditchain.note import Checkpoint, CheckpointKey, parse_checkpoint
from pki.auditchain.table import stored
from pki.auditchain.tree import Record, StoredTree

INCLUSION = "hoviat-audit-inclusion/1"
CONSISTENCY = "hoviat-audit-consistency/1"
PROOF_LIMIT = 1024 * 1024
"""Bytes of a proof that is read."""
_PATH_LIMIT = 128  # two for each of at most 63 levels
_ENTRY_FIELDS = {"sequence", "time", "actor", "action", "subject", "details", "previous_hash"}

Proof = dict[str, Json]


@dataclass(frozen=True)
class Proven:
    """What a checked proof says, in a sentence, and the checkpoint that it leads to."""

    statement: str
    checkpoint: Checkpoint


def prove_inclusion(session: Session, record: Record, sequence: int) -> Proof:
    """That the entry is covered by the newest checkpoint. Raises ProofError, or RecordError for a bad log."""
    checkpoint = _newest(session, record)
    if not 1 <= sequence <= checkpoint.size:
        raise ProofError(f"the newest checkpoint covers entries 1 to {checkpoint.size}: not {sequence}")
    with closing(stored(session, record.entries, sequence, sequence)) as entries:
        entry = next(entries, None)
    if entry is None:
        raise AuditChainError(sequence, "is missing")
    path = StoredTree(session, record).spans(inclusion_spans(sequence - 1, checkpoint.size))
    fields: dict[str, Json] = {**entry._asdict(), "time": canonical_time(entry.time)}
    del fields["hash"]
    proof: Proof = {
        "format": INCLUSION,
        "entry": fields,
        "path": [_text64(item) for item in path],
        "checkpoint": checkpoint.note,
    }
    _check_inclusion(proof, checkpoint)  # a changed log makes no proof
    return proof


def prove_consistency(session: Session, record: Record, old_size: int) -> Proof:
    """That the newest checkpoint's record begins with the first `old_size` entries. Raises as above."""
    checkpoint = _newest(session, record)
    if not 1 <= old_size <= checkpoint.size:
        raise ProofError(f"the newest checkpoint covers entries 1 to {checkpoint.size}: not {old_size}")
    tree = StoredTree(session, record)
    old = at_size(session, record, old_size)
    proof: Proof = {
        "format": CONSISTENCY,
        "old_size": old_size,
        "old_root": _text64(tree.root(old_size)),
        "old_checkpoint": None if old is None else old.checkpoint.note,
        "path": [_text64(item) for item in tree.spans(consistency_spans(old_size, checkpoint.size))],
        "checkpoint": checkpoint.note,
    }
    _check_consistency(proof, checkpoint)
    return proof


def check_proof(text: str, keys: Iterable[CheckpointKey], noted: Checkpoint | None = None) -> Proven:
    """Checks a proof in its JSON text: signatures by `keys`, and that its path leads to the checkpoint.

    `noted`, of the proof's old size, must be what a consistency proof starts from. Raises ProofError,
    CheckpointError.
    """
    proof, keys = _parse(text), list(keys)
    checkpoint = parse_checkpoint(_text(proof, "checkpoint"))
    checkpoint.verify(keys)
    if proof.get("format") == INCLUSION:
        sequence = _check_inclusion(proof, checkpoint)
        return Proven(f"entry {sequence} is one of the {checkpoint.size} of the checkpoint", checkpoint)
    if proof.get("format") != CONSISTENCY:
        raise ProofError("is of no known format")
    old = _check_consistency(proof, checkpoint)
    vouching = [item for item in (noted, _old_checkpoint(proof)) if item is not None]
    for other in vouching:
        other.verify(keys)
        if (other.size, other.root) != old:
            raise ProofError(f"starts from another record than the checkpoint at size {other.size}")
    return Proven(_continued(old, checkpoint, signed=bool(vouching)), checkpoint)


def _continued(old: tuple[int, bytes], checkpoint: Checkpoint, *, signed: bool) -> str:
    """What a consistency proof shows: less where nobody signed what it starts from."""
    size, root = old
    if signed:
        return f"the first {size} of {checkpoint.size} entries are those of the checkpoint signed over {size}"
    return (
        f"the {checkpoint.size} entries begin with {size} whose root is {root.hex()}; no checkpoint over "
        f"{size} vouches for that root, so compare it with one that you noted (--checkpoint)"
    )


def claimed_origin(text: str) -> str:
    """The log that a proof claims to be about. Raises ProofError, CheckpointError."""
    return parse_checkpoint(_text(_parse(text), "checkpoint")).origin


def _check_inclusion(proof: Mapping[str, object], checkpoint: Checkpoint) -> int:
    entry = proof.get("entry")
    if not isinstance(entry, dict) or set(entry) != _ENTRY_FIELDS or type(entry["sequence"]) is not int:
        raise ProofError("has no whole entry")
    try:
        leaf = leaf_hash(hashlib.sha256(canonical_json(entry)).digest())
    except (TypeError, ValueError, RecursionError) as error:
        raise ProofError("holds an entry without a canonical text") from error
    sequence: int = entry["sequence"]
    check_inclusion(leaf, sequence - 1, checkpoint.size, _path(proof), checkpoint.root)
    return sequence


def _check_consistency(proof: Mapping[str, object], checkpoint: Checkpoint) -> tuple[int, bytes]:
    size = proof.get("old_size")
    if type(size) is not int:
        raise ProofError("has no old size")
    root = _hash(proof.get("old_root"))
    check_consistency(size, checkpoint.size, _path(proof), root, checkpoint.root)
    return size, root


def _old_checkpoint(proof: Mapping[str, object]) -> Checkpoint | None:
    return None if proof.get("old_checkpoint") is None else parse_checkpoint(_text(proof, "old_checkpoint"))


def _newest(session: Session, record: Record) -> Checkpoint:
    found = newest(session, record)
    if found is None:
        raise ProofError("there is no checkpoint yet; make one first")
    return found.checkpoint


def _parse(text: str) -> dict[str, object]:
    if len(text) > PROOF_LIMIT:
        raise ProofError("is too long")
    try:
        proof = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProofError("is no JSON") from error
    if not isinstance(proof, dict):
        raise ProofError("is no JSON object")
    return proof


def _text(proof: Mapping[str, object], name: str) -> str:
    value = proof.get(name)
    if not isinstance(value, str):
        raise ProofError(f"has no {name}")
    return value


def _path(proof: Mapping[str, object]) -> list[bytes]:
    path = proof.get("path")
    if not isinstance(path, list) or len(path) > _PATH_LIMIT:
        raise ProofError("has no path")
    return [_hash(item) for item in path]


def _hash(value: object) -> bytes:
    try:
        digest = base64.b64decode(value if isinstance(value, str) else "", validate=True)
    except (binascii.Error, ValueError) as error:
        raise ProofError("holds a hash that is no Base64") from error
    return digest


def _text64(data: bytes) -> str:
    return base64.b64encode(data).decode()
