"""Asking an OCSP responder (RFC 6960) about one certificate."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from pki.der import DerError
from pki.validation import Evidence, PathPolicy, RevocationMode
from pki.validation.certificate import Certificate
from pki.validation.errors import MalformedOcspError
from pki.validation.ocsp import OcspAnswer, read_ocsp
from pki.validation.signatures import AlgorithmError, key_bits
from verifier.authentication.status import StatusAnswer
from verifier.authentication.statuserrors import StatusSourceFailedError, StatusUntrustedAnswerError
from verifier.status.fetching import Bounds, Fetcher
from verifier.status.gate import Gate
from verifier.status.judging import judge
from verifier.status.locations import responder_of
from verifier.status.sources import Source
from verifier.status.webeid import check_answer, young_until

REQUEST_TYPE = "application/ocsp-request"  # RFC 6960 appendix A.1
ANSWER_TYPE = "application/ocsp-response"
MAX_ANSWER_BYTES = 1 << 16
NONCE_BYTES = 32
"""RFC 9654 §2.1: clients use 32 at least."""
_OUTAGES = frozenset({2, 3})
"""internalError and tryLater of RFC 6960 §4.2.1; the others say that the question was wrong."""


class OcspClient:
    """For the certificates of one issuer."""

    def __init__(
        self, source: Source, fetcher: Fetcher, gate: Gate, random_bytes: Callable[[int], bytes]
    ) -> None:
        self._settings = source.settings
        self._responders = source.responders
        self._fetcher = fetcher
        self._gate = gate
        self._random_bytes = random_bytes
        self._max_age = timedelta(seconds=source.settings.max_age)
        self._skew = timedelta(seconds=source.settings.skew)
        self._policy = PathPolicy(
            revocation=RevocationMode.OCSP,
            clock_skew=self._skew,
            ocsp_max_age=self._max_age,
            delegated_status=source.settings.nocheck,
        )

    async def ask(self, certificate: Certificate, issuer: Certificate, at: datetime) -> StatusAnswer:
        """Raises StatusUnavailableError."""
        settings = self._settings
        with self._gate.counting() as tally, self._gate.place():
            place = settings.responder or responder_of(certificate, settings.hosts)
            nonce = self._random_bytes(NONCE_BYTES) if settings.nonce else None
            request = make_request(certificate, issuer, nonce)
            bounds = Bounds(settings.budget, MAX_ANSWER_BYTES)
            with self._gate.turn():
                raw = await self._fetcher.post(place, request, REQUEST_TYPE, ANSWER_TYPE, bounds)
                tally.answer = self.judge(raw, certificate, issuer, at, nonce)
            return tally.answer

    def judge(
        self, raw: bytes, certificate: Certificate, issuer: Certificate, at: datetime, nonce: bytes | None
    ) -> StatusAnswer:
        """What an answer to this nonce says. Raises StatusUnavailableError."""
        answer = _read(raw)
        check_answer(answer, at, self._max_age, self._skew)
        evidence = Evidence.of(ocsp=[answer], nonce=nonce, responders=self._responders)
        found = judge(certificate, issuer, at, self._policy, evidence)
        return replace(found, until=young_until(answer, self._max_age))


def make_request(certificate: Certificate, issuer: Certificate, nonce: bytes | None) -> bytes:
    """An OCSPRequest. SHA-1 only names the issuer here, and there are responders that know no other."""
    try:
        key = key_bits(issuer.spki)
    except (AlgorithmError, DerError) as error:
        raise StatusUntrustedAnswerError((str(error),)) from error
    name_hash, key_hash = (
        hashlib.sha1(part, usedforsecurity=False).digest() for part in (certificate.issuer, key)
    )
    builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(
        name_hash,
        key_hash,
        certificate.serial,
        SHA1(),  # noqa: S303 - as above
    )
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def _read(raw: bytes) -> OcspAnswer:
    try:
        return read_ocsp(raw)
    except MalformedOcspError as error:
        if error.reported in _OUTAGES:
            raise StatusSourceFailedError("it says that it can't answer now") from error
        raise StatusUntrustedAnswerError((error.detail,)) from error
