"""A CA says so, critically and with its path length; nobody else does."""

from cryptography import x509

from pki.errors import LintError
from pki.lint.candidate import SharedExtensions, require

RULE = "basic_constraints"
CLAUSE = "RFC 5280 §4.2.1.9"


def check(shared: SharedExtensions) -> None:
    """An end entity without the extension is no CA (§4.2.1.9)."""
    role = shared.expected.definition.ca
    extension = shared.find(x509.BasicConstraints)
    if role is None:
        require(extension is None, RULE, "is for CAs only")
        return
    if extension is None:
        raise LintError(RULE, "is missing")
    right = extension.critical and extension.value.ca and extension.value.path_length == role.path_length
    require(right, RULE, "differs from the profile's")
