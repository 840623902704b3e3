"""Who certifies which key: issuer, algorithm, requested key, AKI, SKI (RFC 5280 §4.2.1.1, §4.2.1.2)."""

import hashlib

from cryptography import x509

from pki.keys.identifiers import key_identifier
from pki.lint.candidate import Candidate, require


def check_issuer(candidate: Candidate) -> None:
    """The issuer's name is the signing CA's subject byte for byte; the algorithm is the one it signs with."""
    issuer = candidate.expected.issuer
    require(candidate.fields.issuer == issuer.subject, "issuer", "is not the signing CA's subject")
    require(
        candidate.fields.signature_algorithm == issuer.signature_algorithm,
        "signature_algorithm",
        "is not the signing CA's",
    )


def check_key(candidate: Candidate) -> None:
    """The certified key is the one whose possession was proved."""
    digest = hashlib.sha256(candidate.fields.spki).digest()
    require(digest == candidate.expected.key_hash, "public_key", "is not the requested one")


def check_subject_key_identifier(candidate: Candidate) -> None:
    """SKI is the hash of the certified key, not critical."""
    extension = candidate.extension(x509.SubjectKeyIdentifier)
    right = (
        extension is not None
        and not extension.critical
        and extension.value.digest == key_identifier(candidate.fields.spki)
    )
    require(right, "subject_key_identifier", "is missing or not the key's")


def check_authority_key_identifier(candidate: Candidate) -> None:
    """AKI is the signing CA's key identifier, not critical; a root has none."""
    extension = candidate.extension(x509.AuthorityKeyIdentifier)
    if candidate.expected.definition.self_signed:
        require(extension is None, "authority_key_identifier", "a root has none")
        return
    right = (
        extension is not None
        and not extension.critical
        and extension.value.key_identifier == candidate.expected.issuer.key_identifier
        and extension.value.authority_cert_issuer is None
    )
    require(right, "authority_key_identifier", "is missing or not the signing CA's")
