"""CertificatePolicies has the profile's identifiers, each once, without qualifiers, not critical."""

from cryptography import x509

from pki.lint.candidate import SharedExtensions, require

RULE = "policies"
CLAUSE = "RFC 5280 §4.2.1.4; ETSI EN 319 411-1 §5.3, EN 319 411-2 §5.3"


def check(shared: SharedExtensions) -> None:
    """Qualifiers would be shown as ours; there are none."""
    extension = shared.find(x509.CertificatePolicies)
    policies = () if extension is None else tuple(extension.value)
    found = tuple(item.policy_identifier.dotted_string for item in policies)
    require(found == shared.expected.definition.policies, RULE, "differ from the profile's")
    require(len(set(found)) == len(found), RULE, "stand twice")
    require(not any(item.policy_qualifiers for item in policies), RULE, "have qualifiers")
    require(extension is None or not extension.critical, RULE, "must not be critical")
