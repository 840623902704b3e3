"""The shape of a profile: a frozen value that says all that its certificates have in common."""

from dataclasses import dataclass
from enum import Enum, IntEnum, unique

from pki.hierarchy import Role
from pki.keys.kinds import KeyKind
from pki.profiles.profile import Profile


@unique
class KeyUsageBit(IntEnum):
    """KeyUsage, RFC 5280 §4.2.1.3: the bits' numbers."""

    DIGITAL_SIGNATURE = 0
    NON_REPUDIATION = 1
    KEY_ENCIPHERMENT = 2
    DATA_ENCIPHERMENT = 3
    KEY_AGREEMENT = 4
    KEY_CERT_SIGN = 5
    CRL_SIGN = 6


KEY_USAGE_NAMES = {
    KeyUsageBit.DIGITAL_SIGNATURE: "digitalSignature",
    KeyUsageBit.NON_REPUDIATION: "nonRepudiation",
    KeyUsageBit.KEY_ENCIPHERMENT: "keyEncipherment",
    KeyUsageBit.DATA_ENCIPHERMENT: "dataEncipherment",
    KeyUsageBit.KEY_AGREEMENT: "keyAgreement",
    KeyUsageBit.KEY_CERT_SIGN: "keyCertSign",
    KeyUsageBit.CRL_SIGN: "cRLSign",
}
"""As RFC 5280 spells them."""


@unique
class SubjectForm(Enum):
    """Whom a subject names, which decides its attributes (see `pki.profiles.names`)."""

    PERSON = "person"
    """A citizen: C, SN, GN, serialNumber, CN."""
    INSTITUTION = "institution"
    """A CA, a responder, an operator, a station, a seal: C, O, CN."""
    CARD = "card"
    """A card: C, O, CN with its UUID, which the subjectAltName repeats as urn:uuid."""
    HOST = "host"
    """A service: C, O, CN with its host name or address, which the subjectAltName repeats."""


@dataclass(frozen=True)
class Life:
    """How long a certificate or a private key is used."""

    years: int = 0
    days: int = 0


@dataclass(frozen=True)
class CaRole:
    """What makes a certificate a CA's (basicConstraints)."""

    path_length: int | None


@dataclass(frozen=True, eq=False)
class ProfileDefinition:
    """Everything in which one profile differs from another. Two are the same only if they are one object."""

    profile: Profile
    title: str
    """For people, in English."""
    purpose: str
    """Whom and what it is for, in one sentence."""
    issued_by: frozenset[Role]
    """The CAs that may issue it."""
    subject: SubjectForm
    life: Life
    """Unless its issuer ends before."""
    keys: frozenset[KeyKind]
    key_usage: frozenset[KeyUsageBit]
    """Always a critical extension, exactly these bits."""
    key_purposes: tuple[str, ...] = ()
    """Extended key usage; empty: the extension is absent."""
    key_purposes_critical: bool = False
    policies: tuple[str, ...] = ()
    ca: CaRole | None = None
    self_signed: bool = False
    crl_pointer: bool = False
    issuer_pointer: bool = False
    ocsp_pointer: bool = False
    no_check: bool = False
    """id-pkix-ocsp-nocheck: the responder's own status is not asked for (RFC 6960 §4.2.2.2.1)."""
    qualified: bool = False
    """Carries the statements of a qualified signature certificate (ETSI EN 319 412-5)."""
    held_until_delivery: bool = False
    """Its key is on a card: it is issued on hold, and goes live when the card is in its holder's hands."""
    private_key_use: Life | None = None
    """privateKeyUsagePeriod, where the key signs for less time than its certificate lives (9303-12)."""
    country_names: bool = False
    """Subject and issuer alternative names name the country and a contact (9303-12)."""
    document_types: tuple[str, ...] = ()
    """documentTypeList: the codes of the documents that the key signs (9303-12)."""
    link: bool = False
    """A CSCA's successor; carries nameChange where the names differ (9303-12)."""

    @property
    def person(self) -> bool:
        """Its subject is a citizen."""
        return self.subject is SubjectForm.PERSON
