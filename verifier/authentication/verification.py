"""The steps of a token's verification, in order."""

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from pki import oids
from pki.validation import ValidatedPath
from verifier.authentication.algorithms import verify_signature
from verifier.authentication.certificate import CardCertificate
from verifier.authentication.errors import LoginRefusedError
from verifier.authentication.hints import check_signing_certificates
from verifier.authentication.identity import Identity
from verifier.authentication.policy import AuthenticationPolicy, check_policy, check_purpose
from verifier.authentication.status import Asked, StatusLookup, check_status
from verifier.authentication.token import WebEidToken
from verifier.authentication.trust import Trust, check_trust, issuer_of


@dataclass(frozen=True)
class CheckedToken:
    """A token that passed steps 2 to 7: only the status of its certificate is left to ask for."""

    certificate: CardCertificate
    path: ValidatedPath
    """From the card's certificate up; it may hold authorities that came with the token."""
    identity_attribute: str = oids.SERIAL_NUMBER
    """What names the holder, by the policy that the token was checked under."""

    @property
    def issuer(self) -> x509.Certificate:
        """The authority that issued the card's certificate."""
        return issuer_of(self.path)

    @property
    def question(self) -> Asked:
        """What our own status store is asked by."""
        return self.issuer, self.certificate.serial

    def identity(self) -> Identity:
        """Whose token it is; to be believed once the status is known to be good."""
        return Identity.of(self.certificate, self.identity_attribute)


@dataclass(frozen=True)
class TokenVerifier:
    """Verifies tokens under one policy; holds no state and does no input or output of its own."""

    policy: AuthenticationPolicy
    trust: Trust
    status: StatusLookup | None
    """None leaves step 8 out: for a tool that explains old tokens, and where it is asked for afterwards."""

    def verify(self, token: WebEidToken, origin: str, nonce: str, at: datetime) -> Identity:
        """Steps 2 to 8 (parsing the token was step 1); raises the LoginRefusedError of the first that fails.

        `origin` is the site's own and `nonce` the one that was issued to it: neither comes from the token.
        """
        checked = self.check(token, origin, nonce, at)
        if self.status is not None:
            [answer] = self.status([checked.question])
            check_status(answer)
        return checked.identity()

    def check(self, token: WebEidToken, origin: str, nonce: str, at: datetime) -> CheckedToken:
        """Steps 2 to 7, which ask nobody."""
        algorithm = token.accepted_algorithm()
        certificate = CardCertificate.from_base64(token.unverified_certificate)
        try:
            hints = token.hints.decode()
            check_purpose(self.policy, certificate)
            check_policy(self.policy, certificate)
            path = check_trust(self.policy, certificate, hints.intermediates, self.trust, at)
            check_signing_certificates(self.policy, certificate, hints, self.trust, at)
            verify_signature(algorithm, certificate.public_key, token.signature, origin, nonce)
        except LoginRefusedError as error:
            error.certificate_sha256 = certificate.sha256
            raise
        return CheckedToken(certificate, path, self.policy.identity_attribute)
