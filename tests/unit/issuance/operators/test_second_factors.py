"""Second factors: a code, once, for its own account; begun with the password, ended by two administrators."""

import base64
import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from issuance.audit import AuditEntry
from issuance.errors import LoginRefusedError, LoginThrottledError, NotSignedInError
from issuance.lifecycle.certificates import CertificateAuthority, Certificates
from issuance.operators.accounts import Accounts, Wanted
from issuance.operators.changes import ChangeKind
from issuance.operators.enrolling import LIFE, SecondFactors
from issuance.operators.errors import (
    AccountStateError,
    ChangeOverError,
    FactorStateError,
    FreshProofNeededError,
    MethodNotAllowedError,
    WrongCodeError,
)
from issuance.operators.methods import METHODS, MethodRules
from issuance.operators.models import Method, Operator, OperatorSession, Role
from issuance.operators.service import FRESH_FOR, Actor, Operators
from issuance.operators.totp import STEP_SECONDS, code_at, step_of
from tests.depot import HERE, Depot

FIRST, SECOND = (Actor(f"administrator-{number}", Role.ADMINISTRATOR) for number in (1, 2))
CLERK, OTHER = Actor("clerk-9", Role.CLERK, HERE), Actor("clerk-8", Role.CLERK, HERE)
STEP = timedelta(seconds=STEP_SECONDS)


@dataclass
class House:
    """A home in service; `again` is another server on the same database."""

    depot: Depot
    accounts: Accounts
    operators: Operators
    again: Operators
    factors: SecondFactors
    passwords: dict[str, str]

    def sign_in(self, actor: Actor = CLERK, code: str | None = None, client: str = "here") -> str:
        return self.operators.sign_in(actor.username, self.passwords[actor.username], client, code)

    def enrol(self, actor: Actor = CLERK) -> bytes:
        """Signs in with the password alone and adds an app; the step it took is over afterwards."""
        token = self.sign_in(actor)
        new = self.factors.begin(actor, self.passwords[actor.username], "here")
        secret = base64.b32decode(new.secret)
        self.factors.confirm(token, self.code(secret))
        self.depot.clock.forward(STEP)
        return secret

    def code(self, secret: bytes, off: int = 0) -> str:
        return code_at(secret, step_of(self.depot.clock()) + off)


@pytest.fixture
def house(depot: Depot) -> House:
    rules, database, audit, clock = MethodRules(), depot.database, depot.audit, depot.clock
    operators, again = (Operators(database, audit, clock, secrets.token_bytes, rules) for _ in range(2))
    with database.writing() as session:
        for administrator in (FIRST, SECOND):
            session.add(Operator(username=administrator.username, role=administrator.role, password_hash="-"))
    certificates = Certificates(cast("CertificateAuthority", None))  # nobody asks for one here
    accounts = Accounts(database, audit, certificates, clock, secrets.token_bytes)
    factors = SecondFactors(database, audit, operators, rules, clock, secrets.token_bytes)
    passwords = {}
    for actor in (CLERK, OTHER):
        change = accounts.propose(FIRST, Wanted(ChangeKind.CREATE, actor.username, actor.role, HERE))
        passwords[actor.username] = accounts.confirm(SECOND, change).password or ""
    return House(depot, accounts, operators, again, factors, passwords)


def test_a_password_alone_only_adds_the_second_factor(house: House) -> None:
    standing = house.operators.standing(house.sign_in())
    assert house.operators.enrols_only(standing)
    with pytest.raises(MethodNotAllowedError) as refused:
        house.operators.require_method(standing)
    assert refused.value.enrols


def test_password_and_code(house: House) -> None:
    secret = house.enrol()
    standing = house.operators.standing(house.sign_in(code=house.code(secret)))
    assert standing.method is Method.PASSWORD_TOTP
    house.operators.require_method(standing)
    house.operators.require_fresh(standing)


def test_once_there_is_an_app_the_password_opens_nothing_without_it(house: House) -> None:
    secret = house.enrol()
    for code in (None, "", "000000", house.code(secret, -3)):
        with pytest.raises(LoginRefusedError):
            house.sign_in(code=code)


