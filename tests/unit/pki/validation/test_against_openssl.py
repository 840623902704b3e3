"""Our verdicts beside those of `openssl verify -x509_strict`, on chains of our own making."""

import shutil
import subprocess
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import cast

import pytest

from pki.authority import CertificateRequest
from pki.bootstrap import Pki
from pki.hierarchy import Role, issuer_name
from pki.status import RevocationReason
from pki.validation import Evidence, PathPolicy, RevocationMode, ValidationError, validate
from tests.delivery import issue_delivered
from tests.unit.pki.conftest import START
from tests.unit.pki.validation.making import NOW
from tests.unit.pki.validation.test_fast_and_full import CHOICES, Chain
from tests.unit.pki.validation.test_validate_command import pem

OPENSSL = shutil.which("openssl") or "openssl"
"""Absent, the tests fail."""

# OpenSSL counts notAfter itself as too late; RFC 5280 §4.1.2.5 has it belong to the life.
LIVES = [life for life in CHOICES["leaf_life"] if NOW not in cast("tuple[datetime, datetime]", life)[1:]]
SAMPLE: list[dict[str, object]] = [
    {},
    *({name: life} for name in ("leaf_life", "ca_life", "root_life") for life in LIVES),
    *({"ca_usage": value} for value in CHOICES["ca_usage"][1:]),
    *({"leaf_signer": value} for value in CHOICES["leaf_signer"]),
    *({"ca_signer": value} for value in CHOICES["ca_signer"]),
    {"ca_is_ca": False, "path_length": None},
    {"leaf_extra": "unknown critical"},
    {"ca_extra": "unknown critical"},
    {"leaf_extra": "broken"},
    {"ca_extra": "constraint", "leaf_extra": "host"},
    {"ca_extra": "directory constraint"},
    {"leaf_policies": ("1.3.6.1.4.1.2",)},
    {"ca_policies": ("1.3.6.1.4.1.2",)},
    {"ca_extra": "no any", "leaf_policies": ("2.5.29.32.0",)},
]


def openssl_accepts(folder: Path, root: bytes, issuing: bytes, leaf: bytes, at: int, *more: str) -> bool:
    for name, raw in (("root", root), ("issuing", issuing), ("leaf", leaf)):
        (folder / name).write_text(pem(raw))
    command = [OPENSSL, "verify", "-x509_strict", "-attime", str(at), "-no-CAfile", "-no-CApath", *more]
    files = ["-trusted", str(folder / "root"), "-untrusted", str(folder / "issuing"), str(folder / "leaf")]
    done = subprocess.run([*command, *files], capture_output=True, check=False, timeout=60)
    return done.returncode == 0


def we_accept(root: bytes, issuing: bytes, leaf: bytes, chain: Chain, policy: PathPolicy) -> bool:
    try:
        validate([leaf, issuing], [root], chain.at, policy)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("faults", SAMPLE, ids=range(len(SAMPLE)))
def test_the_same_verdict(tmp_path: Path, faults: dict[str, object]) -> None:
    chain = Chain(**faults)  # type: ignore[arg-type]
    files = chain.root(), chain.issuing(), chain.leaf()
    wanted = PathPolicy(policies=frozenset({"1.3.6.1.4.1.1"}))
    options = ["-policy", "1.3.6.1.4.1.1", "-explicit_policy", "-policy_check"]
    theirs = openssl_accepts(tmp_path, *files, int(chain.at.timestamp()), *options)
    assert we_accept(*files, chain, wanted) == theirs


def test_the_real_hierarchy_with_its_crls(
    tmp_path: Path, pki: Pki, citizen_request: Callable[..., CertificateRequest]
) -> None:
    leaf = issue_delivered(pki.authority, citizen_request())
    name = issuer_name(Role.CITIZEN_AUTHENTICATION, 1)
    root, issuing = pki.certificates["root-g1"], pki.certificates[name]
    pki.authority.revoke(leaf.serial, RevocationReason.KEY_COMPROMISE, "tester", "lost")
    other = issue_delivered(pki.authority, citizen_request("request-2"))
    crls = [pki.crls.publish(issuer, "tester").read() for issuer in ("root-g1", name)]
    (tmp_path / "crls").write_text("".join(pem(crl, "X509 CRL") for crl in crls))
    policy = PathPolicy(revocation=RevocationMode.CRL, strict=True)
    options = ["-crl_check_all", "-CRLfile", str(tmp_path / "crls")]
    verdicts = []
    for raw in (leaf.der, other.der):
        theirs = openssl_accepts(tmp_path, root, issuing, raw, int(START.timestamp()) + 1, *options)
        try:
            validate([raw, issuing], [root], START, policy, Evidence.of(crls))
        except ValidationError:
            ours = False
        else:
            ours = True
        assert ours == theirs
        verdicts.append(ours)
    assert verdicts == [False, True]
