"""The profiles as data: one frozen value each. What a certificate holds is decided here and nowhere else."""

from dataclasses import dataclass
from enum import IntEnum, unique

from pki import oids
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


@dataclass(frozen=True)
class Life:
    """How long a certificate lives, unless its issuer ends before."""

    years: int = 0
    days: int = 0


@dataclass(frozen=True)
class CaRole:
    """What makes a certificate a CA's (basicConstraints)."""

    path_length: int | None


@dataclass(frozen=True)
class ProfileDefinition:
    """Everything in which one profile differs from another."""

    profile: Profile
    life: Life
    keys: frozenset[KeyKind]
    key_usage: frozenset[KeyUsageBit]
    """Always a critical extension, exactly these bits."""
    key_purposes: tuple[str, ...] = ()
    """Extended key usage, not critical; empty: the extension is absent."""
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
    person: bool = False
    """Its subject is a citizen."""


COUNTRY = "IR"
ORGANIZATION = "Hoviat"

_CARD_KEYS = frozenset({KeyKind.P256, KeyKind.P384, KeyKind.RSA2048, KeyKind.RSA3072})
_CA_USAGE = frozenset({KeyUsageBit.KEY_CERT_SIGN, KeyUsageBit.CRL_SIGN})
_DIGITAL_SIGNATURE = frozenset({KeyUsageBit.DIGITAL_SIGNATURE})

_ROOT_CA = ProfileDefinition(
    Profile.ROOT_CA,
    Life(years=25),
    frozenset({KeyKind.P384}),
    _CA_USAGE,
    ca=CaRole(path_length=None),
    self_signed=True,
)
_CITIZEN_CA = ProfileDefinition(
    Profile.CITIZEN_CA,
    Life(years=12),
    frozenset({KeyKind.P256, KeyKind.P384}),
    _CA_USAGE,
    policies=(oids.ANY_POLICY,),
    ca=CaRole(path_length=0),
    crl_pointer=True,
    issuer_pointer=True,
)
_OCSP_RESPONDER = ProfileDefinition(
    Profile.OCSP_RESPONDER,
    Life(days=30),
    frozenset({KeyKind.P256}),
    _DIGITAL_SIGNATURE,
    key_purposes=(oids.OCSP_SIGNING,),
    no_check=True,
)
_AUTHENTICATION = ProfileDefinition(
    Profile.AUTHENTICATION,
    Life(years=5),
    _CARD_KEYS,
    _DIGITAL_SIGNATURE,
    key_purposes=(oids.CLIENT_AUTH,),
    policies=(oids.NCP_PLUS, oids.HOVIAT_AUTHENTICATION_POLICY),
    crl_pointer=True,
    issuer_pointer=True,
    ocsp_pointer=True,
    person=True,
)
_SIGNATURE = ProfileDefinition(
    Profile.SIGNATURE,
    Life(years=5),
    _CARD_KEYS,
    frozenset({KeyUsageBit.NON_REPUDIATION}),
    policies=(oids.QCP_N_QSCD, oids.HOVIAT_SIGNATURE_POLICY),
    crl_pointer=True,
    issuer_pointer=True,
    ocsp_pointer=True,
    qualified=True,
    person=True,
)

DEFINITIONS = {
    definition.profile: definition
    for definition in (_ROOT_CA, _CITIZEN_CA, _OCSP_RESPONDER, _AUTHENTICATION, _SIGNATURE)
}
