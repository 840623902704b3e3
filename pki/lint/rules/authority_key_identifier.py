"""The authority key identifier is the signing CA's key identifier alone, not critical; a root's its own."""

from cryptography import x509

from pki.lint.candidate import SharedExtensions, require

RULE = "authority_key_identifier"
CLAUSE = "RFC 5280 §4.2.1.1"


def check(shared: SharedExtensions) -> None:
    """By the key, never by issuer and serial: those change when a CA's certificate is renewed."""
    extension = shared.find(x509.AuthorityKeyIdentifier)
    right = (
        extension is not None
        and not extension.critical
        and extension.value.key_identifier == shared.expected.issuer.key_identifier
        and extension.value.authority_cert_issuer is None
        and extension.value.authority_cert_serial_number is None
    )
    require(right, RULE, "is missing or not the signing CA's")
