"""The attack list, section Challenge, against the login service and its database."""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from pki.auditchain import verify_table
from pki.auditchain.table import queue_writers
from pki.errors import ClockSetBackError
from pki.store.database import create_database_engine, migrate
from simulators.forge.certificates import NOW, POLICY_OID
from simulators.forge.tokens import NONCE, Forge, Token
from tests.receiptkeys import receipt_keys
from verifier.audit import AuditEntry
from verifier.authentication.errors import (
    ChallengeExpiredError,
    ChallengeUnknownError,
    ChallengeUsedError,
    SignatureError,
)
from verifier.authentication.policy import national_policy
from verifier.authentication.status import Asked, CertificateStatus, StatusAnswer
from verifier.authentication.statuserrors import CertificateRevokedError, StatusError, StatusUnavailableError
from verifier.authentication.steps import Step
from verifier.authentication.token import WebEidToken
from verifier.authentication.trust import PinnedTrust
from verifier.authentication.verification import TokenVerifier
from verifier.bootstrap import MIGRATIONS, Verifier, assemble
from verifier.challenges.models import UsedChallengeRow
from verifier.logins.records import LoginRecords
from verifier.logins.values import AcceptedLogin, Found, LoginAttemptRefusedError, Recorded
from verifier.receipts.models import ReceiptRow
from verifier.receipts.service import ReceiptMissingError, StepOutcome
from verifier.services.registry import RelyingSite
from verifier.store.sessions import Database

FORGE = Forge.create()
CARD = FORGE.card()
ORIGIN = "https://portal.example.ir"


class World:
    def __init__(self, url: str) -> None:
        self.url = url
        self.now = NOW
        self.status: StatusAnswer | StatusError = StatusAnswer(CertificateStatus.GOOD)
        self.when_asked: Callable[[], None] = lambda: None
        self.verifier = self.open()

    def clock(self) -> datetime:
        return self.now

    def lookup(self, asked: Sequence[Asked]) -> list[StatusAnswer | StatusError]:
        self.when_asked()
        return [self.status for _ in asked]

    def open(self) -> Verifier:
        trust = PinnedTrust([FORGE.root.certificate], [FORGE.authority.certificate])
        checks = TokenVerifier(national_policy(frozenset({POLICY_OID})), trust, self.lookup)
        database = Database(create_database_engine(self.url))
        return assemble(database, [checks], receipt_keys(), self.clock)

    def records(self) -> LoginRecords:
        status = {"national": self.lookup}
        return LoginRecords(self.verifier.database, status, receipt_keys(), self.clock)

    def site(self, name: str = "portal", origin: str = ORIGIN) -> RelyingSite:
        credentials = self.verifier.services.register_site(name, origin)
        return self.verifier.services.authenticate(credentials.api_key)

    def login(self, site: RelyingSite, nonce: str, token: Token | None = None) -> AcceptedLogin:
        text = json.dumps(token or CARD.token(nonce, site.origin)).ljust(100)
        return self.verifier.logins.authenticate(site, nonce, lambda: WebEidToken.parse(text))

    def refusal(self, site: RelyingSite, nonce: str, token: Token | None = None) -> LoginAttemptRefusedError:
        with pytest.raises(LoginAttemptRefusedError) as caught:
            self.login(site, nonce, token)
        return caught.value


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    url = f"sqlite:///{tmp_path / 'verifier.sqlite3'}"
    engine = create_database_engine(url)
    migrate(engine, MIGRATIONS)
    engine.dispose()
    made = World(url)
    yield made
    made.verifier.close()


def test_a_good_login_leaves_claims_receipt_and_audit(world: World) -> None:
    site = world.site()
    nonce = world.verifier.logins.issue_challenge(site).nonce
    login = world.login(site, nonce)
    assert login.identity.claims() == {
        "identity_code": "PNOIR-0499370899",
        "national_code": "0499370899",
        "given_name": "مریم",
        "surname": "احمدی",
        "country": "IR",
    }
    assert world.verifier.logins.receipt(site, login.receipt.code) == login.receipt
    assert {login.receipt.outcome_of(step) for step in Step} == {StepOutcome.PASSED}
    with world.verifier.database.read() as session:
        assert verify_table(session, AuditEntry).sequence == 2
        last = session.scalars(select(AuditEntry).order_by(AuditEntry.sequence.desc())).first()
        assert last is not None
        assert (last.action, last.subject) == ("login.accept", login.receipt.code)


def test_nothing_personal_is_stored(world: World) -> None:
    site = world.site()
    nonce = world.verifier.logins.issue_challenge(site).nonce
    world.login(site, nonce)
    world.verifier.close()
    stored = b"".join(
        path.read_bytes() for path in Path(world.url.removeprefix("sqlite:///")).parent.iterdir()
    )
    for secret in ("0499370899", "احمدی", nonce):
        assert secret.encode() not in stored


