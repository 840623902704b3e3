"""What benchmarks of mass actions share: asking the status service in process, laps, the peak of memory."""

import asyncio
import resource
import time
from hashlib import sha1
from random import Random

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from sqlalchemy import select
from sqlalchemy.orm import Session

from pki.app import create_app
from pki.authority.issuers import IssuingCa
from pki.bootstrap import Pki
from pki.store.models import CertificateRow

_QUESTIONS = 50
_KIBIBYTES = 1024


class StatusClient:
    """Asks the status service's application without a network between."""

    def __init__(self, pki: Pki) -> None:
        transport = httpx.ASGITransport(create_app(pki))
        self._client = httpx.AsyncClient(transport=transport, base_url="http://pki")
        self._runner = asyncio.Runner()

    def send(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """The answer's content; anything but 2xx ends the benchmark."""
        headers = {} if body is None else {"Content-Type": "application/ocsp-request"}
        response = self._runner.run(self._client.request(method, path, content=body, headers=headers))
        return response.raise_for_status().content


class StopWatch:
    """Seconds between laps."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._began = time.perf_counter()

    def lap(self, name: str) -> None:
        """Ends a step."""
        now = time.perf_counter()
        self.laps[f"{name}_seconds"] = now - self._began
        self._began = now


def peak_memory() -> int:
    """Bytes, of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIBIBYTES


def ask_responder(client: StatusClient, pki: Pki, issuer: IssuingCa) -> None:
    """Asks about some of the batch; each answer must say certificateHold."""
    with Session(pki.engine) as session:
        mine = select(CertificateRow.serial).where(CertificateRow.issuer == issuer.name)
        serials = list(session.scalars(mine.limit(100_000)))
    certificate = x509.load_der_x509_certificate(issuer.certificate or b"")
    key = x509.SubjectKeyIdentifier.from_public_key(certificate.public_key()).digest
    name = sha1(issuer.facts.subject).digest()  # noqa: S324 - CertID's own hash (RFC 5019 §2.1.1)
    for serial in Random(0).sample(serials, min(_QUESTIONS, len(serials))):  # noqa: S311
        builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(name, key, serial, SHA1())  # noqa: S303
        body = builder.build().public_bytes(Encoding.DER)
        answer = ocsp.load_der_ocsp_response(client.send("POST", "/ocsp", body))
        if answer.revocation_reason is not x509.ReasonFlags.certificate_hold:
            raise RuntimeError(f"OCSP says {answer.certificate_status} of {serial:032x}")
