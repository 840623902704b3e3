"""The responder's certificate lives a month at most: this renews it at half its life."""

import threading

from pki.authority import Authority, IssuedCertificate
from pki.authority.orders import make_order
from pki.clock import Clock, utc_now
from pki.keys.signer import Signer
from pki.profiles.names import encode_institution
from pki.profiles.profile import Profile
from pki.status.ocsp.response import Credential

ACTOR = "ocsp"
SUBJECT = encode_institution("Hoviat OCSP responder")
_PERIOD_DAYS = 15


class RenewingCredential:
    """A credential source. Processes that renew in the same period get the same certificate."""

    def __init__(self, authority: Authority, issuer: str, signer: Signer, clock: Clock = utc_now) -> None:
        self._authority = authority
        self._issuer = issuer
        self._signer = signer
        self._clock = clock
        self._lock = threading.Lock()
        self._period: int | None = None
        self._credential: Credential | None = None

    def __call__(self) -> Credential:
        """The credential of the present period of 15 days; its certificate lives on for 15 more."""
        period = self._clock().date().toordinal() // _PERIOD_DAYS
        with self._lock:
            if self._credential is None or self._period != period:
                certificate = self._certificate(period)
                self._credential = Credential(self._signer, certificate.der, certificate.not_after)
                self._period = period
            return self._credential

    def _certificate(self, period: int) -> IssuedCertificate:
        request_id = f"ocsp-{self._issuer}-{period}"
        order = make_order(
            request_id,
            Profile.OCSP_RESPONDER,
            issuer=self._authority.issuers[self._issuer],
            subject=SUBJECT,
            key=self._signer.public_key,
            on_hold=False,
            actor=ACTOR,
        )
        return self._authority.certificate(request_id) or self._authority.execute(order)
