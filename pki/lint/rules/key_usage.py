"""KeyUsage is critical and has the profile's bits and no others."""

from cryptography import x509

from pki.errors import LintError
from pki.lint.candidate import SharedExtensions, require
from pki.profiles.shape import KeyUsageBit

RULE = "key_usage"
CLAUSE = "RFC 5280 §4.2.1.3; ETSI EN 319 412-2 §4.3.2"
_NAMES = {
    KeyUsageBit.DIGITAL_SIGNATURE: "digital_signature",
    KeyUsageBit.NON_REPUDIATION: "content_commitment",
    KeyUsageBit.KEY_ENCIPHERMENT: "key_encipherment",
    KeyUsageBit.DATA_ENCIPHERMENT: "data_encipherment",
    KeyUsageBit.KEY_AGREEMENT: "key_agreement",
    KeyUsageBit.KEY_CERT_SIGN: "key_cert_sign",
    KeyUsageBit.CRL_SIGN: "crl_sign",
}


def check(shared: SharedExtensions) -> None:
    """A signature key signs nothing but documents; an authentication key never signs one."""
    extension = shared.find(x509.KeyUsage)
    if extension is None:
        raise LintError(RULE, "is missing")
    require(extension.critical, RULE, "must be critical")
    bits = {bit for bit, name in _NAMES.items() if getattr(extension.value, name)}
    require(bits == shared.expected.definition.key_usage, RULE, "differs from the profile's")
