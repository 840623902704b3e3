"""pkilint finds nothing of severity warning or above in any profile, with any kind of key."""

from collections.abc import Iterable
from typing import Any

import pytest
from pkilint import etsi, finding_filter, loader
from pkilint.common.organization_id import ISO3166_1_WITH_TRANSNATIONAL_COUNTRY_CODES
from pkilint.etsi.etsi_constants import CertificateType
from pkilint.pkix import certificate, extension, name
from pkilint.validation import ValidationFindingSeverity

from pki.keys.kinds import KeyKind
from pki.profiles import Profile
from pki.profiles.country import COUNTRY_CODES
from pki.profiles.definitions import DEFINITIONS
from pki.profiles.extensions import PublicAddresses
from pki.profiles.identities import ForeignIdentity
from tests.unit.pki.profiles.samples import (
    ADDRESSES,
    CARD,
    EDGE_NAMES,
    FOREIGNERS,
    every_kind,
    named_certificate,
    sample_certificate,
)

ETSI_TYPES = {
    Profile.SIGNATURE: CertificateType.QCP_N_QSCD_NON_EIDAS_FINAL_CERTIFICATE,
    Profile.AUTHENTICATION: CertificateType.NCP_NATURAL_PERSON_CERTIFICATE,
}
SITES = [ADDRESSES, PublicAddresses("https://id.example.org"), PublicAddresses("https://example.org:443/id")]
# FIPS 201-3 §4.2.2.3 wants the card's UUID as a URI (urn:uuid, RFC 9562 §4), which RFC 5280 §4.2.1.6 allows;
# pkilint takes web addresses only. This one finding, with this very text, is its own limit.
KNOWN_LIMITS = {
    Profile.CARD_AUTHENTICATION: [f'pkix.invalid_uri_syntax (ERROR) Invalid URI syntax: "urn:uuid:{CARD}"']
}


def load(der: bytes) -> Any:
    return loader.RFC5280CertificateDocumentLoader().load_der_document(der, "sample")


def pkix(der: bytes) -> list[Any]:
    validator = certificate.create_pkix_certificate_validator_container(
        certificate.create_decoding_validators(name.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS),
        [
            certificate.create_issuer_validator_container([]),
            certificate.create_validity_validator_container(),
            certificate.create_subject_validator_container([]),
            certificate.create_extensions_validator_container([]),
            certificate.create_spki_validator_container([]),
        ],
    )
    return list(validator.validate(load(der).root))


def etsi_results(der: bytes, kind: CertificateType) -> list[Any]:
    validator = certificate.create_pkix_certificate_validator_container(
        etsi.create_decoding_validators(kind), etsi.create_validators(kind)
    )
    results = validator.validate(load(der).root)
    filtered, _ = finding_filter.filter_results(etsi.create_etsi_finding_filters(kind), results)
    return list(filtered)


def findings(results: Iterable[Any]) -> list[str]:
    """pkilint counts severities downwards: 0 is fatal, 2 a warning."""
    return [
        f"{description.finding} {description.message}"
        for result in results
        for description in result.finding_descriptions
        if description.finding.severity <= ValidationFindingSeverity.WARNING
    ]


@pytest.mark.parametrize("site", SITES, ids=lambda site: site.base)
@pytest.mark.parametrize(("profile", "kind"), every_kind())
def test_pkix(profile: Profile, kind: KeyKind, site: PublicAddresses) -> None:
    found = findings(pkix(sample_certificate(DEFINITIONS[profile], kind, addresses=site)))
    assert found == KNOWN_LIMITS.get(profile, [])


@pytest.mark.parametrize("site", SITES, ids=lambda site: site.base)
@pytest.mark.parametrize(
    ("profile", "kind"), [(profile, kind) for profile, kind in every_kind() if profile in ETSI_TYPES]
)
def test_etsi(profile: Profile, kind: KeyKind, site: PublicAddresses) -> None:
    der = sample_certificate(DEFINITIONS[profile], kind, addresses=site)
    assert findings(etsi_results(der, ETSI_TYPES[profile])) == []


def test_an_https_repository_is_found() -> None:
    """What a site's https address would do, were it named for CRLs."""
    der = sample_certificate(DEFINITIONS[Profile.SIGNATURE], KeyKind.P256)
    found = findings(etsi_results(der.replace(b"http://p", b"https://"), ETSI_TYPES[Profile.SIGNATURE]))
    assert any("http_or_ldap_crldp_distribution_point_uri_missing" in finding for finding in found)


@pytest.mark.parametrize("names", EDGE_NAMES.values(), ids=EDGE_NAMES)
@pytest.mark.parametrize("profile", ETSI_TYPES)
def test_names_at_the_edges(profile: Profile, names: tuple[str | None, str | None]) -> None:
    der = named_certificate(DEFINITIONS[profile], names)
    assert findings(pkix(der)) + findings(etsi_results(der, ETSI_TYPES[profile])) == []


@pytest.mark.parametrize("identity", FOREIGNERS.values(), ids=FOREIGNERS)
@pytest.mark.parametrize("profile", ETSI_TYPES)
def test_foreign_nationals(profile: Profile, identity: ForeignIdentity) -> None:
    der = named_certificate(DEFINITIONS[profile], ("Élise", "O\u2019Neil"), identity=identity)
    assert findings(pkix(der)) + findings(etsi_results(der, ETSI_TYPES[profile])) == []


def test_the_country_codes_are_those_that_pkilint_knows() -> None:
    assert len(COUNTRY_CODES) == 249
    assert COUNTRY_CODES < ISO3166_1_WITH_TRANSNATIONAL_COUNTRY_CODES


def test_a_flaw_is_found() -> None:
    """The check itself can fail."""
    der = sample_certificate(DEFINITIONS[Profile.SIGNATURE], KeyKind.P256)
    assert findings(pkix(der.replace(b"http://pki.hoviat", b"http:??pki hoviat")))
