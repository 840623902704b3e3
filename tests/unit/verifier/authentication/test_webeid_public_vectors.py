"""The 85 public Web eID tokens: each ends as it says, those with an OCSP answer in step 8."""

import base64
import json
import os
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from pki import oids
from pki.validation import ValidatedPath
from tests.unit.verifier.status.test_public_ocsp_vectors import client_for
from verifier.authentication.algorithms import verify_signature
from verifier.authentication.certificate import CardCertificate
from verifier.authentication.errors import (
    CertificateDecodingError,
    CertificateExpiredError,
    CertificateNotYetValidError,
    CertificatePolicyError,
    FormatUnsupportedError,
    IssuerUntrustedError,
    LoginRefusedError,
    PurposeMissingError,
    PurposeWrongError,
    SignatureError,
    SigningCertificateError,
    TokenFormatError,
    TokenParseError,
)
from verifier.authentication.policy import WEB_EID_POLICY
from verifier.authentication.status import check_status
from verifier.authentication.statuserrors import StatusStaleError, StatusUntrustedAnswerError
from verifier.authentication.token import WebEidToken
from verifier.authentication.trust import issuer_above
from verifier.authentication.verification import TokenVerifier
from verifier.explaining import read_trust

_FOLDER = Path(
    os.environ.get("HOVIAT_TEST_DATA", Path(__file__).parents[4].parent / "shared" / "data"), "webeid"
)

OUR_ERRORS: dict[str, tuple[type[LoginRefusedError], ...]] = {
    # Upstream reports what is no token, no supported one, and wrong hints in it, by one class.
    "AuthTokenParseException": (TokenParseError, TokenFormatError, SigningCertificateError),
    "AuthTokenSignatureValidationException": (SignatureError,),
    "CertificateDecodingException": (CertificateDecodingError,),
    "CertificateExpiredException": (CertificateExpiredError,),
    "CertificateNotTrustedException": (IssuerUntrustedError,),
    "CertificateNotYetValidException": (CertificateNotYetValidError,),
    "UserCertificateDisallowedPolicyException": (CertificatePolicyError,),
    "UserCertificateMissingPurposeException": (PurposeMissingError,),
    # Upstream has one class for whatever an OCSP responder does wrong.
    "UserCertificateOCSPCheckFailedException": (StatusStaleError, StatusUntrustedAnswerError),
    "UserCertificateWrongPurposeException": (PurposeWrongError,),
}
"""Upstream's error class, and ours for the same failure."""

DIVERGENT: dict[str, tuple[type[LoginRefusedError], str]] = {
    "cert-number": (TokenParseError, "a JSON number is no string; upstream coerces it first"),
    "format-02-web-eid:1.10": (FormatUnsupportedError, "only 1.0 and 1.1 are known; the vector allows it"),
    "format-03-web-eid:1.999": (FormatUnsupportedError, "as web-eid:1.10"),
}
"""Vectors that we refuse where, or earlier than, upstream does not; the vectors themselves allow it."""

SIGNATURE_ONLY = "lv-rs256-signature-only"


def _suite() -> dict[str, Any]:
    path = _FOLDER / "vectors.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


_SUITE = _suite()
_ALL: list[dict[str, Any]] = _SUITE.get("vectors", [])
_WHOLE = [vector for vector in _ALL if vector["name"] != SIGNATURE_ONLY]

pytestmark = pytest.mark.skipif(not _ALL, reason=f"no public vectors at {_FOLDER}; set HOVIAT_TEST_DATA")


def _verify(vector: dict[str, Any]) -> None:
    refused = vector.get("config", {}).get("disallowed_policies", WEB_EID_POLICY.refused_policies)
    policy = replace(WEB_EID_POLICY, refused_policies=frozenset(refused))
    trust = read_trust(pem.encode() for pem in vector["trusted_ca_pem"])
    verifier = TokenVerifier(policy, trust, None)
    token = WebEidToken.parse(vector["token"])
    at = datetime.fromisoformat(vector["now"])
    checked = verifier.check(token, vector["origin"], vector["nonce"], at)
    if "ocsp_response_b64" in vector:
        _ask_status(vector, checked.path, at)
    identity = checked.identity()
    subject = vector.get("subject", {})
    assert identity.identity_code == subject.get("id_code", identity.identity_code)
    assert identity.surname == subject.get("surname", identity.surname)


def _ask_status(vector: dict[str, Any], path: ValidatedPath, at: datetime) -> None:
    """Step 8 by the recorded answer: that of a responder which the card's CA delegated."""
    config = {**_SUITE["defaults"], **vector["config"]}
    answer = base64.b64decode(vector["ocsp_response_b64"])
    nonce = bytes(32) if config["ocsp_nonce"] else None
    check_status(client_for(config).judge(answer, path.certificates[0], issuer_above(path), at, nonce))


@pytest.mark.parametrize("vector", [pytest.param(v, id=v["name"]) for v in _WHOLE])
def test_public_vector_ends_as_it_says(vector: dict[str, Any]) -> None:
    name = vector["name"]
    if name in DIVERGENT:
        with pytest.raises(DIVERGENT[name][0]):
            _verify(vector)
    elif vector["expect"] == "ok":
        _verify(vector)
    else:
        with pytest.raises(OUR_ERRORS[vector["expect"]]):
            _verify(vector)


def test_public_vector_of_latvia_has_a_valid_signature() -> None:
    vector = next(v for v in _ALL if v["name"] == SIGNATURE_ONLY)
    token = WebEidToken.parse(vector["token"])
    certificate = CardCertificate.from_base64(token.unverified_certificate)
    verify_signature(
        token.accepted_algorithm(),
        certificate.public_key,
        token.signature,
        vector["origin"],
        vector["nonce"],
    )
    with pytest.raises(SignatureError):
        verify_signature(
            token.accepted_algorithm(),
            certificate.public_key,
            token.signature,
            vector["origin"],
            vector["nonce"] + "x",
        )


def test_every_vector_is_run() -> None:
    assert len(_ALL) == 85
    assert len(_WHOLE) + 1 == 85
    assert sum("ocsp_response_b64" in vector for vector in _WHOLE) == 6
    assert set(DIVERGENT) <= {vector["name"] for vector in _WHOLE}


def test_subject_rules() -> None:
    [rule] = _SUITE["subject_rules"]
    certificate = CardCertificate.from_base64(rule["certificate_b64"])
    assert certificate.identity_code == rule["id_code"]
    for oid, member in (
        (oids.COMMON_NAME, "cn"),
        (oids.COUNTRY_NAME, "country"),
        (oids.GIVEN_NAME, "given_name"),
        (oids.SURNAME, "surname"),
    ):
        assert certificate.first_attribute(oid) == rule[member]
