"""Who may be the same person: candidates by indexed keys, never by reading everybody."""

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session, joinedload

from issuance.duplicates.models import DuplicateMatch
from issuance.duplicates.scoring import THRESHOLD, Score, Traits, score
from issuance.errors import NotFoundError
from issuance.registry.datevariants import variants
from issuance.registry.models import Citizen
from issuance.registry.namekeys import dated, pair_key, skeleton

MOST_CANDIDATES = 200
"""Of each of the ways to find one."""
MOST_MATCHES = 20
"""The likeliest are shown; whoever has more is no matter for a clerk's eye alone."""


def traits(citizen: Citizen) -> Traits:
    """What of a citizen is compared."""
    given, surname, father = map(skeleton, (citizen.given_name, citizen.surname, citizen.father_name))
    return Traits(given, surname, father, citizen.birth_date, citizen.sex)


def candidates(session: Session, citizen: Citizen) -> dict[str, Citizen]:
    """People with the same names around the same date, or with one of the names on the same date."""
    found: dict[str, Citizen] = {}
    for query in candidate_queries(citizen):
        found |= {other.national_code: other for other in session.scalars(query)}
    return found


def candidate_queries(citizen: Citizen) -> list[Select[Citizen]]:
    """The queries, each by an index of its own."""
    day, pair = citizen.birth_date, pair_key(citizen.given_name, citizen.surname)
    names = [dated(key, day) for key in map(skeleton, (citizen.given_name, citizen.surname)) if key]
    ways: tuple[ColumnElement[bool], ...] = (
        Citizen.pair_birth_index.in_([dated(pair, other) for other in sorted(variants(day))]),
        Citizen.given_birth_index.in_(names),
        Citizen.surname_birth_index.in_(names),
    )
    other = Citizen.national_code != citizen.national_code
    return [select(Citizen).where(way, other).limit(MOST_CANDIDATES) for way in ways]


def matches(session: Session, citizen: Citizen) -> list[tuple[Citizen, Score]]:
    """The candidates that somebody has to judge, the likeliest first."""
    own = traits(citizen)
    scored = [(other, score(own, traits(other))) for other in candidates(session, citizen).values()]
    likely = [pair for pair in scored if pair[1].points >= THRESHOLD]
    likely.sort(key=lambda pair: (-pair[1].points, pair[0].national_code))
    return likely[:MOST_MATCHES]


def matches_of(session: Session, application_id: str) -> list[DuplicateMatch]:
    """What was found for an application, in the order of its numbers."""
    query = select(DuplicateMatch).where(DuplicateMatch.application_id == application_id)
    citizens = joinedload(DuplicateMatch.citizen, innerjoin=True)
    return list(session.scalars(query.order_by(DuplicateMatch.number).options(citizens)))


def get_match(session: Session, application_id: str, number: int) -> DuplicateMatch:
    """One of them. Raises NotFoundError."""
    match = session.get(DuplicateMatch, (application_id, number))
    if match is None:
        raise NotFoundError("match")
    return match
