"""What people do with card bodies: announce, count, confirm, send, reserve, spoil and destroy them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from issuance.audit import Audit
from issuance.database import Database
from issuance.enrolment.repository import get_application
from issuance.errors import ForbiddenTransitionError, InvalidInputError, NotFoundError
from issuance.identifiers import Randomness, new_identifier
from issuance.lifecycle.models import Card
from issuance.lifecycle.states import ApplicationState, CardState
from issuance.offices.service import get_office
from issuance.operators.changes import OperatorCard, OperatorChange
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.production.models import Production
from issuance.production.steps import ENDED
from issuance.registry.text import fold
from issuance.registry.workdays import IRANIAN_WEEK, Workdays
from issuance.stock.cover import Pace, counted_days, days_of_cover
from issuance.stock.errors import (
    BodiesKnownError,
    CountMismatchError,
    DeliveryNoteTakenError,
    ElsewhereError,
    SecondPersonError,
)
from issuance.stock.ledger import Balance, balance
from issuance.stock.models import (
    NOTE_LENGTH,
    PRODUCT_LENGTH,
    REASON_LENGTH,
    Batch,
    BatchDifference,
    Body,
    Movement,
)
from issuance.stock.ranges import as_texts, count, parse_ranges, serials
from issuance.stock.repository import (
    Hand,
    consumption,
    flows,
    get_batch,
    known_of,
    lock_bodies,
    move_bodies,
    on_hand,
    receive_bodies,
)
from issuance.stock.states import BatchState, BodyEvent, BodyState, Difference
from pki.auditchain import Json
from pki.clock import Clock

KEEPERS = (Role.STOCK, Role.SUPERVISOR)
"""Who may do anything with stock."""
_LOOK_BACK = timedelta(days=30)
MAX_AT_ONCE = 1000
"""Bodies moved by one request."""

Ranges = Sequence[Sequence[str]]
"""First and last serial of each, ten digits."""


@dataclass(frozen=True)
class Delivery:
    """What a supplier announces."""

    product: str
    delivery_note: str
    noted: Ranges
    expected_on: date | None = None


@dataclass(frozen=True)
class StockView:
    """An office's stock as it stands."""

    since: date
    balance: Balance
    """From that day on; its opening is what must have been on hand then."""
    pace: Pace
    days_of_cover: float | None
    """Working days; None where nothing was used yet."""


