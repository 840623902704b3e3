"""What is configured and can't be used: named, counted, refused; never silently accepted, in nobody's way."""

import logging
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from pki.home import create
from pki.store.database import create_database_engine
from pki.validation.foreign import ForeignTrust
from simulators.forge.certificates import NOW, Authority, make_authority
from simulators.forge.inprocess import client_of
from simulators.forge.tokens import NONCE, Forge
from tests.receiptkeys import receipt_keys
from verifier import bootstrap
from verifier.app import create_app
from verifier.authentication.errors import IssuerUntrustedError, LoginRefusedError, PolicyUnavailableError
from verifier.authentication.identity import Identity
from verifier.authentication.policy import WEB_EID_POLICY
from verifier.authentication.status import Asked, CertificateStatus, StatusAnswer
from verifier.authentication.statuserrors import StatusError, StatusUnavailableError
from verifier.authentication.token import WebEidToken
from verifier.authentication.trust import ForeignLogins, PinnedTrust
from verifier.authentication.verification import TokenVerifier
from verifier.bootstrap import NATIONAL_POLICY, Verifier, assemble
from verifier.logins.service import LoginAttemptRefusedError
from verifier.services.registry import RelyingSite, SiteRegistry
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
    ("minutes", "kind"),
    [(-10, None), (4, None), (10, "challenge-expired")],
    ids=["behind", "in time", "ahead"],
)
def test_clock_off_between_challenge_and_login(world: World, minutes: int, kind: str | None) -> None:
    """Behind, a challenge lives longer and is burned all the same; ahead, it is over too early."""
    card = FORGE.card(policies=sorted(NATIONAL_POLICY.allowed_policies))
    key = world.verifier.services.register_site("first", ORIGIN).api_key
    site = world.verifier.services.authenticate(key)
    nonce = world.verifier.logins.issue_challenge(site).nonce
    off = assemble(
        world.verifier.database,
        [world.national],
        receipt_keys(),
        lambda: NOW + timedelta(minutes=minutes),
    )
    kinds = [_kind(off, site, nonce, card.text(nonce, ORIGIN)) for _ in range(2)]
    assert kinds == [kind, kind or "challenge-used"]


def _kind(verifier: Verifier, site: RelyingSite, nonce: str, text: str) -> str | None:
    try:
        verifier.logins.authenticate(site, nonce, lambda: WebEidToken.parse(text))
    except LoginAttemptRefusedError as refusal:
        return refusal.error.kind
    return None
