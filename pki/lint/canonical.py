"""The bytes are the very ones that the profile gives for this serial, key, subject and time."""

from pki.lint.candidate import Candidate, require
from pki.profiles.tbs import Validity, encode_tbs

RULE = "canonical"


def check_canonical(candidate: Candidate) -> None:
    """Encoded anew from what was read, the certificate is the same to the byte (X.690 §10, §11)."""
    fields, expected = candidate.fields, candidate.expected
    again = encode_tbs(
        expected.definition,
        fields.serial,
        fields.subject,
        fields.spki,
        Validity(candidate.not_before, candidate.not_after),
        expected.issuer,
        expected.addresses,
        expected.crl_scope(fields.serial),
    )
    require(candidate.tbs == again, RULE, "is not what the profile encodes")
