"""The OCSP answers and time rules of the web-eid validation libraries' own tests (MIT)."""

import base64
import json
from contextlib import nullcontext
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from pki.errors import ValidationError
from pki.validation.certificate import read_certificate
from pki.validation.inputs import objects_in_text
from pki.validation.ocsp import CertId, CertStatus, SingleAnswer, read_ocsp
from tests.unit.pki.validation.making import NOW
from verifier.authentication.status import check_status
from verifier.authentication.statuserrors import (
    CertificateRevokedError,
    CertificateUnknownError,
    StatusError,
    StatusSourceFailedError,
    StatusStaleError,
    StatusUntrustedAnswerError,
)
from verifier.status.breaker import Breaker
from verifier.status.fetching import Fetcher, Reach
from verifier.status.gate import Gate
from verifier.status.ocspclient import OcspClient
from verifier.status.settings import Mode, SourceSettings
from verifier.status.sources import Source
from verifier.status.webeid import check_times

EXPECTED: dict[str, type[StatusError]] = {
    "ocsp-invalid-body": StatusUntrustedAnswerError,
    "ocsp-internal-error": StatusSourceFailedError,
    "ocsp-other-cert-id": StatusUntrustedAnswerError,
    "ocsp-bad-signature": StatusUntrustedAnswerError,
    "ocsp-bad-responder-cert": StatusUntrustedAnswerError,
    "ocsp-bad-tag": StatusUntrustedAnswerError,
    "ocsp-two-responses": StatusUntrustedAnswerError,
    "ocsp-revoked": CertificateRevokedError,
    # Upstream calls unknown revoked; here it has an error of its own.
    "ocsp-unknown-designated": CertificateUnknownError,
    "ocsp-responder-not-trusted": StatusUntrustedAnswerError,
    "ocsp-responder-expired": StatusStaleError,
    "ocsp-nonce-differs": StatusUntrustedAnswerError,
    "ocsp-two-responder-certs": StatusUntrustedAnswerError,
}
RULES = ["within", "next-before-this", "this-30min-old", "this-30min-ahead", "next-30min-old", "no-next"]
MAX_AGE, SKEW = timedelta(seconds=120), timedelta(seconds=900)


@cache
def suite(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "webeid" / "vectors.json").read_text("utf-8"))
    return found


def named(cases: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(case for case in cases if case["name"] == name)


def test_all_of_them_are_here(test_data: Path) -> None:
    found = suite(test_data)
    assert [case["name"] for case in found["ocsp_step_vectors"]] == list(EXPECTED)
    assert [case["name"] for case in found["ocsp_time_rules"]] == RULES


async def nowhere(_host: str, _port: int) -> list[str]:
    return []


def client_for(config: dict[str, Any]) -> OcspClient:
    settings = SourceSettings(
        "vector",
        Mode.OCSP,
        nonce=config["ocsp_nonce"],
        max_age=config["max_this_update_age_s"],
        skew=config["allowed_time_skew_s"],
    )
    pem = config.get("designated_responder_pem")
    agreed = () if pem is None else tuple(read_certificate(item, None) for item in objects_in_text(pem))
    fetcher = Fetcher(Reach(frozenset()), nowhere)
    return OcspClient(Source(settings, agreed), fetcher, Gate(Breaker(1, 1, lambda: 0), 1), bytes)


def judge(case: dict[str, Any], nonce: bytes | None, at: datetime | None = None) -> None:
    raw = base64.b64decode(case["ocsp_response_b64"])
    certificate = read_certificate(base64.b64decode(case["certificate_b64"]))
    issuer = read_certificate(x509.load_pem_x509_certificate(case["issuer_pem"].encode()))
    moment = at or datetime.fromisoformat(case["now"])
    check_status(client_for(case["config"]).judge(raw, certificate, issuer, moment, nonce))


def recorded_nonce(case: dict[str, Any]) -> bytes | None:
    """What the recorded answer was asked with; whether it comes back is the question of one vector only."""
    try:
        return read_ocsp(base64.b64decode(case["ocsp_response_b64"])).nonce
    except ValidationError:
        return None


@pytest.mark.parametrize("name", EXPECTED)
def test_step_vectors(name: str, test_data: Path) -> None:
    case = named(suite(test_data)["ocsp_step_vectors"], name)
    fresh = "request_nonce" in case
    with pytest.raises(StatusError) as caught:
        judge(case, bytes(32) if fresh else recorded_nonce(case))
    assert type(caught.value) is EXPECTED[name]


def test_the_answer_whose_nonce_differs_is_good_for_whom_it_was_made(test_data: Path) -> None:
    case = named(suite(test_data)["ocsp_step_vectors"], "ocsp-nonce-differs")
    judge(case, recorded_nonce(case))


def test_the_expired_responder_is_refused_for_that_too(test_data: Path) -> None:
    """Its vector is years later, when the answer is too old as well; here the answer is of that day."""
    case = named(suite(test_data)["ocsp_step_vectors"], "ocsp-responder-expired")
    with pytest.raises(StatusUntrustedAnswerError):
        judge(case, recorded_nonce(case), datetime.fromisoformat("2021-09-18T00:16:25+00:00"))


@pytest.mark.parametrize("name", RULES)
def test_time_rules(name: str, test_data: Path) -> None:
    case = named(suite(test_data)["ocsp_time_rules"], name)
    single = SingleAnswer(
        CertId("1.3.14.3.2.26", b"", b"", 1),
        CertStatus.GOOD,
        None,
        "unspecified",
        NOW + timedelta(seconds=case["this_update"]),
        None if case["next_update"] is None else NOW + timedelta(seconds=case["next_update"]),
        None,
    )
    if case["expect"] == "ok":
        check_times(single, NOW, MAX_AGE, SKEW)
    else:
        with pytest.raises(StatusStaleError):
            check_times(single, NOW, MAX_AGE, SKEW)


@pytest.mark.parametrize(("ended", "counts"), [(899, True), (900, True), (901, False)])
def test_next_update_ends_an_answer_however_old_one_may_be(ended: int, *, counts: bool) -> None:
    single = SingleAnswer(
        CertId("1.3.14.3.2.26", b"", b"", 1),
        CertStatus.GOOD,
        None,
        "unspecified",
        NOW - timedelta(hours=1),
        NOW - timedelta(seconds=ended),
        None,
    )
    with nullcontext() if counts else pytest.raises(StatusStaleError):
        check_times(single, NOW, timedelta(days=1), SKEW)
