"""Logins with certificates of the real authority: what it revokes is refused by the very next login."""

import itertools
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import insert, text

from pki import bootstrap as pki_bootstrap
from pki import der
from pki.authority import CertificateRequest, IssuedCertificate, PersonSubject
from pki.authority.issuerseal import IssuerSeal
from pki.bootstrap import Pki
from pki.ceremony import steps
from pki.clock import utc_now
from pki.hierarchy import Role
from pki.home import Home, create
from pki.keys.files import FileSigner
from pki.pkcs10 import create_csr
from pki.profiles import Profile
from pki.status.state import RevocationReason
from pki.store.models import Issuer
from pki.trust import CurrentTrust
from simulators.demo.site import running_site
from simulators.forge.tokens import ForgedCard
from simulators.process import free_port
from verifier import bootstrap
from verifier.app import create_app
from verifier.authentication.errors import IssuerUntrustedError, PurposeWrongError
from verifier.authentication.statuserrors import (
    CertificateRevokedError,
    CertificateSuspendedError,
    CertificateUnknownError,
    StatusUnavailableError,
)
from verifier.authentication.token import WebEidToken
from verifier.bootstrap import Verifier
from verifier.logins.values import AcceptedLogin, LoginAttemptRefusedError
from verifier.services.registry import RelyingSite

ORIGIN = "https://portal.example.ir"


class World:
    _numbers = itertools.count()

    def __init__(self, home: Home) -> None:
        self.home = home
        pki_bootstrap.initialise(home)
        bootstrap.initialise(home)
        self.pki: Pki = pki_bootstrap.open_pki(home)
        self.verifier: Verifier = bootstrap.open_verifier(home, self.pki)
        self.key = self.verifier.services.register_site("portal", ORIGIN).api_key
        self.site: RelyingSite = self.verifier.services.authenticate(self.key)

    def issue(
        self, profile: Profile, *, delivered: bool = True, pki: Pki | None = None
    ) -> tuple[ForgedCard, IssuedCertificate]:
        """By this process's PKI, or by another that is open on the same home."""
        authority = (pki or self.pki).authority
        key = ec.generate_private_key(ec.SECP256R1())
        subject = PersonSubject("0499370899", "مریم", "احمدی")
        csr = create_csr(FileSigner(key), "card")
        name = f"card-{profile.value}-{next(self._numbers)}"
        issued = authority.issue(CertificateRequest(name, profile, subject, csr, "test"))
        if delivered:
            authority.activate(issued.serial, "test", "delivered")
        return ForgedCard(key, issued.der), issued

    def login(self, card: ForgedCard) -> AcceptedLogin:
        nonce = self.verifier.logins.issue_challenge(self.site).nonce
        token = card.text(nonce, ORIGIN)
        return self.verifier.logins.authenticate(self.site, nonce, lambda: WebEidToken.parse(token))

    def error_of(self, card: ForgedCard) -> Exception:
        with pytest.raises(LoginAttemptRefusedError) as caught:
            self.login(card)
        return caught.value.error

    def close(self) -> None:
        self.verifier.close()
        self.pki.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(create(tmp_path / "home"))
    yield made
    made.close()


def test_certificates_life_is_what_logins_see(world: World) -> None:
    card, issued = world.issue(Profile.AUTHENTICATION, delivered=False)
    assert isinstance(world.error_of(card), CertificateSuspendedError)
    world.pki.authority.activate(issued.serial, "test", "delivered")
    assert world.login(card).identity.claims()["national_code"] == "0499370899"
    world.pki.authority.suspend(issued.serial, "test", "lost?")
    assert isinstance(world.error_of(card), CertificateSuspendedError)
    world.pki.authority.resume(issued.serial, "test", "found")
    world.login(card)
    world.pki.authority.revoke(issued.serial, RevocationReason.KEY_COMPROMISE, "test", "stolen")
    error = world.error_of(card)
    assert isinstance(error, CertificateRevokedError)
    assert error.reason == "keyCompromise"


def test_signing_certificate_of_the_same_authority(world: World) -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    csr = create_csr(FileSigner(key), "card")
    subject = PersonSubject("0499370899", "مریم", "احمدی")
    issued = world.pki.authority.issue(
        CertificateRequest("card-signature", Profile.SIGNATURE, subject, csr, actor="test")
    )
    nonce = world.verifier.logins.issue_challenge(world.site).nonce
    token = ForgedCard(key, issued.der).text(nonce, ORIGIN, "ES384")
    with pytest.raises(LoginAttemptRefusedError) as caught:
        world.verifier.logins.authenticate(world.site, nonce, lambda: WebEidToken.parse(token))
    assert isinstance(caught.value.error, PurposeWrongError)


def test_card_of_another_installation(world: World, tmp_path: Path) -> None:
    other = World(create(tmp_path / "other"))
    try:
        card, _ = other.issue(Profile.AUTHENTICATION)
    finally:
        other.close()
    assert isinstance(world.error_of(card), IssuerUntrustedError)


def test_a_certificate_that_our_authority_signed_and_never_recorded(world: World) -> None:
    """Whoever gets at its key past the authority makes cards that are on nobody's record."""
    card, issued = world.issue(Profile.AUTHENTICATION)
    signed, algorithm, _ = (part.raw for part in der.parse(issued.der, der.SEQUENCE).children())
    serial = der.integer(issued.serial)
    assert signed.count(serial) == 1
    signed = signed.replace(serial, der.integer(issued.serial ^ 1))
    signer = world.pki.keys.open(world.pki.keys.uri_of("citizen-auth-g1"))
    signature = der.bit_string(signer.sign(signed, hashes.SHA256()))
    forged = ForgedCard(card.key, der.sequence([signed, algorithm, signature]))
    world.login(card)
    assert isinstance(world.error_of(forged), CertificateUnknownError)


