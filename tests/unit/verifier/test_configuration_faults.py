"""What is configured and can't be used: named, counted, refused; never silently accepted, in nobody's way."""

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from pki.auditchain import Event, append_many
from pki.errors import ClockSetBackError
from pki.home import create
from pki.store.database import create_database_engine
from pki.validation.foreign import ForeignTrust
from simulators.forge.certificates import NOW, Authority, make_authority
from simulators.forge.inprocess import client_of
from simulators.forge.tokens import NONCE, Forge
from tests.receiptkeys import receipt_keys
from verifier import bootstrap
from verifier.app import create_app
from verifier.audit import AuditEntry
from verifier.authentication.errors import IssuerUntrustedError, LoginRefusedError, PolicyUnavailableError
from verifier.authentication.identity import Identity
from verifier.authentication.policy import WEB_EID_POLICY
from verifier.authentication.status import Asked, CertificateStatus, StatusAnswer
from verifier.authentication.statuserrors import StatusError, StatusUnavailableError
from verifier.authentication.token import WebEidToken
from verifier.authentication.trust import ForeignLogins, PinnedTrust
from verifier.authentication.verification import TokenVerifier
from verifier.bootstrap import NATIONAL_POLICY, Verifier, assemble
from verifier.clockguard import ClockGuard, ClockNotBehindError, confirm
from verifier.logins.values import LoginAttemptRefusedError
from verifier.receipts.models import ReceiptRow
from verifier.services.registry import RelyingSite, SiteRegistry
from verifier.status.sources import SETTINGS_FILE
from verifier.status.sourcesfile import SourcesFile
from verifier.store.sessions import Database

ORIGIN = "https://portal.example.ir"


def good(asked: Sequence[Asked]) -> list[StatusAnswer]:
    return [StatusAnswer(CertificateStatus.GOOD) for _ in asked]


def nobody_answers(asked: Sequence[Asked]) -> list[StatusError]:
    return [StatusUnavailableError() for _ in asked]


FORGE = Forge.create()
FOREIGN_ROOT = make_authority("Foreign root", path_length=None)
FOREIGN = make_authority("Foreign cards", FOREIGN_ROOT)
CARD = FORGE.card(issuer=FOREIGN)


class World:
    """A verifier of both policies over a folder of foreign anchors."""

    def __init__(self, folder: Path) -> None:
        self.home = create(folder / "home")
        bootstrap.initialise(self.home)
        self.anchors = folder / "anchors" / "login"
        self.anchors.mkdir(parents=True)
        self.foreign = TokenVerifier(
            WEB_EID_POLICY, ForeignLogins(ForeignTrust(folder / "anchors")), nobody_answers
        )
        own = PinnedTrust([FORGE.root.certificate], [FORGE.authority.certificate])
        self.national = TokenVerifier(NATIONAL_POLICY, own, good)
        self.verifier = self.open(self.national, self.foreign)

    def open(self, *verifiers: TokenVerifier) -> Verifier:
        database = Database(create_database_engine(self.home.database_url("verifier")))
        return assemble(database, verifiers, receipt_keys(), lambda: NOW)

    def trust(self, name: str, *authorities: Authority) -> None:
        pems = (authority.certificate.public_bytes(Encoding.PEM) for authority in authorities)
        (self.anchors / name).write_bytes(b"".join(pems))

    def steps_2_to_7(self) -> Identity:
        checked = self.foreign.check(WebEidToken.parse(CARD.text(origin=ORIGIN)), ORIGIN, NONCE, NOW)
        return checked.identity()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.verifier.close()


def error_of(verifier: Verifier, policy: str) -> LoginRefusedError:
    key = SiteRegistry(verifier.database, ("national", "webeid"), lambda: NOW).register_site(
        policy, ORIGIN, policy
    )
    site = verifier.services.authenticate(key.api_key)
    nonce = verifier.logins.issue_challenge(site).nonce
    with pytest.raises(LoginAttemptRefusedError) as caught:
        verifier.logins.authenticate(site, nonce, lambda: WebEidToken.parse(CARD.text(nonce, ORIGIN)))
    return caught.value.error


