"""NIST's PKITS, all 246 cases, through the code behind `hoviat pki validate --batch`.

Certificates and CRLs come from the distribution `cryptography_vectors`, expected results from the public
test data. The suite's certificates hold until 2030; the moment is one at which all that should hold does.
"""

import base64
import json
import os
from pathlib import Path
from typing import Any

import cryptography_vectors
import pytest

from pki.validation.batch import judge_line

_CASES_FILE = Path(
    os.environ.get("HOVIAT_TEST_DATA", Path(__file__).parents[4].parent / "shared" / "data"),
    "pkits/pkits.json",
)
_DATA = Path(cryptography_vectors.__file__).parent / "x509" / "PKITS_data"
_MOMENT = "2022-05-01T00:00:00Z"

_KINDS = {
    "signature of": {"bad-signature"},
    "is not valid until": {"not-yet-valid"},
    "expired": {"expired"},
    "issuer name could not be matched": {"untrusted-issuer"},
    "is not a CA": {"not-a-ca"},
    "exceeds the maximum path length": {"path-too-long"},
    "is not allowed to sign certificates": {"key-usage"},
    "no valid set of policies": {"policy"},
    "contains a policy mapping for": {"policy-mapping"},
    "not all names": {"name-constraints"},
    "some names": {"name-constraints"},
    "unsupported critical extension": {"unknown-critical-extension"},
}
"""What the expected message says, and our kinds for it."""
_STATUS_KINDS = {
    "RevokedError": {"revoked"},
    "InsufficientRevinfoError": {"status-unknown", "status-stale"},
    "StaleRevinfoError": {"status-stale"},
}


def _cases() -> list[dict[str, Any]]:
    return json.loads(_CASES_FILE.read_text()) if _CASES_FILE.is_file() else []


_ALL = _cases()

pytestmark = pytest.mark.skipif(not _ALL, reason=f"no public cases at {_CASES_FILE}; set HOVIAT_TEST_DATA")


def _read(folder: str, name: str) -> str:
    return base64.b64encode((_DATA / folder / name).read_bytes()).decode()


def line_of(case: dict[str, Any]) -> str:
    parameters = case.get("params", {})
    chain = [case["cert"], *case.get("other_certs", [])]
    return json.dumps(
        {
            "name": case["name"],
            "chain": [_read("certs", name) for name in chain],
            "trust": [_read("certs", "TrustAnchorRootCertificate.crt")],
            "crls": [_read("crls", name) for name in ["TrustAnchorRootCRL.crl", *case.get("crls", [])]],
            "at": _MOMENT,
            "policies": parameters.get("user_initial_policy_set", []),
            "explicit_policy": parameters.get("initial_explicit_policy", False),
            "mapping_inhibited": parameters.get("initial_policy_mapping_inhibit", False),
            "any_policy_inhibited": parameters.get("initial_any_policy_inhibit", False),
        }
    )


def _expected(case: dict[str, Any]) -> set[str | None]:
    error = case.get("error")
    if error is None:
        return {None}
    if error["class"] in _STATUS_KINDS:
        return set(_STATUS_KINDS[error["class"]])
    return set().union(*(kinds for text, kinds in _KINDS.items() if text in error["msg_regex"]))


def test_the_suite_is_whole() -> None:
    assert len(_ALL) == 246


@pytest.mark.parametrize("case", _ALL, ids=[f"{case['id']}-{case['name']}" for case in _ALL])
def test_pkits(case: dict[str, Any]) -> None:
    verdict = judge_line(line_of(case))
    assert verdict.name == case["name"]
    assert verdict.error in _expected(case)
