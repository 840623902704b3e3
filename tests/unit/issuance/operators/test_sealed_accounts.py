"""Accounts, their changes and second factors that somebody writes past the registry open nothing."""

import base64
import logging
import secrets
from datetime import timedelta
from typing import cast

import pytest
from sqlalchemy import select, text

from issuance.errors import LoginRefusedError, NotSignedInError, SealBrokenError
from issuance.lifecycle.certificates import CertificateAuthority, Certificates
from issuance.operators.accounts import Accounts, Wanted
from issuance.operators.changes import ChangeKind, OperatorChange, OperatorTotp
from issuance.operators.enrolling import SecondFactors
from issuance.operators.errors import LastAdministratorsError
from issuance.operators.methods import MethodRules
from issuance.operators.models import Operator, Role
from issuance.operators.service import Actor, Operators
from issuance.operators.totp import STEP_SECONDS, code_at, step_of
from pki.store.bulk import dialect_of
from tests.depot import HERE, Depot

MINE, VICTIM = Actor("clerk-9", Role.CLERK, HERE), Actor("clerk-8", Role.CLERK, HERE)
FIRST, SECOND = (Actor(f"administrator-{number}", Role.ADMINISTRATOR) for number in (1, 2))
TRIAL = MethodRules(trial=True)


class House:
    """Two clerks and two administrators, and somebody who writes the database without its rules."""

    def __init__(self, depot: Depot) -> None:
        self.depot = depot
        database, audit, clock, randomness = depot.database, depot.audit, depot.clock, secrets.token_bytes
        self.operators = Operators(database, audit, clock, randomness, TRIAL)
        certificates = Certificates(cast("CertificateAuthority", None))  # nobody asks for one here
        self.accounts = Accounts(database, audit, certificates, clock, randomness)
        self.factors = SecondFactors(database, audit, self.operators, TRIAL, clock, randomness)
        self.passwords = {
            one.username: self.operators.create(one.username, one.role, one.office)
            for one in (MINE, VICTIM, FIRST, SECOND)
        }

    def sign_in(self, actor: Actor = MINE, code: str | None = None) -> str:
        return self.operators.sign_in(actor.username, self.passwords[actor.username], "here", code)

    def enrol(self, actor: Actor) -> bytes:
        token = self.sign_in(actor)
        secret = base64.b32decode(self.factors.begin(actor, self.passwords[actor.username], "here").secret)
        self.factors.confirm(token, self.code(secret))
        self.depot.clock.forward(timedelta(seconds=STEP_SECONDS))
        return secret

    def code(self, secret: bytes) -> str:
        return code_at(secret, step_of(self.depot.clock()))

    def sql(self, statement: str, **values: object) -> None:
        with self.depot.database.writing() as session:
            if dialect_of(session) == "postgresql":
                session.execute(text("SET LOCAL session_replication_role = replica"))  # no triggers, no keys
            else:
                found = session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))
                for trigger in found.all():
                    session.execute(text(f'DROP TRIGGER "{trigger}"'))
            session.execute(text(statement), values)


@pytest.fixture
def house(depot: Depot) -> House:
    return House(depot)


def test_what_the_registry_wrote_opens_its_account(house: House) -> None:
    secret = house.enrol(MINE)
    token = house.sign_in(code=house.code(secret))
    assert house.operators.actor(token) == MINE


@pytest.mark.parametrize(
    "change",
    [
        "role = 'administrator'",
        "role = 'auditor'",
        "office = '2'",
        "password_hash = (SELECT password_hash FROM operators WHERE username = 'clerk-8')",
        "seal = (SELECT seal FROM operators WHERE username = 'clerk-8')",
        "seal = ''",
    ],
)
def test_an_account_that_was_changed_past_the_registry(
    house: House, change: str, caplog: pytest.LogCaptureFixture
) -> None:
    before = house.sign_in()
    house.sql(f"UPDATE operators SET {change} WHERE username = 'clerk-9'")  # noqa: S608 - our own words
    house.passwords["clerk-9"] = house.passwords["clerk-8" if "password" in change else "clerk-9"]
    with caplog.at_level(logging.ERROR):
        with pytest.raises(NotSignedInError):
            house.operators.actor(before)
        with pytest.raises(LoginRefusedError):
            house.sign_in()
        assert house.operators.sign_in_holder("clerk-9", lambda _: True) is None
    assert "the account of operator clerk-9: its seal is broken" in caplog.text
    assert house.operators.actor(house.sign_in(VICTIM)) == VICTIM  # and nobody else is in its way


