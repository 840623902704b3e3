"""Sessions that somebody writes past the registry, with a token of their own or another's row, are none."""

import hashlib
import logging
import secrets
from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update

from issuance.errors import NotSignedInError, SealBrokenError
from issuance.operators.methods import MethodRules
from issuance.operators.models import Method, OperatorSession, Role
from issuance.operators.service import SESSION_LIFE, Operators, token_digest
from tests.depot import Depot

MINE, VICTIM = "clerk-9", "supervisor-9"
TOKEN = "a token that nobody gave"


class Desk:
    """Two accounts; `set` writes as SQL does, past the models."""

    def __init__(self, depot: Depot) -> None:
        self.depot = depot
        rules = MethodRules(trial=True)
        self.operators = Operators(depot.database, depot.audit, depot.clock, secrets.token_bytes, rules)
        self.passwords = {
            name: self.operators.create(name, role)
            for name, role in ((MINE, Role.CLERK), (VICTIM, Role.SUPERVISOR))
        }

    def sign_in(self) -> str:
        return self.operators.sign_in(MINE, self.passwords[MINE], "here")

    def set(self, **values: object) -> None:
        with self.depot.database.writing() as session:
            session.execute(update(OperatorSession).values(**values))

    def insert(self, digest: str, seal: str) -> None:
        now = self.depot.clock()
        row: dict[str, object] = {
            "token_digest": digest,
            "username": VICTIM,
            "method": Method.CARD.value,
            "seal": seal,
        }
        row |= {"proved_at": now, "expires_at": now + SESSION_LIFE}
        with self.depot.database.writing() as session:
            session.execute(insert(OperatorSession).values(**row))


@pytest.fixture
def desk(depot: Depot) -> Desk:
    return Desk(depot)


def test_what_the_registry_wrote_is_a_session(desk: Desk) -> None:
    token = desk.sign_in()
    assert desk.operators.actor(token).username == MINE
    desk.operators.prove(token, desk.passwords[MINE], "here")
    assert desk.operators.actor(token).username == MINE


def test_a_session_by_sql(desk: Desk) -> None:
    desk.insert(hashlib.sha256(TOKEN.encode()).hexdigest(), "0" * 64)
    with pytest.raises(NotSignedInError):
        desk.operators.actor(TOKEN)


def test_the_right_digest_without_the_seal(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    for seal in ("", "é" * 64, "0" * 64):
        desk.operators.sign_out(TOKEN)
        desk.insert(token_digest(desk.depot.database, TOKEN), seal)
        with caplog.at_level(logging.ERROR), pytest.raises(NotSignedInError):
            desk.operators.actor(TOKEN)
        assert f"a session of operator {VICTIM}: its seal is broken" in caplog.text
    assert TOKEN not in caplog.text


@pytest.mark.parametrize("column", ["username", "method", "expires_at", "proved_at"])
def test_ones_own_session_made_anothers_or_longer(desk: Desk, column: str) -> None:
    token, now = desk.sign_in(), desk.depot.clock()
    later = now + timedelta(minutes=1)
    new = {"username": VICTIM, "method": "card", "expires_at": now + 2 * SESSION_LIFE, "proved_at": later}
    desk.set(**{column: new[column]})
    with pytest.raises(NotSignedInError):
        desk.operators.standing(token)
    with pytest.raises(NotSignedInError):
        desk.operators.prove(token, desk.passwords[MINE], "here")


def test_the_seal_of_another_session(desk: Desk) -> None:
    first, second = desk.sign_in(), desk.sign_in()
    with desk.depot.database.reading() as session:
        query = select(OperatorSession.seal).where(
            OperatorSession.token_digest == token_digest(desk.depot.database, first)
        )
        seal = session.scalars(query).one()
    desk.set(seal=seal)
    assert desk.operators.actor(first).username == MINE
    with pytest.raises(NotSignedInError):
        desk.operators.actor(second)


def test_a_change_does_not_seal_what_somebody_else_wrote(desk: Desk) -> None:
    desk.sign_in()
    desk.set(username=VICTIM)
    with pytest.raises(SealBrokenError), desk.depot.database.writing() as session:
        session.scalars(select(OperatorSession)).one().proved_at = desk.depot.clock()
