"""id-pkix-ocsp-nocheck stands in OCSP responders' certificates only."""

from pki import oids
from pki.lint.candidate import SharedExtensions, require

RULE = "no_check"
CLAUSE = "RFC 6960 §4.2.2.2.1"
_NULL = b"\x05\x00"


def check(shared: SharedExtensions) -> None:
    """Its value is NULL, not critical."""
    wanted = _NULL if shared.expected.definition.no_check else None
    require(shared.value(oids.OCSP_NOCHECK) == wanted, RULE, "differs from the profile's")
