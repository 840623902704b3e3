"""One distribution point: the CRL that covers this serial, byte for byte as that CRL names itself."""

from cryptography import x509

from pki.lint.candidate import SharedExtensions, require

RULE = "crl_distribution_point"
CLAUSE = "RFC 5280 §4.2.1.13, §6.3.3 (b)(2)"


def check(shared: SharedExtensions) -> None:
    """The scope was reckoned from the serial itself; reasons and cRLIssuer are absent."""
    extension = shared.find(x509.CRLDistributionPoints)
    expected = shared.expected
    points = [] if extension is None else list(extension.value)
    if not expected.definition.crl_pointer:
        require(extension is None, RULE, "is not the profile's")
        return
    require(len(points) == 1, RULE, "must be one")
    point = points[0]
    urls = [name.value for name in point.full_name or ()]
    require(urls == [expected.addresses.crl(expected.crl_scope)], RULE, "is not the serial's CRL")
    whole = point.reasons is None and point.crl_issuer is None and point.relative_name is None
    require(whole, RULE, "covers a part only")
    require(extension is None or not extension.critical, RULE, "must not be critical")
