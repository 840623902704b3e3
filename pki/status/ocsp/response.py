"""OCSP answers (RFC 6960 §4.2) in DER."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum, unique
from functools import lru_cache

from pki import der, oids
from pki.status.ocsp.credential import Credential
from pki.status.state import CertificateState, RevocationReason, Status


@unique
class ResponseStatus(IntEnum):
    """OCSPResponseStatus, RFC 6960 §4.2.1; 4 is not used."""

    SUCCESSFUL = 0
    MALFORMED_REQUEST = 1
    INTERNAL_ERROR = 2
    TRY_LATER = 3
    SIG_REQUIRED = 5
    UNAUTHORIZED = 6


@dataclass(frozen=True)
class SingleAnswer:
    """What is said of one CertID. Times are whole seconds, UTC."""

    cert_id: bytes = field(repr=False)
    status: bytes
    """CertStatus in DER."""
    this_update: datetime
    next_update: datetime
    extensions: bytes = b""
    """singleExtensions: Extensions in DER; empty: none."""


UNKNOWN = der.context(2, b"", constructed=False)
"""CertStatus of what was never issued."""
EXTENDED_REVOKE = der.extension(oids.OCSP_EXTENDED_REVOKE, der.encode(der.NULL, b""))
"""The extension of an answer that calls what was never issued revoked (§4.4.8)."""
_GOOD = der.context(0, b"", constructed=False)
_BASIC = der.object_identifier(oids.OCSP_BASIC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_time = lru_cache(maxsize=4096)(der.generalized_time)


def error_response(status: ResponseStatus) -> bytes:
    """An unsigned refusal (§4.2.1)."""
    return der.sequence((der.enumerated(status),))


@lru_cache(maxsize=4096)
def cert_status(state: CertificateState) -> bytes:
    """CertStatus of a certificate that was issued; `unspecified` is not said (RFC 5280 §5.3.1)."""
    if state.status is Status.GOOD:
        return _GOOD
    return _revoked(state.since, state.reason or RevocationReason.UNSPECIFIED)


def _revoked(since: datetime, reason: RevocationReason) -> bytes:
    explained = reason is not RevocationReason.UNSPECIFIED
    code = der.context(0, der.enumerated(reason.code)) if explained else b""
    return der.context(1, der.generalized_time(since) + code)


NEVER_ISSUED_REVOKED = _revoked(_EPOCH, RevocationReason.CERTIFICATE_HOLD)
"""CertStatus of what was never issued, where the installation calls that revoked (§2.2)."""


def response_data(
    credential: Credential,
    produced_at: datetime,
    answers: Iterable[SingleAnswer],
    extensions: Iterable[bytes] = (),
) -> bytes:
    """ResponseData, which is to be signed, by a delegated responder named by its key."""
    listed = b"".join(extensions)
    return der.sequence(
        (
            credential.responder_id,
            _time(produced_at),
            der.sequence(_single(answer) for answer in answers),
            der.context(1, der.encode(der.SEQUENCE, listed)) if listed else b"",
        )
    )


def successful_response(data: bytes, signature: bytes, credential: Credential) -> bytes:
    """The OCSPResponse around a signed ResponseData, with the responder's certificate in it."""
    before, between, after = _frame(
        credential.certificate, credential.algorithm.identifier, len(data), len(signature)
    )
    return b"".join((before, data, between, signature, after))


@lru_cache(maxsize=1024)
def _frame(
    certificate: bytes, algorithm: bytes, data_bytes: int, signature_bytes: int
) -> tuple[bytes, bytes, bytes]:
    """What stands before, between and behind a ResponseData and a signature of these lengths."""
    data, signature = bytes(data_bytes), bytes(signature_bytes)
    bits = der.bit_string(signature)
    certificates = der.context(0, der.sequence((certificate,)))
    basic = der.sequence((data, algorithm, bits, certificates))
    body = der.sequence((_BASIC, der.octet_string(basic)))
    whole = der.sequence((der.enumerated(ResponseStatus.SUCCESSFUL), der.context(0, body)))
    after_at = len(whole) - len(certificates)
    signature_at = after_at - signature_bytes
    between_at = signature_at - (len(bits) - signature_bytes) - len(algorithm)
    return whole[: between_at - data_bytes], whole[between_at:signature_at], whole[after_at:]


def _single(answer: SingleAnswer) -> bytes:
    return der.sequence(
        (
            answer.cert_id,
            answer.status,
            _time(answer.this_update),
            der.context(0, _time(answer.next_update)),
            der.context(1, answer.extensions) if answer.extensions else b"",
        )
    )
