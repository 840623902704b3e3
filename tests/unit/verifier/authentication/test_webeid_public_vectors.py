"""The 85 public Web eID tokens: each ends as it says, or its exclusion has a reason here."""

import json
import os
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

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
from verifier.authentication.token import WebEidToken
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
    "UserCertificateWrongPurposeException": (PurposeWrongError,),
}
"""Upstream's error class, and ours for the same failure."""

DIVERGENT: dict[str, tuple[type[LoginRefusedError], str]] = {
    "cert-number": (TokenParseError, "a JSON number is no string; upstream coerces it first"),
    "format-02-web-eid:1.10": (FormatUnsupportedError, "only 1.0 and 1.1 are known; the vector allows it"),
    "format-03-web-eid:1.999": (FormatUnsupportedError, "as web-eid:1.10"),
}
"""Vectors that we refuse where, or earlier than, upstream does not; the vectors themselves allow it."""

EXCLUDED = {
    "be-es384-ocsp-good": "its point is the answer of an OCSP responder, which step 8 is tested with",
    "fi-es384-ocsp-good": "as be-es384-ocsp-good",
    "be-ocsp-": "as be-es384-ocsp-good",
    "fi-ocsp-": "as be-es384-ocsp-good",
}
"""Prefixes of names, and why these can't be expressed here."""

SIGNATURE_ONLY = "lv-rs256-signature-only"


def _vectors() -> list[dict[str, Any]]:
    path = _FOLDER / "vectors.json"
    return json.loads(path.read_text(encoding="utf-8"))["vectors"] if path.is_file() else []


def _reason_to_exclude(name: str) -> str | None:
    return next((why for prefix, why in EXCLUDED.items() if name.startswith(prefix)), None)


_ALL = _vectors()
_EXPRESSIBLE = [v for v in _ALL if _reason_to_exclude(v["name"]) is None and v["name"] != SIGNATURE_ONLY]

pytestmark = pytest.mark.skipif(not _ALL, reason=f"no public vectors at {_FOLDER}; set HOVIAT_TEST_DATA")


def _verify(vector: dict[str, Any]) -> None:
    refused = vector.get("config", {}).get("disallowed_policies", WEB_EID_POLICY.refused_policies)
    policy = replace(WEB_EID_POLICY, refused_policies=frozenset(refused))
    trust = read_trust(pem.encode() for pem in vector["trusted_ca_pem"])
    verifier = TokenVerifier(policy, trust, None)
    token = WebEidToken.parse(vector["token"])
    identity = verifier.verify(
        token, vector["origin"], vector["nonce"], datetime.fromisoformat(vector["now"])
    )
    subject = vector.get("subject", {})
    assert identity.identity_code == subject.get("id_code", identity.identity_code)
    assert identity.surname == subject.get("surname", identity.surname)


@pytest.mark.parametrize("vector", [pytest.param(v, id=v["name"]) for v in _EXPRESSIBLE])
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


def test_every_vector_is_run_or_excluded_with_a_reason() -> None:
    excluded = [v["name"] for v in _ALL if _reason_to_exclude(v["name"]) is not None]
    assert len(_ALL) == 85
    assert len(_EXPRESSIBLE) + 1 + len(excluded) == 85
    assert set(DIVERGENT) <= {v["name"] for v in _EXPRESSIBLE}
