"""The real openssl: it verifies paths with CRLs and asks the OCSP responder over HTTP."""

import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from pki.authority import PersonSubject
from pki.profiles import Profile
from pki.status import RevocationReason

from .conftest import Served

OPENSSL = shutil.which("openssl") or "openssl"
PUBLISHED_DELAY = 60
"""Seconds from a change to the last stored answer that knows nothing of it (docs/ocsp.md)."""


def openssl(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [OPENSSL, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def verify(served: Served, leaf: Path, *options: str) -> subprocess.CompletedProcess[str]:
    folder = served.export()
    names = ("citizen-auth-g1", "citizen-sign-g1", "root-g1")
    crls = [option for name in names for option in ("-CRLfile", folder / f"{name}.crl.pem")]
    trust = ("-CAfile", folder / "root-g1.pem", "-untrusted", folder / "chain.pem")
    return openssl("verify", "-x509_strict", *options, *trust, *crls, leaf)


def ocsp(served: Served, leaf: Path, *options: str) -> str:
    folder = served.export()
    url = ("-url", f"{served.url}/pki/ocsp")
    trust = ("-CAfile", folder / "root-g1.pem", "-issuer", folder / "citizen-auth-g1.pem")
    result = openssl("ocsp", *options, *trust, "-cert", leaf, *url)
    assert "Response verify OK" in result.stderr, result.stderr
    return result.stdout + result.stderr


@pytest.mark.parametrize("profile", [Profile.AUTHENTICATION, Profile.SIGNATURE])
@pytest.mark.parametrize("check", ["-crl_check", "-crl_check_all"])
def test_a_good_certificate_verifies(served: Served, profile: Profile, check: str) -> None:
    _, leaf = served.certificate("one", profile)
    result = verify(served, leaf, check)
    assert result.returncode == 0, result.stderr
    assert "OK" in result.stdout


def test_a_login_certificate_verifies_for_tls_clients_and_its_policy(served: Served) -> None:
    _, leaf = served.certificate("one")
    options = ("-purpose", "sslclient", "-policy", "0.4.0.2042.1.2", "-explicit_policy", "-policy_check")
    assert verify(served, leaf, *options).returncode == 0
    assert verify(served, leaf, "-purpose", "sslserver").returncode != 0
    foreign = verify(served, leaf, "-policy", "0.4.0.194112.1.2", "-explicit_policy", "-policy_check")
    assert foreign.returncode != 0


def test_hold_and_revocation_are_seen(served: Served) -> None:
    serial, leaf = served.certificate("one", delivered=False)
    held = verify(served, leaf, "-crl_check")
    assert held.returncode != 0
    assert "certificate revoked" in held.stderr
    served.pki.authority.activate(serial, "tester", "delivered")
    assert verify(served, leaf, "-crl_check").returncode == 0
    served.pki.authority.revoke(serial, RevocationReason.KEY_COMPROMISE, "tester", "stolen")
    assert "certificate revoked" in verify(served, leaf, "-crl_check").stderr
    text = openssl("crl", "-in", served.folder / "citizen-auth-g1.crl.pem", "-noout", "-text").stdout
    assert f"{serial:032X}" in text
    assert "Key Compromise" in text


def until_changed(ask: Callable[[], str], wanted: str) -> str:
    """The first answer that says so: stored ones follow a change within the published delay of a minute."""
    deadline = time.monotonic() + PUBLISHED_DELAY
    while wanted not in (answer := ask()):
        assert time.monotonic() < deadline, answer
    return answer


@pytest.mark.parametrize("nonce", [(), ("-no_nonce",)], ids=["nonce", "no nonce"])
@pytest.mark.parametrize("digest", ["-sha1", "-sha256"])
def test_ocsp_tells_good_from_revoked(served: Served, nonce: tuple[str, ...], digest: str) -> None:
    serial, leaf = served.certificate("one")
    good = ocsp(served, leaf, *nonce, digest)
    assert f"{leaf}: good" in good
    assert "WARNING: no nonce" not in good
    served.pki.authority.revoke(serial, RevocationReason.SUPERSEDED, "tester", "")
    assert "Reason: superseded" in until_changed(
        lambda: ocsp(served, leaf, *nonce, digest), f"{leaf}: revoked"
    )


def test_ocsp_calls_a_hold_by_its_name(served: Served) -> None:
    _, leaf = served.certificate("one", delivered=False)
    assert "Reason: certificateHold" in ocsp(served, leaf)


def test_ocsp_knows_no_stranger(served: Served) -> None:
    folder = served.export()
    trust = ("-CAfile", folder / "root-g1.pem", "-issuer", folder / "citizen-auth-g1.pem")
    result = openssl("ocsp", *trust, "-serial", "0x1234567890", "-url", f"{served.url}/pki/ocsp")
    assert "0x1234567890: unknown" in result.stdout


def test_ocsp_answers_for_no_other_ca(served: Served) -> None:
    folder = served.export()
    trust = ("-CAfile", folder / "root-g1.pem", "-issuer", folder / "root-g1.pem")
    result = openssl(
        "ocsp", *trust, "-cert", folder / "citizen-auth-g1.pem", "-url", f"{served.url}/pki/ocsp"
    )
    assert "unauthorized" in result.stdout + result.stderr


def test_the_addresses_in_a_certificate_are_served(served: Served) -> None:

    _, leaf = served.certificate("one")
    text = openssl("x509", "-in", leaf, "-noout", "-text").stdout
    for kind in ("/pki/crl/citizen-auth-g1.crl", "/pki/ca/citizen-auth-g1.cer"):
        assert f"URI:{served.url}{kind}" in text
        assert httpx.get(served.url + kind, trust_env=False).status_code == 200


@pytest.mark.parametrize(
    ("given_name", "surname"),
    [("سيدمحمدكاظم", "موسوي‌نژاد"), ("ا" * 60, "ب" * 60), ("ا" * 31, "ب" * 32), ("آ" * 128, "ژ" * 128)],
    ids=["folded", "60 characters", "CN of 64 characters", "128 characters"],
)
def test_persian_names_of_every_length_verify(served: Served, given_name: str, surname: str) -> None:
    person = PersonSubject("0012345679", given_name, surname)
    _, leaf = served.certificate("one", subject=person)
    assert verify(served, leaf, "-crl_check_all").returncode == 0
    options = ("-nameopt", "utf8,sep_multiline,lname", "-noout", "-subject")
    subject = openssl("x509", "-in", leaf, *options).stdout
    folded = given_name.replace("ي", "ی").replace("ك", "ک")
    assert f"givenName={folded}" in subject
    assert "serialNumber=PNOIR-0012345679" in subject
