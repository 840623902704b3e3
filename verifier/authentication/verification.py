"""The steps of a token's verification, in order."""

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from verifier.authentication.algorithms import verify_signature
from verifier.authentication.certificate import CardCertificate
from verifier.authentication.identity import Identity
from verifier.authentication.policy import AuthenticationPolicy, check_policy, check_purpose
from verifier.authentication.status import Asked, StatusLookup, check_status
from verifier.authentication.token import WebEidToken
from verifier.authentication.trust import TrustStore


@dataclass(frozen=True)
class Proof:
    """A token that passed all steps but the last: whether the issuer stands by the certificate is open."""

    certificate: CardCertificate
    issuer: x509.Certificate

    @property
    def question(self) -> Asked:
        """What its status is asked by."""
        return self.issuer, self.certificate.serial

    @property
    def identity(self) -> Identity:
        """Who would be logged in."""
        return Identity.of(self.certificate)


@dataclass(frozen=True)
class TokenVerifier:
    """Verifies tokens under one policy; holds no state and does no input or output of its own."""

    policy: AuthenticationPolicy
    trust: TrustStore
    status: StatusLookup | None
    """None leaves step 8 out, which only a tool that explains old tokens may do."""

    def prove(self, token: WebEidToken, origin: str, nonce: str, at: datetime) -> Proof:
        """Steps 2 to 7 (parsing the token was step 1); raises the LoginRefusedError of the first that fails.

        `origin` is the site's own and `nonce` the one that was issued to it: neither comes from the token.
        """
        algorithm = token.accepted_algorithm()
        certificate = CardCertificate.from_base64(token.unverified_certificate)
        check_purpose(self.policy, certificate)
        check_policy(self.policy, certificate, algorithm)
        issuer = self.trust.check(certificate, at)
        verify_signature(algorithm, certificate.public_key, token.signature, origin, nonce)
        return Proof(certificate, issuer)

    def verify(self, token: WebEidToken, origin: str, nonce: str, at: datetime) -> Identity:
        """Steps 2 to 8, for one token by itself; raises as `prove` does, and StatusError."""
        proof = self.prove(token, origin, nonce, at)
        if self.status is not None:
            [answer] = self.status([proof.question])
            refusal = check_status(answer)
            if refusal is not None:
                raise refusal
        return proof.identity