def test_wrong_password_and_wrong_code_are_told_alike(house: House) -> None:
    secret = house.enrol()
    tries = ((house.passwords[CLERK.username], "000000"), ("wrong", house.code(secret)), ("wrong", None))
    told = set()
    for password, code in tries:
        with pytest.raises(LoginRefusedError) as refused:
            house.operators.sign_in(CLERK.username, password, "here", code)
        told.add((type(refused.value), str(refused.value)))
    with pytest.raises(LoginRefusedError) as refused:
        house.operators.sign_in("nobody", "wrong", "here", "000000")
    assert told == {(LoginRefusedError, str(refused.value))}


def test_a_wrong_password_does_not_spend_the_code(house: House) -> None:
    secret = house.enrol()
    with pytest.raises(LoginRefusedError):
        house.operators.sign_in(CLERK.username, "wrong", "here", house.code(secret))
    assert house.sign_in(code=house.code(secret))


def test_a_code_is_taken_once(house: House) -> None:
    secret = house.enrol()
    code = house.code(secret)
    token = house.sign_in(code=code)
    with pytest.raises(LoginRefusedError):
        house.sign_in(code=code)
    with pytest.raises(LoginRefusedError):
        house.operators.prove(token, house.passwords[CLERK.username], "here", code)
    with pytest.raises(LoginRefusedError):
        house.again.sign_in(CLERK.username, house.passwords[CLERK.username], "elsewhere", code)


def test_an_earlier_code_is_not_taken_after_a_later_one(house: House) -> None:
    secret = house.enrol()
    house.sign_in(code=house.code(secret, 1))
    for off in (0, 1):
        with pytest.raises(LoginRefusedError):
            house.sign_in(code=house.code(secret, off))


def test_the_first_code_serves_no_login(house: House) -> None:
    token = house.sign_in()
    new = house.factors.begin(CLERK, house.passwords[CLERK.username], "here")
    code = house.code(base64.b32decode(new.secret))
    house.factors.confirm(token, code)
    with pytest.raises(LoginRefusedError):
        house.sign_in(code=code)


def test_of_two_servers_at_once_one_takes_the_code(house: House) -> None:
    """Both have compared it before either has spent it."""
    secret = house.enrol()
    code, ready = house.code(secret), threading.Barrier(2)

    def enter(server: Operators) -> bool:
        ready.wait()
        try:
            server.sign_in(CLERK.username, house.passwords[CLERK.username], "here", code)
        except LoginRefusedError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(enter, (house.operators, house.again))) == [False, True]


def test_the_code_of_another_account(house: House) -> None:
    others = house.enrol(OTHER)
    house.enrol()
    with pytest.raises(LoginRefusedError):
        house.sign_in(code=house.code(others))
    assert house.sign_in(OTHER, house.code(others))


def test_a_code_for_an_account_without_an_app(house: House) -> None:
    with pytest.raises(LoginRefusedError):
        house.sign_in(code="123456")


def test_a_clock_set_back_takes_no_code_again(house: House) -> None:
    secret = house.enrol()
    house.sign_in(code=house.code(secret))
    house.depot.clock.forward(-10 * STEP)
    for off in (-1, 0, 1):
        with pytest.raises(LoginRefusedError):
            house.sign_in(code=house.code(secret, off), client=f"client {off}")


def test_codes_are_guessed_slowly_from_wherever(house: House) -> None:
    """Ten addresses are no faster than one; the right code, too, has to wait."""
    secret = house.enrol()
    for number in range(10):
        with pytest.raises(LoginRefusedError):
            house.sign_in(code="000000", client=f"client {number}")
    with pytest.raises(LoginRefusedError):
        house.sign_in(code=house.code(secret), client="another")
    house.depot.clock.forward(timedelta(minutes=16))
    assert house.sign_in(code=house.code(secret), client="another")


def test_codes_are_slowed_with_the_passwords(house: House) -> None:
    house.enrol()
    for _ in range(5):
        with pytest.raises(LoginRefusedError):
            house.sign_in(code="000000")
    with pytest.raises(LoginThrottledError):
        house.sign_in(code="000000")


