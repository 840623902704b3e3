"""Accounts are changed by two administrators: by the code, and by both databases, whatever the code does."""

import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from issuance.audit import AuditEntry
from issuance.errors import (
    InvalidInputError,
    LoginRefusedError,
    NotFoundError,
    NotSignedInError,
    RoleRequiredError,
)
from issuance.lifecycle.certificates import CertificateAuthority, Certificates
from issuance.operators.accounts import LIFE, Accounts, Wanted
from issuance.operators.changes import ChangeKind, OperatorChange
from issuance.operators.errors import (
    AccountStateError,
    ChangeOverError,
    LastAdministratorsError,
    OwnAccountError,
    SecondAdministratorError,
)
from issuance.operators.models import AccountState, Operator, Role
from issuance.operators.service import Actor, Operators
from pki.clock import Clock
from tests.depot import CLERK, HERE, SUPERVISOR, THERE, Depot, open_depot

FIRST, SECOND, THIRD = (Actor(f"administrator-{number}", Role.ADMINISTRATOR) for number in (1, 2, 3))
NEW = Wanted(ChangeKind.CREATE, "clerk-9", Role.CLERK, THERE)


@dataclass
class Desk:
    depot: Depot
    accounts: Accounts
    operators: Operators

    def done(self, wanted: Wanted) -> str | None:
        return self.accounts.confirm(SECOND, self.accounts.propose(FIRST, wanted)).password

    def account(self, username: str) -> Operator:
        with self.depot.database.reading() as session:
            return session.get_one(Operator, username)


@pytest.fixture
def desk(depot: Depot) -> Desk:
    with depot.database.writing() as session:
        found(session)
    return open_desk(depot)


def found(session: Session) -> None:
    for administrator in (FIRST, SECOND):
        session.add(Operator(username=administrator.username, role=administrator.role, password_hash="-"))


def open_desk(depot: Depot, clock: Clock | None = None) -> Desk:
    operators = Operators(depot.database, depot.audit, depot.clock, secrets.token_bytes)
    certificates = Certificates(cast("CertificateAuthority", None))  # nobody asks for one here
    accounts = Accounts(depot.database, depot.audit, certificates, clock or depot.clock, secrets.token_bytes)
    return Desk(depot, accounts, operators)


def test_two_administrators_make_an_account(desk: Desk) -> None:
    password = desk.done(NEW)
    assert password is not None
    token = desk.operators.sign_in("clerk-9", password, "here")
    assert desk.operators.actor(token) == Actor("clerk-9", Role.CLERK, THERE)
    with desk.depot.database.reading() as session:
        told = session.execute(
            select(AuditEntry.actor, AuditEntry.action).where(AuditEntry.subject == "operator:clerk-9")
        )
        assert [tuple(row) for row in told][:2] == [
            (FIRST.username, "operator.proposed"),
            (SECOND.username, "operator.confirmed"),
        ]


def test_nobody_does_it_alone(desk: Desk) -> None:
    change = desk.accounts.propose(FIRST, NEW)
    with pytest.raises(SecondAdministratorError):
        desk.accounts.confirm(FIRST, change)
    with pytest.raises(OwnAccountError):
        desk.accounts.propose(FIRST, Wanted(ChangeKind.LOCK, FIRST.username))
    own = desk.accounts.propose(FIRST, Wanted(ChangeKind.CHANGE, SECOND.username, office=THERE))
    with pytest.raises(OwnAccountError):
        desk.accounts.confirm(SECOND, own)
    with pytest.raises(LoginRefusedError):
        desk.operators.sign_in("clerk-9", "", "here")


