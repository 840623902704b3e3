"""Issuing: serial and intent recorded, then linted and signed once, then recorded; one or many."""

import logging
import secrets
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from sqlalchemy import Engine
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from pki.authority.intentrows import (
    Outcome,
    OwnIntent,
    RecordedIntent,
    pending_intents,
    read_intents,
)
from pki.authority.intents import Entropy, IntentWriter
from pki.authority.issuers import Issuers, IssuingCa
from pki.authority.orders import Order
from pki.authority.record import queue_writers, refuse_clock_set_back
from pki.authority.recording import record_nameless, record_outcomes, recorded
from pki.authority.seal import IntentSeal
from pki.authority.signing import Linted, Signed, linted, sign_all
from pki.authority.values import IssuedCertificate
from pki.clock import Clock, utc_now
from pki.errors import (
    ClockSetBackError,
    IntentAlteredError,
    IssuanceError,
    PkiError,
    RequestRefusedError,
    SerialsExhaustedError,
)
from pki.lint import Expectation
from pki.lint.candidate import Recorded
from pki.profiles.definitions import DEFINITIONS, Definitions
from pki.profiles.extensions import PublicAddresses
from pki.profiles.facts import Validity
from pki.profiles.profile import Profile
from pki.store.database import read_only

_LOG = logging.getLogger(__name__)
MAX_BATCH = 1000
"""Orders in one transaction."""
_TRIES = 3
"""A serial that is taken (2^-126), or a request that two processes record at once, is tried again."""

Result: TypeAlias = IssuedCertificate | PkiError
"""A certificate, or why there is none."""


