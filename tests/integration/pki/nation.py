"""A whole installation with roll-overs behind it, served on loopback; every certificate as a file."""

import base64
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from urllib.parse import quote
from uuid import UUID

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import select
from sqlalchemy.orm import Session

from pki import home as homes
from pki.authority import CertificateRequest, PersonSubject
from pki.authority.values import CardSubject, InstitutionSubject, Subject
from pki.bootstrap import UNATTENDED, Pki, initialise, open_pki, opened_foundry
from pki.ceremony import steps
from pki.ceremony.plan import ANSWERING
from pki.certificateexport import to_pem
from pki.clock import utc_now
from pki.cms.documents import DOCUMENT_SIGNER, MASTER_LIST_SIGNER
from pki.export import write_public_files
from pki.hierarchy import Role, issuer_name
from pki.home import Home
from pki.keys.files import FileSigner
from pki.pkcs10 import create_csr
from pki.profiles import Profile
from pki.profiles.definitions import DEFINITIONS
from pki.status import RevocationReason, Status
from pki.status.ocsp.forms import plain_request
from pki.store.models import CertificateBody, CertificateRow
from tests.integration.pki.conftest import serve

TIMEOUT_S = 60
GENERATIONS = (1, 2)
ISSUING = tuple(issuer_name(role, generation) for role, generation in product(ANSWERING, GENERATIONS))
ANCHORS = tuple(
    issuer_name(role, generation) for role, generation in product((Role.ROOT, Role.CSCA), GENERATIONS)
)
SUBJECTS: Mapping[Profile, Subject] = {
    Profile.AUTHENTICATION: PersonSubject("0012345679", "سارا", "محمدی"),
    Profile.SIGNATURE: PersonSubject("0012345679", "سارا", "محمدی"),
    Profile.CARD_AUTHENTICATION: CardSubject(UUID("7c0ba9e4-0ac4-4dc7-9a8c-2d4f3a3ab1f0")),
    Profile.OPERATOR: InstitutionSubject("operator 17"),
    Profile.STATION: InstitutionSubject("station 4"),
    Profile.SERVICE: InstitutionSubject("registry.hoviat.example.com"),
    Profile.SEAL: InstitutionSubject("receipts"),
}
"""Whom the certificates of end entities name; all others are made by founding, roll-over and responders."""


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """A stranger's program; one that is not installed fails the test."""
    program = shutil.which(str(command[0]))
    assert program is not None, f"{command[0]} is not installed"
    words = [program, *map(str, command[1:])]
    return subprocess.run(
        words, capture_output=True, text=True, errors="replace", timeout=TIMEOUT_S, check=False
    )


@dataclass(frozen=True)
class Sample:
    """One certificate of the installation."""

    name: str
    """Its request's; unique."""
    profile: Profile
    issuer: str
    serial: int
    path: Path
    """PEM."""


@dataclass(frozen=True)
class Nation:
    """Two generations of everything."""

    pki: Pki
    url: str
    folder: Path
    """Certificates and CRLs as `hoviat pki export` writes them, and the samples."""
    samples: tuple[Sample, ...]
    """All that were ever issued and not revoked."""
    revoked: tuple[Sample, ...]
    """An authentication certificate and a document signer of each generation."""

    def of(self, *profiles: Profile) -> list[Sample]:
        """The samples of these profiles."""
        return [sample for sample in self.samples if sample.profile in profiles]

    def pem(self, name: str) -> Path:
        """A CA's certificate, a cross certificate or a link."""
        return self.folder / f"{name}.pem"

    def bundle(self, name: str, *parts: Path) -> Path:
        """One file of several PEM files."""
        path = self.folder / f"{name}.bundle"
        path.write_bytes(b"".join(part.read_bytes() for part in parts))
        return path

    def anchors(self) -> Path:
        """Roots and country signing CAs of both generations, in one file."""
        return self.bundle("anchors", *map(self.pem, ANCHORS))

    def between(self) -> Path:
        """The issuing CAs of all generations."""
        return self.bundle("between", *map(self.pem, ISSUING))

    def chain(self, sample: Sample) -> Path:
        """The certificate and, unless an anchor signed it, its CA's."""
        above = [self.pem(sample.issuer)] if sample.issuer in ISSUING else []
        return self.bundle(sample.name, sample.path, *above)

    def crl(self, name: str) -> Path:
        """A CA's full CRL, PEM."""
        return self.folder / f"{name}.crl.pem"

    def crls(self) -> Path:
        """Every CA's, in one file."""
        return self.bundle("crls", *map(self.crl, (*ANCHORS, *ISSUING)))

    def crls_beside(self, csca: str) -> Path:
        """The same without those of other generations of the country signing CA."""
        names = (name for name in (*ANCHORS, *ISSUING) if name == csca or not name.startswith("csca"))
        return self.bundle(f"crls-{csca}", *map(self.crl, names))


