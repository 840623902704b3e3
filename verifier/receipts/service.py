"""Writing receipts, and showing each reader what is theirs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, unique
from functools import cache, lru_cache

from sqlalchemy import Select, select

from pki.auditchain.canonical import canonical_text
from pki.store.bulk import among, dialect_of, insert_values, table_of
from verifier.authentication.steps import Step
from verifier.receipts.advice import ACCEPTED, ADVICE, STEP_NAMES, TITLES
from verifier.receipts.codes import new_code, normalise
from verifier.receipts.keys import ReceiptKeys
from verifier.receipts.models import DETAIL_LIMIT, ReceiptRow
from verifier.receipts.proof import Facts, compact, hash_of_certificate
from verifier.services.apikeys import RandomBytes
from verifier.store.sessions import ReadSession, WriteSession


@unique
class StepOutcome(Enum):
    """How a step attempt."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_REACHED = "not_reached"


class ReceiptMissingError(Exception):
    """There is no receipt with this code for who asks."""


class ReceiptAlteredError(ReceiptMissingError):
    """There is a row, but none that this verifier has written."""


@dataclass(frozen=True)
class Receipt:
    """One attempt: what was checked, what failed, what to do about it."""

    code: str
    time: datetime
    policy: str
    outcome: str
    """`accepted`, or the kind of the failure."""
    failed_step: Step | None
    site_id: str
    certificate_hash: str | None
    """Names the certificate to whoever has it (`hash_of_certificate`)."""
    signed: str | None
    """All of this under the verifier's signature, a JWS; None for receipts of before there were any."""

    def outcome_of(self, step: Step) -> StepOutcome:
        """How this step ended."""
        return _outcome_of(step, self.failed_step)

    def as_json(self) -> dict[str, object]:
        """What the site is shown."""
        return self._facts() | words(self.outcome, self.failed_step)

    def as_json_text(self) -> str:
        """`as_json`, written: what all receipts of an outcome share is written once."""
        facts = canonical_text(self._facts())
        return facts[:-1] + ", " + _words(self.outcome, self.failed_step)[1:]

    def _facts(self) -> dict[str, object]:
        return {
            "code": self.code,
            "time": self.time.isoformat(timespec="seconds"),
            "policy": self.policy,
            "outcome": self.outcome,
            "site": self.site_id,
            "certificate_hash": self.certificate_hash,
            "signed": self.signed,
        }


def _outcome_of(step: Step, failed_step: Step | None) -> StepOutcome:
    """Steps are taken in order, so the failing one says how all others ended."""
    if failed_step is None or step < failed_step:
        return StepOutcome.PASSED
    return StepOutcome.FAILED if step == failed_step else StepOutcome.NOT_REACHED


def words(outcome: str, failed_step: Step | None) -> dict[str, object]:
    """What is said, to every reader, of every attempt that ended so."""
    return {
        "failed_step": None if failed_step is None else failed_step.value,
        "title": TITLES[outcome].as_json(),
        "advice": ADVICE[outcome].as_json(),
        "steps": [
            {
                "number": step.value,
                "name": step.name.lower(),
                "outcome": _outcome_of(step, failed_step).value,
                "title": STEP_NAMES[step.name].as_json(),
            }
            for step in Step
        ],
    }


@lru_cache(maxsize=256)
def _words(outcome: str, failed_step: Step | None) -> str:
    """The same as the JSON text of an object."""
    return json.dumps(words(outcome, failed_step), ensure_ascii=False)


@dataclass(frozen=True)
class Summary:
    """How an attempt ended, as its receipt keeps it."""

    site_id: str
    time: datetime
    policy: str
    failure: tuple[Step, str] | None
    """The step and its kind; None for an accepted login."""
    certificate_sha256: str | None
    challenge_digest: str
    detail: str | None
    """What exactly failed; tells no person's name."""


