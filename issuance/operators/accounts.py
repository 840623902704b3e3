"""Accounts: two administrators create, change and lock them, bind cards to them and end second factors."""

import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from issuance.audit import Audit
from issuance.database import Database
from issuance.errors import InvalidInputError, NotFoundError, SealBrokenError
from issuance.identifiers import Randomness, new_identifier
from issuance.lifecycle.certificates import Certificates
from issuance.offices.service import get_office
from issuance.operators.changes import ChangeKind, OperatorCard, OperatorChange, OperatorTotp
from issuance.operators.errors import (
    AccountStateError,
    ChangeOverError,
    LastAdministratorsError,
    OwnAccountError,
    SecondAdministratorError,
)
from issuance.operators.factors import open_factor
from issuance.operators.failures import closed, forget_codes
from issuance.operators.models import AccountState, Operator, OperatorSession, Role
from issuance.operators.passwords import first_password, hash_password
from issuance.operators.service import Actor, is_usable
from issuance.production.errors import BodyNotInStockError, BodyUsedError
from issuance.stock.repository import Hand, find_body, lock_bodies
from issuance.stock.taking import Obstacle, obstacle, take_body
from pki.authority.values import CertificateRequest, InstitutionSubject, IssuedCertificate
from pki.clock import Clock
from pki.profiles import Profile
from pki.status.state import RevocationReason

READERS = (Role.ADMINISTRATOR, Role.AUDITOR)
LIFE = timedelta(days=7)
"""Between proposing and confirming, and between confirming a card and making it."""
_USERNAME = re.compile(r"[a-z][a-z0-9-]{1,31}", re.ASCII)
_ADMINISTRATORS = 2
_NO_SECOND_FACTOR = "the account has no second factor"
_SECOND_FACTORS = select(OperatorTotp.username).where(
    OperatorTotp.reset_id.is_(None), OperatorTotp.confirmed_at.is_not(None)
)


@dataclass(frozen=True)
class Wanted:
    """A change as it is asked for."""

    kind: ChangeKind
    username: str
    role: Role | None = None
    """Of a new account; of a changed one, None: as before."""
    office: str | None = None


@dataclass(frozen=True)
class Account:
    """An account, as administrators see it."""

    username: str
    role: Role
    office: str
    state: AccountState
    has_card: bool
    has_second_factor: bool
    second_factor_closed: bool
    """Too many wrong codes in a row: two administrators end it, or the holder signs in with their card."""


@dataclass(frozen=True)
class Confirmed:
    """What came of a confirmation; the first password of a new account is told here and nowhere else."""

    username: str
    password: str | None = field(repr=False)


