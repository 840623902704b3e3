"""One attempt at one run: takes each step that is not done yet, and says where a failure leaves the run."""

from collections.abc import Callable
from functools import partial
from itertools import zip_longest

from sqlalchemy.orm import Session

from cardio.errors import CardError
from cardio.piv.session import PivSession
from cardio.transport.base import TransportError
from issuance.enrolment.repository import get_application, move
from issuance.enrolment.seals import require_approved
from issuance.errors import LiveCardError, SealBrokenError
from issuance.lifecycle.cards import card_number
from issuance.lifecycle.states import ApplicationEvent
from issuance.production.cardsecrets import factory_secrets, issuer_secrets
from issuance.production.connection import CountingConnection
from issuance.production.errors import RunFailure, WrongCardError, failure_kind
from issuance.production.journal import Failure, Journal, get_production
from issuance.production.steps import EVERY_ATTEMPT, ProductionState, Step
from issuance.production.work import ACTIONS, Order, Outcome, Work, Workshop, read_order, require_usable
from pki.errors import PkiError

STOPPING = (RunFailure, LiveCardError, SealBrokenError, CardError, TransportError, PkiError)
"""What ends an attempt and leaves the run in a state of its own; anything else is a fault of the program."""


class RunStoppedError(Exception):
    """The attempt ended early; the journal holds why. `state` is where it leaves the run."""

    def __init__(self, state: ProductionState, cause: Exception) -> None:
        super().__init__(f"{state.value}: {cause}")
        self.state = state
        self.cause = cause


class Run:
    """One attempt at one run, with one connected card."""

    def __init__(self, shop: Workshop, journal: Journal, connection: CountingConnection) -> None:
        self._shop = shop
        self._journal = journal
        self._connection = connection
        self._taken = journal.result(Step.TAKE_CARD) is not None
        with shop.database.reading() as session:
            self._order: Order = read_order(session, journal.production_id)
            self._broken = _broken_seal(session, self._order)
            self._expected = get_production(session, journal.production_id).card_number

    def execute(self) -> None:
        """Returns when the card is produced. Raises RunStoppedError."""
        # The first step finds out which card this is; the others need to know.
        found: list[Work] = []
        steps = [step for step in ACTIONS if step in EVERY_ATTEMPT or self._journal.result(step) is None]
        self._journal.begin(Step.IDENTIFY_CARD)
        self._take(Step.IDENTIFY_CARD, lambda: self._identify(found), steps[0])
        (work,) = found
        with self._connection.exclusive():
            for step, following in zip_longest(steps, steps[1:]):
                self._take(step, partial(ACTIONS[step], work), following)

    def _identify(self, found: list[Work]) -> Outcome:
        if self._broken is not None:
            raise self._broken
        session = PivSession(self._connection, self._shop.links.policy(self._connection))
        serial = session.card_serial()
        number = card_number(serial)
        self._check_body(number)
        keys = self._shop.master_keys
        found.append(
            Work(
                shop=self._shop,
                order=self._order,
                journal=self._journal,
                session=session,
                card_number=number,
                factory=factory_secrets(keys["factory"], serial),
                issuer=issuer_secrets(keys["card"], serial),
            )
        )
        return Outcome({"card_number": number})

    def _check_body(self, number: str) -> None:
        """Before anything is said to the card but who it is."""
        if self._expected is None:
            with self._shop.database.reading() as session:
                require_usable(session, self._order, number)
        elif number != self._expected:
            raise WrongCardError(self._expected, number)

    def _take(self, step: Step, action: Callable[[], Outcome], following: Step | None) -> None:
        """A step that was begun; with its end the following one begins."""
        before = self._connection.apdus
        try:
            outcome = action()
            apdus = self._connection.apdus - before
            with self._journal.done(step, apdus, outcome.data, following) as session:
                if outcome.record is not None:
                    outcome.record(session)
        except STOPPING as error:
            state = self._state_after(error)
            self._record_failure(error, state, self._connection.apdus - before)
            raise RunStoppedError(state, error) from error
        self._taken = self._taken or step is Step.TAKE_CARD

    def _state_after(self, error: Exception) -> ProductionState:
        if not self._taken:
            return ProductionState.FAILED
        if isinstance(error, (TransportError, WrongCardError)):
            return ProductionState.INTERRUPTED
        return ProductionState.VOIDING

    def _record_failure(self, error: Exception, state: ProductionState, apdus: int) -> None:
        failure = Failure(failure_kind(error), str(error))
        with self._shop.database.writing() as session:
            self._journal.failed(session, failure, state, apdus)
            if state is ProductionState.FAILED:
                get_production(session, self._order.production_id).finished_at = self._shop.clock()
                application = get_application(session, self._order.application_id)
                move(application, ApplicationEvent.VOID_PRODUCTION)
            subject = f"production:{self._order.production_id}"
            details = {"kind": failure.kind, "state": state.value}
            self._shop.audit.record(session, self._order.actor, "production.stopped", subject, details)


def _broken_seal(session: Session, order: Order) -> SealBrokenError | None:
    """Of the very rows that the card is made by."""
    try:
        require_approved(session, get_application(session, order.application_id))
    except SealBrokenError as error:
        return error
    return None
