"""Orders: requests that were checked, in the form in which the authority works on them."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from pki.auditchain.canonical import canonical_json
from pki.authority.issuers import IssuingCa
from pki.authority.subjects import encode_subject
from pki.authority.values import CertificateRequest
from pki.errors import IssuanceError, KeyNotAllowedError
from pki.hierarchy import Role
from pki.keys.identifiers import spki_of
from pki.keys.kinds import KeyKind, kind_of
from pki.keys.signer import SignerPublicKey
from pki.pkcs10 import verify_csr
from pki.profiles.definitions import DEFINITIONS, Definitions, ProfileDefinition
from pki.profiles.profile import Profile

MAX_REQUEST_ID = 64
OWN_REQUESTS = ("ca-", "cross-", "ocsp-", "ds-", "mls-")
"""How the authority's own requests begin: CAs, cross certificates, responders, signers. Nobody else's may."""
MAX_ACTOR = 128
MAX_PROVENANCE = 64


@dataclass(frozen=True)
class Order:
    """One certificate to be made."""

    request_id: str
    definition: ProfileDefinition
    issuer: str
    """The CA's short name."""
    role: Role
    subject: bytes = field(repr=False)
    """DER Name."""
    spki: bytes = field(repr=False)
    key_kind: KeyKind
    actor: str
    provenance: str | None = None
    not_after: datetime | None = None
    """Its end at the latest."""

    @cached_property
    def fingerprint(self) -> bytes:
        """SHA-256 over all that makes two orders the same: not who asks, nor the CSR's signature.

        The CA's role counts and its generation doesn't: a request that is repeated after a roll-over
        is still the same request.
        """
        content = {
            "profile": self.definition.profile.value,
            "issuer": self.role.value,
            "subject": self.subject.hex(),
            "spki": self.spki.hex(),
            "provenance": self.provenance,
        }
        if self.not_after is not None:  # requests without it keep the fingerprint that they have on record
            content["not_after"] = self.not_after.isoformat()
        return hashlib.sha256(canonical_json(content)).digest()

    @cached_property
    def key_hash(self) -> bytes:
        """SHA-256 of the SubjectPublicKeyInfo."""
        return hashlib.sha256(self.spki).digest()

    @cached_property
    def holder_hash(self) -> bytes:
        """SHA-256 of the subject: a key belongs to one."""
        return hashlib.sha256(self.subject).digest()


def order_for(
    request: CertificateRequest, issuer: IssuingCa, definitions: Definitions = DEFINITIONS
) -> Order:
    """Checks a request: key, possession, names. Raises CsrError, SubjectError, IssuanceError."""
    _check_texts(request)
    _refuse_own_names(request.request_id)
    return make_order(
        request.request_id,
        request.profile,
        issuer=issuer,
        subject=encode_subject(request, definitions[request.profile].subject),
        key=verify_csr(request.csr),
        actor=request.actor,
        provenance=request.provenance,
        not_after=request.not_after,
        definitions=definitions,
    )


def _check_texts(request: CertificateRequest) -> None:
    """Refused here, or the database would refuse the whole batch."""
    texts = (request.request_id, request.actor, request.provenance or "")
    if not all(_is_storable(text) for text in texts):
        raise IssuanceError(
            ascii(request.request_id[:MAX_REQUEST_ID]),
            "request_id, actor or provenance holds NUL or half of a character",
        )
    sizes = (
        (request.request_id, 1, MAX_REQUEST_ID),
        (request.actor, 1, MAX_ACTOR),
        (request.provenance or "", 0, MAX_PROVENANCE),
    )
    if not all(least <= len(text) <= most for text, least, most in sizes):
        raise IssuanceError(
            request.request_id[:MAX_REQUEST_ID], "request_id, actor or provenance is empty or too long"
        )


def _is_storable(text: str) -> bool:
    """PostgreSQL takes no NUL, and no database a lone surrogate, which has no UTF-8 (RFC 3629 §3)."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _refuse_own_names(request_id: str) -> None:
    if request_id.startswith(OWN_REQUESTS):
        raise IssuanceError(request_id, f"a request may not begin with {', '.join(OWN_REQUESTS)}")


def make_order(
    request_id: str,
    profile: Profile,
    *,
    issuer: IssuingCa,
    subject: bytes,
    key: SignerPublicKey,
    actor: str,
    provenance: str | None = None,
    not_after: datetime | None = None,
    definitions: Definitions = DEFINITIONS,
) -> Order:
    """An order for any profile. Raises IssuanceError; KeyNotAllowedError for a key of another kind."""
    definition = definitions[profile]
    if issuer.role not in definition.issued_by:
        raise IssuanceError(request_id, f"CA {issuer.name} does not issue profile {profile.value}")
    kind = kind_of(key)
    if kind is None or kind not in definition.keys:
        raise KeyNotAllowedError(request_id, f"profile {profile.value} does not take this kind of key")
    return Order(
        request_id=request_id,
        definition=definition,
        issuer=issuer.name,
        role=issuer.role,
        subject=subject,
        spki=spki_of(key),
        key_kind=kind,
        actor=actor,
        provenance=provenance,
        not_after=not_after,
    )