def test_beginning_wants_the_password_and_ends_without_a_right_code(house: House) -> None:
    token = house.sign_in()
    with pytest.raises(LoginRefusedError):
        house.factors.begin(CLERK, "wrong", "here")
    with pytest.raises(FactorStateError):
        house.factors.confirm(token, "000000")
    new = house.factors.begin(CLERK, house.passwords[CLERK.username], "here")
    with pytest.raises(WrongCodeError):
        house.factors.confirm(token, "000000")
    assert not house.factors.is_enrolled(CLERK)
    house.depot.clock.forward(LIFE + STEP)
    with pytest.raises(FactorStateError):
        house.factors.confirm(token, house.code(base64.b32decode(new.secret)))


def test_another_key_replaces_one_that_waits(house: House) -> None:
    token = house.sign_in()
    old, new = (house.factors.begin(CLERK, house.passwords[CLERK.username], "here") for _ in range(2))
    with pytest.raises(WrongCodeError):
        house.factors.confirm(token, house.code(base64.b32decode(old.secret)))
    house.factors.confirm(token, house.code(base64.b32decode(new.secret)))
    with pytest.raises(FactorStateError):
        house.factors.begin(CLERK, house.passwords[CLERK.username], "here")


def test_the_first_code_ends_the_accounts_other_sessions(house: House) -> None:
    other, token = house.sign_in(), house.sign_in()
    new = house.factors.begin(CLERK, house.passwords[CLERK.username], "here")
    house.factors.confirm(token, house.code(base64.b32decode(new.secret)))
    with pytest.raises(NotSignedInError):
        house.operators.standing(other)
    assert house.operators.standing(token).method is Method.PASSWORD_TOTP


def test_neither_key_nor_code_is_in_the_log_or_legible_in_the_database(house: House) -> None:
    secret = house.enrol()
    house.sign_in(code=house.code(secret))
    with house.depot.database.reading() as session:
        entries = " ".join(str(entry.details) for entry in session.scalars(select(AuditEntry)))
        stored = session.scalar(text("SELECT secret FROM operator_totps"))
    assert secret not in bytes(stored)
    assert base64.b32encode(secret).decode() not in entries
    assert house.code(secret) not in entries


def test_two_administrators_end_it(house: House) -> None:
    secret = house.enrol()
    token = house.sign_in(code=house.code(secret))
    assert {account.username for account in house.accounts.all(FIRST) if account.has_second_factor} == {
        CLERK.username
    }
    change = house.accounts.propose(FIRST, Wanted(ChangeKind.TOTP_RESET, CLERK.username))
    house.accounts.confirm(SECOND, change)
    with pytest.raises(NotSignedInError):
        house.operators.actor(token)
    house.depot.clock.forward(STEP)
    with pytest.raises(LoginRefusedError):
        house.sign_in(code=house.code(secret))
    assert house.operators.enrols_only(house.operators.standing(house.sign_in()))
    with pytest.raises(ChangeOverError):
        house.accounts.confirm(SECOND, change)
    with pytest.raises(AccountStateError):
        house.accounts.propose(FIRST, Wanted(ChangeKind.TOTP_RESET, CLERK.username))
    house.enrol()


def test_a_reset_unlocks_nobody(house: House) -> None:
    house.enrol()
    reset = house.accounts.propose(FIRST, Wanted(ChangeKind.TOTP_RESET, CLERK.username))
    house.accounts.confirm(SECOND, house.accounts.propose(FIRST, Wanted(ChangeKind.LOCK, CLERK.username)))
    with pytest.raises(AccountStateError):
        house.accounts.confirm(SECOND, reset)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM operator_totps",
        "UPDATE operator_totps SET last_step = last_step - 1",
        "UPDATE operator_totps SET confirmed_at = NULL, last_step = NULL",
        "UPDATE operator_totps SET username = 'clerk-8'",
        "UPDATE operator_totps SET secret = NULL",
        "UPDATE operator_totps SET secret = NULL, reset_id = 'x', reset_kind = 'totp-reset', reset_by = 'y'",
    ],
)
def test_the_database_keeps_it(house: House, statement: str) -> None:
    house.enrol()
    with pytest.raises(DBAPIError), house.depot.database.writing() as session:
        session.execute(text(statement))


def test_the_database_keeps_its_key(house: House) -> None:
    house.enrol()
    statement = text("UPDATE operator_totps SET secret = :secret")
    with pytest.raises(DBAPIError), house.depot.database.writing() as session:
        session.execute(statement, {"secret": secrets.token_bytes(50)})


