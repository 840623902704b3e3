"""Writing receipts, and showing each reader what is theirs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, unique
from functools import cache, lru_cache

from sqlalchemy import Select, select

from pki.store.bulk import among, dialect_of, insert_values, table_of
from verifier.authentication.steps import Step
from verifier.receipts.advice import ACCEPTED, ADVICE, STEP_NAMES, TITLES
from verifier.receipts.codes import new_code, normalise
from verifier.receipts.models import ReceiptRow
from verifier.services.apikeys import RandomBytes
from verifier.store.sessions import ReadSession, WriteSession


@unique
class StepOutcome(Enum):
    """How a step attempt."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_REACHED = "not_reached"


class ReceiptMissingError(Exception):
    """This site has no receipt with this code."""


@dataclass(frozen=True)
class Receipt:
    """One attempt: what was checked, what failed, what to do about it."""

    code: str
    time: datetime
    policy: str
    outcome: str
    """`accepted`, or the kind of the failure."""
    failed_step: Step | None

    def outcome_of(self, step: Step) -> StepOutcome:
        """How this step ended."""
        return _outcome_of(step, self.failed_step)

    def as_json(self) -> dict[str, object]:
        """What the site, and through it the citizen, is shown."""
        words: dict[str, object] = json.loads(_words(self.outcome, self.failed_step))
        return self._facts() | words

    def as_json_text(self) -> str:
        """`as_json`, written: what all receipts of an outcome share is written once."""
        facts = json.dumps(self._facts(), ensure_ascii=False)
        return facts[:-1] + ", " + _words(self.outcome, self.failed_step)[1:]

    def _facts(self) -> dict[str, object]:
        return {
            "code": self.code,
            "time": self.time.isoformat(timespec="seconds"),
            "policy": self.policy,
            "outcome": self.outcome,
        }


def _outcome_of(step: Step, failed_step: Step | None) -> StepOutcome:
    """Steps are taken in order, so the failing one says how all others ended."""
    if failed_step is None or step < failed_step:
        return StepOutcome.PASSED
    return StepOutcome.FAILED if step == failed_step else StepOutcome.NOT_REACHED


@lru_cache(maxsize=256)
def _words(outcome: str, failed_step: Step | None) -> str:
    """What is said of every attempt that ended so, as the JSON text of an object."""
    said = {
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
    return json.dumps(said, ensure_ascii=False)


@dataclass(frozen=True)
class Summary:
    """How an attempt ended, as its receipt keeps it."""

    site_id: str
    time: datetime
    policy: str
    failure: tuple[Step, str] | None
    """The step and its kind; None for an accepted login."""
    certificate_sha256: str | None


def store_many(
    session: WriteSession, random_bytes: RandomBytes, attempts: Sequence[Summary]
) -> list[Receipt]:
    """Writes a receipt for each attempt, in their order, under codes of their own."""
    codes = _new_codes(session, random_bytes, len(attempts))
    receipts = []
    rows = []
    for code, attempt in zip(codes, attempts, strict=True):
        failed_step, outcome = attempt.failure or (None, ACCEPTED)
        receipts.append(Receipt(code, attempt.time, attempt.policy, outcome, failed_step))
        step = None if failed_step is None else failed_step.value
        kept = (code, attempt.site_id, attempt.time, attempt.policy, outcome, step)
        rows.append((*kept, attempt.certificate_sha256))
    insert_values(session, ReceiptRow, _COLUMNS, rows)
    return receipts


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


_COLUMNS = ("code", "site_id", "time", "policy", "outcome", "failed_step", "certificate_sha256")


@cache
def _taken(dialect: str) -> Select[str]:
    code = table_of(ReceiptRow).c.code
    return select(code).where(among(dialect, code, "codes"))


def find(session: ReadSession, site_id: str, code: str) -> Receipt:
    """The site's own receipt; raises ReceiptMissingError, or ReceiptCodeError for what is no code."""
    row = session.get(ReceiptRow, normalise(code))
    if row is None or row.site_id != site_id:
        raise ReceiptMissingError
    failed_step = None if row.failed_step is None else Step(row.failed_step)
    return Receipt(row.code, row.time, row.policy, row.outcome, failed_step)