class Stock:
    """The stock of one registry."""

    def __init__(
        self,
        database: Database,
        audit: Audit,
        clock: Clock,
        randomness: Randomness,
        workdays: Workdays = IRANIAN_WEEK,
    ) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock
        self._randomness = randomness
        self._workdays = workdays

    def announce(self, actor: Actor, delivery: Delivery) -> str:
        """Records the supplier's note for the operator's office; returns the batch's identifier.

        Raises InvalidInputError, InvalidRangeError or DeliveryNoteTakenError.
        """
        actor.require(*KEEPERS)
        noted = parse_ranges(delivery.noted)
        batch = Batch(
            id=new_identifier(self._randomness),
            office=actor.office,
            product=_text(delivery.product, PRODUCT_LENGTH),
            delivery_note=_text(delivery.delivery_note, NOTE_LENGTH),
            state=BatchState.ANNOUNCED.value,
            bodies=count(noted),
            noted=as_texts(noted),
            counted=[],
            expected_on=delivery.expected_on,
            announced_by=actor.username,
            announced_at=self._clock(),
        )
        try:
            with self._database.writing() as session:
                session.add(batch)
                self._record(session, actor, "announced", batch, {"bodies": batch.bodies})
        except IntegrityError as error:
            raise DeliveryNoteTakenError(batch.delivery_note) from error
        return batch.id

    def count(self, actor: Actor, batch_id: str, found: Ranges) -> None:
        """The first count: which bodies are there. It may be repeated until somebody else confirms it.

        Raises NotFoundError, InvalidRangeError, ElsewhereError or ForbiddenTransitionError.
        """
        actor.require(*KEEPERS)
        counted = parse_ranges(found)
        with self._database.writing() as session:
            batch = self._batch_here(session, actor, batch_id, "count")
            batch.counted, batch.counted_by, batch.counted_at = (
                as_texts(counted),
                actor.username,
                self._clock(),
            )
            batch.state = BatchState.COUNTED.value
            self._record(session, actor, "counted", batch, {"bodies": count(counted)})

    def confirm(self, actor: Actor, batch_id: str, bodies: int) -> None:
        """The second count, by somebody else, who says how many there are; the bodies are in stock then.

        What is not on the note does not get in; what is missing is on record. Raises SecondPersonError,
        CountMismatchError or BodiesKnownError, beside what `count` raises.
        """
        actor.require(*KEEPERS)
        with self._database.writing() as session:
            batch = self._batch_here(session, actor, batch_id, "confirm")
            agreed = self._agrees(session, actor, batch, bodies)
            if agreed:
                self._put_in(session, actor, batch)
        if not agreed:
            raise CountMismatchError(bodies)

    def _batch_here(self, session: Session, actor: Actor, batch_id: str, what: str) -> Batch:
        batch = get_batch(session, batch_id)
        if batch.office != actor.office:
            raise NotFoundError("batch")  # another office's notes are not told of
        possible = {"count": {BatchState.ANNOUNCED, BatchState.COUNTED}, "confirm": {BatchState.COUNTED}}
        if batch.state not in possible[what]:
            raise ForbiddenTransitionError("batch", batch.state, what)
        return batch

    def _agrees(self, session: Session, actor: Actor, batch: Batch, bodies: int) -> bool:
        if batch.counted_by == actor.username:
            raise SecondPersonError("confirm the count")
        agreed = bodies == count(parse_ranges(batch.counted))
        if not agreed:  # it stays on record: two people found different numbers
            self._record(session, actor, "count-disputed", batch, {"bodies": bodies})
        return agreed

    def _put_in(self, session: Session, actor: Actor, batch: Batch) -> None:
        noted = set(serials(parse_ranges(batch.noted)))
        found = set(serials(parse_ranges(batch.counted)))
        accepted = sorted(noted & found)
        known = sorted(known_of(session, accepted))
        if known:
            raise BodiesKnownError(known[0], len(known))
        batch.state, batch.confirmed_by, batch.confirmed_at = (
            BatchState.CONFIRMED.value,
            actor.username,
            self._clock(),
        )
        differences = {Difference.MISSING: sorted(noted - found), Difference.SURPLUS: sorted(found - noted)}
        session.add_all(
            BatchDifference(batch_id=batch.id, serial=serial, kind=kind.value)
            for kind, members in differences.items()
            for serial in members
        )
        session.flush()
        receive_bodies(session, batch, accepted, batch.counted_by or "", self._hand(actor))
        details = {kind.value: len(members) for kind, members in differences.items()}
        self._record(session, actor, "confirmed", batch, {"bodies": len(accepted), **details})

    def send(self, actor: Actor, chosen: Collection[str], office: str) -> None:
        """Sends bodies in stock to another office. Raises what `spoil` raises."""
        actor.require(*KEEPERS)
        with self._database.writing() as session:
            if office == actor.office:
                raise InvalidInputError("the bodies are there already")
            get_office(session, office)
            bodies = self._mine(session, actor, chosen)
            move_bodies(session, bodies, BodyEvent.SEND, self._hand(actor), office=office)
            self._record_bodies(session, actor, BodyEvent.SEND, chosen, {"office": office})

    def arrive(self, actor: Actor, chosen: Collection[str]) -> None:
        """Takes bodies in that were sent to the operator's office. Raises what `spoil` raises."""
        self._move(actor, chosen, BodyEvent.ARRIVE, "")

    def spoil(self, actor: Actor, chosen: Collection[str], reason: str) -> None:
        """Sets bodies aside that can't be used any more.

        Raises NotFoundError, ElsewhereError, ForbiddenTransitionError, InvalidInputError, RoleRequiredError.
        """
        self._move(actor, chosen, BodyEvent.SPOIL, _text(reason, REASON_LENGTH))

    def collect(self, actor: Actor, chosen: Collection[str], reason: str) -> None:
        """Cards that have ended were handed in: their bodies are waste, to be destroyed by two people.

        Raises what `spoil` raises; ForbiddenTransitionError for a card that has not ended.
        """
        said = _text(reason, REASON_LENGTH)
        with self._database.writing() as session:
            bodies = self._mine(session, actor, chosen)
            _require_ended(session, [body.serial for body in bodies])
            move_bodies(session, bodies, BodyEvent.COLLECT, self._hand(actor, said))
            self._record_bodies(session, actor, BodyEvent.COLLECT, chosen, {})

    def condemn(self, actor: Actor, chosen: Collection[str], reason: str) -> None:
        """The first of two people: these bodies are to be destroyed. Raises what `spoil` raises."""
        self._move(actor, chosen, BodyEvent.CONDEMN, _text(reason, REASON_LENGTH))

    def spare(self, actor: Actor, chosen: Collection[str], reason: str) -> None:
        """Condemned bodies are waste again, and not destroyed. Raises what `spoil` raises."""
        self._move(actor, chosen, BodyEvent.SPARE, _text(reason, REASON_LENGTH))

    def destroy(self, actor: Actor, chosen: Collection[str], reason: str) -> None:
        """The second of two people has destroyed them. Raises SecondPersonError, and what `spoil` raises."""
        self._move(actor, chosen, BodyEvent.DESTROY, _text(reason, REASON_LENGTH))

    def reserve(self, actor: Actor, serial: str, application_id: str) -> None:
        """Keeps a body for one order of the same office. Raises what `spoil` raises."""
        actor.require(*KEEPERS)
        with self._database.writing() as session:
            application = get_application(session, application_id)
            if application.state != ApplicationState.APPROVED:
                raise ForbiddenTransitionError("application", application.state, "reserve a body")
            bodies = self._mine(session, actor, [serial])
            if application.office != actor.office:
                raise NotFoundError("application")
            move_bodies(session, bodies, BodyEvent.RESERVE, self._hand(actor), application_id=application_id)
            details = {"application": application_id}
            self._record_bodies(session, actor, BodyEvent.RESERVE, [serial], details)

    def release(self, actor: Actor, serial: str) -> None:
        """Lets a reserved body serve anybody again. Raises what `spoil` raises."""
        self._move(actor, [serial], BodyEvent.RELEASE, "")

    def view(self, office: str) -> StockView:
        """The office's stock as it stands, and the movements of the last days. Raises NotFoundError."""
        now = self._clock()
        since = now.date() - _LOOK_BACK
        with self._database.reading() as session:
            get_office(session, office)
            found = flows(session, _concerns(office), Movement.at >= _midnight(since))
            here = on_hand(session, office)
            pace = measured_pace(session, office, now, self._workdays)
        opening = here - balance(office, 0, found, here).expected
        return StockView(since, balance(office, opening, found, here), pace, days_of_cover(here, pace))

    def history(self, serial: str) -> list[Movement]:
        """What happened to a body, oldest first. Raises NotFoundError."""
        query = select(Movement).where(Movement.serial == serial).order_by(Movement.number)
        with self._database.reading() as session:
            found = list(session.scalars(query))
        if not found:
            raise NotFoundError("body")
        return found

    def _move(self, actor: Actor, chosen: Collection[str], event: BodyEvent, reason: str) -> None:
        with self._database.writing() as session:
            bodies = self._mine(session, actor, chosen)
            if event is BodyEvent.DESTROY and any(_condemned_by(actor, body) for body in bodies):
                raise SecondPersonError("destroy what one person has condemned")
            move_bodies(session, bodies, event, self._hand(actor, reason))
            self._record_bodies(session, actor, event, chosen, {})

    def _mine(self, session: Session, actor: Actor, chosen: Collection[str]) -> list[Body]:
        actor.require(*KEEPERS)
        if not 1 <= len(set(chosen)) <= MAX_AT_ONCE:
            raise InvalidInputError(f"1 to {MAX_AT_ONCE} bodies at once")
        bodies = lock_bodies(session, chosen)
        for body in bodies:
            if body.office != actor.office:
                raise ElsewhereError(body.serial)
        return bodies

    def _hand(self, actor: Actor, reason: str = "") -> Hand:
        return Hand(actor.username, self._clock(), reason)

    def _record(
        self, session: Session, actor: Actor, what: str, batch: Batch, details: dict[str, int]
    ) -> None:
        subject = f"batch:{batch.id}"
        self._audit.record(session, actor.username, f"stock.{what}", subject, {**details})

    def _record_bodies(
        self,
        session: Session,
        actor: Actor,
        event: BodyEvent,
        chosen: Collection[str],
        details: dict[str, str],
    ) -> None:
        """One entry a request; each body has its row in the ledger. Reasons are people's words: not here."""
        told: dict[str, Json] = {"bodies": len(set(chosen)), "first": min(chosen), **details}
        subject = f"office:{actor.office}"
        self._audit.record(session, actor.username, f"stock.{event}", subject, told)


