"""Proposing decrees, deciding on them, publishing those in force."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from issuance.audit import Audit
from issuance.database import Database
from issuance.decrees.cohort import cohort
from issuance.decrees.errors import DecreeDecidedError, DecreeExistsError, OwnDecreeError
from issuance.decrees.models import NUMBER_LENGTH, CardExtension, Decree, DecreeState
from issuance.decrees.validity import Validity, validity_of
from issuance.errors import InvalidInputError, NotFoundError
from issuance.identifiers import Randomness, new_identifier
from issuance.lifecycle.cards import get_card
from issuance.offices.service import get_office
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.registry.text import fold
from pki.auditchain import Json
from pki.clock import Clock

LONGEST_DAYS = 5 * 366
"""From the end of the window to the new date: as long as a card's certificates live."""
MOST_PUBLISHED = 200
READERS = (Role.CLERK, Role.SUPERVISOR, Role.AUDITOR)


@dataclass(frozen=True)
class Proposal:
    """What a decree says."""

    number: str
    decreed_on: date
    expires_from: date
    expires_to: date
    extended_to: date
    office: str | None = None
    born_from: date | None = None
    born_to: date | None = None


@dataclass(frozen=True)
class DecreeView(Proposal):
    """A decree as others see it."""

    id: str = ""
    state: DecreeState = DecreeState.PROPOSED
    cards: int | None = None
    proposed_by: str = ""
    decided_by: str | None = None
    decided_at: datetime | None = None


class Decrees:
    """All decrees of one registry."""

    def __init__(self, database: Database, audit: Audit, clock: Clock, randomness: Randomness) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock
        self._randomness = randomness

    def propose(self, actor: Actor, proposal: Proposal) -> str:
        """The first of two people; returns the decree's identifier.

        Raises InvalidInputError, NotFoundError for an unknown office, or DecreeExistsError.
        """
        actor.require(Role.CLERK, Role.SUPERVISOR)
        now = self._clock()
        number = _checked(proposal, now.date())
        decree = Decree(
            **{**vars(proposal), "number": number},
            id=new_identifier(self._randomness),
            state=DecreeState.PROPOSED.value,
            proposed_by=actor.username,
            proposed_at=now,
        )
        try:
            with self._database.writing() as session:
                if proposal.office is not None:
                    get_office(session, proposal.office)
                session.add(decree)
                self._record(session, actor, decree, "proposed", {"number": number})
        except IntegrityError as error:
            raise DecreeExistsError(number) from error
        return decree.id

    def enact(self, actor: Actor, decree_id: str) -> int:
        """The second of two people: the cards that it means now are valid until its date; how many those are.

        Raises NotFoundError, OwnDecreeError or DecreeDecidedError.
        """
        actor.require(Role.SUPERVISOR)
        with self._database.writing() as session:
            decree = self._undecided(session, actor, decree_id)
            count = 0
            for part in cohort(session, decree):
                rows = [
                    {"card_number": card, "decree_id": decree.id, "until": decree.extended_to}
                    for card in part
                ]
                if rows:
                    session.execute(insert(CardExtension), rows)
                count += len(rows)
            self._decide(decree, actor, DecreeState.IN_FORCE)
            decree.cards = count
            self._record(session, actor, decree, "enacted", {"number": decree.number, "cards": count})
            return count

    def reject(self, actor: Actor, decree_id: str) -> None:
        """The proposal is not what was decreed. Raises as `enact`."""
        actor.require(Role.SUPERVISOR)
        with self._database.writing() as session:
            decree = self._undecided(session, actor, decree_id)
            self._decide(decree, actor, DecreeState.REJECTED)
            self._record(session, actor, decree, "rejected", {"number": decree.number})

    def preview(self, actor: Actor, decree_id: str) -> int:
        """How many cards it means today. Raises NotFoundError."""
        actor.require(*READERS)
        with self._database.reading() as session:
            return sum(len(part) for part in cohort(session, _get(session, decree_id)))

    def in_force(self) -> Sequence[DecreeView]:
        """What everybody may know: the newest first."""
        query = select(Decree).where(Decree.state == DecreeState.IN_FORCE.value)
        newest = query.order_by(Decree.decided_at.desc(), Decree.id).limit(MOST_PUBLISHED)
        with self._database.reading() as session:
            return [_view(decree) for decree in session.scalars(newest)]

    def view(self, actor: Actor, decree_id: str) -> DecreeView:
        """One decree. Raises NotFoundError."""
        actor.require(*READERS)
        with self._database.reading() as session:
            return _view(_get(session, decree_id))

    def proposed(self, actor: Actor) -> Sequence[DecreeView]:
        """Whatever was proposed, and what became of it: the newest first. Raises RoleRequiredError."""
        actor.require(*READERS)
        newest = select(Decree).order_by(Decree.proposed_at.desc(), Decree.id).limit(MOST_PUBLISHED)
        with self._database.reading() as session:
            return [_view(decree) for decree in session.scalars(newest)]

    def validity(self, number: str) -> Validity:
        """Until when the card is valid. Raises NotFoundError, also for one that got no certificate."""
        with self._database.reading() as session:
            card = get_card(session, number)
            if not card.certificates:
                raise NotFoundError("certificate")
            return validity_of(session, card)

    def _undecided(self, session: Session, actor: Actor, decree_id: str) -> Decree:
        decree = _get(session, decree_id)
        if decree.state != DecreeState.PROPOSED:
            raise DecreeDecidedError(decree.state)
        if decree.proposed_by == actor.username:
            raise OwnDecreeError
        return decree

    def _decide(self, decree: Decree, actor: Actor, state: DecreeState) -> None:
        decree.state, decree.decided_by, decree.decided_at = state.value, actor.username, self._clock()

    def _record(
        self, session: Session, actor: Actor, decree: Decree, what: str, details: dict[str, Json]
    ) -> None:
        self._audit.record(session, actor.username, f"decree.{what}", f"decree:{decree.id}", details)


def _checked(proposal: Proposal, today: date) -> str:
    number = fold(proposal.number)
    if not 1 <= len(number) <= NUMBER_LENGTH:
        raise InvalidInputError(f"a decree's number has 1 to {NUMBER_LENGTH} characters")
    if not proposal.expires_from <= proposal.expires_to < proposal.extended_to:
        raise InvalidInputError("the window ends before the new date, and begins before it ends")
    if proposal.extended_to <= today or proposal.decreed_on > today:
        raise InvalidInputError("a decree has been given, and extends into the future")
    if (proposal.extended_to - proposal.expires_to).days > LONGEST_DAYS:
        raise InvalidInputError(f"at most {LONGEST_DAYS} days more")
    born = proposal.born_from, proposal.born_to
    if (born[0] is None) != (born[1] is None) or (born[0] and born[1] and born[0] > born[1]):
        raise InvalidInputError("birth dates from and to, or neither")
    return number


def _get(session: Session, decree_id: str) -> Decree:
    found = session.get(Decree, decree_id) if decree_id.isascii() and decree_id.isalnum() else None
    if found is None:
        raise NotFoundError("decree")
    return found


def _view(decree: Decree) -> DecreeView:
    names = (
        *("number", "decreed_on", "expires_from", "expires_to", "extended_to", "office", "born_from"),
        *("born_to", "id", "cards", "proposed_by", "decided_by", "decided_at"),
    )
    return DecreeView(**{name: getattr(decree, name) for name in names}, state=DecreeState(decree.state))