def test_status_store_gone_fails_closed(world: World) -> None:
    card, _ = world.issue(Profile.AUTHENTICATION)
    world.login(card)
    with world.pki.engine.begin() as connection:
        connection.execute(text("ALTER TABLE certificates RENAME TO elsewhere"))
    assert isinstance(world.error_of(card), StatusUnavailableError)
    with world.pki.engine.begin() as connection:
        connection.execute(text("ALTER TABLE elsewhere RENAME TO certificates"))
    world.login(card)


@pytest.fixture
def at_every_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table of CAs is looked at whenever somebody asks, not once a second."""
    monkeypatch.setattr("pki.trust.LOOK_SECONDS", 0)


def _next_generation(world: World) -> Pki:
    """Another process that has the new CA's key: a ceremony was held beside the running verifier."""
    with pki_bootstrap.opened_foundry(world.home, utc_now, "officer-1") as foundry:
        steps.add_ca(foundry, Role.CITIZEN_AUTHENTICATION, 2, 1)
    return pki_bootstrap.open_pki(world.home)


@pytest.mark.usefixtures("at_every_look")
def test_next_generation_of_our_own_authority_counts_without_a_restart(world: World) -> None:
    old, _ = world.issue(Profile.AUTHENTICATION)
    other = _next_generation(world)
    try:
        card, issued = world.issue(Profile.AUTHENTICATION, pki=other)
        world.login(card)
        world.login(old)
        other.authority.revoke(issued.serial, RevocationReason.KEY_COMPROMISE, "test", "stolen")
        assert isinstance(world.error_of(card), CertificateRevokedError)
        world.login(old)
    finally:
        other.close()


@pytest.mark.usefixtures("at_every_look")
def test_a_revoked_authority_of_our_own_vouches_for_nobody(world: World) -> None:
    old, _ = world.issue(Profile.AUTHENTICATION)
    other = _next_generation(world)
    try:
        card, _ = world.issue(Profile.AUTHENTICATION, pki=other)
        world.login(card)
        serial = other.issuers["citizen-auth-g2"].serial
        assert serial is not None
        other.authority.revoke(serial, RevocationReason.CA_COMPROMISE, "test", "stolen")
    finally:
        other.close()
    assert isinstance(world.error_of(card), IssuerUntrustedError)
    world.login(old)


@pytest.mark.usefixtures("at_every_look")
def test_an_authority_that_somebody_wrote_into_the_table_is_not_trusted(world: World, tmp_path: Path) -> None:
    own, _ = world.issue(Profile.AUTHENTICATION)
    other = World(create(tmp_path / "other"))
    try:
        card, _ = other.issue(Profile.AUTHENTICATION)
        with other.pki.engine.connect() as connection:
            row = connection.execute(text("SELECT * FROM issuers WHERE name = 'citizen-auth-g1'")).one()
    finally:
        other.close()
    planted = row._asdict() | {"name": "citizen-auth-g9", "generation": 9}
    with world.pki.engine.begin() as connection:
        connection.execute(insert(Issuer), planted)
    assert isinstance(world.error_of(card), IssuerUntrustedError)
    world.login(own)


def test_the_table_of_authorities_is_read_once_a_second_whoever_asks(world: World) -> None:
    now = [100.0]
    looks: list[float] = []

    class Counted(CurrentTrust):
        def _look(self) -> None:
            looks.append(now[0])
            super()._look()

    pki, seal = world.pki, IssuerSeal.of(world.pki.master_keys)
    trust = Counted(pki.engine, lambda: seal, pki.status, pki.issuers, lambda: now[0])
    for _ in range(20):
        trust.current()
    assert looks == []
    now[0] += 1
    for _ in range(20):
        trust.current()
    assert looks == [101.0]


@pytest.fixture
def served(world: World) -> Iterator[str]:
    # It listens before the server runs: whoever connects early waits in the backlog.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(create_app(world.verifier), log_level="error"))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)


def test_sample_eservice_as_its_own_process(world: World, served: str) -> None:
    port = free_port()
    origin = f"https://localhost:{port}"
    key = world.verifier.services.register_site("sample", origin).api_key
    card, issued = world.issue(Profile.AUTHENTICATION)
    with running_site(port, served, key) as site:
        trust = ssl.create_default_context(cafile=site.cafile)
        with httpx.Client(base_url=site.origin, verify=trust) as visitor:
            nonce = visitor.post("/auth/challenge").json()["nonce"]
            login = visitor.post("/auth/login", json={"auth-token": card.token(nonce, origin)})
            assert login.json()["claims"]["national_code"] == "0499370899"
            assert "0499370899" in visitor.get("/account").text
            world.pki.authority.revoke(issued.serial, RevocationReason.KEY_COMPROMISE, "test", "lost")
            nonce = visitor.post("/auth/challenge").json()["nonce"]
            refused = visitor.post("/auth/login", json={"auth-token": card.token(nonce, origin)})
            assert refused.status_code == 403
            assert refused.json()["type"] == "urn:hoviat:problem:certificate-revoked"


def test_sample_eservice_without_a_key_says_so(tmp_path: Path) -> None:
    options = ["--port", "1", "--verifier", "http://127.0.0.1:1", "--tls-dir", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "simulators.eservice", *options],
        capture_output=True,
        text=True,
        check=False,
        env={},
    )
    assert done.returncode == 1
    assert "HOVIAT_SITE_KEY" in done.stderr