@pytest.mark.parametrize("actor", [CLERK, SUPERVISOR, Actor("x", Role.PKI_OFFICER), Actor("x", Role.AUDITOR)])
def test_only_administrators(desk: Desk, actor: Actor) -> None:
    change = desk.accounts.propose(FIRST, NEW)
    for act in (
        lambda: desk.accounts.propose(actor, NEW),
        lambda: desk.accounts.confirm(actor, change),
        lambda: desk.accounts.withdraw(actor, change),
        lambda: desk.accounts.issue_card(actor, change, b""),
    ):
        with pytest.raises(RoleRequiredError):
            act()
    for read in (desk.accounts.all, desk.accounts.open_changes):
        if actor.role is Role.AUDITOR:
            assert read(actor)
        else:
            with pytest.raises(RoleRequiredError):
                read(actor)


def test_a_change_is_confirmed_once_and_in_time(desk: Desk) -> None:
    wanted = [Wanted(ChangeKind.CREATE, f"clerk-{letter}", Role.CLERK, HERE) for letter in "abc"]
    once, late, gone = (desk.accounts.propose(FIRST, each) for each in wanted)
    desk.accounts.confirm(SECOND, once)
    desk.accounts.withdraw(SECOND, gone)
    assert [change.id for change in desk.accounts.open_changes(FIRST)] == [late]
    desk.depot.clock.forward(LIFE)
    for change in (once, late, gone):
        with pytest.raises(ChangeOverError):
            desk.accounts.confirm(SECOND, change)
        with pytest.raises(ChangeOverError):
            desk.accounts.withdraw(SECOND, change)
    assert desk.accounts.open_changes(FIRST) == []


def test_a_locked_account_opens_nothing(desk: Desk) -> None:
    password = desk.done(NEW) or ""
    token = desk.operators.sign_in("clerk-9", password, "here")
    desk.done(Wanted(ChangeKind.LOCK, "clerk-9"))
    with pytest.raises(NotSignedInError):
        desk.operators.actor(token)
    with pytest.raises(LoginRefusedError):
        desk.operators.sign_in("clerk-9", password, "here")
    with pytest.raises(AccountStateError):
        desk.done(Wanted(ChangeKind.LOCK, "clerk-9"))
    desk.done(Wanted(ChangeKind.UNLOCK, "clerk-9"))
    assert desk.operators.sign_in("clerk-9", password, "here")


def test_another_role_ends_the_sessions(desk: Desk) -> None:
    token = desk.operators.sign_in("clerk-9", desk.done(NEW) or "", "here")
    desk.done(Wanted(ChangeKind.CHANGE, "clerk-9", Role.SUPERVISOR))
    with pytest.raises(NotSignedInError):
        desk.operators.actor(token)
    assert (desk.account("clerk-9").role, desk.account("clerk-9").office) == (Role.SUPERVISOR, THERE)


def test_an_old_proposal_undoes_nothing(desk: Desk) -> None:
    desk.done(NEW)
    lock = desk.accounts.propose(FIRST, Wanted(ChangeKind.LOCK, "clerk-9"))
    desk.done(Wanted(ChangeKind.CHANGE, "clerk-9", Role.STOCK))
    with pytest.raises(AccountStateError):
        desk.accounts.confirm(SECOND, lock)
    assert desk.account("clerk-9").role == Role.STOCK


@pytest.mark.parametrize(
    "stale",
    [
        Wanted(ChangeKind.CHANGE, "clerk-9", office=HERE),
        Wanted(ChangeKind.CHANGE, "clerk-9", Role.SUPERVISOR),
        Wanted(ChangeKind.CARD, "clerk-9"),
        Wanted(ChangeKind.LOCK, "clerk-9"),
    ],
)
def test_an_old_proposal_gives_nothing_back(desk: Desk, stale: Wanted) -> None:
    """Whatever its kind: it holds the account as it was, which two others have changed since."""
    desk.done(NEW)
    desk.done(Wanted(ChangeKind.CHANGE, "clerk-9", Role.SUPERVISOR))
    change = desk.accounts.propose(FIRST, stale)
    desk.done(Wanted(ChangeKind.CHANGE, "clerk-9", Role.CLERK))
    desk.done(Wanted(ChangeKind.LOCK, "clerk-9"))
    with pytest.raises(AccountStateError):
        desk.accounts.confirm(SECOND, change)
    account = desk.account("clerk-9")
    assert (account.role, account.office, account.state) == (Role.CLERK, THERE, AccountState.LOCKED)


