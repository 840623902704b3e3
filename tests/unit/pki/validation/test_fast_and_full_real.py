"""The fast path and the full path over a real installation: its CRLs, deltas, partitions, OCSP answers."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509

from pki import home as homes
from pki import oids
from pki.authority import CertificateRequest, IssuedCertificate
from pki.bootstrap import Pki, initialise, open_pki
from pki.hierarchy import crl_scope
from pki.status import RevocationReason
from pki.status.ocsp.forms import plain_request
from pki.validation import Evidence, PathPolicy, PinnedIssuers, RevocationMode, ValidatedPath, validate
from tests.delivery import issue_delivered
from tests.unit.pki.conftest import ManualClock
from tests.unit.pki.validation.test_fast_and_full import WANTS, assert_same_verdict, outcome

CITIZEN, ROOT = "citizen-auth-g1", "root-g1"
DAY = timedelta(days=1)
LOGIN = PathPolicy("digital_signature", oids.CLIENT_AUTH, frozenset({oids.NCP_PLUS}))
PLAIN = [*(want for want in WANTS if want.revocation is RevocationMode.NONE), LOGIN]
FRESH = timedelta(minutes=30)
STATUS_WANTS = [PathPolicy(), LOGIN, PathPolicy(strict=True), PathPolicy(policies=frozenset({"1.2.3"}))]
MOMENTS = (-timedelta(seconds=1), FRESH, 3 * DAY, 400 * DAY, 5 * 365 * DAY, 30 * 365 * DAY)
"""From the leaf's start; what is published then is in force at the second of them alone."""
CRL_SOURCES = {"full", "full and delta", "all"}
TELLING = {
    RevocationMode.CRL: CRL_SOURCES,
    RevocationMode.EITHER: {*CRL_SOURCES, "answers and the root's"},
    RevocationMode.OCSP: set[str](),  # the root tells the CA's status by CRL alone
}
"""What tells good from revoked, for each source of statuses that may be wanted."""


@pytest.fixture(params=[1, 4], ids=["whole", "partitions"])
def installation(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> Iterator[Pki]:
    home = homes.create(tmp_path / "parts", "http://pki.example", shards=request.param)
    initialise(home, clock)
    opened = open_pki(home, clock)
    yield opened
    opened.close()


def nothing(_pki: Pki, _serial: int) -> None:
    """Happens."""


def revoke(pki: Pki, serial: int) -> None:
    pki.authority.revoke(serial, RevocationReason.KEY_COMPROMISE, "tester", "")


def suspend(pki: Pki, serial: int) -> None:
    pki.authority.suspend(serial, "tester", "")


def resume(pki: Pki, serial: int) -> None:
    pki.authority.resume(serial, "tester", "")


Change = Callable[[Pki, int], None]
LIVES: Mapping[str, tuple[Change, Change]] = {
    "good": (nothing, nothing),
    "revoked": (revoke, nothing),
    "revoked since": (nothing, revoke),
    "on hold since": (nothing, suspend),
    "free since": (suspend, resume),
}
"""What happens to a certificate before its full CRL and between that and the delta."""


def evidence_of(
    pki: Pki, clock: ManualClock, serial: int, life: tuple[Change, Change]
) -> dict[str, Evidence]:
    """By name: what is published of the leaf and its CA."""
    shards = pki.issuers[CITIZEN].shards
    scope = crl_scope(CITIZEN, shards, serial)
    other = crl_scope(CITIZEN, shards, serial + 1) if shards > 1 else "card-g1"
    before, since = life
    before(pki, serial)
    clock.advance(seconds=2)
    root, full, foreign = (pki.crls.publish(name).read() for name in (ROOT, scope, other))
    since(pki, serial)
    clock.advance(seconds=2)
    delta = pki.crls.publish(f"{scope}-delta").read()
    answers = [
        pki.ocsp.answer(plain_request(form, serial)).body for form in pki.ocsp.forms.of_issuer(CITIZEN)
    ]
    return {
        "nothing": Evidence.of(),
        "the root's": Evidence.of([root]),
        "full": Evidence.of([root, full]),
        "full and delta": Evidence.of([root, full, delta]),
        "delta": Evidence.of([root, delta]),
        "another's": Evidence.of([root, foreign]),
        "answers": Evidence.of(ocsp=answers),
        "answers and the root's": Evidence.of([root], answers),
        "all": Evidence.of([root, full, delta], answers),
    }


class Both:
    """One leaf through either path."""

    def __init__(self, pki: Pki, issued: IssuedCertificate) -> None:
        self.issued = issued
        self._trust = pki.trust
        self._pinned = PinnedIssuers(pki.trust.intermediates, pki.trust.anchors)

    def judge(self, after: timedelta, wanted: PathPolicy, evidence: Evidence) -> ValidatedPath | str:
        """The verdict of both."""
        at, leaf = self.issued.not_before + after, self.issued.der
        fast = outcome(partial(self._pinned.validate, leaf, at, wanted, evidence))
        bag: list[bytes | x509.Certificate] = [leaf, *self._trust.intermediates]
        full = outcome(partial(validate, bag, self._trust.anchors, at, wanted, evidence))
        assert_same_verdict(fast, full)
        return full


def told_by(both: Both, mode: RevocationMode, evidence: Evidence) -> Iterator[str]:
    """What comes of it while the evidence is fresh; `good` where the path holds."""
    for plain in STATUS_WANTS:
        wanted = replace(plain, revocation=mode)
        for after in MOMENTS[:3]:
            verdict = both.judge(after, wanted, evidence)
            if after == FRESH:
                yield verdict if isinstance(verdict, str) else "good"


def test_without_a_status(pki: Pki, citizen_request: Callable[..., CertificateRequest]) -> None:
    both = Both(pki, issue_delivered(pki.authority, citizen_request()))
    verdicts = [both.judge(after, wanted, Evidence.of()) for after in MOMENTS for wanted in PLAIN]
    assert sum(isinstance(verdict, ValidatedPath) for verdict in verdicts) >= 4


def test_with_every_source_of_statuses(
    installation: Pki, clock: ManualClock, citizen_request: Callable[..., CertificateRequest]
) -> None:
    found: dict[RevocationMode, dict[str, set[str]]] = {mode: {} for mode in TELLING}
    for name, life in LIVES.items():
        both = Both(installation, issue_delivered(installation.authority, citizen_request(name)))
        sources = evidence_of(installation, clock, both.issued.serial, life)
        for mode in TELLING:
            for source, evidence in sources.items():
                found[mode].setdefault(source, set()).update(told_by(both, mode, evidence))
    for mode, by_source in found.items():
        assert {source for source, told in by_source.items() if {"good", "revoked"} <= told} == TELLING[mode]
