"""A verdict in words: what was asked of which certificate, and where it ended."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pki.validation.certificate import Certificate, Source
from pki.validation.errors import PathError
from pki.validation.evidence import Evidence
from pki.validation.path import Check, ValidatedPath, validate
from pki.validation.policy import PathPolicy, RevocationMode


@dataclass(frozen=True)
class Step:
    """One check that held. Several ways may be tried: each begins with its anchor."""

    depth: int
    serial: int
    sha256: str
    check: Check

    def as_text(self) -> str:
        """The line as a person reads it."""
        return f"certificate {self.depth} ({_short(self.serial, self.sha256)}): {self.check.value}"


@dataclass(frozen=True)
class Explanation:
    """The steps in order, and either the path that held or the error."""

    steps: tuple[Step, ...]
    path: ValidatedPath | None
    error: PathError | None
    status_asked: bool = True
    """Whether the policy wants to know that nothing is revoked."""

    def as_data(self) -> dict[str, object]:
        """As `--json` prints it."""
        return {
            "ok": self.error is None,
            "error": None if self.error is None else self.error.kind,
            **_error_data(self.error),
            "steps": [
                {
                    "depth": step.depth,
                    "serial": f"{step.serial:x}",
                    "sha256": step.sha256,
                    "check": step.check.name.lower(),
                }
                for step in self.steps
            ],
            "path": [] if self.path is None else [_digest(item) for item in self.path.certificates],
            "anchor": None if self.path is None else _digest(self.path.anchor),
            "policies": [] if self.path is None else sorted(self.path.policies),
        }

    def as_lines(self) -> list[str]:
        """As a person reads it."""
        lines = [f"  holds   {step.as_text()}" for step in self.steps]
        if self.error is not None:
            return [*lines, f"  FAILS   {_failure(self.error)}", f"refused: {self.error.kind}"]
        policies = ", ".join(sorted(self.path.policies)) if self.path and self.path.policies else "none"
        asked = "" if self.status_asked else "; whether any is revoked was not asked (--crl, --ocsp)"
        return [*lines, f"valid; policies: {policies}{asked}"]


def explain(
    chain: Sequence[Source],
    anchors: Sequence[Source],
    at: datetime,
    policy: PathPolicy,
    evidence: Evidence,
) -> Explanation:
    """`validate`, told step by step. Raises nothing that `validate` raises."""
    steps: list[Step] = []

    def listen(depth: int, certificate: Certificate, check: Check) -> None:
        steps.append(Step(depth, certificate.serial, _digest(certificate), check))

    try:
        path = validate(chain, anchors, at, policy, evidence, listen)
    except PathError as error:
        return Explanation(tuple(steps), None, error)
    return Explanation(tuple(steps), path, None, policy.revocation is not RevocationMode.NONE)


def _digest(certificate: Certificate) -> str:
    return hashlib.sha256(certificate.raw).hexdigest()


def _short(serial: int, sha256: str) -> str:
    return f"serial {serial:x}, SHA-256 {sha256[:16]}…"


def _failure(error: PathError) -> str:
    which = "" if error.sha256 is None or error.serial is None else f" ({_short(error.serial, error.sha256)})"
    where = "" if error.depth is None else f"certificate {error.depth}{which}: "
    return f"{where}{error.detail} [{error.rule}]"


def _error_data(error: PathError | None) -> dict[str, object]:
    return {
        "detail": error and error.detail,
        "rule": error and error.rule,
        "depth": error and error.depth,
        "serial": None if error is None or error.serial is None else f"{error.serial:x}",
        "sha256": error and error.sha256,
    }
