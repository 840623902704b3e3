"""A crisis by the hundred thousand: cards of one chip batch, delivered, with two certified keys each.

Rows as enrolment, stock and production leave them, without portraits and certificates' bytes.
"""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import insert, select, text, update
from sqlalchemy.orm import Session

from issuance.database import Database
from issuance.delivery.models import Delivery, IdentityCheck
from issuance.enrolment.models import Application, RegisterAnswer
from issuance.lifecycle.models import Card
from issuance.operators.models import Operator, Role
from issuance.operators.service import Actor
from issuance.provenance.models import KeyProvenance
from issuance.registry.models import Citizen
from issuance.stock.models import Batch, Body, Movement
from pki.authority.issuers import IssuingCa
from pki.bootstrap import Pki
from pki.hierarchy import Role as CaRole
from pki.profiles import Profile
from pki.store.bulk import dialect_of, insert_rows, insert_values
from pki.store.models import CertificateRow
from simulators.load.certificates import populate

BATCH = "BENCHBATCH000000"
OFFICE = "1"
PEOPLE = (Actor("officer-a", Role.SUPERVISOR, OFFICE), Actor("officer-b", Role.SUPERVISOR, OFFICE))
ROLES = {
    CaRole.CITIZEN_AUTHENTICATION: (Profile.AUTHENTICATION, "9A", "secp256r1"),
    CaRole.CITIZEN_SIGNATURE: (Profile.SIGNATURE, "9C", "secp384r1"),
}
_CHIP = "bench chip"
_HIDDEN = b"-"
_AT_ONCE = 10_000
_UNSYNCHRONISED = {"synchronize_session": False}
_APPLIED = ("submitted", "approved", "in_production", "ready", "delivered")
"""The database lets an application go along its arrows alone."""
_TAKEN = ("receive", None, "in_stock"), ("take", "in_stock", "used")

_Row = tuple[object, ...]


def populate_crisis(database: Database, pki: Pki, certificates: int, now: datetime) -> None:
    """So many certificates, half of each CA, at the authority and in the registry."""
    cards = certificates // len(ROLES)
    for role, (profile, _, _) in ROLES.items():
        populate(pki.engine, pki.issuers.current(role), profile, cards, now, f"{BATCH}-{role.value}")
    _add_people(database, now)
    _add_cards(database, cards, now)
    for role in ROLES:
        _add_keys(database, pki, role, now)
    for engine in (database.engine, pki.engine):
        if engine.dialect.name == "postgresql":
            with engine.begin() as connection:
                connection.execute(text("ANALYZE"))


def _add_people(database: Database, now: datetime) -> None:
    with database.writing() as session:
        session.execute(
            insert(Operator),
            [
                {"username": p.username, "role": p.role, "office": OFFICE, "password_hash": "-", "seal": ""}
                for p in PEOPLE
            ],
        )
        session.add(
            Batch(
                id=BATCH,
                office=OFFICE,
                product=_CHIP,
                delivery_note="bench",
                state="opening",
                bodies=1,
                noted=[],
                counted=[],
                announced_at=now,
            )
        )


def _add_cards(database: Database, cards: int, now: datetime) -> None:
    for start in range(0, cards, _AT_ONCE):
        numbers = [f"{number:010d}" for number in range(start, min(start + _AT_ONCE, cards))]
        with database.writing() as session:
            _add_holders(session, numbers, now)
            _add_bodies(session, numbers, now)
            _add_delivered(session, numbers, now)


def _add_holders(session: Session, numbers: list[str], now: datetime) -> None:
    """A national code is a number here, and what is encrypted elsewhere is nothing: nobody looks at it."""
    moment = _stored(session, now)
    citizen = (
        *("national_code", "given_name", "surname", "father_name", "latin_given_name", "latin_surname"),
        *("birth_date", "sex", "confirmed_at", "birth_precision"),
        *("pair_index", "pair_birth_index", "given_birth_index", "surname_birth_index", "seal"),
    )
    hidden = (_HIDDEN,) * 7
    people: list[_Row] = [(n, *hidden, moment, "day", n, n, n, n, "") for n in numbers]
    insert_rows(session, Citizen, citizen, people)
    application = (
        *("id", "national_code", "state", "version", "latin_given_name", "latin_surname", "portrait"),
        *("decision_note", "enrolled_by", "created_at", "kind", "decision_reasons"),
        *("undecided_matches", "office", "seal", "approval_seal"),
    )
    first, second = (person.username for person in PEOPLE)
    opened = (first, moment, "new", "", 0, OFFICE, "", "")
    rows: list[_Row] = [(n, n, "draft", 1, *hidden[:4], *opened) for n in numbers]
    insert_rows(session, Application, application, rows)
    these = update(Application).where(Application.id.between(numbers[0], numbers[-1]))
    for state in _APPLIED:
        decided = {"decided_by": second} if state == "approved" else {}
        session.execute(these.values(state=state, **decided), execution_options=_UNSYNCHRONISED)


