"""Orders: requests that were checked, in the form in which the authority works on them."""

import hashlib
from dataclasses import dataclass, field

from pki.auditchain.canonical import canonical_json
from pki.authority.issuers import CITIZEN
from pki.authority.values import CertificateRequest
from pki.errors import IssuanceError, KeyNotAllowedError
from pki.keys.identifiers import spki_of
from pki.keys.kinds import kind_of
from pki.keys.signer import SignerPublicKey
from pki.pkcs10 import verify_csr
from pki.profiles.definitions import DEFINITIONS, ProfileDefinition
from pki.profiles.names import encode_person, person_name
from pki.profiles.profile import Profile

MAX_REQUEST_ID = 64
MAX_ACTOR = 128


@dataclass(frozen=True)
class Order:
    """One certificate to be made."""

    request_id: str
    definition: ProfileDefinition
    issuer: str
    subject: bytes = field(repr=False)
    """DER Name."""
    spki: bytes = field(repr=False)
    on_hold: bool
    actor: str

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 over all that makes two orders the same: not who asks, nor the CSR's signature."""
        content = {
            "profile": self.definition.profile.value,
            "issuer": self.issuer,
            "subject": self.subject.hex(),
            "spki": self.spki.hex(),
            "on_hold": self.on_hold,
        }
        return hashlib.sha256(canonical_json(content)).digest()

    @property
    def key_hash(self) -> bytes:
        """SHA-256 of the SubjectPublicKeyInfo."""
        return hashlib.sha256(self.spki).digest()

    @property
    def holder_hash(self) -> bytes:
        """SHA-256 of the subject: a key belongs to one."""
        return hashlib.sha256(self.subject).digest()


def order_for(request: CertificateRequest) -> Order:
    """Checks a citizen's request: key, possession, names. Raises CsrError, SubjectError, IssuanceError."""
    if not 1 <= len(request.request_id) <= MAX_REQUEST_ID or not 1 <= len(request.actor) <= MAX_ACTOR:
        raise IssuanceError(request.request_id[:MAX_REQUEST_ID], "request_id or actor is empty or too long")
    definition = DEFINITIONS[request.profile]
    if not definition.person:
        raise IssuanceError(request.request_id, f"profile {request.profile.value} is not for citizens")
    key = verify_csr(request.csr)
    subject = request.subject
    name = person_name(subject.national_code, subject.given_name, subject.surname)
    return make_order(
        request.request_id,
        request.profile,
        issuer=CITIZEN,
        subject=encode_person(name),
        key=key,
        on_hold=request.on_hold,
        actor=request.actor,
    )


def make_order(
    request_id: str,
    profile: Profile,
    *,
    issuer: str,
    subject: bytes,
    key: SignerPublicKey,
    on_hold: bool,
    actor: str,
) -> Order:
    """An order for any profile. Raises KeyNotAllowedError."""
    definition = DEFINITIONS[profile]
    if kind_of(key) not in definition.keys:
        raise KeyNotAllowedError(request_id, f"profile {profile.value} does not take this kind of key")
    return Order(request_id, definition, issuer, subject, spki_of(key), on_hold, actor)
