"""What the key may do: basicConstraints, keyUsage, extKeyUsage, policies, as the profile has them."""

from cryptography import x509

from pki import oids
from pki.lint.candidate import Candidate, require
from pki.profiles.definitions import KeyUsageBit

_NAMES = {
    KeyUsageBit.DIGITAL_SIGNATURE: "digital_signature",
    KeyUsageBit.NON_REPUDIATION: "content_commitment",
    KeyUsageBit.KEY_ENCIPHERMENT: "key_encipherment",
    KeyUsageBit.DATA_ENCIPHERMENT: "data_encipherment",
    KeyUsageBit.KEY_AGREEMENT: "key_agreement",
    KeyUsageBit.KEY_CERT_SIGN: "key_cert_sign",
    KeyUsageBit.CRL_SIGN: "crl_sign",
}


def check_key_usage(candidate: Candidate) -> None:
    """KeyUsage is critical and has the profile's bits and no others."""
    extension = candidate.extension(x509.KeyUsage)
    if extension is None:
        return require(False, "key_usage", "is missing")  # noqa: FBT003
    require(extension.critical, "key_usage", "must be critical")
    bits = {bit for bit, name in _NAMES.items() if getattr(extension.value, name)}
    require(bits == candidate.expected.definition.key_usage, "key_usage", "differs from the profile's")
    return None


def check_key_purposes(candidate: Candidate) -> None:
    """ExtKeyUsage has the profile's purposes; never serverAuth or anyExtendedKeyUsage beside them."""
    extension = candidate.extension(x509.ExtendedKeyUsage)
    purposes = () if extension is None else tuple(oid.dotted_string for oid in extension.value)
    require(
        purposes == candidate.expected.definition.key_purposes,
        "extended_key_usage",
        "differs from the profile's",
    )


def check_basic_constraints(candidate: Candidate) -> None:
    """A CA says so, critically and with its path length; nobody else does."""
    role = candidate.expected.definition.ca
    extension = candidate.extension(x509.BasicConstraints)
    if role is None:
        require(extension is None, "basic_constraints", "is for CAs only")
    elif extension is None:
        require(False, "basic_constraints", "is missing")  # noqa: FBT003
    else:
        right = extension.critical and extension.value.ca and extension.value.path_length == role.path_length
        require(right, "basic_constraints", "differs from the profile's")


def check_policies(candidate: Candidate) -> None:
    """CertificatePolicies has the profile's identifiers."""
    extension = candidate.extension(x509.CertificatePolicies)
    found = (
        () if extension is None else tuple(item.policy_identifier.dotted_string for item in extension.value)
    )
    require(found == candidate.expected.definition.policies, "policies", "differ from the profile's")


def check_extension_set(candidate: Candidate) -> None:
    """Only extensions this authority knows; nocheck and qcStatements where they belong."""
    present = {extension.oid.dotted_string for extension in candidate.certificate.extensions}
    require(present <= _KNOWN, "extensions", "hold one that no profile has")
    definition = candidate.expected.definition
    require((oids.OCSP_NOCHECK in present) == definition.no_check, "no_check", "differs from the profile's")
    require(
        (oids.QC_STATEMENTS in present) == definition.qualified, "qc_statements", "differ from the profile's"
    )


_KNOWN = frozenset(
    {
        oids.BASIC_CONSTRAINTS,
        oids.KEY_USAGE,
        oids.EXTENDED_KEY_USAGE,
        oids.SUBJECT_KEY_IDENTIFIER,
        oids.AUTHORITY_KEY_IDENTIFIER,
        oids.CERTIFICATE_POLICIES,
        oids.CRL_DISTRIBUTION_POINTS,
        oids.AUTHORITY_INFO_ACCESS,
        oids.QC_STATEMENTS,
        oids.OCSP_NOCHECK,
        oids.PRIVATE_KEY_USAGE_PERIOD,
        oids.SUBJECT_ALT_NAME,
        oids.ISSUER_ALT_NAME,
        oids.ICAO_NAME_CHANGE,
        oids.ICAO_DOCUMENT_TYPE_LIST,
    }
)
