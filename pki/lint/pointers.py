"""Where to ask: CRL distribution point and authority information access, byte-equal to what is served."""

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from pki.lint.candidate import Candidate, require


def check_crl_pointer(candidate: Candidate) -> None:
    """One distribution point with the issuer's one CRL address, or none, as the profile has it."""
    extension = candidate.extension(x509.CRLDistributionPoints)
    expected = candidate.expected
    urls = [
        name.value
        for point in (extension.value if extension else ())
        for name in (point.full_name or ())
        if isinstance(name, x509.UniformResourceIdentifier)
    ]
    scope = expected.crl_scope(candidate.fields.serial)
    wanted = [expected.addresses.crl(scope)] if expected.definition.crl_pointer else []
    require(urls == wanted, "crl_distribution_points", "differ from the issuer's address")


def check_access(candidate: Candidate) -> None:
    """OCSP and caIssuers as the profile has them, and nothing else."""
    extension = candidate.extension(x509.AuthorityInformationAccess)
    found = [
        (item.access_method, item.access_location.value) for item in (extension.value if extension else ())
    ]
    expected = candidate.expected
    wanted = []
    if expected.definition.ocsp_pointer:
        wanted.append((AuthorityInformationAccessOID.OCSP, expected.addresses.ocsp()))
    if expected.definition.issuer_pointer:
        address = expected.addresses.certificate(expected.issuer.name)
        wanted.append((AuthorityInformationAccessOID.CA_ISSUERS, address))
    require(found == wanted, "authority_info_access", "differs from the issuer's addresses")