def _stored(session: Session, now: datetime) -> object:
    """A moment as the driver takes it."""
    if dialect_of(session) == "postgresql":
        return now
    return now.strftime("%Y-%m-%d %H:%M:%S.%f")


def _add_bodies(session: Session, numbers: list[str], now: datetime) -> None:
    columns = (
        *("serial", "number", "previous", "kind", "from_state", "to_state", "from_office", "to_office"),
        *("actor", "previous_actor", "at", "reason"),
    )
    first, second = (person.username for person in PEOPLE)
    for number, (kind, before, after) in enumerate(_TAKEN, 1):
        previous = (None, None) if before is None else (number - 1, OFFICE)
        actors = (second, first) if before is None else (second, second)
        insert_values(
            session,
            Movement,
            columns,
            [
                (n, number, previous[0], kind, before, after, previous[1], OFFICE, *actors, now, "")
                for n in numbers
            ],
        )
    body = ("serial", "batch_id", "office", "state", "moves", "moved_by")
    insert_values(session, Body, body, [(n, BATCH, OFFICE, "used", 2, second) for n in numbers])


def _add_delivered(session: Session, numbers: list[str], now: datetime) -> None:
    """Along their arrows, which the database watches: made, handed over, active."""
    columns = (
        *("card_number", "national_code", "application_id", "state", "version", "guid"),
        *("key_version", "channel_version", "taken_at"),
    )
    taken = _stored(session, now)
    made: list[_Row] = [(n, n, n, "in_production", 1, n, 1, 1, taken) for n in numbers]
    insert_rows(session, Card, columns, made)
    these = update(Card).where(Card.card_number.between(numbers[0], numbers[-1]))
    session.execute(these.values(state="produced"), execution_options=_UNSYNCHRONISED)
    first = PEOPLE[0].username
    answer = ("application_id", "number", "asked_at", "asked_by", "revision", "taken_over", "record")
    answers: list[_Row] = [(n, 1, taken, first, 1, True, _HIDDEN) for n in numbers]
    insert_rows(session, RegisterAnswer, answer, answers)
    check = (
        *("id", "card_number", "application_id", "purpose", "outcome", "document", "register_answer"),
        *("checked_by", "checked_at"),
    )
    seen = ("delivery", "passed", "passport", 1, first)
    insert_values(session, IdentityCheck, check, [(n, n, n, *seen, now) for n in numbers])
    delivery = (
        *("id", "card_number", "state", "version", "identity_check_id", "check_outcome", "challenge"),
        *(
            "tries_left",
            "opened_by",
            "opened_at",
            "expires_at",
            "matched_at",
            "proven_at",
            "signature",
            "unsigned",
        ),
    )
    done = ("completed", 1), ("passed", b"", 1, first)
    rows: list[_Row] = [(n, n, *done[0], n, *done[1], now, now, now, now, b"", False) for n in numbers]
    insert_values(session, Delivery, delivery, rows)
    active = these.values(state="active", delivered_at=now)
    session.execute(active, execution_options=_UNSYNCHRONISED)


def _add_keys(database: Database, pki: Pki, role: CaRole, now: datetime) -> None:
    _, slot, algorithm = ROLES[role]
    issuer = pki.issuers.current(role)
    columns = (
        *("serial", "issuer", "shard", "card_number", "slot", "key_type", "algorithm", "chip_type"),
        *("body_batch", "office", "origin", "made_at"),
    )
    for chunk in _serials(pki, issuer):
        rows: list[_Row] = [
            (
                serial,
                issuer.name,
                shard,
                f"{card:010d}",
                slot,
                "ec",
                algorithm,
                _CHIP,
                BATCH,
                OFFICE,
                "card",
                now,
            )
            for card, serial, shard in chunk
        ]
        with database.writing() as session:
            insert_values(session, KeyProvenance, columns, rows)


def _serials(pki: Pki, issuer: IssuingCa) -> Iterator[list[tuple[int, int, int]]]:
    """Card, serial and partition: whichever serial for whichever card."""
    row = CertificateRow
    query = select(row.serial, row.shard).where(row.issuer == issuer.name, row.profile.in_(_profiles()))
    with Session(pki.engine) as session:
        found = session.execute(query.order_by(row.serial), execution_options={"yield_per": _AT_ONCE})
        card = 0
        for rows in found.partitions():
            yield [(card + place, serial, shard) for place, (serial, shard) in enumerate(rows)]
            card += len(rows)


def _profiles() -> list[str]:
    return [profile.value for profile, _, _ in ROLES.values()]