class Issuing:
    """The three steps of an issue, which survive a crash between any two.

    1. One transaction reserves serials and records the exact bytes to be signed.
    2. Rows without this authority's seal are refused; the others' bytes are linted, and what passed is
       signed once; each signature is checked: unchecked ones make no certificate.
    3. One transaction records certificates and audit entries. Only then are they handed out.
    After a crash, `repair` (or the same request again) goes on from the recorded bytes. If two processes do
    so at once, the first record stands and the other's signature is thrown away unseen.
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
        self._issuers = issuers
        self._addresses = addresses
        self._definitions = definitions
        self._clock = clock
        self._seal = seal
        self._writer = IntentWriter(issuers, addresses, seal, entropy)

    def execute(self, order: Order) -> IssuedCertificate:
        """One order. Raises IssuanceError, LintError, or the key's error."""
        (result,) = self.execute_many([order])
        if isinstance(result, PkiError):
            raise result
        return result

    def execute_many(self, orders: Sequence[Order]) -> list[Result]:
        """Results in the order of the orders; one that is refused stops no other.

        When the key fails, what was signed is recorded and the rest waits: the same orders again go on.
        """
        results: list[Result] = []
        for start in range(0, len(orders), MAX_BATCH):
            batch = orders[start : start + MAX_BATCH]
            results += self._complete(self._reserve(batch), {order.request_id: order for order in batch})
        return results

    def repair(self) -> int:
        """Goes on with every intent that a crash left pending; returns how many. Run it at each start.

        An intent that lint refuses, or that bears no seal of ours, stays recorded as refused; the others are
        still completed. One that can't be recorded now is told of and stays pending: it stops no other, and
        nothing else.
        CAs' certificates wait for whoever holds their ceremony again: a row alone makes no CA.
        While the clock is behind what is on record, all of them wait.
        """
        if self._must_wait():
            return 0
        self._refuse_nameless()
        pending = self._unfinished()
        for start in range(0, len(pending), MAX_BATCH):
            self._go_on(pending[start : start + MAX_BATCH])
        return len(pending)

    def _unfinished(self) -> list[RecordedIntent]:
        online = [ca.name for ca in self._issuers if ca.key is not None]
        with Session(read_only(self._engine)) as session, session.begin():
            return [intent for intent in pending_intents(session, online) if not self._waits(intent)]

    def _must_wait(self) -> bool:
        try:
            with Session(read_only(self._engine)) as session, session.begin():
                refuse_clock_set_back(session, self._clock())
        except ClockSetBackError as error:
            waiting = len(self._unfinished())
            if waiting:
                _LOG.warning("%d unfinished requests wait: %s", waiting, error)
            return True
        return False

    def _refuse_nameless(self) -> None:
        try:
            with Session(self._engine) as session, session.begin():
                record_nameless(session, self._clock())
        except PkiError as error:
            _LOG.warning("unfinished requests that nobody can have made wait: %s", error)

    def _go_on(self, pending: Sequence[RecordedIntent]) -> None:
        """A batch; where that can't be recorded, each by itself."""
        try:
            self._complete(pending, {})
        except (PkiError, IntegrityError, DataError) as error:
            if len(pending) == 1:
                _LOG.warning("request %r can't be finished: %s", pending[0].request_id, _told(error))
                return
            for intent in pending:
                self._go_on([intent])

    def _waits(self, intent: RecordedIntent) -> bool:
        """Whether a ceremony goes on with it; an intent that isn't ours is refused at once."""
        try:
            self._seal.verify(intent)
        except IntentAlteredError:
            return False
        return _makes_a_ca(intent)

    def certificate(self, request_id: str) -> IssuedCertificate | None:
        """The certificate of an earlier request, or None."""
        with Session(read_only(self._engine)) as session, session.begin():
            return recorded(session, [request_id]).get(request_id)

    def _reserve(self, orders: Sequence[Order]) -> list[RecordedIntent | IssuanceError]:
        for _ in range(_TRIES):
            try:
                with Session(self._engine) as session, session.begin():
                    queue_writers(session)
                    now = self._clock()
                    refuse_clock_set_back(session, now)
                    return self._writer.record(session, orders, now)
            except IntegrityError:
                continue
        raise SerialsExhaustedError(orders[0].request_id)

    def _complete(
        self, intents: Sequence[RecordedIntent | IssuanceError], orders: Mapping[str, Order]
    ) -> list[Result]:
        """`orders` by request: what is meant is theirs to say, and a row's only where nobody asks again."""
        found = {intent.request_id: intent for intent in intents if isinstance(intent, RecordedIntent)}
        pending = [intent for intent in found.values() if intent.outcome == Outcome.PENDING.value]
        signed = self._sign_all(pending, orders)
        with Session(self._engine) as session, session.begin():
            issued = record_outcomes(session, pending, signed, self._clock)
            others = [name for name in found if name not in issued]
            issued |= recorded(session, others)
            outcomes = read_intents(session, [name for name in others if name not in issued])
        return [_result(intent, issued, outcomes, signed) for intent in intents]

    def _sign_all(self, pending: Sequence[RecordedIntent], orders: Mapping[str, Order]) -> dict[str, Signed]:
        """By request."""
        candidates = [self._linted(intent, orders.get(intent.request_id)) for intent in pending]
        names = [intent.request_id for intent in pending]
        return dict(zip(names, sign_all(candidates), strict=True))

    def _linted(self, intent: RecordedIntent, order: Order | None) -> Linted | PkiError:
        """The very bytes that were recorded, or why they may not be signed, which concerns them alone."""
        try:
            if not isinstance(intent, OwnIntent):
                self._seal.verify(intent)
            issuer = self._issuers[intent.issuer]
            if intent.tbs is None:
                return IssuanceError(intent.request_id, "its recorded bytes are missing")
            return linted(intent.tbs, issuer.signer, self._expected(intent, order, issuer))
        except PkiError as error:
            return error

    def _expected(self, intent: RecordedIntent, order: Order | None, issuer: IssuingCa) -> Expectation:
        return Expectation(
            self._definitions[Profile(intent.profile)] if order is None else order.definition,
            issuer.facts,
            intent.key_hash if order is None else order.key_hash,
            intent.holder_hash if order is None else order.holder_hash,
            self._addresses,
            Recorded(intent.serial, Validity(intent.not_before, intent.not_after)),
        )


def _makes_a_ca(intent: RecordedIntent) -> bool:
    """No installation's own file changes that (`check_override`)."""
    return DEFINITIONS[Profile(intent.profile)].ca is not None


def _told(error: PkiError | DBAPIError) -> str:
    """In one line, without what was to be written."""
    return str(error) if isinstance(error, PkiError) else type(error).__name__


def _result(
    intent: RecordedIntent | IssuanceError,
    certificates: Mapping[str, IssuedCertificate],
    outcomes: Mapping[str, RecordedIntent],
    signed: Mapping[str, Signed],
) -> Result:
    if isinstance(intent, IssuanceError):
        return intent
    name = intent.request_id
    if name in certificates:
        return certificates[name]
    fault = signed.get(name)
    if isinstance(fault, PkiError):
        return fault
    return RequestRefusedError(name, outcomes[name].refused_by or "")
