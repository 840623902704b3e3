"""OpenSSL and GnuTLS read and verify a certificate of every profile with every kind of key."""

import shutil
import subprocess
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pki.clock import utc_now
from pki.hierarchy import Role
from pki.keys.kinds import KeyKind
from pki.profiles import Profile
from pki.profiles.definitions import DEFINITIONS
from tests.unit.pki.profiles.samples import (
    EDGE_NAMES,
    START,
    ca_certificate,
    every_kind,
    named_certificate,
    role_for,
    sample_certificate,
)

OPENSSL = shutil.which("openssl") or "openssl"
CERTTOOL = shutil.which("certtool") or "certtool"
TIMEOUT_S = 60
AT = "1795608000"  # 2026-11-25 12:00 UTC, a day into the samples' lives
ALL = sorted(every_kind(), key=lambda sample: (sample[0].value, sample[1].value))
# What openssl prints of each, so that it is seen to have understood it.
PRINTED = {
    Profile.ROOT_CA: ["CA:TRUE", "Certificate Sign, CRL Sign"],
    Profile.ISSUING_CA: ["CA:TRUE, pathlen:0", "Policy: X509v3 Any Policy"],
    Profile.CSCA: ["CA:TRUE, pathlen:0", "L=IRN", "Private Key Usage Period"],
    Profile.DOCUMENT_SIGNER: ["Digital Signature", "L=IRN", "Private Key Usage Period", "2.23.136.1.1.6.2"],
    Profile.MASTER_LIST_SIGNER: ["2.23.136.1.1.3"],
    Profile.OCSP_RESPONDER: ["OCSP Signing", "OCSP No Check"],
    Profile.AUTHENTICATION: ["Digital Signature", "TLS Web Client Authentication", "Policy: 0.4.0.2042.1.2"],
    Profile.SIGNATURE: ["Non Repudiation", "Policy: 0.4.0.194112.1.2", "qcStatements"],
    Profile.CARD_AUTHENTICATION: ["URI:urn:uuid:", "2.16.840.1.101.3.6.8"],
    Profile.SERVICE: ["DNS:registry.hoviat.example.com", "TLS Web Server Authentication"],
}


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    words = [str(word) for word in command]
    return subprocess.run(words, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)


def pem(path: Path, *certificates: bytes) -> Path:
    encoded = [x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM) for der in certificates]
    path.write_bytes(b"".join(encoded))
    return path


def chain(profile: Profile, kind: KeyKind, start: datetime = START) -> tuple[bytes, list[bytes]]:
    """The trust anchor of the profile's samples, which a root is itself, and the CAs between."""
    if DEFINITIONS[profile].self_signed:
        return sample_certificate(DEFINITIONS[profile], kind, start), []
    role = role_for(DEFINITIONS[profile])
    if role in {Role.ROOT, Role.CSCA}:
        return ca_certificate(role, start), []
    return ca_certificate(Role.ROOT, start), [ca_certificate(role, start)]


@pytest.mark.parametrize(("profile", "kind"), ALL)
def test_openssl_verifies_it_strictly(tmp_path: Path, profile: Profile, kind: KeyKind) -> None:
    anchor, between = chain(profile, kind)
    leaf = pem(tmp_path / "leaf.pem", sample_certificate(DEFINITIONS[profile], kind))
    options: list[str | Path] = ["-CAfile", pem(tmp_path / "anchor.pem", anchor)]
    if between:
        options += ["-untrusted", pem(tmp_path / "between.pem", *between)]
    result = run(OPENSSL, "verify", "-x509_strict", "-check_ss_sig", "-attime", AT, *options, leaf)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(("profile", "kind"), ALL)
def test_openssl_prints_what_it_says(tmp_path: Path, profile: Profile, kind: KeyKind) -> None:
    leaf = pem(tmp_path / "leaf.pem", sample_certificate(DEFINITIONS[profile], kind))
    result = run(OPENSSL, "x509", "-in", leaf, "-noout", "-text", "-nameopt", "utf8")
    assert result.returncode == 0, result.stderr
    assert all(text in result.stdout for text in PRINTED.get(profile, [])), result.stdout
    assert "<Not Supported>" not in result.stdout


@pytest.mark.parametrize(("profile", "kind"), ALL)
def test_gnutls_verifies_it(tmp_path: Path, profile: Profile, kind: KeyKind) -> None:
    """certtool takes no time but its own: these samples start yesterday."""
    start = (utc_now() - timedelta(days=1)).replace(microsecond=0)
    anchor, between = chain(profile, kind, start)
    trusted = pem(tmp_path / "anchor.pem", anchor)
    whole = pem(tmp_path / "chain.pem", sample_certificate(DEFINITIONS[profile], kind, start), *between)
    result = run(CERTTOOL, "--verify", f"--load-ca-certificate={trusted}", f"--infile={whole}")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Verified" in result.stdout


@pytest.mark.parametrize(("profile", "kind"), ALL)
def test_gnutls_prints_it_without_a_complaint(tmp_path: Path, profile: Profile, kind: KeyKind) -> None:
    leaf = pem(tmp_path / "leaf.pem", sample_certificate(DEFINITIONS[profile], kind))
    result = run(CERTTOOL, "--certificate-info", f"--infile={leaf}")
    assert result.returncode == 0, result.stderr
    assert "error" not in (result.stdout + result.stderr).lower()


@pytest.mark.parametrize("names", EDGE_NAMES.values(), ids=EDGE_NAMES)
@pytest.mark.parametrize("profile", [Profile.AUTHENTICATION, Profile.SIGNATURE])
def test_names_at_the_edges_are_read(
    tmp_path: Path, profile: Profile, names: tuple[str | None, str | None]
) -> None:
    start = (utc_now() - timedelta(days=1)).replace(microsecond=0)
    anchor, between = chain(profile, KeyKind.P256, start)
    trusted, below = pem(tmp_path / "anchor.pem", anchor), pem(tmp_path / "between.pem", *between)
    der = named_certificate(DEFINITIONS[profile], names, start)
    leaf, whole = pem(tmp_path / "leaf.pem", der), pem(tmp_path / "chain.pem", der, *between)
    verified = run(OPENSSL, "verify", "-x509_strict", "-CAfile", trusted, "-untrusted", below, leaf)
    assert verified.returncode == 0, verified.stderr
    subject = run(OPENSSL, "x509", "-in", leaf, "-noout", "-subject", "-nameopt", "utf8,sep_multiline,sname")
    for attribute, text in zip(("GN", "SN"), names, strict=True):
        found = f"{attribute}={text}" if text is not None else f"{attribute}="
        assert (found in subject.stdout) is (text is not None)
    result = run(CERTTOOL, "--verify", f"--load-ca-certificate={trusted}", f"--infile={whole}")
    assert result.returncode == 0, result.stdout


def test_a_foreign_anchor_verifies_nothing(tmp_path: Path) -> None:
    """The checks themselves can fail."""
    leaf = pem(tmp_path / "leaf.pem", sample_certificate(DEFINITIONS[Profile.DOCUMENT_SIGNER], KeyKind.P256))
    foreign = pem(tmp_path / "anchor.pem", ca_certificate(Role.ROOT))
    assert run(OPENSSL, "verify", "-attime", AT, "-CAfile", foreign, leaf).returncode != 0
    result = run(CERTTOOL, "--verify", f"--load-ca-certificate={foreign}", f"--infile={leaf}")
    assert result.returncode != 0
