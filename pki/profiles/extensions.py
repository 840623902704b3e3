"""The extensions of a profile, encoded in the order in which they stand in the certificate."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from pki import der, oids
from pki.profiles.country import COUNTRY
from pki.profiles.facts import IssuerFacts
from pki.profiles.shape import CaRole, KeyUsageBit, ProfileDefinition
from pki.profiles.traveldocuments import encode_country_names, encode_document_types

_HTTPS_PORT = 443
_URI = 6  # GeneralName [6] uniformResourceIdentifier, RFC 5280 §4.2.1.6
_AD_OCSP = "1.3.6.1.5.5.7.48.1"
_AD_CA_ISSUERS = "1.3.6.1.5.5.7.48.2"
_IA5_STRING = 0x16
_PRINTABLE_STRING = 0x13
_BITS = 8


@dataclass(frozen=True)
class PublicAddresses:
    """Where an issuer's data is found, below the installation's public address."""

    base: str
    """The installation's address, http or https, without a trailing slash."""

    @property
    def repository(self) -> str:
        """Where CRLs, CA certificates and OCSP are: plain http, whatever the site's own address is.

        They are signed themselves; over https, whoever checks the certificate of the host that serves them
        would need them first (RFC 5280 §8, §4.2.1.13, §4.2.2.1; ETSI EN 319 412-2 GEN-4.3.11-4).
        Raises ValueError for an https address on another port than 443: what port is http's, none can know.
        """
        address = urlsplit(self.base)
        if address.scheme != "https":
            return self.base
        if address.port not in {None, _HTTPS_PORT}:
            raise ValueError("of an https address on a port of its own the http address is unknown")
        return f"http://{address.netloc.removesuffix(f':{_HTTPS_PORT}')}{address.path}"

    def crl(self, scope: str) -> str:
        """A CRL, DER: an issuer's, one of its partitions', or a delta of either (`pki.hierarchy`)."""
        return f"{self.repository}/pki/crl/{scope}.crl"

    def certificate(self, issuer: str) -> str:
        """The issuer's certificate, DER."""
        return f"{self.repository}/pki/ca/{issuer}.cer"

    def ocsp(self) -> str:
        """The OCSP responder."""
        return f"{self.repository}/pki/ocsp"

    def contact(self) -> str:
        """Where a country signing CA can be reached (ICAO Doc 9303-12 §7.1)."""
        return f"{self.base}/pki/"

    def disclosure(self) -> str:
        """The PKI disclosure statement; ETSI EN 319 412-5 §4.3.4 wants https."""
        return f"https://{urlsplit(self.base).netloc}/pki/pds-{COUNTRY.disclosure_language}.txt"


def encode_before_key(definition: ProfileDefinition) -> bytes:
    """The extensions that stand before the subject key identifier."""
    parts = (
        _basic_constraints(definition.ca) if definition.ca else b"",
        _key_usage(definition.key_usage),
        _key_purposes(definition) if definition.key_purposes else b"",
    )
    return b"".join(parts)


def encode_subject_key(identifier: bytes) -> bytes:
    """The subject key identifier (RFC 5280 §4.2.1.2)."""
    return der.extension(oids.SUBJECT_KEY_IDENTIFIER, der.encode(der.OCTET_STRING, identifier))


def encode_after_key(
    definition: ProfileDefinition, issuer: IssuerFacts, addresses: PublicAddresses, crl_scope: str
) -> bytes:
    """The extensions that stand behind it and that all certificates of one issuer and scope share."""
    parts = (
        _authority_key(issuer.key_identifier),
        _policies(definition.policies) if definition.policies else b"",
        _crl_pointer(addresses.crl(crl_scope)) if definition.crl_pointer else b"",
        _access(definition, issuer.name, addresses),
        _qualified_statements(addresses.disclosure()) if definition.qualified else b"",
        der.extension(oids.OCSP_NOCHECK, der.encode(der.NULL, b"")) if definition.no_check else b"",
        encode_country_names(addresses.contact()) if definition.country_names else b"",
        encode_document_types(definition.document_types) if definition.document_types else b"",
    )
    return b"".join(parts)


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


def _key_purposes(definition: ProfileDefinition) -> bytes:
    value = der.sequence(map(der.object_identifier, definition.key_purposes))
    return der.extension(oids.EXTENDED_KEY_USAGE, value, critical=definition.key_purposes_critical)


def _authority_key(identifier: bytes) -> bytes:
    """In self-signed certificates too, where it is optional (RFC 5280 §4.2.1.1, ICAO Doc 9303-12 §7.1).

    Generations of a country signing CA have one name: only this tells readers whose key signed which.
    """
    return der.extension(oids.AUTHORITY_KEY_IDENTIFIER, authority_key_value(identifier))


def authority_key_value(identifier: bytes) -> bytes:
    """AuthorityKeyIdentifier with its [0] keyIdentifier alone (RFC 5280 §4.2.1.1)."""
    return der.sequence((der.context(0, identifier, constructed=False),))


def _policies(policies: Iterable[str]) -> bytes:
    value = der.sequence(der.sequence((der.object_identifier(policy),)) for policy in policies)
    return der.extension(oids.CERTIFICATE_POLICIES, value)


def _crl_pointer(url: str) -> bytes:
    return der.extension(oids.CRL_DISTRIBUTION_POINTS, distribution_points(url))


def distribution_points(url: str) -> bytes:
    """CRLDistributionPoints with one address and no reasons: all of them (RFC 5280 §4.2.1.13)."""
    return der.sequence((der.sequence((der.context(0, distribution_point_name(url)),)),))


def distribution_point_name(url: str) -> bytes:
    """DistributionPointName, [0] fullName: the same bytes in certificates and in their CRL (§6.3.3 b)."""
    return der.context(0, _uri(url))


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
            der.encode(_PRINTABLE_STRING, COUNTRY.disclosure_language.encode()),
        )
    )
    types = der.sequence((der.object_identifier(oids.QCT_ESIGN),))
    legislation = der.sequence(der.encode(_PRINTABLE_STRING, code.encode()) for code in COUNTRY.legislation)
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