def test_a_locked_account_is_not_unlocked_so(house: House) -> None:
    lock = house.accounts.propose(FIRST, Wanted(ChangeKind.LOCK, MINE.username))
    house.accounts.confirm(SECOND, lock)
    house.sql("UPDATE operators SET state = 'active', change_id = NULL, change_confirmed_by = NULL")
    with pytest.raises(LoginRefusedError):
        house.sign_in()


def test_an_account_by_sql(house: House) -> None:
    """Another's row under a new name, password and all."""
    house.sql(
        "INSERT INTO operators (username, role, office, state, password_hash, seal) "
        "SELECT 'eve', role, office, state, password_hash, seal FROM operators WHERE username = 'clerk-9'"
    )
    house.passwords["eve"] = house.passwords["clerk-9"]
    with pytest.raises(LoginRefusedError):
        house.sign_in(Actor("eve", Role.CLERK))


def test_no_two_people_change_what_was_broken(house: House) -> None:
    """It would be sealed anew, with what somebody made of it."""
    change = house.accounts.propose(FIRST, Wanted(ChangeKind.CHANGE, MINE.username, office="2"))
    house.sql("UPDATE operators SET role = 'supervisor' WHERE username = 'clerk-9'")
    with pytest.raises(SealBrokenError, match="account"):
        house.accounts.confirm(SECOND, change)


def test_broken_administrators_are_none(house: House) -> None:
    """Or who made them would see the last two locked."""
    house.sql(
        "INSERT INTO operators (username, role, office, state, password_hash, seal) "
        "SELECT 'eve', role, office, state, password_hash, seal FROM operators "
        "WHERE username = 'administrator-1'"
    )
    lock = house.accounts.propose(Actor("eve", Role.ADMINISTRATOR), Wanted(ChangeKind.LOCK, FIRST.username))
    with pytest.raises(LastAdministratorsError):
        house.accounts.confirm(SECOND, lock)


@pytest.mark.parametrize(
    "change", ["role = 'administrator'", "proposed_by = 'administrator-1'", "kind = 'create'", "seal = ''"]
)
def test_a_proposal_that_nobody_made(house: House, change: str) -> None:
    """Somebody's own, given the name of another who was to be the first."""
    wanted = Wanted(ChangeKind.CHANGE, MINE.username, role=Role.SUPERVISOR)
    proposed = house.accounts.propose(SECOND, wanted)
    house.sql(f"UPDATE operator_changes SET {change}")  # noqa: S608 - our own words
    for act in (house.accounts.confirm, house.accounts.withdraw):
        with pytest.raises(SealBrokenError, match="propose it anew"):
            act(SECOND if "proposed_by" in change else FIRST, proposed)
    with house.depot.database.reading() as session:
        assert session.get_one(OperatorChange, proposed).confirmed_by is None
        assert session.get_one(Operator, MINE.username).role == Role.CLERK


def test_a_confirmation_that_nobody_gave(house: House) -> None:
    """No certificate is made for a card that one person wanted."""
    change = house.accounts.propose(FIRST, Wanted(ChangeKind.CARD, VICTIM.username))
    now = house.depot.clock().strftime("%Y-%m-%d %H:%M:%S.%f")
    house.sql("UPDATE operator_changes SET confirmed_by = 'administrator-2', confirmed_at = :now", now=now)
    with pytest.raises(SealBrokenError):
        house.accounts.issue_card(FIRST, change, b"")
    with pytest.raises(SealBrokenError):
        house.accounts.take_body(FIRST, change, "0000000001")


def test_ones_own_app_at_anothers_account(house: House) -> None:
    secret = house.enrol(MINE)
    house.enrol(VICTIM)
    house.sql(
        "UPDATE operator_totps SET secret = (SELECT secret FROM operator_totps WHERE username = 'clerk-9'), "
        "last_step = 0 WHERE username = 'clerk-8'"
    )
    for code in (house.code(secret), None):  # nor is the password enough, then
        with pytest.raises(LoginRefusedError):
            house.sign_in(VICTIM, code)
    assert house.operators.actor(house.sign_in(MINE, house.code(secret))) == MINE


def test_two_administrators_end_a_broken_second_factor(house: House) -> None:
    house.enrol(MINE)
    house.sql("UPDATE operator_totps SET seal = ''")
    reset = house.accounts.propose(FIRST, Wanted(ChangeKind.TOTP_RESET, MINE.username))
    house.accounts.confirm(SECOND, reset)
    house.sign_in()
    secret = house.enrol(MINE)
    house.sign_in(code=house.code(secret))
    with house.depot.database.reading() as session:
        ended = select(OperatorTotp).where(OperatorTotp.reset_id == reset)
        assert session.scalars(ended).one().secret is None
