"""Only extensions that the profiles know, each once; whatever an attacker or a fault adds stands out."""

from pki import oids
from pki.lint.candidate import SharedExtensions, require
from pki.lint.reader import oid_content

RULE = "extension_set"
CLAUSE = "RFC 5280 §4.2"
_KNOWN = frozenset(
    map(
        oid_content,
        (
            oids.BASIC_CONSTRAINTS,
            oids.KEY_USAGE,
            oids.EXTENDED_KEY_USAGE,
            oids.AUTHORITY_KEY_IDENTIFIER,
            oids.CERTIFICATE_POLICIES,
            oids.CRL_DISTRIBUTION_POINTS,
            oids.AUTHORITY_INFO_ACCESS,
            oids.QC_STATEMENTS,
            oids.OCSP_NOCHECK,
            oids.SUBJECT_ALT_NAME,
            oids.ISSUER_ALT_NAME,
            oids.ICAO_DOCUMENT_TYPE_LIST,
        ),
    )
)


def check(shared: SharedExtensions) -> None:
    """What each may hold is for its own rule."""
    require(_KNOWN.issuperset(shared.order), RULE, "hold one that no profile has")
    require(len(set(shared.order)) == len(shared.order), RULE, "hold one twice")
