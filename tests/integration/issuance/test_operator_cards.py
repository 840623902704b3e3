"""Operators log in with cards: two administrators bind them, the real verifier says whose they are."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from issuance.operators.accounts import Wanted
from issuance.operators.changes import ChangeKind
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.verifiersite import OPERATORS_SITE, write_site
from pki.authority import CertificateRequest, PersonSubject
from pki.authority.values import InstitutionSubject
from pki.keys.files import FileSigner
from pki.pkcs10 import create_csr
from pki.profiles import Profile
from simulators.forge.tokens import ForgedCard
from simulators.installation.server import create_app, running
from simulators.installation.services import Installation, connect_registry, initialise, open_installation
from tests.integration.issuance.test_registry_api import refused

FIRST, SECOND = (Actor(f"administrator-{number}", Role.ADMINISTRATOR) for number in (1, 2))


@dataclass
class House:
    installation: Installation
    api: httpx.Client
    origin: str
    cards: list[ForgedCard] = field(default_factory=list)

    def card(self, username: str) -> ForgedCard:
        accounts = self.installation.issuance.accounts
        change = accounts.propose(FIRST, Wanted(ChangeKind.CARD, username))
        accounts.confirm(SECOND, change)
        key = ec.generate_private_key(ec.SECP256R1())
        issued = accounts.issue_card(FIRST, change, create_csr(FileSigner(key), "card"))
        return ForgedCard(key, issued.der)

    def log_in(self, card: ForgedCard, nonce: str | None = None) -> httpx.Response:
        given = self.api.post("/sessions/card-challenges").json()
        token = card.token(given["nonce"], given["origin"])
        return self.api.post("/sessions/by-card", json={"token": token, "nonce": nonce or given["nonce"]})


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    home = initialise(tmp_path / "home")
    with open_installation(home.root) as installation, running(create_app(installation)) as address:
        write_site(home, f"{address}/verifier", _key(installation))
        with httpx.Client(base_url=f"{address}/issuance/v1", timeout=60) as api:
            yield House(installation, api, home.public_url)


def _key(installation: Installation) -> str:
    return installation.verifier.services.renew_key("registry").api_key


def test_whose_card_it_is_opens_their_session(house: House) -> None:
    card = house.card("supervisor-1")
    answer = house.log_in(card)
    assert answer.status_code == 201, answer.text
    mine = {"Authorization": f"Bearer {answer.json()['token']}", "Hoviat-Purpose": "decision"}
    assert house.api.get("/applications", headers=mine).status_code == 200
    refused(house.api.get("/stations", headers=mine), 403, "role-required")


def test_a_nonce_serves_once_and_is_the_verifiers(house: House) -> None:
    card = house.card("clerk-1")
    given = house.api.post("/sessions/card-challenges").json()
    body = {"token": card.token(given["nonce"], given["origin"]), "nonce": given["nonce"]}
    assert house.api.post("/sessions/by-card", json=body).status_code == 201
    assert house.api.post("/sessions/by-card", json=body).status_code == 401
    assert house.log_in(card, nonce="guessed").status_code in {401, 503}


def test_the_card_before_opens_nothing(house: House) -> None:
    old, new = house.card("clerk-1"), house.card("clerk-1")
    problem = refused(house.log_in(old), 401, "card-refused")
    assert "receipt" in problem["detail"]
    assert house.log_in(new).status_code == 201


def test_a_locked_account_has_no_card(house: House) -> None:
    card = house.card("clerk-1")
    accounts = house.installation.issuance.accounts
    accounts.confirm(SECOND, accounts.propose(FIRST, Wanted(ChangeKind.LOCK, "clerk-1")))
    refused(house.log_in(card), 401, "card-refused")


def test_a_certificate_without_a_binding_opens_nothing(house: House) -> None:
    """Of the operators' CA and for a known name, but no two administrators bound it to an account."""
    key = ec.generate_private_key(ec.SECP256R1())
    csr = create_csr(FileSigner(key), "card")
    request = CertificateRequest("rogue", Profile.OPERATOR, InstitutionSubject("clerk-1"), csr, "somebody")
    issued = house.installation.pki.authority.issue(request)
    refused(house.log_in(ForgedCard(key, issued.der)), 401, "card-refused")


def test_another_certificate_of_a_bound_account_opens_nothing(house: House) -> None:
    """The binding is to the certificate that two administrators had made, not to whatever bears the name."""
    card = house.card("clerk-1")
    key = ec.generate_private_key(ec.SECP256R1())
    csr = create_csr(FileSigner(key), "card")
    request = CertificateRequest("rogue", Profile.OPERATOR, InstitutionSubject("clerk-1"), csr, "somebody")
    issued = house.installation.pki.authority.issue(request)
    refused(house.log_in(ForgedCard(key, issued.der)), 401, "card-refused")
    assert house.log_in(card).status_code == 201


def test_a_citizens_card_opens_nothing(house: House) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    csr = create_csr(FileSigner(key), "card")
    person = PersonSubject("0499370899", "مریم", "احمدی")
    authority = house.installation.pki.authority
    issued = authority.issue(CertificateRequest("citizen", Profile.AUTHENTICATION, person, csr, "test"))
    authority.activate(issued.serial, "test", "delivered")
    refused(house.log_in(ForgedCard(key, issued.der)), 401, "card-refused")


def test_another_sites_signature_opens_nothing(house: House) -> None:
    card = house.card("clerk-1")
    given = house.api.post("/sessions/card-challenges").json()
    token = card.token(given["nonce"], "https://elsewhere.example")
    answer = house.api.post("/sessions/by-card", json={"token": token, "nonce": given["nonce"]})
    refused(answer, 401, "card-refused")


@pytest.mark.parametrize("content", [None, b"", b"[]", b"{}", b'{"verifier": "http://127.0.0.1:1"}'])
def test_a_registry_that_is_no_site(house: House, content: bytes | None) -> None:
    site = house.installation.home.secrets / OPERATORS_SITE
    site.unlink()
    if content is not None:
        site.write_bytes(content)
    refused(house.api.post("/sessions/card-challenges"), 404, "card-login-not-set-up")


def test_a_verifier_that_does_not_answer_lets_nobody_in(house: House) -> None:
    write_site(house.installation.home, "http://127.0.0.1:9/verifier", _key(house.installation))
    refused(house.api.post("/sessions/card-challenges"), 503, "card-login-unavailable")
    members = ("format", "algorithm", "unverifiedCertificate", "signature")
    body = {"token": dict.fromkeys(members, "x"), "nonce": "x"}
    refused(house.api.post("/sessions/by-card", json=body), 503, "card-login-unavailable")


def test_older_homes_become_a_site(house: House) -> None:
    home = house.installation.home
    before = (home.secrets / OPERATORS_SITE).read_bytes()
    connect_registry(home)
    assert (home.secrets / OPERATORS_SITE).read_bytes() != before
    assert (home.secrets / OPERATORS_SITE).stat().st_mode & 0o777 == 0o600
