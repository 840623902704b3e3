"""OCSP and caIssuers stand as the profile has them, byte for byte as they are served, and nothing else."""

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from pki.lint.candidate import SharedExtensions, require

RULE = "authority_info_access"
CLAUSE = "RFC 5280 §4.2.2.1; ETSI EN 319 412-2 §4.4.1"


def check(shared: SharedExtensions) -> None:
    """OCSP first, not critical."""
    extension = shared.find(x509.AuthorityInformationAccess)
    found = (
        [(item.access_method, item.access_location.value) for item in extension.value] if extension else []
    )
    expected = shared.expected
    wanted = []
    if expected.definition.ocsp_pointer:
        wanted.append((AuthorityInformationAccessOID.OCSP, expected.addresses.ocsp()))
    if expected.definition.issuer_pointer:
        address = expected.addresses.certificate(expected.issuer.name)
        wanted.append((AuthorityInformationAccessOID.CA_ISSUERS, address))
    require(found == wanted, RULE, "differs from the issuer's addresses")
    require(extension is None or not extension.critical, RULE, "must not be critical")
