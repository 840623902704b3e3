"""ExtKeyUsage has the profile's purposes; a citizen's certificate never names a server."""

from cryptography import x509

from pki import oids
from pki.lint.candidate import SharedExtensions, require

RULE = "key_purposes"
CLAUSE = "RFC 5280 §4.2.1.12; RFC 6960 §4.2.2.2; FIPS 201-3 §4.2.2.3; ICAO Doc 9303-12 §7.1.1.3"
_ANY_PURPOSE = "2.5.29.37.0"


def check(shared: SharedExtensions) -> None:
    """These and no others, critical where the profile wants it."""
    extension = shared.find(x509.ExtendedKeyUsage)
    purposes = () if extension is None else tuple(oid.dotted_string for oid in extension.value)
    definition = shared.expected.definition
    require(_ANY_PURPOSE not in purposes, RULE, "anyExtendedKeyUsage undoes the others")
    require(not (definition.person and oids.SERVER_AUTH in purposes), RULE, "no citizen is a server")
    require(purposes == definition.key_purposes, RULE, "differs from the profile's")
    critical = extension is not None and extension.critical
    require(
        critical == definition.key_purposes_critical, RULE, "is critical where the profile is not, or not"
    )
