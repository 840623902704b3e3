"""Certificates for a profile's card: asked for as production does, and brought to the profile's status."""

from dataclasses import dataclass, field

from issuance.production.pathcheck import path_check
from issuance.production.personalisation import KeyPlan
from pki.authority.values import CertificateRequest, IssuedCertificate, PersonSubject
from pki.bootstrap import Pki
from simulators.profiles.shape import CardProfile, Status

ACTOR = "card-profiles"
_DELIVERED, _AS_PROFILED = "delivered", "as the card profile says"


@dataclass(frozen=True)
class Certifier:
    """Certifies the keys of one card of one holder."""

    pki: Pki
    run: str
    """Names this card's making, as a production's identifier does."""
    subject: PersonSubject = field(repr=False)
    serials: list[int] = field(default_factory=list)
    """Of all that was issued so far."""

    def certify(self, plan: KeyPlan, csr: bytes, key: str = "") -> IssuedCertificate:
        """On hold; its path was checked. `key` tells a second request for the slot from the first."""
        request = CertificateRequest(
            request_id=f"{self.run}-{plan.slot:02X}{key}",
            profile=plan.profile,
            subject=self.subject,
            csr=csr,
            actor=ACTOR,
        )
        issued = self.pki.authority.issue(request)
        self.serials.append(issued.serial)
        path_check(self.pki.trust)(plan.profile, issued.der, self.pki.clock())
        return issued

    def settle(self, profile: CardProfile) -> None:
        """The card was delivered, or not, and what came after that."""
        authority = self.pki.authority
        if profile.status is Status.UNDELIVERED:
            return
        authority.activate_card(self.serials, ACTOR, _DELIVERED)
        if profile.status is Status.SUSPENDED:
            authority.suspend_card(self.serials, ACTOR, _AS_PROFILED)
        if profile.reason is not None:
            for serial in self.serials:
                authority.revoke(serial, profile.reason, ACTOR, _AS_PROFILED)
