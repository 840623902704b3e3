"""The body that an operator's card logs in with: a Web eID token of version 1.0 or 1.1, and nothing else.

The registry only bounds it and hands it on: what its members say is the verifier's to judge.
"""

from typing import Annotated, Any

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from issuance.web.schemas import Request

Text = Annotated[str, Field(max_length=64)]
Base64 = Annotated[str, Field(max_length=10_000)]
"""Of a certificate or a signature; a version 1.0 token as a whole has no more."""
Certificates = Annotated[list[Base64], Field(max_length=8)]


class _Member(Request):
    """Spelt as Web eID spells it."""

    model_config = ConfigDict(alias_generator=to_camel)


class SupportedAlgorithm(_Member):
    """One that the signature key can do."""

    crypto_algorithm: Text
    hash_function: Text
    padding_scheme: Text


class SigningCertificate(_Member):
    """Version 1.1: the same person's certificate for signatures."""

    certificate: Base64
    intermediate_certificates: Certificates | None = None
    supported_signature_algorithms: Annotated[list[SupportedAlgorithm], Field(max_length=32)] | None = None


class CardToken(_Member):
    """What the card signed, and what it is looked at with."""

    format: Text
    algorithm: Text
    unverified_certificate: Base64
    signature: Base64
    app_version: Annotated[str, Field(max_length=256)] | None = None
    unverified_intermediate_certificates: Certificates | None = None
    unverified_signing_certificates: Annotated[list[SigningCertificate], Field(max_length=4)] | None = None

    def as_received(self) -> dict[str, Any]:
        """The members that came, under their own names."""
        return self.model_dump(by_alias=True, exclude_unset=True)


class CardBody(Request):
    """A Web eID authentication token, and the nonce that it answers."""

    token: CardToken
    nonce: str = Field(min_length=1, max_length=256)
