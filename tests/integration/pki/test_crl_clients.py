"""Strangers read our CRLs: openssl (deltas and partitions too), GnuTLS and NSS."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from pki import home as homes
from pki.authority import CertificateRequest, PersonSubject
from pki.bootstrap import Pki, initialise, open_pki
from pki.hierarchy import crl_scope
from pki.keys.files import FileSigner
from pki.pkcs10 import create_csr
from pki.profiles import Profile
from pki.status import RevocationReason
from tests.closedport import closed_url
from tests.delivery import issue_delivered

NAME = "citizen-auth-g1"
PERSON = PersonSubject("0012345679", "سارا", "محمدی")


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which(str(command[0]))
    assert program is not None, f"{command[0]} is not installed"
    words = [program, *map(str, command[1:])]
    return subprocess.run(words, capture_output=True, text=True, errors="replace", timeout=60, check=False)


class Installation:
    """An open PKI and files for strangers."""

    def __init__(self, folder: Path, url: str, shards: int) -> None:
        self.folder = folder
        home = homes.create(folder / "home", url, shards=shards)
        initialise(home)
        self.pki: Pki = open_pki(home)
        self.shards = shards
        self.root = self.pem("root-g1")
        self.ca = self.pem(NAME)
        self.chain = folder / "chain.pem"
        self.chain.write_text(self.ca.read_text() + self.root.read_text())

    def pem(self, name: str) -> Path:
        certificate = x509.load_der_x509_certificate(self.pki.certificates[name])
        return self.write(name, certificate.public_bytes(Encoding.PEM))

    def write(self, name: str, content: bytes) -> Path:
        path = self.folder / f"{name}.pem"
        path.write_bytes(content)
        return path

    def crl(self, name: str) -> Path:
        der = self.pki.crls.current(name).read()
        return self.write(f"{name}.crl", x509.load_der_x509_crl(der).public_bytes(Encoding.PEM))

    def certificate(self, request_id: str) -> tuple[int, Path]:
        csr = create_csr(FileSigner.generate(ec.SECP256R1()), "card")
        request = CertificateRequest(request_id, Profile.AUTHENTICATION, PERSON, csr, "tester")
        issued = issue_delivered(self.pki.authority, request)
        certificate = x509.load_der_x509_certificate(issued.der)
        return issued.serial, self.write(request_id, certificate.public_bytes(Encoding.PEM))

    def scope_of(self, serial: int) -> str:
        return crl_scope(NAME, self.shards, serial)

    def verify(self, leaf: Path, *options: str, crls: list[Path]) -> subprocess.CompletedProcess[str]:
        lists = [word for crl in crls for word in ("-CRLfile", crl)]
        trust = ("-CAfile", self.root, "-untrusted", self.ca)
        return run("openssl", "verify", "-x509_strict", *options, *trust, *lists, leaf)


@pytest.fixture(params=[1, 16], ids=["whole", "partitions"])
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    with closed_url() as url:
        opened = Installation(tmp_path, url, request.param)
        yield opened
        opened.pki.close()


def test_openssl_verifies_every_kind(installation: Installation) -> None:
    serial, _ = installation.certificate("leaf")
    names = ["root-g1", "csca-g1", NAME, f"{NAME}-delta", installation.scope_of(serial)]
    for name in names:
        ca = installation.pem(name.removesuffix("-delta").partition("-p")[0])
        result = run("openssl", "crl", "-in", installation.crl(name), "-CAfile", ca, "-noout", "-text")
        assert "verify OK" in result.stderr, name
        assert "X509v3 CRL Number" in result.stdout


def test_openssl_takes_the_crl_that_the_certificate_names(installation: Installation) -> None:
    serial, leaf = installation.certificate("leaf")
    scope = installation.scope_of(serial)
    crls = [installation.crl("root-g1"), installation.crl(scope)]
    assert installation.verify(leaf, "-crl_check_all", crls=crls).returncode == 0
    installation.pki.authority.revoke(serial, RevocationReason.KEY_COMPROMISE, "tester", "")
    crls = [installation.crl("root-g1"), installation.crl(scope)]
    refused = installation.verify(leaf, "-crl_check_all", crls=crls)
    assert "certificate revoked" in refused.stderr


def test_openssl_refuses_a_crl_that_is_not_for_the_certificate(installation: Installation) -> None:
    serial, leaf = installation.certificate("leaf")
    other = installation.scope_of(serial + 1) if installation.shards > 1 else "card-g1"
    crls = [installation.crl("root-g1"), installation.crl(other)]
    refused = installation.verify(leaf, "-crl_check_all", "-extended_crl", crls=crls)
    assert refused.returncode != 0


def test_openssl_lays_a_delta_over_its_base(installation: Installation) -> None:
    serial, leaf = installation.certificate("leaf")
    held, other = installation.certificate("other")
    scopes = {installation.scope_of(number) for number in (serial, held)}
    installation.pki.authority.suspend(held, "tester", "")
    base = [installation.crl("root-g1"), *(installation.crl(scope) for scope in scopes)]
    installation.pki.authority.revoke(serial, RevocationReason.KEY_COMPROMISE, "tester", "")
    installation.pki.authority.resume(held, "tester", "")
    deltas = [installation.crl(f"{scope}-delta") for scope in scopes]
    options = ("-crl_check", "-use_deltas", "-extended_crl")
    assert "certificate revoked" in installation.verify(other, "-crl_check", crls=base).stderr
    assert installation.verify(leaf, "-crl_check", crls=base).returncode == 0
    assert "certificate revoked" in installation.verify(leaf, *options, crls=base + deltas).stderr
    lifted = installation.verify(other, *options, crls=base + deltas)
    assert lifted.returncode == 0, lifted.stderr


def test_gnutls_reads_and_verifies(installation: Installation) -> None:
    serial, leaf = installation.certificate("leaf")
    installation.pki.authority.revoke(serial, RevocationReason.SUPERSEDED, "tester", "")
    for name in (NAME, f"{NAME}-delta", installation.scope_of(serial)):
        crl = installation.crl(name)
        verified = run("certtool", "--verify-crl", "--load-ca-certificate", installation.ca, "--infile", crl)
        assert "Verified" in verified.stdout, (name, verified.stdout + verified.stderr)
        info = run("certtool", "--crl-info", "--infile", crl).stdout
        assert "CRL Number" in info
        assert f"{serial:032x}" in info.replace(":", "")
    assert leaf.is_file()


def test_nss_takes_a_crl_and_refuses_the_revoked(tmp_path: Path) -> None:
    """NSS knows neither deltas nor partitions; it reads the whole list.

    It also asks the address in the certificate, where nothing answers: what it has must do.
    """
    with closed_url() as url:
        installation = Installation(tmp_path, url, 1)
        try:
            take_and_refuse(installation, tmp_path)
        finally:
            installation.pki.close()


def take_and_refuse(installation: Installation, folder: Path) -> None:
    serial, leaf = installation.certificate("leaf")
    _, good = installation.certificate("good")
    installation.pki.authority.revoke(serial, RevocationReason.KEY_COMPROMISE, "tester", "")
    store = f"sql:{folder / 'nss'}"
    (folder / "nss").mkdir()
    assert run("certutil", "-N", "-d", store, "--empty-password").returncode == 0
    for name, flags, path in (("root", "CT,C,C", installation.root), ("ca", ",,", installation.ca)):
        assert run("certutil", "-A", "-d", store, "-n", name, "-t", flags, "-i", path).returncode == 0
    for name in ("root-g1", NAME):
        der = folder / f"{name}.der"
        der.write_bytes(installation.pki.crls.current(name).read())
        taken = run("crlutil", "-I", "-d", store, "-i", der, "-t", "1")
        assert taken.returncode == 0, taken.stderr
    # -g leaf -h requireFreshInfo -m crl: the status of the leaf must come from a CRL
    options = ("-pp", "-u", "0", "-d", store, "-g", "leaf", "-h", "requireFreshInfo", "-m", "crl")
    refused = run("vfychain", *options, "-a", leaf)
    assert "revoked" in (refused.stdout + refused.stderr).lower()
    accepted = run("vfychain", *options, "-a", good)
    assert "Chain is good" in accepted.stderr, accepted.stderr
