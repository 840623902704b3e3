"""A home whose site has an https address: its certificates and CRLs name http, and pkilint finds nothing."""

from collections.abc import Iterator, Mapping, Sequence

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import select
from sqlalchemy.orm import Session

from pki import home as homes
from pki.authority import CertificateRequest, PersonSubject
from pki.authority.values import CardSubject
from pki.bootstrap import Pki, initialise, open_pki
from pki.export import crl_names
from pki.keys.files import FileSigner
from pki.pkcs10 import create_csr
from pki.profiles import Profile
from pki.profiles.extensions import PublicAddresses
from pki.store.models import CertificateBody, CertificateRow
from tests.unit.pki.conftest import START
from tests.unit.pki.profiles.samples import CARD
from tests.unit.pki.profiles.test_pkilint import ETSI_TYPES, KNOWN_LIMITS, etsi_results, findings, pkix
from tests.unit.pki.status.test_crl_lint import findings as crl_findings

SITE = "https://id.example.org"
REPOSITORY = "http://id.example.org/pki/"
PERSON = PersonSubject("0012345679", "سارا", "محمدی")
SUBJECTS: Mapping[Profile, PersonSubject | CardSubject] = {
    **dict.fromkeys(ETSI_TYPES, PERSON),
    Profile.CARD_AUTHENTICATION: CardSubject(CARD),
}
"""What a card holds, and for whom."""

Structure = x509.Certificate | x509.CertificateRevocationList


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pki]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("HOVIAT_PASSPHRASE", raising=False)
        patch.delenv("HOVIAT_PKI_DATABASE", raising=False)
        home = homes.create(tmp_path_factory.mktemp("site") / "home", SITE, shards=2)
        initialise(home, lambda: START)
        opened = open_pki(home, lambda: START)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def certificates(site: Pki) -> Sequence[tuple[Profile, bytes]]:
    """All that the home ever signed: CAs, responders, document signers, and one card's."""
    for profile, subject in SUBJECTS.items():
        csr = create_csr(FileSigner.generate(ec.SECP256R1()), "card")
        site.authority.issue(CertificateRequest(profile.value, profile, subject, csr, actor="t"))
    query = select(CertificateRow.profile, CertificateBody.der).join(
        CertificateBody, CertificateBody.serial == CertificateRow.serial
    )
    with Session(site.engine) as session:
        return [(Profile(row.profile), row.der) for row in session.execute(query)]


@pytest.fixture(scope="module")
def crls(site: Pki) -> Mapping[str, bytes]:
    return {name: site.crls.current(name).read() for name in crl_names(site)}


def addresses(structure: Structure) -> list[str]:
    names: list[x509.GeneralName] = []
    for extension in structure.extensions:
        value = extension.value
        if isinstance(value, x509.CRLDistributionPoints | x509.FreshestCRL):
            names += [name for point in value for name in point.full_name or ()]
        elif isinstance(value, x509.IssuingDistributionPoint):
            names += value.full_name or ()
        elif isinstance(value, x509.AuthorityInformationAccess):
            names += [description.access_location for description in value]
    return [str(name.value) for name in names]


def test_every_certificate_names_the_repository_by_http(
    certificates: Sequence[tuple[Profile, bytes]],
) -> None:
    named = [(profile, addresses(x509.load_der_x509_certificate(der))) for profile, der in certificates]
    found = [address for _, each in named for address in each]
    assert {profile for profile, _ in named} >= {Profile.ISSUING_CA, Profile.CSCA, *SUBJECTS}
    assert len(found) > len(SUBJECTS)
    assert [address for address in found if not address.startswith(REPOSITORY)] == []


def test_the_disclosure_statement_keeps_https(certificates: Sequence[tuple[Profile, bytes]]) -> None:
    """ETSI EN 319 412-5 §4.3.4."""
    (qualified,) = (der for profile, der in certificates if profile is Profile.SIGNATURE)
    assert b"https://id.example.org/pki/pds-en.txt" in qualified


def test_pkilint_finds_nothing_in_them(certificates: Sequence[tuple[Profile, bytes]]) -> None:
    for profile, der in certificates:
        assert findings(pkix(der)) == KNOWN_LIMITS.get(profile, []), profile
        if profile in ETSI_TYPES:
            assert findings(etsi_results(der, ETSI_TYPES[profile])) == [], profile


def test_crls_and_deltas_name_it_by_http_as_their_certificates_do(
    crls: Mapping[str, bytes], certificates: Sequence[tuple[Profile, bytes]]
) -> None:
    parsed = {name: x509.load_der_x509_crl(der) for name, der in crls.items()}
    found = {address for crl in parsed.values() for address in addresses(crl)}
    assert f"{REPOSITORY}crl/citizen-sign-g1-p0001.crl" in found
    assert f"{REPOSITORY}crl/citizen-sign-g1-p0001-delta.crl" in found
    assert [address for address in found if not address.startswith(REPOSITORY)] == []
    for profile, der in certificates:
        if profile in SUBJECTS:
            (point,) = (url for url in addresses(x509.load_der_x509_certificate(der)) if "/crl/" in url)
            assert point in addresses(parsed[point.removeprefix(f"{REPOSITORY}crl/").removesuffix(".crl")])


def test_pkilint_finds_nothing_in_the_crls(crls: Mapping[str, bytes]) -> None:
    assert {name: found for name, der in crls.items() if (found := crl_findings(der))} == {}


@pytest.mark.parametrize(
    ("base", "repository"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://id.example.org/site", "http://id.example.org/site"),
        ("https://id.example.org", "http://id.example.org"),
        ("https://id.example.org:443", "http://id.example.org"),
        ("https://[2001:db8::1]:443/site", "http://[2001:db8::1]/site"),
    ],
)
def test_the_repository_of_an_address(base: str, repository: str) -> None:
    named = PublicAddresses(base)
    assert named.crl("x") == f"{repository}/pki/crl/x.crl"
    assert named.ocsp() == f"{repository}/pki/ocsp"
    assert named.certificate("x") == f"{repository}/pki/ca/x.cer"


def test_no_http_address_is_guessed_from_another_port() -> None:
    with pytest.raises(ValueError, match="port of its own"):
        PublicAddresses("https://id.example.org:8443").ocsp()