class Accounts:
    """The accounts of one registry."""

    def __init__(
        self,
        database: Database,
        audit: Audit,
        certificates: Certificates,
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self._database = database
        self._audit = audit
        self._certificates = certificates
        self._clock = clock
        self._randomness = randomness

    def all(self, actor: Actor) -> list[Account]:
        """By user name."""
        actor.require(*READERS)
        with self._database.reading() as session:
            cards = set(session.scalars(select(OperatorCard.username).where(OperatorCard.ended_at.is_(None))))
            factors = set(session.scalars(_SECOND_FACTORS))
            shut = factors & set(session.scalars(closed()))
            rows = session.scalars(select(Operator).order_by(Operator.username))
            return [_account(row, cards, factors, shut) for row in rows]

    def open_changes(self, actor: Actor) -> list[OperatorChange]:
        """What waits for a second administrator, oldest first."""
        actor.require(*READERS)
        query = select(OperatorChange).where(
            OperatorChange.confirmed_at.is_(None),
            OperatorChange.withdrawn_at.is_(None),
            OperatorChange.expires_at > self._clock(),
        )
        with self._database.reading() as session:
            return list(session.scalars(query.order_by(OperatorChange.proposed_at, OperatorChange.id)))

    def propose(self, actor: Actor, wanted: Wanted) -> str:
        """The first of two administrators; returns the change's identifier.

        Raises InvalidInputError, NotFoundError, AccountStateError, OwnAccountError or RoleRequiredError.
        """
        actor.require(Role.ADMINISTRATOR)
        if wanted.username == actor.username:
            raise OwnAccountError
        now = self._clock()
        with self._database.writing() as session:
            role, office, state = _after(session, wanted)
            get_office(session, office)
            change = OperatorChange(
                id=new_identifier(self._randomness),
                kind=wanted.kind.value,
                username=wanted.username,
                role=role.value,
                office=office,
                state=state.value,
                based_on=_last_change(session, wanted.username),
                proposed_by=actor.username,
                proposed_at=now,
                expires_at=now + LIFE,
            )
            session.add(change)
            self._record(session, actor, change, "proposed")
        return change.id

    def confirm(self, actor: Actor, change_id: str) -> Confirmed:
        """The second of two: the account is as proposed from here on, and its sessions end.

        Raises NotFoundError, ChangeOverError, SecondAdministratorError, OwnAccountError, AccountStateError,
        LastAdministratorsError or RoleRequiredError.
        """
        actor.require(Role.ADMINISTRATOR)
        password = first_password(self._randomness)
        stored = hash_password(password, self._randomness)
        try:
            with self._database.writing() as session:
                change = self._open(session, change_id)
                if change.proposed_by == actor.username:
                    raise SecondAdministratorError
                if change.username == actor.username:
                    raise OwnAccountError
                held = _held(session, change.username)
                change.confirmed_by, change.confirmed_at = actor.username, self._clock()
                session.flush()
                _apply(session, change, held, stored)
                self._record(session, actor, change, "confirmed")
                created = change.kind == ChangeKind.CREATE
        except StaleDataError as error:  # confirmed twice at the same moment
            raise ChangeOverError from error
        return Confirmed(change.username, password if created else None)

    def withdraw(self, actor: Actor, change_id: str) -> None:
        """Any administrator ends a proposal. Raises NotFoundError, ChangeOverError or RoleRequiredError."""
        actor.require(Role.ADMINISTRATOR)
        with self._database.writing() as session:
            change = self._open(session, change_id)
            change.withdrawn_at = self._clock()
            self._record(session, actor, change, "withdrawn")

    def take_body(self, actor: Actor, change_id: str, card_number: str) -> None:
        """Spends a body of the administrator's own office for the card of a confirmed change.

        Raises NotFoundError, ChangeOverError, RoleRequiredError, BodyUsedError or BodyNotInStockError.
        """
        actor.require(Role.ADMINISTRATOR)
        now = self._clock()
        with self._database.writing() as session:
            change = self._due_card(session, change_id)
            if change.card_number is not None:
                raise BodyUsedError(change.card_number)
            if find_body(session, card_number) is not None:
                lock_bodies(session, [card_number])
            found = obstacle(find_body(session, card_number), actor.office, "")
            if found is Obstacle.SPENT:
                raise BodyUsedError(card_number)
            if found is not None:
                raise BodyNotInStockError(card_number, found.value)
            take_body(session, card_number, Hand(actor.username, now, f"operator card {change.id}"))
            change.card_number = card_number
            self._record(session, actor, change, "card-begun")

    def issue_card(self, actor: Actor, change_id: str, csr: bytes) -> IssuedCertificate:
        """The certificate for a card that two administrators confirmed; the account's cards before it end.

        `csr`: PKCS#10, DER, by the card's own key; asked again with the same, it gives the same. Raises
        NotFoundError, ChangeOverError, RoleRequiredError or a PkiError.
        """
        actor.require(Role.ADMINISTRATOR)
        with self._database.reading() as session:
            change = self._due_card(session, change_id)
        self._end_cards(actor, change)
        issued = self._certificates.issue(
            CertificateRequest(
                request_id=f"operator-{change.id}",
                profile=Profile.OPERATOR,
                subject=InstitutionSubject(change.username),
                csr=csr,
                actor=actor.username,
            )
        )
        with self._database.writing() as session:
            if session.get(OperatorCard, change.id) is None:
                session.add(_card(change, issued, self._clock()))
                self._record(session, actor, change, "card-issued")
        return issued

    def _end_cards(self, actor: Actor, change: OperatorChange) -> None:
        earlier = select(OperatorCard).where(
            OperatorCard.username == change.username,
            OperatorCard.ended_at.is_(None),
            OperatorCard.change_id != change.id,
        )
        with self._database.writing() as session:
            for card in session.scalars(earlier):
                card.ended_at = self._clock()
                session.flush()
                # Last before the commit: if the commit is lost, asking again comes here again.
                self._certificates.revoke_serial(
                    int(card.serial, 16), RevocationReason.SUPERSEDED, actor.username, "another card"
                )

    def _due_card(self, session: Session, change_id: str) -> OperatorChange:
        change = _get(session, change_id)
        due = change.confirmed_at is not None and self._clock() < change.confirmed_at + LIFE
        if change.kind != ChangeKind.CARD or not due:
            raise ChangeOverError
        return change

    def _open(self, session: Session, change_id: str) -> OperatorChange:
        change = _get(session, change_id)
        over = change.confirmed_at is not None or change.withdrawn_at is not None
        if over or change.expires_at <= self._clock():
            raise ChangeOverError
        return change

    def _record(self, session: Session, actor: Actor, change: OperatorChange, what: str) -> None:
        subject = f"operator:{change.username}"
        details = {"change": change.id, "kind": change.kind, "role": change.role, "office": change.office}
        self._audit.record(session, actor.username, f"operator.{what}", subject, details)


def _after(session: Session, wanted: Wanted) -> tuple[Role, str, AccountState]:
    """The account as it is to be."""
    if not _USERNAME.fullmatch(wanted.username):
        raise InvalidInputError("a user name has 2 to 32 small letters, digits and hyphens, first a letter")
    account = session.get(Operator, wanted.username)
    if wanted.kind is ChangeKind.CREATE:
        if account is not None:
            raise AccountStateError("there is an account of this name already")
        if wanted.role is None or wanted.office is None:
            raise InvalidInputError("a new account needs a role and an office")
        return wanted.role, wanted.office, AccountState.ACTIVE
    if account is None:
        raise NotFoundError("operator")
    if wanted.kind is ChangeKind.TOTP_RESET and open_factor(session, wanted.username) is None:
        raise AccountStateError(_NO_SECOND_FACTOR)
    states = {ChangeKind.LOCK: AccountState.LOCKED, ChangeKind.UNLOCK: AccountState.ACTIVE}
    state = states.get(wanted.kind, AccountState(account.state))
    if wanted.kind in states and state == account.state:
        raise AccountStateError(f"the account is {state.value} already")
    if wanted.kind is not ChangeKind.CHANGE:
        return Role(account.role), account.office, state
    return wanted.role or Role(account.role), wanted.office or account.office, state


def _last_change(session: Session, username: str) -> str | None:
    account = session.get(Operator, username)
    return None if account is None else account.change_id


def _held(session: Session, username: str) -> dict[str, Operator]:
    """The account and every administrator's: nobody else changes one of them before this transaction ends.

    Read before anything is written: two who each lock the other's administrator would both count two. Rows
    that refer to these accounts can still be written (FOR NO KEY UPDATE), so no two confirmations wait for
    each other.
    """
    query = select(Operator).where(
        or_(Operator.username == username, Operator.role == Role.ADMINISTRATOR.value)
    )
    locked = query.order_by(Operator.username).with_for_update(key_share=True)
    rows = session.scalars(locked.execution_options(populate_existing=True))
    return {row.username: row for row in rows}


def _apply(session: Session, change: OperatorChange, held: dict[str, Operator], password_hash: str) -> None:
    account = held.get(change.username)
    if change.kind == ChangeKind.CREATE:
        if account is not None:
            raise AccountStateError("there is an account of this name already")
        account = Operator(username=change.username, password_hash=password_hash)
        session.add(account)
        held[account.username] = account
    elif account is None:
        raise NotFoundError("operator")
    elif account.change_id != change.based_on:
        # It holds role, office and state as they were then: it would undo what two others decided since.
        raise AccountStateError("the account was changed meanwhile")
    account.role, account.office, account.state = change.role, change.office, change.state
    account.change_id, account.change_confirmed_by = change.id, change.confirmed_by
    if change.kind == ChangeKind.TOTP_RESET:
        _end_factor(session, change)
    session.flush()
    administrators = (row for row in held.values() if row.role == Role.ADMINISTRATOR)
    if sum(is_usable(session, row) for row in administrators) < _ADMINISTRATORS:
        raise LastAdministratorsError
    session.execute(delete(OperatorSession).where(OperatorSession.username == change.username))


def _end_factor(session: Session, change: OperatorChange) -> None:
    factor = open_factor(session, change.username, to_change=True)
    if factor is None:  # another change ended it meanwhile
        raise AccountStateError(_NO_SECOND_FACTOR)
    forget_codes(session, change.username)
    # Past the model, which changes none whose seal is broken: it ends, whoever wrote it.
    ended = {"secret": None, "reset_id": change.id, "reset_kind": change.kind, "seal": ""}
    by_id = update(OperatorTotp).where(OperatorTotp.id == factor.id)
    session.execute(by_id.values(**ended, reset_by=change.confirmed_by))


def _get(session: Session, change_id: str) -> OperatorChange:
    usable = change_id.isascii() and change_id.isalnum()
    found = session.get(OperatorChange, change_id) if usable else None
    if found is None:
        raise NotFoundError("change")
    if not found.is_whole(session):
        raise SealBrokenError(found.SEALED_AS, found.WAY_ON)
    return found


def _account(
    row: Operator, cards: Collection[str], factors: Collection[str], shut: Collection[str]
) -> Account:
    name, role, state = row.username, Role(row.role), AccountState(row.state)
    return Account(name, role, row.office, state, name in cards, name in factors, name in shut)


def _card(change: OperatorChange, issued: IssuedCertificate, now: datetime) -> OperatorCard:
    return OperatorCard(
        change_id=change.id,
        serial=f"{issued.serial:x}",
        certificate_sha256=hashlib.sha256(issued.der).hexdigest(),
        username=change.username,
        confirmed_by=change.confirmed_by or "",
        issued_at=now,
        not_after=issued.not_after,
    )