def test_foreign_anchors_count_as_soon_as_they_come_and_go(world: World) -> None:
    with pytest.raises(IssuerUntrustedError):
        world.steps_2_to_7()
    world.trust("foreign.pem", FOREIGN_ROOT, FOREIGN)
    assert world.steps_2_to_7().given_name == "مریم"
    (world.anchors / "foreign.pem").unlink()
    with pytest.raises(IssuerUntrustedError):
        world.steps_2_to_7()


def test_unreadable_foreign_anchor_is_named_and_in_nobodys_way(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.trust("foreign.pem", FOREIGN_ROOT, FOREIGN)
    (world.anchors / "broken.pem").write_text("no certificate")
    world.steps_2_to_7()
    assert list(world.verifier.faults.of_anchors()) == ["webeid/broken.pem"]
    with caplog.at_level(logging.WARNING):
        world.verifier.faults.log()
    assert "'webeid/broken.pem' is not used" in caplog.text
    with client_of(create_app(world.verifier), "https://verifier.example.ir") as http:
        assert http.get("/healthz").json() == {"status": "degraded", "degraded": ["anchors"]}
        assert "hoviat_verifier_anchors_unusable 1\n" in http.get("/metrics").text


def test_expired_foreign_anchor_matters_to_nobody_else(world: World) -> None:
    world.trust("old.pem", make_authority("Foreign root", not_after=NOW.replace(year=2025)))
    world.trust("foreign.pem", FOREIGN_ROOT, FOREIGN)
    world.steps_2_to_7()


def test_foreign_cards_are_refused_while_nobody_can_be_asked_for_their_status(world: World) -> None:
    world.trust("foreign.pem", FOREIGN_ROOT, FOREIGN)
    assert isinstance(error_of(world.verifier, "webeid"), StatusUnavailableError)


def test_foreign_anchors_count_for_no_site_of_the_national_policy(world: World) -> None:
    world.trust("foreign.pem", FOREIGN_ROOT, FOREIGN)
    card = FORGE.card(issuer=FOREIGN, policies=sorted(NATIONAL_POLICY.allowed_policies))
    token = WebEidToken.parse(card.text(origin=ORIGIN))
    with pytest.raises(IssuerUntrustedError):
        world.national.verify(token, ORIGIN, NONCE, NOW)


def test_site_of_a_policy_that_is_not_configured(world: World, caplog: pytest.LogCaptureFixture) -> None:
    only_national = world.open(world.national)
    error = error_of(only_national, "webeid")
    assert isinstance(error, PolicyUnavailableError)
    assert error.name == "webeid"
    assert only_national.faults.of_sites() == {"webeid": "its policy 'webeid' is not configured"}
    with caplog.at_level(logging.WARNING):
        only_national.faults.log()
    assert "no login at site 'webeid' is accepted" in caplog.text
    with client_of(create_app(only_national), "https://verifier.example.ir") as http:
        assert http.get("/healthz").json() == {"status": "degraded", "degraded": ["sites"]}
        assert "hoviat_verifier_sites_without_policy 1\n" in http.get("/metrics").text
    only_national.close()


def test_own_authority_that_can_not_be_used_is_counted(world: World) -> None:
    leaf = FORGE.authority.certificate
    stranger = make_authority("Below a stranger", make_authority("Stranger")).certificate
    own = PinnedTrust([FORGE.root.certificate], [leaf, stranger])
    verifier = world.open(TokenVerifier(NATIONAL_POLICY, own, good))
    assert len(verifier.faults.of_anchors()) == 1
    verifier.close()


@pytest.mark.parametrize("minutes", [-10, 0, 10])
def test_clock_against_the_record(world: World, caplog: pytest.LogCaptureFixture, minutes: int) -> None:
    world.verifier.services.register_site("first", ORIGIN)  # on record at NOW
    off = assemble(
        world.verifier.database,
        [world.national],
        receipt_keys(),
        lambda: NOW + timedelta(minutes=minutes),
    )
    with caplog.at_level(logging.WARNING):
        off.faults.log()
    behind = minutes < 0
    assert ("the clock is behind what is on record by 0:10:00" in caplog.text) == behind
    assert off.faults.degraded() == (["clock"] if behind else [])
    with client_of(create_app(off), "https://verifier.example.ir") as http:
        assert f"hoviat_verifier_clock_behind_seconds {600 if behind else 0}\n" in http.get("/metrics").text


@pytest.mark.parametrize(
    ("seconds", "kind"),
    [
        (-60, None),
        (240, None),
        (299, None),
        (300, None),
        (301, "challenge-expired"),
        (600, "challenge-expired"),
    ],
)
def test_clock_off_between_challenge_and_login(world: World, seconds: int, kind: str | None) -> None:
    """Behind by no more than machines differ, a challenge serves once; ahead, it is over too early."""
    card = FORGE.card(policies=sorted(NATIONAL_POLICY.allowed_policies))
    key = world.verifier.services.register_site("first", ORIGIN).api_key
    site = world.verifier.services.authenticate(key)
    nonce = world.verifier.logins.issue_challenge(site).nonce
    off = assemble(
        world.verifier.database,
        [world.national],
        receipt_keys(),
        lambda: NOW + timedelta(seconds=seconds),
    )
    kinds = [_kind(off, site, nonce, card.text(nonce, ORIGIN)) for _ in range(2)]
    assert kinds == [kind, kind or "challenge-used"]


def _kind(verifier: Verifier, site: RelyingSite, nonce: str, text: str) -> str | None:
    try:
        verifier.logins.authenticate(site, nonce, lambda: WebEidToken.parse(text))
    except LoginAttemptRefusedError as refusal:
        return refusal.error.kind
    return None


@pytest.mark.parametrize("seconds", [-61, -600])
def test_nothing_is_decided_by_a_clock_that_was_set_back(world: World, seconds: int) -> None:
    """No challenge, no login, no receipt, and the challenge of before still serves when it is right again."""
    card = FORGE.card(policies=sorted(NATIONAL_POLICY.allowed_policies))
    key = world.verifier.services.register_site("first", ORIGIN).api_key
    site = world.verifier.services.authenticate(key)
    nonce = world.verifier.logins.issue_challenge(site).nonce
    behind = assemble(
        world.verifier.database, [world.national], receipt_keys(), lambda: NOW + timedelta(seconds=seconds)
    )
    headers = {"Authorization": f"Bearer {key}"}
    with client_of(create_app(behind), "https://verifier.example.ir") as http:
        body = {"token": card.token(nonce, ORIGIN), "nonce": nonce}
        for path, sent in (("/v1/challenges", {}), ("/v1/authentications", body)):
            refused = http.post(path, json=sent, headers=headers)
            assert refused.status_code == 503
            assert refused.json()["type"] == "urn:hoviat:problem:clock-behind"
            assert refused.headers["retry-after"]
        assert http.get("/healthz").json() == {"status": "degraded", "degraded": ["clock"]}
    with world.verifier.database.read() as session:
        assert session.scalar(select(func.count()).select_from(ReceiptRow)) == 0
    assert _kind(world.verifier, site, nonce, card.text(nonce, ORIGIN)) is None


def test_a_clock_behind_what_the_pki_has_on_record(world: World) -> None:
    guard = ClockGuard(world.verifier.database, lambda: NOW, [lambda: NOW + timedelta(minutes=10)])
    with pytest.raises(ClockSetBackError):
        guard.check()
    assert guard.behind() == timedelta(minutes=10)


def test_a_pki_that_does_not_answer_says_nothing_of_the_clock(world: World) -> None:
    def away() -> datetime:
        raise OperationalError("SELECT", {}, Exception())

    ClockGuard(world.verifier.database, lambda: NOW, [away]).check()


@pytest.mark.parametrize(("days", "silent"), [(7, False), (8, True)])
def test_a_clock_far_ahead_of_the_record_is_told(
    world: World, caplog: pytest.LogCaptureFixture, days: int, *, silent: bool
) -> None:
    world.verifier.services.register_site("first", ORIGIN)
    ahead = assemble(
        world.verifier.database, [world.national], receipt_keys(), lambda: NOW + timedelta(days=days)
    )
    assert ahead.faults.degraded() == (["clock"] if silent else [])
    assert f"hoviat_verifier_record_silent_seconds {days * 86400 if silent else 0}" in ahead.metrics.render()
    with caplog.at_level(logging.WARNING):
        ahead.faults.log()
    assert ("is the clock ahead?" in caplog.text) == silent


def test_an_officer_confirms_a_clock_that_was_ahead_once(world: World) -> None:
    database = world.verifier.database
    SiteRegistry(database, ("national",), lambda: NOW + timedelta(days=300)).register_site("ahead", ORIGIN)
    with pytest.raises(ClockSetBackError):
        ClockGuard(database, lambda: NOW).check()
    assert confirm(database, lambda: NOW, "officer-1") == NOW + timedelta(days=300)
    ClockGuard(database, lambda: NOW).check()
    with pytest.raises(ClockNotBehindError):
        confirm(database, lambda: NOW, "officer-1")
    with pytest.raises(ClockSetBackError):
        ClockGuard(database, lambda: NOW - timedelta(minutes=2)).check()


def test_a_clock_that_creeps_back_is_held_against_what_was_seen(world: World) -> None:
    """A step back within the tolerance, many entries, another step: the record's end forgets, not a guard."""
    database, now, seconds = world.verifier.database, [NOW], [0.0]
    sites = SiteRegistry(database, ("national",), lambda: now[0])
    guard = ClockGuard(database, lambda: now[0], monotonic=lambda: seconds[0])
    sites.register_site("first", ORIGIN)
    guard.check()
    with database.write() as session:
        later = [Event(NOW - timedelta(seconds=59), "creep", "site.test", "x", {}) for _ in range(300)]
        append_many(session, AuditEntry, later)
    now[0], seconds[0] = NOW - timedelta(seconds=118), 10.0
    with pytest.raises(ClockSetBackError):
        guard.check()


def test_refusals_do_not_wash_the_right_time_out_of_the_record(world: World) -> None:
    """What a clock that is behind may still write (a site, a look) leaves the newest time on record."""
    database = world.verifier.database
    world.verifier.services.register_site("first", ORIGIN)
    late = SiteRegistry(database, ("national",), lambda: NOW - timedelta(hours=1))
    for number in range(20):
        late.register_site(f"site-{number}", ORIGIN)
    with pytest.raises(ClockSetBackError):
        ClockGuard(database, lambda: NOW - timedelta(hours=1)).check()


def test_the_record_is_read_once_a_second_whoever_asks(world: World) -> None:
    looks = []

    def pki() -> datetime:
        looks.append(1)
        return NOW

    seconds = [5.0]
    guard = ClockGuard(world.verifier.database, lambda: NOW, [pki], lambda: seconds[0])
    for _ in range(100):
        guard.check()
    assert len(looks) == 1
    seconds[0] += 1
    guard.check()
    assert len(looks) == 2


def test_settings_that_can_not_be_used_are_told(world: World, caplog: pytest.LogCaptureFixture) -> None:
    file = SourcesFile(world.home.root)
    (world.home.root / SETTINGS_FILE).write_text("nonsense = true")
    odd = assemble(
        world.verifier.database, [world.national], receipt_keys(), lambda: NOW, settings_fault=file.fault
    )
    assert odd.faults.degraded() == ["settings"]
    assert "hoviat_verifier_settings_unusable 1\n" in odd.metrics.render()
    with caplog.at_level(logging.WARNING):
        odd.faults.log()
    assert "verifier.toml: holds tables" in caplog.text
