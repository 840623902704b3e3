"""The responder: from a request's bytes to an answer's bytes."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeAlias

from pki import der, oids
from pki.authority.issuers import IssuingCa
from pki.clock import Clock, utc_now
from pki.keys.identifiers import public_key_bits
from pki.status.ocsp.request import CertId, MalformedRequestError, parse_request
from pki.status.ocsp.response import (
    Credential,
    ResponseStatus,
    SingleAnswer,
    error_response,
    signed_response,
)
from pki.status.store import StatusStore

ANSWER_LIFE = timedelta(hours=1)
"""From thisUpdate to nextUpdate; never past the end of the responder's certificate."""

CredentialSource: TypeAlias = Callable[[], Credential]
"""Gives the credential that is valid now, renewing it when it is time."""


@dataclass(frozen=True)
class OcspAnswer:
    """An answer and what the transport needs to know of it."""

    status: ResponseStatus
    body: bytes = field(repr=False)
    has_nonce: bool


def issuer_index(authorities: Sequence[IssuingCa]) -> Mapping[tuple[bytes, bytes, bytes], str]:
    """(hash algorithm, name hash, key hash) → short name, for SHA-1 (RFC 5019 §2.1.1) and SHA-256."""
    index = {}
    for algorithm, digest in ((oids.SHA1, "sha1"), (oids.SHA256, "sha256")):
        for authority in authorities:
            name, key = (
                hashlib.new(digest, data, usedforsecurity=False).digest()
                for data in (authority.facts.subject, public_key_bits(authority.spki))
            )
            index[(der.object_identifier(algorithm), name, key)] = authority.name
    return index


class ForeignIssuerError(LookupError):
    """The request asks about another CA's certificate."""


class OcspResponder:
    """Answers for its CAs' certificates: good, revoked (a hold too), or unknown when never issued."""

    def __init__(
        self,
        store: StatusStore,
        authorities: Sequence[IssuingCa],
        credentials: Mapping[str, CredentialSource],
        clock: Clock = utc_now,
    ) -> None:
        self._store = store
        self._index = issuer_index(authorities)
        self._credentials = dict(credentials)
        self._clock = clock

    def answer(self, request: bytes) -> OcspAnswer:
        """Garbage gives malformedRequest, a foreign CA's certificate unauthorized (RFC 5019 §2.2.3)."""
        try:
            asked = parse_request(request)
            issuer = self._issuer_of(asked.cert_ids)
            answers = [self._answer_one(issuer, cert_id) for cert_id in asked.cert_ids]
        except MalformedRequestError:
            return _refusal(ResponseStatus.MALFORMED_REQUEST)
        except ForeignIssuerError:
            return _refusal(ResponseStatus.UNAUTHORIZED)
        now = self._clock().replace(microsecond=0)
        credential = self._credentials[issuer]()
        next_update = min(now + ANSWER_LIFE, credential.not_after)
        body = signed_response(answers, asked.nonce, credential, now, next_update)
        return OcspAnswer(ResponseStatus.SUCCESSFUL, body, asked.nonce is not None)

    def _issuer_of(self, cert_ids: Sequence[CertId]) -> str:
        """The one CA that all of the request's certificates are of: a responder speaks for one CA."""
        names = {
            self._index.get((cert_id.hash_algorithm, cert_id.issuer_name_hash, cert_id.issuer_key_hash))
            for cert_id in cert_ids
        }
        name = names.pop() if len(names) == 1 else None
        if name is None:
            raise ForeignIssuerError
        return name

    def _answer_one(self, issuer: str, cert_id: CertId) -> SingleAnswer:
        return SingleAnswer(cert_id.raw, self._store.lookup(issuer, cert_id.serial))


def _refusal(status: ResponseStatus) -> OcspAnswer:
    return OcspAnswer(status, error_response(status), has_nonce=False)