def test_an_old_proposal_is_refused_though_the_account_is_as_it_was(desk: Desk) -> None:
    desk.done(NEW)
    change = desk.accounts.propose(FIRST, Wanted(ChangeKind.CHANGE, "clerk-9", office=HERE))
    desk.done(Wanted(ChangeKind.LOCK, "clerk-9"))
    desk.done(Wanted(ChangeKind.UNLOCK, "clerk-9"))
    with pytest.raises(AccountStateError):
        desk.accounts.confirm(SECOND, change)


def test_the_database_lets_an_old_proposal_give_nothing_back(desk: Desk) -> None:
    desk.done(NEW)
    change = desk.accounts.propose(FIRST, Wanted(ChangeKind.CHANGE, "clerk-9", office=HERE))
    desk.done(Wanted(ChangeKind.LOCK, "clerk-9"))
    last = desk.account("clerk-9").change_id
    refused(desk, "UPDATE operator_changes SET based_on = :last WHERE id = :change", last=last, change=change)
    with desk.depot.database.writing() as session:
        session.execute(
            update(OperatorChange)
            .where(OperatorChange.id == change)
            .values(confirmed_by=SECOND.username, confirmed_at=desk.depot.clock())
        )
    refused(
        desk,
        "UPDATE operators SET state = 'active', office = '1', change_id = :change, "
        "change_confirmed_by = 'administrator-2' WHERE username = 'clerk-9'",
        change=change,
    )


def test_two_administrators_stay(desk: Desk) -> None:
    desk.done(Wanted(ChangeKind.CREATE, THIRD.username, Role.ADMINISTRATOR, HERE))
    lock = desk.accounts.propose(FIRST, Wanted(ChangeKind.LOCK, SECOND.username))
    demote = desk.accounts.propose(SECOND, Wanted(ChangeKind.CHANGE, FIRST.username, Role.CLERK))
    desk.accounts.confirm(THIRD, lock)
    with pytest.raises(LastAdministratorsError):
        desk.accounts.confirm(THIRD, demote)
    assert desk.account(FIRST.username).role == Role.ADMINISTRATOR


def test_two_administrators_stay_though_two_are_locked_at_once(postgres_registry: str) -> None:
    """Of three, two are locked by transactions that both begin before either ends; SQLite queues them."""
    with open_depot(postgres_registry) as depot:
        with depot.database.writing() as session:
            found(session)
        desk = open_desk(depot)
        desk.done(Wanted(ChangeKind.CREATE, THIRD.username, Role.ADMINISTRATOR, HERE))
        locks = {
            SECOND: desk.accounts.propose(FIRST, Wanted(ChangeKind.LOCK, THIRD.username)),
            THIRD: desk.accounts.propose(FIRST, Wanted(ChangeKind.LOCK, SECOND.username)),
        }
        begun, told = threading.Barrier(2), iter((True, True))

        def clock() -> datetime:
            """Asked first in the transaction, once the proposal is read."""
            if next(told, False):
                begun.wait(timeout=60)
            return depot.clock()

        accounts = open_desk(depot, clock).accounts

        def confirmed(actor: Actor) -> bool:
            try:
                accounts.confirm(actor, locks[actor])
            except LastAdministratorsError:
                return False
            return True

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(confirmed, locks)) == [False, True]
        active = [desk.account(each.username).is_active for each in (FIRST, SECOND, THIRD)]
        assert sum(active) == 2


@pytest.mark.parametrize("name", ["", "x", "Clerk", "clerk 9", "-clerk", "c" * 33, "clerk\n", "کاربر"])
def test_names_that_no_card_could_bear(desk: Desk, name: str) -> None:
    with pytest.raises(InvalidInputError):
        desk.accounts.propose(FIRST, Wanted(ChangeKind.CREATE, name, Role.CLERK, HERE))


