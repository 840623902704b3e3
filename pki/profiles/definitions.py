"""Profiles: one frozen value each. What a certificate holds is decided here and nowhere else."""

from dataclasses import dataclass
from enum import Enum, IntEnum, unique

from pki import oids
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


_VOLUME_KEYS = frozenset({KeyKind.P256, KeyKind.P384})
_CARD_KEYS = _VOLUME_KEYS | {KeyKind.RSA2048, KeyKind.RSA3072}
_CA_USAGE = frozenset({KeyUsageBit.KEY_CERT_SIGN, KeyUsageBit.CRL_SIGN})
_DIGITAL_SIGNATURE = frozenset({KeyUsageBit.DIGITAL_SIGNATURE})
_ROOT = frozenset({Role.ROOT})
_CSCA = frozenset({Role.CSCA})

_ALL = (
    ProfileDefinition(
        Profile.ROOT_CA,
        _ROOT,
        SubjectForm.INSTITUTION,
        Life(years=25),
        frozenset({KeyKind.P384}),
        _CA_USAGE,
        ca=CaRole(path_length=None),
        self_signed=True,
    ),
    ProfileDefinition(
        Profile.ISSUING_CA,
        _ROOT,
        SubjectForm.INSTITUTION,
        Life(years=12),
        _VOLUME_KEYS,
        _CA_USAGE,
        policies=(oids.ANY_POLICY,),
        ca=CaRole(path_length=0),
        crl_pointer=True,
        issuer_pointer=True,
    ),
    ProfileDefinition(
        Profile.CROSS_CA,
        _ROOT,
        SubjectForm.INSTITUTION,
        Life(years=25),
        frozenset({KeyKind.P384}),
        _CA_USAGE,
        policies=(oids.ANY_POLICY,),
        ca=CaRole(path_length=None),
        crl_pointer=True,
        issuer_pointer=True,
    ),
    ProfileDefinition(
        Profile.CSCA,
        _CSCA,
        SubjectForm.INSTITUTION,
        Life(years=15, days=92),
        _VOLUME_KEYS,
        _CA_USAGE,
        ca=CaRole(path_length=0),
        self_signed=True,
        crl_pointer=True,
        private_key_use=Life(years=5),
        country_names=True,
    ),
    ProfileDefinition(
        Profile.CSCA_LINK,
        _CSCA,
        SubjectForm.INSTITUTION,
        Life(years=15, days=92),
        _VOLUME_KEYS,
        _CA_USAGE,
        ca=CaRole(path_length=0),
        crl_pointer=True,
        private_key_use=Life(years=5),
        country_names=True,
        link=True,
    ),
    ProfileDefinition(
        Profile.DOCUMENT_SIGNER,
        _CSCA,
        SubjectForm.INSTITUTION,
        Life(years=10, days=92),
        _VOLUME_KEYS,
        _DIGITAL_SIGNATURE,
        crl_pointer=True,
        private_key_use=Life(days=92),
        country_names=True,
        document_types=("I",),
    ),
    ProfileDefinition(
        Profile.MASTER_LIST_SIGNER,
        _CSCA,
        SubjectForm.INSTITUTION,
        Life(years=1),
        _VOLUME_KEYS,
        _DIGITAL_SIGNATURE,
        key_purposes=(oids.ICAO_MASTER_LIST_SIGNING,),
        key_purposes_critical=True,
        crl_pointer=True,
        country_names=True,
    ),
    ProfileDefinition(
        Profile.OCSP_RESPONDER,
        frozenset(Role) - _ROOT - _CSCA,
        SubjectForm.INSTITUTION,
        Life(days=30),
        frozenset({KeyKind.P256}),
        _DIGITAL_SIGNATURE,
        key_purposes=(oids.OCSP_SIGNING,),
        no_check=True,
    ),
    ProfileDefinition(
        Profile.AUTHENTICATION,
        frozenset({Role.CITIZEN_AUTHENTICATION}),
        SubjectForm.PERSON,
        Life(years=5),
        _CARD_KEYS,
        _DIGITAL_SIGNATURE,
        key_purposes=(oids.CLIENT_AUTH,),
        policies=(oids.NCP_PLUS, oids.HOVIAT_AUTHENTICATION_POLICY),
        crl_pointer=True,
        issuer_pointer=True,
        ocsp_pointer=True,
    ),
    ProfileDefinition(
        Profile.SIGNATURE,
        frozenset({Role.CITIZEN_SIGNATURE}),
        SubjectForm.PERSON,
        Life(years=5),
        _CARD_KEYS,
        frozenset({KeyUsageBit.NON_REPUDIATION}),
        policies=(oids.QCP_N_QSCD, oids.HOVIAT_SIGNATURE_POLICY),
        crl_pointer=True,
        issuer_pointer=True,
        ocsp_pointer=True,
        qualified=True,
    ),
    ProfileDefinition(
        Profile.CARD_AUTHENTICATION,
        frozenset({Role.CARD}),
        SubjectForm.CARD,
        Life(years=5),
        _CARD_KEYS,
        _DIGITAL_SIGNATURE,
        key_purposes=(oids.PIV_CARD_AUTHENTICATION,),
        key_purposes_critical=True,
        policies=(oids.HOVIAT_CARD_POLICY,),
        crl_pointer=True,
        issuer_pointer=True,
        ocsp_pointer=True,
    ),
    ProfileDefinition(
        Profile.OPERATOR,
        frozenset({Role.OPERATOR}),
        SubjectForm.INSTITUTION,
        Life(years=2),
        _CARD_KEYS,
        _DIGITAL_SIGNATURE,
        key_purposes=(oids.CLIENT_AUTH,),
        policies=(oids.HOVIAT_OPERATOR_POLICY,),
        crl_pointer=True,
        issuer_pointer=True,
        ocsp_pointer=True,
    ),
    ProfileDefinition(
        Profile.STATION,
        frozenset({Role.OPERATOR}),
        SubjectForm.INSTITUTION,
        Life(years=1),
        _VOLUME_KEYS,
        _DIGITAL_SIGNATURE,
        key_purposes=(oids.CLIENT_AUTH,),
        policies=(oids.HOVIAT_STATION_POLICY,),
        crl_pointer=True,
        issuer_pointer=True,
        ocsp_pointer=True,
    ),
    ProfileDefinition(
        Profile.SERVICE,
        frozenset({Role.SERVICE}),
        SubjectForm.HOST,
        Life(years=1),
        _VOLUME_KEYS,
        _DIGITAL_SIGNATURE,
        key_purposes=(oids.SERVER_AUTH, oids.CLIENT_AUTH),
        policies=(oids.HOVIAT_SERVICE_POLICY,),
        crl_pointer=True,
        issuer_pointer=True,
        ocsp_pointer=True,
    ),
    ProfileDefinition(
        Profile.SEAL,
        frozenset({Role.SERVICE}),
        SubjectForm.INSTITUTION,
        Life(years=2),
        _VOLUME_KEYS,
        _DIGITAL_SIGNATURE,
        policies=(oids.HOVIAT_SEAL_POLICY,),
        crl_pointer=True,
        issuer_pointer=True,
        ocsp_pointer=True,
    ),
)

DEFINITIONS = {definition.profile: definition for definition in _ALL}
