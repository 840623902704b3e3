"""A certificate authority as the signing process holds it: its name, its key, its own certificate."""

from dataclasses import dataclass, field

from cryptography import x509

from pki.keys.algorithms import algorithm_for
from pki.keys.identifiers import key_identifier, spki_of
from pki.keys.signer import Signer
from pki.profiles.tbs import IssuerFacts, Validity, read_tbs, tbs_of

ROOT = "root"
CITIZEN = "citizen"


@dataclass(frozen=True)
class IssuingCa:
    """A CA that can sign."""

    facts: IssuerFacts
    signer: Signer = field(repr=False)

    @property
    def name(self) -> str:
        """Its short name, part of its addresses."""
        return self.facts.name


def issuing_ca(name: str, signer: Signer, subject: bytes, validity: Validity) -> IssuingCa:
    """A CA that has no certificate yet: a root on the day of its ceremony. `subject` is a DER Name."""
    identifier = key_identifier(spki_of(signer.public_key))
    algorithm = algorithm_for(signer.public_key).identifier
    return IssuingCa(IssuerFacts(name, subject, identifier, validity, algorithm), signer)


def certified_ca(name: str, signer: Signer, certificate: bytes) -> IssuingCa:
    """A CA by its DER certificate, whose key must be the signer's. Raises ValueError."""
    fields = read_tbs(tbs_of(certificate))
    if fields.spki != spki_of(signer.public_key):
        raise ValueError(f"the key of CA {name} is not the one in its certificate")
    parsed = x509.load_der_x509_certificate(certificate)
    validity = Validity(parsed.not_valid_before_utc, parsed.not_valid_after_utc)
    return issuing_ca(name, signer, fields.subject, validity)
