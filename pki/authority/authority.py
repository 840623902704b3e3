"""The authority: it issues certificates and changes their status, and nothing else signs certificates."""

import secrets
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import datetime

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from pki.auditchain import Event
from pki.authority.intents import Entropy
from pki.authority.issuers import Issuers
from pki.authority.issuing import Issuing, Result
from pki.authority.orders import Order, order_for
from pki.authority.record import ACTIVATED, RESUMED, REVOKED, SUSPENDED, queue_writers, record_events
from pki.authority.seal import IntentSeal
from pki.authority.transitions import Change, apply_change
from pki.authority.values import CertificateRequest, IssuedCertificate
from pki.clock import Clock, utc_now
from pki.errors import AlreadyInStateError, ForbiddenTransitionError, IssuanceError, PkiError
from pki.profiles.definitions import DEFINITIONS, Definitions
from pki.profiles.extensions import PublicAddresses
from pki.status.state import Hold, RevocationReason, Status
from pki.store.models import CertificateRow

REQUESTABLE = frozenset(
    definition.profile
    for definition in DEFINITIONS.values()
    if definition.ca is None and len(definition.issued_by) == 1
)
"""Profiles that a CertificateRequest may name: CAs come from ceremonies, responders renew themselves."""


class Authority:
    """Issues (`pki.authority.issuing`) and changes status (`pki.authority.transitions`).

    Status changes take a `Hold`: as whose hold a certificate is held, or with whose power it is released.
    The registry's is the default; an officer's hold is lifted by an officer alone.
    """

    def __init__(
        self,
        engine: Engine,
        issuers: Issuers,
        addresses: PublicAddresses,
        seal: IntentSeal,
        clock: Clock = utc_now,
        entropy: Entropy = secrets.randbits,
        definitions: Definitions = DEFINITIONS,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self.issuers = issuers
        self.definitions = definitions
        self._issuing = Issuing(engine, issuers, addresses, seal, clock, entropy, definitions)

    def issue(self, request: CertificateRequest) -> IssuedCertificate:
        """The certificate for a request; the same request_id again gives the same certificate.

        Raises CsrError, SubjectError, IssuanceError, LintError, or the key's error.
        """
        return self.execute(self.order(request))

    def issue_many(self, requests: Sequence[CertificateRequest]) -> list[Result]:
        """For each request its certificate, or the error for which there is none; one stops no other."""
        results: list[Result | None] = [None] * len(requests)
        orders: list[tuple[int, Order]] = []
        for index, request in enumerate(requests):
            try:
                orders.append((index, self.order(request)))
            except PkiError as error:
                results[index] = error
        issued = self._issuing.execute_many([order for _, order in orders])
        for (index, _), result in zip(orders, issued, strict=True):
            results[index] = result
        return [result for result in results if result is not None]

    def order(self, request: CertificateRequest) -> Order:
        """The request, checked: its key's kind, proof of possession, names. Raises what `issue` raises."""
        roles = self.definitions[request.profile].issued_by
        if request.profile not in REQUESTABLE:
            raise IssuanceError(
                request.request_id, f"profile {request.profile.value} is not issued on request"
            )
        return order_for(request, self.issuers.current(next(iter(roles))), self.definitions)

    def execute(self, order: Order) -> IssuedCertificate:
        """The certificate for an order of any profile."""
        return self._issuing.execute(order)

    def execute_many(self, orders: Sequence[Order]) -> list[Result]:
        """`issue_many` for orders that were checked before."""
        return self._issuing.execute_many(orders)

    def repair(self) -> int:
        """Goes on with what a crash left; returns how many intents that were. Run it at each start."""
        return self._issuing.repair()

    def certificate(self, request_id: str) -> IssuedCertificate | None:
        """The certificate of an earlier request, or None."""
        return self._issuing.certificate(request_id)

    def revoked(self, serials: Collection[int]) -> set[int]:
        """Those of them that are revoked."""
        mine = CertificateRow.serial.in_(serials), CertificateRow.status == Status.REVOKED.value
        with Session(self._engine) as session:
            return set(session.scalars(select(CertificateRow.serial).where(*mine)))

    def suspend(self, serial: int, actor: str, note: str, hold: Hold = Hold.REGISTRY) -> None:
        """Good → on hold; a stronger hold takes over from a weaker, a weaker waits under a stronger.

        Raises StatusError.
        """
        self._change([serial], _suspension(actor, note, hold))

    def activate(self, serial: int, actor: str, note: str) -> None:
        """First hold → good: the card was delivered. Only the registry says so. Raises StatusError."""
        self._change([serial], _activation(actor, note))

    def resume(self, serial: int, actor: str, note: str, hold: Hold = Hold.REGISTRY) -> None:
        """A later hold → good, or back to the weaker hold that an officer's took over from.

        Raises NotActivatedError in that first hold, HeldByOthersError in a stronger one, else StatusError.
        """
        self._change([serial], _resumption(actor, note, hold))

    def revoke(
        self,
        serial: int,
        reason: RevocationReason,
        actor: str,
        note: str,
        invalidity_date: datetime | None = None,
    ) -> None:
        """Good or on hold → revoked, for good. Raises StatusError."""
        change = Change(Status.REVOKED, reason, REVOKED, actor, note, invalidity_date=invalidity_date)
        self._change([serial], change)

    def suspend_card(self, serials: Sequence[int], actor: str, note: str) -> None:
        """All of a card's certificates on hold, in one transaction; held or revoked ones stay so."""
        self._change(serials, _suspension(actor, note, Hold.REGISTRY), ForbiddenTransitionError)

    def activate_card(self, serials: Sequence[int], actor: str, note: str) -> None:
        """All of a delivered card's certificates good, or none. Raises StatusError."""
        self._change(serials, _activation(actor, note), AlreadyInStateError)

    def resume_card(self, serials: Sequence[int], actor: str, note: str) -> None:
        """All of a suspended card's certificates good again, or none. Raises StatusError."""
        self._change(serials, _resumption(actor, note, Hold.REGISTRY), AlreadyInStateError)

    def _change(
        self,
        serials: Sequence[int],
        change: Change,
        as_they_are: type[ForbiddenTransitionError] | None = None,
    ) -> None:
        """One transaction: what `as_they_are` refuses is left alone, any other refusal undoes all."""
        tolerated = () if as_they_are is None else (as_they_are,)
        with Session(self._engine) as session, session.begin():
            queue_writers(session)
            events: list[Event] = []
            for serial in serials:
                with suppress(*tolerated):  # raised before anything of this certificate was changed
                    events.append(apply_change(session, serial, change, self._clock()))
            record_events(session, events)


def _suspension(actor: str, note: str, hold: Hold) -> Change:
    reason = RevocationReason.CERTIFICATE_HOLD
    return Change(Status.ON_HOLD, reason, SUSPENDED, actor, note, hold)


def _activation(actor: str, note: str) -> Change:
    return Change(Status.GOOD, None, ACTIVATED, actor, note, Hold.DELIVERY, activates=True)


def _resumption(actor: str, note: str, hold: Hold) -> Change:
    return Change(Status.GOOD, None, RESUMED, actor, note, hold)
