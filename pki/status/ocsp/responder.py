"""The responder: from a request's bytes to an answer's bytes."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeAlias

from pki import der, oids
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


@dataclass(frozen=True)
class CaKey:
    """A CA for whose certificates this responder answers."""

    name: str
    subject: bytes = field(repr=False)
    spki: bytes = field(repr=False)


def issuer_index(authorities: list[CaKey]) -> Mapping[tuple[bytes, bytes, bytes], str]:
    """(hash algorithm, name hash, key hash) → short name, for SHA-1 (RFC 5019 §2.1.1) and SHA-256."""
    index = {}
    for algorithm, digest in ((oids.SHA1, "sha1"), (oids.SHA256, "sha256")):
        for authority in authorities:
            name, key = (
                hashlib.new(digest, data, usedforsecurity=False).digest()
                for data in (authority.subject, public_key_bits(authority.spki))
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
        authorities: list[CaKey],
        credential: CredentialSource,
        clock: Clock = utc_now,
    ) -> None:
        self._store = store
        self._index = issuer_index(authorities)
        self._credential = credential
        self._clock = clock

    def answer(self, request: bytes) -> OcspAnswer:
        """Garbage gives malformedRequest, a foreign CA's certificate unauthorized (RFC 5019 §2.2.3)."""
        try:
            asked = parse_request(request)
            answers = [self._answer_one(cert_id) for cert_id in asked.cert_ids]
        except MalformedRequestError:
            return _refusal(ResponseStatus.MALFORMED_REQUEST)
        except ForeignIssuerError:
            return _refusal(ResponseStatus.UNAUTHORIZED)
        now = self._clock().replace(microsecond=0)
        credential = self._credential()
        next_update = min(now + ANSWER_LIFE, credential.not_after)
        body = signed_response(answers, asked.nonce, credential, now, next_update)
        return OcspAnswer(ResponseStatus.SUCCESSFUL, body, asked.nonce is not None)

    def _answer_one(self, cert_id: CertId) -> SingleAnswer:
        key = (cert_id.hash_algorithm, cert_id.issuer_name_hash, cert_id.issuer_key_hash)
        name = self._index.get(key)
        if name is None:
            raise ForeignIssuerError
        # A negative serial was never issued; it must not reach the database as text.
        state = self._store.lookup(name, cert_id.serial) if cert_id.serial > 0 else None
        return SingleAnswer(cert_id.raw, state)


def _refusal(status: ResponseStatus) -> OcspAnswer:
    return OcspAnswer(status, error_response(status), has_nonce=False)
