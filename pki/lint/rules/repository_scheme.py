"""CRLs, deltas, OCSP and CA certificates are named by http addresses alone, whatever the site's is."""

from collections.abc import Iterator

from cryptography import x509

from pki.lint.candidate import SharedExtensions, require

RULE = "repository_scheme"
CLAUSE = "RFC 5280 §4.2.1.13, §4.2.1.15, §4.2.2.1, §8; ETSI EN 319 412-2 §4.3.11, §4.4.1"


def check(shared: SharedExtensions) -> None:
    """Names of another kind than a URI are refused, too: nobody could fetch from them."""
    for name in _names(shared):
        is_http = isinstance(name, x509.UniformResourceIdentifier) and name.value.startswith("http://")
        require(is_http, RULE, "names what is no http address")


def _names(shared: SharedExtensions) -> Iterator[x509.GeneralName]:
    points = shared.find(x509.CRLDistributionPoints)
    deltas = shared.find(x509.FreshestCRL)
    access = shared.find(x509.AuthorityInformationAccess)
    for point in (*(points.value if points else ()), *(deltas.value if deltas else ())):
        yield from point.full_name or ()
    for description in access.value if access else ():
        yield description.access_location