def test_a_proof_grows_old_and_is_made_new(house: House) -> None:
    secret, password = house.enrol(), house.passwords[CLERK.username]
    token = house.sign_in(code=house.code(secret))
    house.depot.clock.forward(FRESH_FOR)
    house.operators.require_fresh(house.operators.standing(token))
    house.depot.clock.forward(timedelta(seconds=1))
    with pytest.raises(FreshProofNeededError):
        house.operators.require_fresh(house.operators.standing(token))
    for wrong in (("wrong", house.code(secret)), (password, "000000"), (password, None)):
        with pytest.raises(LoginRefusedError):
            house.operators.prove(token, wrong[0], "here", wrong[1])
    with pytest.raises(FreshProofNeededError):
        house.operators.require_fresh(house.operators.standing(token))
    house.operators.prove(token, password, "here", house.code(secret))
    house.operators.require_fresh(house.operators.standing(token))


def test_a_clock_set_back_makes_no_proof_last_longer(house: House) -> None:
    secret = house.enrol()
    token = house.sign_in(code=house.code(secret))
    house.depot.clock.forward(-timedelta(hours=1))
    with pytest.raises(FreshProofNeededError):
        house.operators.require_fresh(house.operators.standing(token))


def test_a_password_alone_proves_nothing_new(house: House) -> None:
    """Of an account that signs in by card, say: its session is of a card, and the proof has to be."""
    token = house.sign_in()
    with house.depot.database.writing() as session:
        session.scalars(select(OperatorSession)).one().method = Method.CARD.value
    with pytest.raises(MethodNotAllowedError):
        house.operators.prove(token, house.passwords[CLERK.username], "here")


def test_a_role_of_cards_has_no_other_way(house: House) -> None:
    change = house.accounts.propose(FIRST, Wanted(ChangeKind.CREATE, "officer", Role.PKI_OFFICER, HERE))
    password = house.accounts.confirm(SECOND, change).password or ""
    with pytest.raises(MethodNotAllowedError) as refused:
        house.operators.sign_in("officer", password, "here")
    assert refused.value.allowed == ("card",)
    with pytest.raises(MethodNotAllowedError):
        house.factors.begin(Actor("officer", Role.PKI_OFFICER, HERE), password, "here")
    assert house.operators.sign_in_at_the_machine("officer", password, nobody_asks)


def nobody_asks() -> str:
    raise AssertionError("a code was asked for")


def test_at_the_machine_the_code_is_asked_for_where_there_is_an_app(house: House) -> None:
    machine, password = house.operators.sign_in_at_the_machine, house.passwords[CLERK.username]
    assert machine(CLERK.username, password, nobody_asks)
    app = house.enrol()
    with pytest.raises(LoginRefusedError):
        machine(CLERK.username, "wrong", nobody_asks)
    with pytest.raises(LoginRefusedError):
        machine(CLERK.username, password, lambda: "000000")
    code = house.code(app)
    token = machine(CLERK.username, password, lambda: code)
    assert house.operators.standing(token).method is Method.PASSWORD_TOTP
    with pytest.raises(LoginRefusedError):
        machine(CLERK.username, password, lambda: code)  # taken once


def test_a_home_that_is_no_longer_on_trial_lets_no_old_session_work(house: House) -> None:
    depot = house.depot
    trial = Operators(depot.database, depot.audit, depot.clock, secrets.token_bytes, MethodRules(trial=True))
    token = trial.sign_in(CLERK.username, house.passwords[CLERK.username], "here")
    trial.require_method(trial.standing(token))
    with pytest.raises(MethodNotAllowedError):
        house.operators.require_method(house.operators.standing(token))


@pytest.mark.parametrize("role", list(Role))
def test_the_table(role: Role) -> None:
    assert Method.CARD in METHODS[role]
    assert Method.PASSWORD not in METHODS[role]
    assert not MethodRules().opens(role, Method.PASSWORD)
    assert MethodRules(trial=True).opens(role, Method.PASSWORD)
    only_cards = role in {Role.PKI_OFFICER, Role.ADMINISTRATOR}
    assert MethodRules().enrols_only(role, Method.PASSWORD) is not only_cards