def test_what_is_not_there(desk: Desk) -> None:
    for change in ("0" * 16, "", "\x00", "x" * 1000):
        with pytest.raises(NotFoundError):
            desk.accounts.confirm(SECOND, change)
    for wanted in (
        Wanted(ChangeKind.LOCK, "nobody"),
        Wanted(ChangeKind.CARD, "nobody"),
        Wanted(ChangeKind.CREATE, "clerk-9", Role.CLERK, "9"),
    ):
        with pytest.raises(NotFoundError):
            desk.accounts.propose(FIRST, wanted)
    with pytest.raises(AccountStateError):
        desk.accounts.propose(FIRST, Wanted(ChangeKind.CREATE, CLERK.username, Role.CLERK, HERE))


def refused(desk: Desk, statement: str, **values: object) -> None:
    with pytest.raises(DBAPIError), desk.depot.database.writing() as session:
        session.execute(text(statement), values)


def test_the_database_makes_no_account_for_one(desk: Desk) -> None:
    refused(
        desk,
        "INSERT INTO operators (username, role, office, state, password_hash, seal) "
        "VALUES ('intruder', 'administrator', '1', 'active', :hash, '')",
        hash=b"-",
    )
    change = desk.accounts.propose(FIRST, NEW)
    refused(
        desk,
        "INSERT INTO operators "
        "(username, role, office, state, password_hash, change_id, change_confirmed_by, seal) "
        "VALUES ('clerk-9', 'clerk', '2', 'active', :hash, :change, 'administrator-2', '')",
        hash=b"-",
        change=change,
    )


@pytest.mark.parametrize(
    "change", ["role = 'administrator'", "office = '1'", "state = 'locked'", "username = 'other'"]
)
def test_the_database_changes_no_account_for_one(desk: Desk, change: str) -> None:
    refused(desk, f"UPDATE operators SET {change} WHERE username = 'far-clerk'")  # noqa: S608 - our own words
    desk.done(NEW)
    refused(desk, f"UPDATE operators SET {change} WHERE username = 'clerk-9'")  # noqa: S608


@pytest.mark.parametrize("confirmed_by", [FIRST.username, "clerk-9"])
def test_the_database_lets_nobody_confirm_their_own(desk: Desk, confirmed_by: str) -> None:
    desk.done(NEW)
    change = desk.accounts.propose(FIRST, Wanted(ChangeKind.LOCK, "clerk-9"))
    with pytest.raises(DBAPIError), desk.depot.database.writing() as session:
        session.execute(
            update(OperatorChange)
            .where(OperatorChange.id == change)
            .values(confirmed_by=confirmed_by, confirmed_at=desk.depot.clock())
        )


def test_the_database_binds_no_card_that_nobody_confirmed(desk: Desk) -> None:
    change = desk.accounts.propose(FIRST, Wanted(ChangeKind.CARD, CLERK.username))
    row = (
        "INSERT INTO operator_cards (change_id, serial, certificate_sha256, username, kind, confirmed_by, "
        "issued_at, not_after) VALUES (:change, 'ab', 'cd', :username, 'card', :by, :now, :now)"
    )
    refused(desk, row, change=change, username=CLERK.username, by=SECOND.username, now="2026-01-01 00:00:00")
    desk.accounts.confirm(SECOND, change)
    refused(
        desk, row, change=change, username=SUPERVISOR.username, by=SECOND.username, now="2026-01-01 00:00:00"
    )


def test_a_card_is_made_in_time(desk: Desk) -> None:
    change = desk.accounts.propose(FIRST, Wanted(ChangeKind.CARD, CLERK.username))
    with pytest.raises(ChangeOverError):
        desk.accounts.issue_card(FIRST, change, b"")
    desk.accounts.confirm(SECOND, change)
    desk.depot.clock.forward(LIFE + timedelta(seconds=1))
    with pytest.raises(ChangeOverError):
        desk.accounts.issue_card(FIRST, change, b"")
    assert desk.account(CLERK.username).state == AccountState.ACTIVE
