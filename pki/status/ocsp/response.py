"""OCSP answers (RFC 6960 §4.2) in DER."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, unique

from pki import der, oids
from pki.keys.algorithms import sign_structure
from pki.keys.identifiers import key_identifier, spki_of
from pki.keys.signer import Signer
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
class Credential:
    """With what a responder signs: its key and the certificate in which the CA delegates to it."""

    signer: Signer = field(repr=False)
    certificate: bytes = field(repr=False)
    not_after: datetime


@dataclass(frozen=True)
class SingleAnswer:
    """What is said of one CertID; no state means `unknown`."""

    cert_id: bytes
    state: CertificateState | None


_GOOD = der.context(0, b"", constructed=False)
_UNKNOWN = der.context(2, b"", constructed=False)
_BASIC = der.object_identifier(oids.OCSP_BASIC)


def error_response(status: ResponseStatus) -> bytes:
    """An unsigned refusal (§4.2.1)."""
    return der.sequence((der.enumerated(status),))


def signed_response(
    answers: Iterable[SingleAnswer],
    nonce: bytes | None,
    credential: Credential,
    this_update: datetime,
    next_update: datetime,
) -> bytes:
    """A successful OCSPResponse with a BasicOCSPResponse by a delegated responder, named by its key."""
    singles = der.sequence(_single(answer, this_update, next_update) for answer in answers)
    responder = key_identifier(spki_of(credential.signer.public_key))
    data = der.sequence(
        (
            der.context(2, der.encode(der.OCTET_STRING, responder)),
            der.generalized_time(this_update),
            singles,
            der.context(1, der.sequence((nonce,))) if nonce else b"",
        )
    )
    certificates = der.context(0, der.sequence((credential.certificate,)))
    basic = sign_structure(credential.signer, data, certificates)
    body = der.sequence((_BASIC, der.encode(der.OCTET_STRING, basic)))
    return der.sequence((der.enumerated(ResponseStatus.SUCCESSFUL), der.context(0, body)))


def _single(answer: SingleAnswer, this_update: datetime, next_update: datetime) -> bytes:
    return der.sequence(
        (
            answer.cert_id,
            _status(answer.state),
            der.generalized_time(this_update),
            der.context(0, der.generalized_time(next_update)),
        )
    )


def _status(state: CertificateState | None) -> bytes:
    if state is None:
        return _UNKNOWN
    if state.status is Status.GOOD:
        return _GOOD
    reason = state.reason or RevocationReason.UNSPECIFIED
    explained = reason is not RevocationReason.UNSPECIFIED
    code = der.context(0, der.enumerated(reason.code)) if explained else b""
    return der.context(1, der.generalized_time(state.since) + code)
