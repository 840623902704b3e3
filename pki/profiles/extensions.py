"""The extensions of a profile, encoded in the order in which they stand in the certificate."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from pki import der, oids
from pki.profiles.definitions import COUNTRY, CaRole, KeyUsageBit, ProfileDefinition

_URI = 6  # GeneralName [6] uniformResourceIdentifier, RFC 5280 §4.2.1.6
_AD_OCSP = "1.3.6.1.5.5.7.48.1"
_AD_CA_ISSUERS = "1.3.6.1.5.5.7.48.2"
_IA5_STRING = 0x16
_PRINTABLE_STRING = 0x13
_PDS_LANGUAGE = "en"
_BITS = 8


@dataclass(frozen=True)
class PublicAddresses:
    """Where an issuer's data is found, below the installation's public address."""

    base: str
    """Without a trailing slash."""

    def crl(self, issuer: str) -> str:
        """The issuer's CRL, DER."""
        return f"{self.base}/pki/crl/{issuer}.crl"

    def certificate(self, issuer: str) -> str:
        """The issuer's certificate, DER."""
        return f"{self.base}/pki/ca/{issuer}.cer"

    def ocsp(self) -> str:
        """The OCSP responder."""
        return f"{self.base}/pki/ocsp"

    def disclosure(self) -> str:
        """The PKI disclosure statement; ETSI EN 319 412-5 §4.3.4 wants https."""
        return f"https://{urlsplit(self.base).netloc}/pki/pds-{_PDS_LANGUAGE}.txt"


@dataclass(frozen=True)
class KeyIdentifiers:
    """Whose key is certified, and by whose."""

    subject: bytes
    issuer: bytes


def encode_extensions(
    definition: ProfileDefinition, keys: KeyIdentifiers, issuer: str, addresses: PublicAddresses
) -> bytes:
    """Extensions ::= SEQUENCE OF Extension (RFC 5280 §4.1)."""
    parts = [
        _basic_constraints(definition.ca) if definition.ca else b"",
        _key_usage(definition.key_usage),
        _key_purposes(definition.key_purposes) if definition.key_purposes else b"",
        _subject_key(keys.subject),
        b"" if definition.self_signed else _authority_key(keys.issuer),
        _policies(definition.policies) if definition.policies else b"",
        _crl_pointer(addresses.crl(issuer)) if definition.crl_pointer else b"",
        _access(definition, issuer, addresses),
        _qualified_statements(addresses.disclosure()) if definition.qualified else b"",
        der.extension(oids.OCSP_NOCHECK, der.encode(der.NULL, b"")) if definition.no_check else b"",
    ]
    return der.sequence(parts)


def _basic_constraints(role: CaRole) -> bytes:
    path_length = b"" if role.path_length is None else der.integer(role.path_length)
    value = der.sequence((der.encode(der.BOOLEAN, b"\xff"), path_length))
    return der.extension(oids.BASIC_CONSTRAINTS, value, critical=True)


def _key_usage(bits: Iterable[KeyUsageBit]) -> bytes:
    """A named BIT STRING: bit 0 is the first, trailing zeros are dropped (X.690 §11.2.2)."""
    last = max(bits)
    value = sum(1 << (_BITS - 1 - bit) for bit in bits)
    return der.extension(
        oids.KEY_USAGE, der.encode(der.BIT_STRING, bytes((_BITS - 1 - last, value))), critical=True
    )


def _key_purposes(purposes: Iterable[str]) -> bytes:
    return der.extension(oids.EXTENDED_KEY_USAGE, der.sequence(map(der.object_identifier, purposes)))


def _subject_key(identifier: bytes) -> bytes:
    return der.extension(oids.SUBJECT_KEY_IDENTIFIER, der.encode(der.OCTET_STRING, identifier))


def _authority_key(identifier: bytes) -> bytes:
    return der.extension(oids.AUTHORITY_KEY_IDENTIFIER, authority_key_value(identifier))


def authority_key_value(identifier: bytes) -> bytes:
    """AuthorityKeyIdentifier with its [0] keyIdentifier alone (RFC 5280 §4.2.1.1)."""
    return der.sequence((der.context(0, identifier, constructed=False),))


def _policies(policies: Iterable[str]) -> bytes:
    value = der.sequence(der.sequence((der.object_identifier(policy),)) for policy in policies)
    return der.extension(oids.CERTIFICATE_POLICIES, value)


def _crl_pointer(url: str) -> bytes:
    full_name = der.context(0, der.context(0, _uri(url)))
    return der.extension(oids.CRL_DISTRIBUTION_POINTS, der.sequence((der.sequence((full_name,)),)))


def _access(definition: ProfileDefinition, issuer: str, addresses: PublicAddresses) -> bytes:
    descriptions = []
    if definition.ocsp_pointer:
        descriptions.append(der.sequence((der.object_identifier(_AD_OCSP), _uri(addresses.ocsp()))))
    if definition.issuer_pointer:
        location = _uri(addresses.certificate(issuer))
        descriptions.append(der.sequence((der.object_identifier(_AD_CA_ISSUERS), location)))
    return der.extension(oids.AUTHORITY_INFO_ACCESS, der.sequence(descriptions)) if descriptions else b""


def _uri(url: str) -> bytes:
    return der.context(_URI, url.encode("ascii"), constructed=False)


def _qualified_statements(disclosure_url: str) -> bytes:
    """qcStatements of a citizen's signature certificate (ETSI EN 319 412-5 §4, EN 319 412-1 §5.1)."""
    semantics = der.sequence((der.object_identifier(oids.SEMANTICS_ID_NATURAL),))
    location = der.sequence(
        (
            der.encode(_IA5_STRING, disclosure_url.encode("ascii")),
            der.encode(_PRINTABLE_STRING, _PDS_LANGUAGE.encode()),
        )
    )
    types = der.sequence((der.object_identifier(oids.QCT_ESIGN),))
    legislation = der.sequence((der.encode(_PRINTABLE_STRING, COUNTRY.encode()),))
    statements = (
        _statement(oids.QCS_PKIXQCSYNTAX_V2, semantics),
        _statement(oids.QC_COMPLIANCE),
        _statement(oids.QC_SSCD),
        _statement(oids.QC_PDS, der.sequence((location,))),
        _statement(oids.QC_TYPE, types),
        _statement(oids.QC_CC_LEGISLATION, legislation),
    )
    return der.extension(oids.QC_STATEMENTS, der.sequence(statements))


def _statement(oid: str, info: bytes = b"") -> bytes:
    return der.sequence((der.object_identifier(oid), info))