@contextmanager
def founded(folder: Path) -> Iterator[Nation]:
    """Makes and serves it. CRLs in one piece each: partitions and deltas have tests of their own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        home = homes.create(folder / "home", url)
        initialise(home)
        issue_generation(home, 1)
        roll_over(home)
        issue_generation(home, 2)
        pki = open_pki(home)
        stop = serve(pki, listener)
        try:
            yield exported(pki, url, folder / "out")
        finally:
            stop()
            pki.close()


def exported(pki: Pki, url: str, folder: Path) -> Nation:
    """With a responder for each CA, which is certified when it is first asked, and fresh CRLs."""
    for name in ISSUING:
        ask(pki, url, name, 1)
    for name in (*ANCHORS, *ISSUING):
        pki.crls.publish(name)
    write_public_files(pki, folder)
    good, revoked = (tuple(write_samples(pki, folder, is_good=is_good)) for is_good in (True, False))
    return Nation(pki, url, folder, good, revoked)


def ask(pki: Pki, url: str, issuer: str, serial: int) -> bytes:
    """The OCSP answer, DER, by GET (RFC 6960 Appendix A.1)."""
    request = plain_request(pki.ocsp.forms.of_issuer(issuer)[0], serial)
    path = quote(base64.b64encode(request).decode(), safe="")
    answer = httpx.get(f"{url}/pki/ocsp/{path}", trust_env=False, timeout=TIMEOUT_S)
    return answer.raise_for_status().content


def roll_over(home: Home) -> None:
    """The second generation of every CA and signer, by the ceremonies' own steps."""
    with opened_foundry(home, utc_now, UNATTENDED) as foundry:
        for role in (Role.ROOT, Role.CSCA):
            steps.renew(foundry, role, 2)
        for role in ANSWERING:
            steps.add_ca(foundry, role, 2, 1)
        steps.state_signers(foundry, {DOCUMENT_SIGNER: 3, MASTER_LIST_SIGNER: 2})


def issue_generation(home: Home, generation: int) -> None:
    """A certificate of each end entity's profile; two more are revoked, one of them by the CSCA."""
    pki = open_pki(home)
    try:
        for profile in SUBJECTS:
            issue(pki, f"{profile.value}-{generation}", profile)
        _, signer = pki.documents.rotate(DOCUMENT_SIGNER, 2 * generation)
        for revoked in (signer.serial, issue(pki, f"revoked-{generation}", Profile.AUTHENTICATION)):
            pki.authority.revoke(revoked, RevocationReason.KEY_COMPROMISE, "tester", "")
    finally:
        pki.close()


def issue(pki: Pki, name: str, profile: Profile) -> int:
    """A new certificate's serial."""
    csr = create_csr(FileSigner.generate(ec.SECP256R1()), "card")
    request = CertificateRequest(name, profile, SUBJECTS[profile], csr, actor="tester")
    serial = pki.authority.issue(request).serial
    if DEFINITIONS[profile].held_until_delivery:
        pki.authority.activate(serial, "tester", "delivered")
    return serial


def write_samples(pki: Pki, folder: Path, *, is_good: bool) -> Iterator[Sample]:
    """Those that are good, or those that aren't."""
    good = CertificateRow.status == Status.GOOD.value
    query = (
        select(CertificateRow, CertificateBody.der)
        .join(CertificateBody, CertificateBody.serial == CertificateRow.serial)
        .where(good if is_good else ~good)
        .order_by(CertificateRow.request_id)
    )
    with Session(pki.engine) as session:
        for row, der in session.execute(query):
            path = folder / f"sample-{row.request_id}.pem"
            path.write_bytes(to_pem(der))
            serial = x509.load_der_x509_certificate(der).serial_number
            yield Sample(row.request_id, Profile(row.profile), row.issuer, serial, path)
