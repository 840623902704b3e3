"""Agreeing on pass phrases, and stopping cards by them.

Whoever calls says national code, birth date and phrase; the operator types them. A phrase that was heard once
is spent. Resuming takes the holder in person (`issuance.lifecycle`).
"""

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from issuance.audit import Audit
from issuance.calls.errors import CallLockedError, CallRefusedError
from issuance.calls.models import PassPhrase
from issuance.calls.phrases import normalise
from issuance.database import Database
from issuance.delivery.errors import IdentityUncheckedError
from issuance.delivery.repository import is_good, last_check
from issuance.errors import ForbiddenTransitionError, InvalidInputError
from issuance.identifiers import Randomness
from issuance.lifecycle.cards import get_card, live_card_of
from issuance.lifecycle.decisions import locked_card
from issuance.lifecycle.lives import who_may
from issuance.lifecycle.models import Card
from issuance.lifecycle.service import Lifecycle
from issuance.lifecycle.states import CardEvent, CardState, SuspensionReason
from issuance.operators.passwords import hash_password, matches, unmatchable
from issuance.operators.service import Actor
from issuance.registry.dates import Precision, agrees
from issuance.registry.models import Citizen
from issuance.registry.nationalcode import validate
from issuance.tracking.throttle import WrongTries
from pki.clock import Clock

MOST_WRONG = 5
"""Wrong tries at one phrase until it is locked."""
_PHRASED = frozenset({CardState.PRODUCED, CardState.ACTIVE, CardState.SUSPENDED})


@dataclass(frozen=True)
class _Try:
    """One try at a phrase, counted already."""

    card_number: str | None
    stored: str


class Calls:
    """All pass phrases of one registry."""

    def __init__(
        self,
        database: Database,
        audit: Audit,
        lifecycle: Lifecycle,
        check_life: timedelta,
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self._database = database
        self._audit = audit
        self._lifecycle = lifecycle
        self._check_life = check_life
        self._clock = clock
        self._randomness = randomness
        self._operators = WrongTries(clock)
        self._nobody = unmatchable(randomness)

    def agree(self, actor: Actor, number: str, typed: str) -> None:
        """Keeps the holder's phrase, in place of the one before; the same operator has just checked them.

        Raises InvalidInputError, NotFoundError, ForbiddenTransitionError or IdentityUncheckedError.
        """
        actor.require(*who_may(CardEvent.SUSPEND))
        stored = hash_password(normalise(typed), self._randomness)
        now = self._clock()
        with self._database.writing() as session:
            card = get_card(session, number)
            if card.state not in _PHRASED:
                raise ForbiddenTransitionError("card", card.state, "agree on a pass phrase")
            check = last_check(session, card.card_number)
            if check is None or not is_good(check, actor, now - self._check_life):
                raise IdentityUncheckedError
            session.merge(
                PassPhrase(
                    card_number=card.card_number,
                    phrase_hash=stored,
                    wrong=0,
                    locked_at=None,
                    used_at=None,
                    agreed_by=actor.username,
                    agreed_at=now,
                    check_id=check.id,
                )
            )
            subject, details = f"card:{card.card_number}", {"check": check.id}
            self._audit.record(session, actor.username, "pass-phrase.agreed", subject, details)

    def suspend(self, actor: Actor, national_code: str, birth_date: date, typed: str) -> str:
        """Stops the caller's card; its number. One that is stopped already stays so, until its holder comes.

        Raises CallRefusedError, CallLockedError, or StatusThrottledError for an operator with too many wrong
        tries.
        """
        actor.require(*who_may(CardEvent.SUSPEND))
        self._operators.take(actor.username)
        attempt = self._count(actor, national_code, birth_date)
        right = self._matches(typed, attempt.stored)
        if attempt.card_number is None or not right:
            raise CallRefusedError
        self._operators.give_back(actor.username)
        self._hold(actor, attempt.card_number)
        return attempt.card_number

    def _count(self, actor: Actor, national_code: str, birth_date: date) -> _Try:
        """Before it is known to be wrong: asking many times at once gives nobody more tries."""
        with self._database.writing() as session:
            card = _card_of(session, national_code, birth_date)
            phrase = None if card is None else _locked_phrase(session, card.card_number)
            if card is None or phrase is None:
                return _Try(None, self._nobody)
            if phrase.locked_at is not None or phrase.used_at is not None:
                subject = f"card:{card.card_number}"
                self._audit.record(session, actor.username, "call.locked", subject)
                locked = True
            else:
                locked = False
                phrase.wrong += 1
                phrase.locked_at = self._clock() if phrase.wrong >= MOST_WRONG else None
                details = {"tries": phrase.wrong}
                subject = f"card:{card.card_number}"
                self._audit.record(session, actor.username, "call.taken", subject, details)
            attempt = _Try(card.card_number, phrase.phrase_hash)
        if locked:
            raise CallLockedError
        return attempt

    def _matches(self, typed: str, stored: str) -> bool:
        try:
            plain = normalise(typed)
        except InvalidInputError:
            plain = ""  # as long as any other wrong one
        return matches(plain, stored)

    def _hold(self, actor: Actor, number: str) -> None:
        self._lifecycle.carry_out(number)
        with self._database.writing() as session:
            card = locked_card(session, number)
            phrase = _locked_phrase(session, number)
            if phrase is not None:
                phrase.wrong, phrase.locked_at, phrase.used_at = 0, None, self._clock()
            self._audit.record(session, actor.username, "call.heard", f"card:{number}")
            if card.state == CardState.SUSPENDED:
                self._lifecycle.bind_to_holder(session, actor, card)
            else:
                self._lifecycle.decide_hold(session, actor, card, SuspensionReason.CALL)
        self._lifecycle.carry_out(number)


def _card_of(session: Session, national_code: str, birth_date: date) -> Card | None:
    """The card in use of whoever has this code and was born then."""
    try:
        code = validate(national_code)
    except InvalidInputError:
        return None
    citizen = session.get(Citizen, code)
    if citizen is None or not agrees(citizen.birth_date, Precision(citizen.birth_precision), birth_date):
        return None
    card = live_card_of(session, code)
    return card if card is not None and card.state in {CardState.ACTIVE, CardState.SUSPENDED} else None


def _locked_phrase(session: Session, number: str) -> PassPhrase | None:
    query = select(PassPhrase).where(PassPhrase.card_number == number).with_for_update()
    return session.scalar(query)
