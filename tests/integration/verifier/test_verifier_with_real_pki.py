"""Logins with certificates of the real authority: what it revokes is refused by the very next login."""

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
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import text

from pki import bootstrap as pki_bootstrap
from pki.authority import CertificateRequest, IssuedCertificate, PersonSubject
from pki.bootstrap import Pki
from pki.home import Home, create
from pki.keys.files import FileSigner
from pki.pkcs10 import create_csr
from pki.profiles import Profile
from pki.status.state import RevocationReason
from simulators.demo.site import running_site
from simulators.forge.tokens import ForgedCard
from simulators.process import free_port
from verifier import bootstrap
from verifier.app import create_app
from verifier.authentication.errors import IssuerUntrustedError, PurposeWrongError
from verifier.authentication.statuserrors import (
    CertificateRevokedError,
    CertificateSuspendedError,
    StatusUnavailableError,
)
from verifier.authentication.token import WebEidToken
from verifier.bootstrap import Verifier
from verifier.logins.service import AcceptedLogin, LoginAttemptRefusedError
from verifier.services.registry import RelyingSite

ORIGIN = "https://portal.example.ir"


class World:
    def __init__(self, home: Home) -> None:
        self.home = home
        pki_bootstrap.initialise(home)
        bootstrap.initialise(home)
        self.pki: Pki = pki_bootstrap.open_pki(home)
        self.verifier: Verifier = bootstrap.open_verifier(home, self.pki)
        self.key = self.verifier.services.register_site("portal", ORIGIN).api_key
        self.site: RelyingSite = self.verifier.services.authenticate(self.key)

    def issue(self, profile: Profile, *, delivered: bool = True) -> tuple[ForgedCard, IssuedCertificate]:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = PersonSubject("0499370899", "مریم", "احمدی")
        csr = create_csr(FileSigner(key), "card")
        request = CertificateRequest(f"card-{profile.value}", profile, subject, csr, "test")
        issued = self.pki.authority.issue(request)
        if delivered:
            self.pki.authority.activate(issued.serial, "test", "delivered")
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
