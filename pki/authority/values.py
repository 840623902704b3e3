"""What goes into the authority and what comes out."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from pki.profiles.identities import ForeignIdentity
from pki.profiles.profile import Profile


@dataclass(frozen=True)
class PersonSubject:
    """A person as a certificate names one; the names are folded and composed on issue."""

    national_code: str
    """A citizen's ten ASCII digits; empty for a foreign national."""
    given_name: str | None = field(repr=False)
    surname: str | None = field(repr=False)
    """None for the part that a single name hasn't; never both."""
    foreign: ForeignIdentity | None = field(default=None, repr=False)
    """What a foreign national is told from others by, instead of a national code."""

    def __repr__(self) -> str:
        return "PersonSubject(…)"


@dataclass(frozen=True)
class CardSubject:
    """A card, named by its UUID and by nothing of its holder."""

    card: UUID


@dataclass(frozen=True)
class InstitutionSubject:
    """One of our own: an operator by staff number, a station, a signer, a service by its host name."""

    common_name: str


Subject: TypeAlias = PersonSubject | CardSubject | InstitutionSubject


@dataclass(frozen=True)
class CertificateRequest:
    """One wish for one certificate. The same `request_id` always yields the same certificate."""

    request_id: str
    """Chosen by the caller, at most 64 characters, no personal data: it stands in the audit chain."""
    profile: Profile
    subject: Subject
    csr: bytes = field(repr=False)
    """DER PKCS#10, signed by the key to be certified; its subject is ignored."""
    actor: str
    """Who wants it, for the audit chain."""
    provenance: str | None = None
    """Where the key was made (a chip batch), at most 64 characters: what a mass action selects by."""
    not_after: datetime | None = None
    """Its end at the latest, in whole seconds; None: what profile and CA allow."""


@dataclass(frozen=True)
class IssuedCertificate:
    """A recorded certificate. Times are whole seconds, UTC; `not_after` is inclusive."""

    serial: int
    der: bytes = field(repr=False)
    profile: Profile
    not_before: datetime
    not_after: datetime
    issuer: str
    """The CA's short name."""
    shard: int
    """The partition of that CA's CRL in which it stands for life."""