def test_challenges_are_256_random_bits(world: World) -> None:
    site = world.site()
    nonces = {world.verifier.logins.issue_challenge(site).nonce for _ in range(20)}
    assert len(nonces) == 20
    assert {len(nonce) for nonce in nonces} == {72}


def test_second_use(world: World) -> None:
    site = world.site()
    nonce = world.verifier.logins.issue_challenge(site).nonce
    world.login(site, nonce)
    assert isinstance(world.refusal(site, nonce).error, ChallengeUsedError)


def test_second_use_within_one_batch(world: World) -> None:
    site = world.site()
    challenge = world.verifier.logins.issue_challenge(site)
    found = Found(site, challenge.nonce, world.now, challenge)
    token = WebEidToken.parse(json.dumps(CARD.token(challenge.nonce, site.origin)))
    ending = world.verifier.logins.verify(found, lambda: token).ending()
    first, second = world.records().record([ending, ending])
    assert isinstance(first, Recorded)
    assert isinstance(second, Recorded)
    assert first.refused is None
    assert isinstance(second.refused, ChallengeUsedError)


def test_the_status_is_asked_when_nothing_can_come_between_answer_and_record(world: World) -> None:
    """Who waited for the database after he had asked would let in whom somebody revoked meanwhile."""
    site = world.site()
    nonce = world.verifier.logins.issue_challenge(site).nonce
    locked = []

    def look() -> None:
        with closing(sqlite3.connect(world.url.removeprefix("sqlite:///"), timeout=0)) as other:
            try:
                other.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                locked.append(str(error))

    world.when_asked = look
    world.login(site, nonce)
    assert locked == ["database is locked"]


def test_the_status_is_asked_in_the_records_turn_on_postgresql(postgres_url: str) -> None:
    """The same where others may read meanwhile: the turn to write is taken first."""
    engine = create_database_engine(postgres_url)
    migrate(engine, MIGRATIONS)
    engine.dispose()
    world, other = World(postgres_url), Database(create_database_engine(postgres_url))
    refused = []

    def look() -> None:
        try:
            with other.write() as session:
                session.execute(text("SET LOCAL lock_timeout = '10ms'"))
                queue_writers(session, AuditEntry)
        except OperationalError as error:
            refused.append(str(error.orig))

    try:
        site = world.site()
        world.when_asked = look
        world.login(site, world.verifier.logins.issue_challenge(site).nonce)
    finally:
        other.close()
        world.verifier.close()
    assert len(refused) == 1
    assert "lock timeout" in refused[0]


def test_one_login_by_itself_is_held_against_the_record_too(world: World) -> None:
    site = world.site()
    nonce = world.verifier.logins.issue_challenge(site).nonce
    world.now = NOW - timedelta(seconds=61)
    with pytest.raises(ClockSetBackError):
        world.verifier.logins.issue_challenge(site)
    with pytest.raises(ClockSetBackError):
        world.login(site, nonce)
    world.now = NOW
    world.login(site, nonce)


def test_second_use_after_a_restart(world: World) -> None:
    site = world.site()
    nonce = world.verifier.logins.issue_challenge(site).nonce
    world.login(site, nonce)
    world.verifier.close()
    world.verifier = world.open()
    assert isinstance(world.refusal(site, nonce).error, ChallengeUsedError)


def test_after_a_failure(world: World) -> None:
    site = world.site()
    nonce = world.verifier.logins.issue_challenge(site).nonce
    assert isinstance(world.refusal(site, nonce, CARD.token("wrong" * 9, ORIGIN)).error, SignatureError)
    assert isinstance(world.refusal(site, nonce).error, ChallengeUsedError)


def test_after_an_unreadable_token(world: World) -> None:
    site = world.site()
    nonce = world.verifier.logins.issue_challenge(site).nonce
    assert world.refusal(site, nonce, {"x": "y"}).error.step is Step.PARSE
    assert isinstance(world.refusal(site, nonce).error, ChallengeUsedError)


@pytest.mark.parametrize("late", [timedelta(seconds=1), timedelta(minutes=30)])
def test_after_its_time(world: World, late: timedelta) -> None:
    site = world.site()
    challenge = world.verifier.logins.issue_challenge(site)
    assert challenge.expires_at == NOW + timedelta(minutes=5)
    world.now = challenge.expires_at + late
    assert isinstance(world.refusal(site, challenge.nonce).error, ChallengeExpiredError)


def test_at_the_end_of_its_time(world: World) -> None:
    site = world.site()
    challenge = world.verifier.logins.issue_challenge(site)
    world.now = challenge.expires_at
    world.login(site, challenge.nonce)


