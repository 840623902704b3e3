"""What the registry asks of the authority, each thing safe to ask again after a torn run."""

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from typing import Protocol

from issuance.lifecycle.models import CardCertificate
from issuance.lifecycle.states import RevocationCause
from pki.authority.values import CertificateRequest, IssuedCertificate
from pki.errors import AlreadyInStateError, NotActivatedError
from pki.status.state import RevocationReason

_REASONS = {
    RevocationCause.LOST: RevocationReason.KEY_COMPROMISE,
    RevocationCause.STOLEN: RevocationReason.KEY_COMPROMISE,
    RevocationCause.DAMAGED: RevocationReason.SUPERSEDED,
    RevocationCause.DATA_CHANGED: RevocationReason.AFFILIATION_CHANGED,
    RevocationCause.DECEASED: RevocationReason.CESSATION_OF_OPERATION,
    RevocationCause.WITHDRAWN: RevocationReason.PRIVILEGE_WITHDRAWN,
}


class CertificateAuthority(Protocol):
    """The part of `pki.authority.Authority` that the registry uses."""

    def issue(self, request: CertificateRequest) -> IssuedCertificate: ...  # noqa: D102
    def certificate(self, request_id: str) -> IssuedCertificate | None: ...  # noqa: D102
    def revoked(self, serials: Collection[int]) -> set[int]: ...  # noqa: D102
    def suspend_card(self, serials: Sequence[int], actor: str, note: str) -> None: ...  # noqa: D102
    def activate_card(self, serials: Sequence[int], actor: str, note: str) -> None: ...  # noqa: D102
    def resume_card(self, serials: Sequence[int], actor: str, note: str) -> None: ...  # noqa: D102
    def revoke(self, serial: int, reason: RevocationReason, actor: str, note: str) -> None: ...  # noqa: D102


class Certificates:
    """Changes the status of a card's certificates; a change that was made before counts as made."""

    def __init__(self, authority: CertificateAuthority) -> None:
        self._authority = authority

    def issue(self, request: CertificateRequest) -> IssuedCertificate:
        """Issues, or returns what the same request got before."""
        return self._authority.issue(request)

    def serial_of(self, request_id: str) -> int | None:
        """Of the certificate that a request got; None if it got none."""
        issued = self._authority.certificate(request_id)
        return None if issued is None else issued.serial

    def revoked(self, serials: Collection[int]) -> set[int]:
        """Those of them that are revoked, whatever is on record here."""
        return self._authority.revoked(serials)

    def hold(self, serials: Iterable[int], actor: str, note: str) -> None:
        """Puts them on hold; one that was revoked apart from its card stays revoked."""
        self._authority.suspend_card(sorted(serials), actor, note)

    def activate(self, certificates: Iterable[CardCertificate], actor: str, note: str) -> None:
        """Ends their first hold, of all or of none: the card was delivered."""
        serials = [certificate.serial_number for certificate in certificates]
        self._authority.activate_card(serials, actor, note)

    def resume(self, serials: Iterable[int], actor: str, note: str) -> None:
        """Ends a later hold, of all or of none."""
        self._authority.resume_card(sorted(serials), actor, note)

    def resume_activated(self, serial: int, actor: str, note: str) -> None:
        """Ends a later hold of one that may still be in its first; the first goes on."""
        with suppress(NotActivatedError):
            self._authority.resume_card([serial], actor, note)

    def revoke(self, serials: Iterable[int], cause: RevocationCause, actor: str, note: str) -> None:
        """Revokes them for good."""
        for serial in sorted(serials):
            self.revoke_serial(serial, _REASONS[cause], actor, note)

    def revoke_serial(self, serial: int, reason: RevocationReason, actor: str, note: str) -> None:
        """Revokes one for good."""
        try:
            self._authority.revoke(serial, reason, actor, note)
        except AlreadyInStateError:
            return
