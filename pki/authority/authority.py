"""The authority: it issues certificates and changes their status, and nothing else signs certificates."""

import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from pki.auditchain import append
from pki.authority.intents import Entropy, Outcome, record_intent
from pki.authority.issuers import IssuingCa
from pki.authority.orders import Order, order_for
from pki.authority.signing import sign_certificate
from pki.authority.transitions import Change, apply_change, touch_issuer
from pki.authority.values import CertificateRequest, IssuedCertificate
from pki.clock import Clock, utc_now
from pki.errors import AlreadyInStateError, ForbiddenTransitionError, LintError, RequestRefusedError
from pki.lint import Expectation
from pki.profiles.definitions import DEFINITIONS
from pki.profiles.extensions import PublicAddresses
from pki.profiles.profile import Profile
from pki.status.state import RevocationReason, Status
from pki.store.models import AuditEntry, CertificateRow, Intent


class Authority:
    """Issues by three steps that survive a crash between any two.

    1. One transaction reserves a serial and records the exact bytes to be signed.
    2. The bytes are linted inside the signing adapter and signed once; the signature is checked.
    3. One transaction records the certificate and the audit entry. Only then is it handed out.
    After a crash, `repair` (or the same request again) goes on from the recorded bytes. If two processes do
    so at once, the first record stands and the other's signature is thrown away unseen.
    """

    def __init__(
        self,
        engine: Engine,
        issuers: Mapping[str, IssuingCa],
        addresses: PublicAddresses,
        clock: Clock = utc_now,
        entropy: Entropy = secrets.randbits,
    ) -> None:
        self._engine = engine
        self._issuers = dict(issuers)
        self._addresses = addresses
        self._clock = clock
        self._entropy = entropy

    def issue(self, request: CertificateRequest) -> IssuedCertificate:
        """The certificate for a citizen's request; the same request_id again gives the same certificate.

        Raises CsrError, SubjectError, IssuanceError, LintError.
        """
        return self.execute(order_for(request))

    def execute(self, order: Order) -> IssuedCertificate:
        """The certificate for an order of any profile."""
        issuer = self._issuers[order.issuer]
        with Session(self._engine, expire_on_commit=False) as session, session.begin():
            intent = record_intent(session, order, issuer, self._addresses, self._clock(), self._entropy)
        return self._complete(intent)

    def repair(self) -> int:
        """Goes on with every intent that a crash left pending; returns how many. Run it at each start.

        An intent that lint refuses stays recorded as refused; the others are still completed.
        """
        with Session(self._engine, expire_on_commit=False) as session, session.begin():
            pending = session.scalars(
                select(Intent).where(Intent.outcome == Outcome.PENDING.value).order_by(Intent.created)
            ).all()
        for intent in pending:
            try:
                self._complete(intent)
            except LintError:
                continue  # recorded as refused, with its audit entry
        return len(pending)

    def suspend(self, serial: int, actor: str, note: str) -> None:
        """Good → on hold. Raises StatusError."""
        reason = RevocationReason.CERTIFICATE_HOLD
        self._change(serial, Change(Status.ON_HOLD, reason, "certificate.suspended", actor, note))

    def activate(self, serial: int, actor: str, note: str) -> None:
        """First hold → good: the card was delivered. Only the registry says so. Raises StatusError."""
        self._change(serial, Change(Status.GOOD, None, "certificate.activated", actor, note, activates=True))

    def resume(self, serial: int, actor: str, note: str) -> None:
        """A later hold → good; NotActivatedError for a card that was never delivered. Raises StatusError."""
        self._change(serial, Change(Status.GOOD, None, "certificate.resumed", actor, note))

    def revoke(self, serial: int, reason: RevocationReason, actor: str, note: str) -> None:
        """Good or on hold → revoked, for good. Raises StatusError."""
        self._change(serial, Change(Status.REVOKED, reason, "certificate.revoked", actor, note))

    def suspend_card(self, serials: Sequence[int], actor: str, note: str) -> None:
        """All of a card's certificates on hold, in one transaction; held or revoked ones stay so."""
        reason = RevocationReason.CERTIFICATE_HOLD
        change = Change(Status.ON_HOLD, reason, "certificate.suspended", actor, note)
        self._change_all(serials, change, as_they_are=ForbiddenTransitionError)

    def activate_card(self, serials: Sequence[int], actor: str, note: str) -> None:
        """All of a delivered card's certificates good, or none. Raises StatusError."""
        change = Change(Status.GOOD, None, "certificate.activated", actor, note, activates=True)
        self._change_all(serials, change, as_they_are=AlreadyInStateError)

    def resume_card(self, serials: Sequence[int], actor: str, note: str) -> None:
        """All of a suspended card's certificates good again, or none. Raises StatusError."""
        change = Change(Status.GOOD, None, "certificate.resumed", actor, note)
        self._change_all(serials, change, as_they_are=AlreadyInStateError)

    def certificate(self, request_id: str) -> IssuedCertificate | None:
        """The certificate of an earlier request, or None."""
        with Session(self._engine) as session, session.begin():
            row = session.scalar(select(CertificateRow).where(CertificateRow.request_id == request_id))
            return _issued(row) if row else None

    def _change_all(
        self, serials: Sequence[int], change: Change, as_they_are: type[ForbiddenTransitionError]
    ) -> None:
        """One transaction: what `as_they_are` refuses is left alone, any other refusal undoes all."""
        with Session(self._engine) as session, session.begin():
            for serial in serials:
                with suppress(as_they_are):  # raised before anything of this certificate was changed
                    apply_change(session, serial, change, self._clock())

    def _change(self, serial: int, change: Change) -> None:
        with Session(self._engine) as session, session.begin():
            apply_change(session, serial, change, self._clock())

    def _complete(self, intent: Intent) -> IssuedCertificate:
        if intent.outcome == Outcome.PENDING.value:
            try:
                certificate = self._sign(intent)
            except LintError as error:
                self._refuse(intent.request_id, error)
                raise
            return self._record(intent.request_id, certificate)
        if intent.outcome == Outcome.REFUSED.value:
            raise RequestRefusedError(intent.request_id, intent.refused_by or "")
        with Session(self._engine) as session, session.begin():
            return _recorded(session, intent.request_id)

    def _sign(self, intent: Intent) -> x509.Certificate:
        issuer = self._issuers[intent.issuer]
        definition = DEFINITIONS[Profile(intent.profile)]
        expected = Expectation(definition, issuer.facts, intent.key_hash, intent.holder_hash, self._addresses)
        return sign_certificate(intent.tbs, issuer.signer, expected)

    def _record(self, request_id: str, certificate: x509.Certificate) -> IssuedCertificate:
        with Session(self._engine) as session, session.begin():
            intent = session.get_one(Intent, request_id, with_for_update=True)
            if intent.outcome == Outcome.ISSUED.value:
                return _recorded(session, request_id)  # another process was faster
            now = self._clock()
            row = _row(intent, certificate, now)
            session.add(row)
            intent.outcome = Outcome.ISSUED.value
            if intent.on_hold:
                touch_issuer(session, intent.issuer)
            details = {"profile": intent.profile, "issuer": intent.issuer, "status": row.status}
            append(
                session,
                AuditEntry,
                time=now,
                actor=intent.actor,
                action="certificate.issued",
                subject=intent.serial,
                details={**details, "request": request_id},
            )
            return _issued(row)

    def _refuse(self, request_id: str, error: LintError) -> None:
        with Session(self._engine) as session, session.begin():
            intent = session.get_one(Intent, request_id, with_for_update=True)
            if intent.outcome != Outcome.PENDING.value:
                return
            intent.outcome, intent.refused_by = Outcome.REFUSED.value, error.rule
            append(
                session,
                AuditEntry,
                time=self._clock(),
                actor=intent.actor,
                action="certificate.refused",
                subject=intent.serial,
                details={"rule": error.rule, "request": request_id},
            )


def _row(intent: Intent, certificate: x509.Certificate, now: datetime) -> CertificateRow:
    return CertificateRow(
        serial=intent.serial,
        request_id=intent.request_id,
        issuer=intent.issuer,
        profile=intent.profile,
        der=certificate.public_bytes(Encoding.DER),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        status=(Status.ON_HOLD if intent.on_hold else Status.GOOD).value,
        reason=RevocationReason.CERTIFICATE_HOLD.value if intent.on_hold else None,
        since=now.replace(microsecond=0),
        activated=not intent.on_hold,
    )


def _recorded(session: Session, request_id: str) -> IssuedCertificate:
    query = select(CertificateRow).where(CertificateRow.request_id == request_id)
    return _issued(session.scalars(query).one())


def _issued(row: CertificateRow) -> IssuedCertificate:
    return IssuedCertificate(
        int(row.serial, 16), row.der, Profile(row.profile), row.not_before, row.not_after
    )