@pytest.mark.parametrize("nonce", [NONCE, "x", "", "\u0000", "\ud800", "x" * 10_000])
def test_never_issued(world: World, nonce: str) -> None:
    site = world.site()
    with pytest.raises(LoginAttemptRefusedError) as caught:
        world.verifier.logins.authenticate(site, nonce, lambda: WebEidToken.parse(CARD.text()))
    assert isinstance(caught.value.error, ChallengeUnknownError)


def test_another_sites_challenge_is_unknown_and_stays_usable(world: World) -> None:
    site, other = world.site(), world.site("other", "https://other.example.ir")
    nonce = world.verifier.logins.issue_challenge(site).nonce
    assert isinstance(world.refusal(other, nonce).error, ChallengeUnknownError)
    assert isinstance(world.refusal(other, nonce, CARD.token(nonce, ORIGIN)).error, ChallengeUnknownError)
    world.login(site, nonce)


def test_a_token_for_another_site_is_refused_here(world: World) -> None:
    site = world.site()
    nonce = world.verifier.logins.issue_challenge(site).nonce
    refusal = world.refusal(site, nonce, CARD.token(nonce, "https://evil.example.ir"))
    assert isinstance(refusal.error, SignatureError)


def _race(world: World, opened: list[Verifier], posts: int) -> list[bool]:
    site = world.site()
    nonce = world.verifier.logins.issue_challenge(site).nonce
    text = CARD.text(nonce, ORIGIN)
    together = threading.Barrier(posts)

    def post(number: int) -> bool:
        together.wait()
        try:
            opened[number % len(opened)].logins.authenticate(site, nonce, lambda: WebEidToken.parse(text))
        except LoginAttemptRefusedError as refusal:
            return not isinstance(refusal.error, ChallengeUsedError)
        return True

    with ThreadPoolExecutor(posts) as pool:
        return list(pool.map(post, range(posts)))


def test_two_parallel_posts_exactly_one_wins(world: World) -> None:
    assert sum(_race(world, [world.verifier], 2)) == 1


def test_twenty_parallel_posts_exactly_one_wins_and_all_have_receipts(world: World) -> None:
    assert sum(_race(world, [world.verifier], 20)) == 1
    with world.verifier.database.read() as session:
        outcomes = [row.outcome for row in session.scalars(select(ReceiptRow))]
        assert sorted(outcomes) == ["accepted", *["challenge-used"] * 19]
        verify_table(session, AuditEntry)


def test_two_parallel_posts_on_two_replicas(world: World) -> None:
    replica = world.open()
    try:
        assert sum(_race(world, [world.verifier, replica], 8)) == 1
    finally:
        replica.close()


def _used(world: World) -> list[datetime]:
    with world.verifier.database.read() as session:
        return sorted(row.used_at for row in session.scalars(select(UsedChallengeRow)))


def test_only_what_is_used_is_on_record(world: World) -> None:
    site = world.site()
    for _ in range(3):
        nonce = world.verifier.logins.issue_challenge(site).nonce
    world.login(site, nonce)
    assert _used(world) == [NOW]


def test_uses_are_forgotten_when_nobody_could_answer_any_more(world: World) -> None:
    site = world.site()
    world.login(site, world.verifier.logins.issue_challenge(site).nonce)
    for later in (timedelta(minutes=59), timedelta(minutes=61)):
        world.now = NOW + later
        world.login(site, world.verifier.logins.issue_challenge(site).nonce)
    assert _used(world) == [NOW + timedelta(minutes=59), NOW + timedelta(minutes=61)]


def test_revoked_card_is_refused_with_a_receipt_that_says_so(world: World) -> None:
    site = world.site()
    world.status = StatusAnswer(CertificateStatus.REVOKED, NOW, "keyCompromise")
    nonce = world.verifier.logins.issue_challenge(site).nonce
    refusal = world.refusal(site, nonce)
    assert isinstance(refusal.error, CertificateRevokedError)
    receipt = world.verifier.logins.receipt(site, refusal.receipt.code)
    assert (receipt.outcome, receipt.failed_step) == ("certificate-revoked", Step.STATUS)
    assert receipt.outcome_of(Step.SIGNATURE) is StepOutcome.PASSED
    assert receipt.outcome_of(Step.STATUS) is StepOutcome.FAILED


def test_unknowable_status_is_refused_and_burns_the_challenge(world: World) -> None:
    site = world.site()
    world.status = StatusUnavailableError()
    nonce = world.verifier.logins.issue_challenge(site).nonce
    assert isinstance(world.refusal(site, nonce).error, StatusUnavailableError)
    world.status = StatusAnswer(CertificateStatus.GOOD)
    assert isinstance(world.refusal(site, nonce).error, ChallengeUsedError)


def test_receipts_are_the_owning_sites_alone(world: World) -> None:
    site, other = world.site(), world.site("other", "https://other.example.ir")
    code = world.login(site, world.verifier.logins.issue_challenge(site).nonce).receipt.code
    with pytest.raises(ReceiptMissingError):
        world.verifier.logins.receipt(other, code)
