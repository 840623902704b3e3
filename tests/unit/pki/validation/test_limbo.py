"""x509-limbo: every case but those listed below, each with its reason."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pki.errors import ValidationError
from pki.validation import Evidence, PathPolicy, RevocationMode, validate
from pki.validation.inputs import objects_in_text

_FILE = Path(
    os.environ.get("HOVIAT_TEST_DATA", Path(__file__).parents[4].parent / "shared" / "data"),
    "x509-limbo.json",
)
_NOW = datetime(2025, 6, 1, tzinfo=UTC)
_PURPOSES = {"serverAuth": "1.3.6.1.5.5.7.3.1", "clientAuth": "1.3.6.1.5.5.7.3.2"}
_MEMBERS = 208

_SERVER_NAME = "only the server's name differs: RFC 6125's matter, not RFC 5280's"
_WEB_AKI = "the web's profile of a root's authorityKeyIdentifier; RFC 5280 §4.2.1.1 admits it"
_WEB_EKU = "the web's profile of extKeyUsage; RFC 5280 §4.2.1.12 admits it"
_WEB_KEY = "a kind or size of key that only the web's profile forbids"
_SUFFIX = "public suffixes are the web's business; RFC 5280 knows none"

EXCLUDED = {
    "rfc5280::ca-as-leaf-wrong-san": _SERVER_NAME,
    "webpki::cn::ipv4-hex-mismatch": _SERVER_NAME,
    "webpki::cn::ipv4-leading-zeros-mismatch": _SERVER_NAME,
    "webpki::cn::ipv6-uppercase-mismatch": _SERVER_NAME,
    "webpki::cn::ipv6-uncompressed-mismatch": _SERVER_NAME,
    "webpki::cn::ipv6-non-rfc5952-mismatch": _SERVER_NAME,
    "webpki::cn::punycode-not-in-san": _SERVER_NAME,
    "webpki::cn::utf8-vs-punycode-mismatch": _SERVER_NAME,
    "webpki::cn::not-in-san": _SERVER_NAME,
    "webpki::cn::case-mismatch": _SERVER_NAME,
    "webpki::san::mismatch-domain-san": _SERVER_NAME,
    "webpki::san::mismatch-subdomain-san": _SERVER_NAME,
    "webpki::san::mismatch-subdomain-apex-san": _SERVER_NAME,
    "webpki::san::mismatch-apex-subdomain-san": _SERVER_NAME,
    "webpki::san::wildcard-match-across-labels-san": _SERVER_NAME,
    "webpki::san::no-san": "the web wants a subjectAltName in every server's certificate; RFC 5280 doesn't",
    "webpki::san::san-critical-with-nonempty-subject": "the web's profile; §4.2.1.6 only says SHOULD",
    "webpki::san::public-suffix-wildcard-san": _SUFFIX,
    "webpki::san::public-suffix-multi-label-wildcard-san": _SUFFIX,
    "webpki::san::public-suffix-private-namespace-wildcard-san": _SUFFIX,
    "webpki::aki::root-with-aki-missing-keyidentifier": _WEB_AKI,
    "webpki::aki::root-with-aki-authoritycertissuer": _WEB_AKI,
    "webpki::aki::root-with-aki-authoritycertserialnumber": _WEB_AKI,
    "webpki::aki::root-with-aki-all-fields": _WEB_AKI,
    "webpki::aki::root-with-aki-ski-mismatch": _WEB_AKI,
    "webpki::eku::ee-anyeku": _WEB_EKU,
    "webpki::eku::ee-critical-eku": _WEB_EKU,
    "webpki::eku::ee-without-eku": _WEB_EKU,
    "webpki::eku::root-has-eku": _WEB_EKU,
    "webpki::forbidden-dsa-root": _WEB_KEY,
    "webpki::forbidden-dsa-leaf": _WEB_KEY,
    "webpki::forbidden-rsa-not-divisible-by-8-in-root": _WEB_KEY,
    "webpki::forbidden-rsa-key-not-divisible-by-8-in-leaf": _WEB_KEY,
    "webpki::ca-as-leaf": "the web forbids CAs as leaves; rfc5280::ca-as-leaf, of equal form, is to hold",
}
"""Cases that ask for what RFC 5280 doesn't have, by id."""

AS_FOUND = {
    "cve::cve-2024-0567": "a chain met in the wild: cross-signed roots without authorityKeyIdentifier",
    "online::fastly.com": "a public root whose serial number is 0",
    "webpki::nc::permitted-dns-match-noncritical": "the web admits what rfc5280::nc, of equal form, refuses",
}
"""Cases judged without `strict`: they are to hold though written otherwise than §4 asks."""


def _cases() -> list[dict[str, Any]]:
    return json.loads(_FILE.read_text())["testcases"] if _FILE.is_file() else []


_ALL = _cases()
_APPLICABLE = [case for case in _ALL if case["id"] not in EXCLUDED]

pytestmark = pytest.mark.skipif(not _ALL, reason=f"no public cases at {_FILE}; set HOVIAT_TEST_DATA")


def _verdict(case: dict[str, Any]) -> ValidationError | None:
    crls = [der for text in case["crls"] or [] for der in objects_in_text(text)]
    purposes = case["extended_key_usage"]
    policy = PathPolicy(
        key_usage="digital_signature" if case["key_usage"] else None,
        key_purpose=_PURPOSES[purposes[0]] if purposes else None,
        absent_purpose_is_any=True,
        path_length=case["max_chain_depth"],
        revocation=RevocationMode.CRL if crls else RevocationMode.NONE,
        strict=case["id"] not in AS_FOUND,
    )
    at = datetime.fromisoformat(case["validation_time"]) if case["validation_time"] else _NOW
    chain = [case["peer_certificate"], *case["untrusted_intermediates"]]
    try:
        validate(
            [der for text in chain for der in objects_in_text(text)],
            [der for text in case["trusted_certs"] for der in objects_in_text(text)],
            at,
            policy,
            Evidence.of(crls),
        )
    except ValidationError as error:
        return error
    return None


def test_the_lists_name_cases_that_exist() -> None:
    assert len(_ALL) == _MEMBERS
    assert EXCLUDED.keys() | AS_FOUND.keys() <= {case["id"] for case in _ALL}


@pytest.mark.parametrize("case", _APPLICABLE, ids=[case["id"] for case in _APPLICABLE])
def test_limbo(case: dict[str, Any]) -> None:
    refused = _verdict(case)
    assert (refused is None) == (case["expected_result"] == "SUCCESS"), refused


@pytest.mark.parametrize("name", sorted(EXCLUDED))
def test_an_excluded_case_is_one_that_would_differ(name: str) -> None:
    """Whatever we judge like the suite must not hide in the list."""
    (case,) = (case for case in _ALL if case["id"] == name)
    assert (_verdict(case) is None) != (case["expected_result"] == "SUCCESS")
