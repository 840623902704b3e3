"""With what a responder signs."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from pki import der
from pki.keys.algorithms import SignatureAlgorithm, algorithm_for
from pki.keys.identifiers import key_identifier, spki_of
from pki.keys.signer import Signer

TAG_BYTES = 4


@dataclass(frozen=True, eq=False)
class Credential:
    """A responder's key and the certificate in which the CA delegates to it (RFC 6960 §4.2.2.2)."""

    signer: Signer = field(repr=False)
    certificate: bytes = field(repr=False)
    not_after: datetime
    responder_id: bytes = field(repr=False)
    """ResponderID byKey in DER."""
    algorithm: SignatureAlgorithm
    tag: bytes
    """The first bytes of the key's identifier: says which responder made a stored answer."""

    def sign(self, data: bytes) -> bytes:
        """The signature of a ResponseData. Raises KeyStoreError."""
        return self.signer.sign(data, self.algorithm.hash)


def make_credential(signer: Signer, certificate: bytes, not_after: datetime) -> Credential:
    """A credential; what every answer repeats is made ready once."""
    identifier = key_identifier(spki_of(signer.public_key))
    return Credential(
        signer,
        certificate,
        not_after,
        der.context(2, der.octet_string(identifier)),
        algorithm_for(signer.public_key),
        identifier[:TAG_BYTES],
    )


class CredentialSource(Protocol):
    """Gives a CA's responder."""

    def __call__(self) -> Credential:
        """The one that is valid now, renewed when it is time. Raises PkiError, SQLAlchemyError."""
        ...

    def by_tag(self, tag: bytes) -> Credential | None:
        """The one that made a stored answer, if it is the present one or the one before."""
        ...

    def check(self) -> bool:
        """Forgets those whose certificates are no longer good; whether there were any.

        Clients are told not to ask (id-pkix-ocsp-nocheck), so who revokes a responder relies on this.
        Called about once a second. Raises SQLAlchemyError.
        """
        ...

    def renew(self) -> None:
        """Makes the next one when its time is near. Raises PkiError, SQLAlchemyError."""
        ...