def measured_pace(session: Session, office: str, now: datetime, workdays: Workdays) -> Pace:
    """What the office used over its last working days; today does not count, it is not over."""
    today = now.date()
    midnight = _midnight(today)
    earliest = consumption(session, office, midnight, midnight).first
    days = counted_days(workdays, today, earliest)
    if not days:
        return Pace(0, 0, 0)
    used = consumption(session, office, _midnight(days[-1]), midnight)
    return Pace(len(days), used.taken, used.voided)


def _condemned_by(actor: Actor, body: Body) -> bool:
    return body.state == BodyState.CONDEMNED and body.moved_by == actor.username


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _concerns(office: str) -> ColumnElement[bool]:
    return or_(Movement.from_office == office, Movement.to_office == office)


def _text(text: str, longest: int) -> str:
    tidy = fold(text)
    if not 1 <= len(tidy) <= longest:
        raise InvalidInputError(f"1 to {longest} characters")
    return tidy


def _require_ended(session: Session, numbers: Collection[str]) -> None:
    """Raises ForbiddenTransitionError unless these cards, citizens' or operators', have ended.

    A card whose run isn't over is about to be void, and its body becomes waste by that.
    """
    cards = select(Card.state).where(
        Card.card_number.in_(numbers), Card.state.not_in((CardState.REVOKED.value, CardState.VOIDED.value))
    )
    operators = select(OperatorCard.change_id).join(
        OperatorChange, OperatorChange.id == OperatorCard.change_id
    )
    in_use = operators.where(OperatorChange.card_number.in_(numbers), OperatorCard.ended_at.is_(None))
    state = session.scalar(cards.limit(1))
    if state is None and session.scalar(in_use.limit(1)) is not None:
        state = CardState.ACTIVE.value
    if state is None:
        open_runs = Production.card_number.in_(numbers), Production.state.not_in(ENDED)
        state = session.scalar(select(Production.state).where(*open_runs).limit(1))
    if state is not None:
        raise ForbiddenTransitionError("card", state, BodyEvent.COLLECT.value)
