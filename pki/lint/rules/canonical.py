"""The shared extensions are the very bytes that the profile encodes: nothing stands in them unseen.

The only rule that asks the encoder. The others find an encoder's fault; this one finds what they overlook.
"""

from pki.lint.candidate import SharedExtensions, require
from pki.profiles.extensions import encode_after_key, encode_before_key

RULE = "canonical"
CLAUSE = "X.690 §10, §11; RFC 5280 §4.1"


def check(shared: SharedExtensions) -> None:
    """Byte for byte and in their order."""
    expected = shared.expected
    wanted = encode_before_key(expected.definition) + encode_after_key(
        expected.definition, expected.issuer, expected.addresses, expected.crl_scope
    )
    found = b"".join(shared.raw[oid].raw for oid in shared.order)
    require(found == wanted, RULE, "are not what the profile encodes")