def store_many(
    session: WriteSession, random_bytes: RandomBytes, keys: ReceiptKeys, attempts: Sequence[Summary]
) -> list[Receipt]:
    """Signs and writes a receipt for each attempt, in their order, under codes of their own.

    Raises KeyStoreError where the key is on a token that is away.
    """
    codes = _new_codes(session, random_bytes, len(attempts))
    receipts = []
    rows = []
    for code, attempt in zip(codes, attempts, strict=True):
        receipt, signature = _signed(code, attempt, keys)
        receipts.append(receipt)
        step = None if receipt.failed_step is None else receipt.failed_step.value
        kept = (code, attempt.site_id, attempt.time, attempt.policy, receipt.outcome, step)
        detail = None if attempt.detail is None else printable(attempt.detail[:DETAIL_LIMIT])
        own = (keys.key_id, signature, detail, attempt.challenge_digest)
        rows.append((*kept, attempt.certificate_sha256, *own))
    insert_values(session, ReceiptRow, _COLUMNS, rows)
    return receipts


def _signed(code: str, attempt: Summary, keys: ReceiptKeys) -> tuple[Receipt, bytes]:
    """The receipt, and its signature as the row keeps it."""
    failed_step, outcome = attempt.failure or (None, ACCEPTED)
    fingerprint = attempt.certificate_sha256
    certificate = None if fingerprint is None else hash_of_certificate(code, fingerprint)
    facts = Facts(code, attempt.time, attempt.site_id, attempt.policy, outcome, failed_step, certificate)
    signature, signed = keys.sign(facts)
    receipt = Receipt(
        code, attempt.time, attempt.policy, outcome, failed_step, attempt.site_id, certificate, signed
    )
    return receipt, signature


def printable(text: str) -> str:
    """Without what could steer a terminal, or have no place in a database."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _new_codes(session: WriteSession, random_bytes: RandomBytes, count: int) -> list[str]:
    """So many codes that no receipt has."""
    codes: dict[str, None] = {}
    taken_among = _taken(dialect_of(session))
    while len(codes) < count:
        fresh = {new_code(random_bytes): None for _ in range(count - len(codes))}
        for taken in session.connection().execute(taken_among, {"codes": list(fresh)}).scalars():
            del fresh[taken]
        codes |= fresh
    return list(codes)


_COLUMNS = (
    "code",
    "site_id",
    "time",
    "policy",
    "outcome",
    "failed_step",
    "certificate_sha256",
    "key_id",
    "signature",
    "detail",
    "challenge_digest",
)


@cache
def _taken(dialect: str) -> Select[str]:
    code = table_of(ReceiptRow).c.code
    return select(code).where(among(dialect, code, "codes"))


def find(session: ReadSession, site_id: str, code: str) -> Receipt:
    """The site's own receipt; raises ReceiptMissingError, or ReceiptCodeError for what is no code."""
    row = session.get(ReceiptRow, normalise(code))
    if row is None or row.site_id != site_id:
        raise ReceiptMissingError
    return receipt_of(row)


def receipt_of(row: ReceiptRow) -> Receipt:
    """What a row says. It is put under its signature as it stands: a changed one no longer verifies.

    Raises ReceiptAlteredError for what can't be said of any attempt.
    """
    if row.outcome not in TITLES or row.failed_step not in _STEPS:
        raise ReceiptAlteredError
    step = None if row.failed_step is None else Step(row.failed_step)
    fingerprint = row.certificate_sha256
    certificate = None if fingerprint is None else hash_of_certificate(row.code, fingerprint)
    facts = Facts(row.code, row.time, row.site_id, row.policy, row.outcome, step, certificate)
    unsigned = row.key_id is None or row.signature is None
    signed = None if unsigned else compact(facts, str(row.key_id), bytes(row.signature or b""))
    return Receipt(row.code, row.time, row.policy, row.outcome, step, row.site_id, certificate, signed)


_STEPS = frozenset((None, *(step.value for step in Step)))
