"""Operators log in with cards: two administrators bind them, the real verifier says whose they are."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import select

from cardio.errors import InvalidPinError
from cardio.piv.session import PivSession
from cardio.piv.slots import Slot
from cardio.transport import pcsc
from cardio.webeid import create_token
from issuance.bootstrap import open_workshop
from issuance.operators.accounts import Wanted
from issuance.operators.cardmaking import make_card
from issuance.operators.changes import ChangeKind
from issuance.operators.models import OperatorSession, Role
from issuance.operators.service import Actor
from issuance.production.errors import BodyNotInStockError, BodyUsedError, NotABlankError
from issuance.stock.check import faults
from issuance.verifiersite import OPERATORS_SITE, write_site
from pki.authority import CertificateRequest, PersonSubject
from pki.authority.values import InstitutionSubject
from pki.keys.files import FileSigner
from pki.pkcs10 import create_csr
from pki.profiles import Profile
from simulators.card.card import SimulatedCard
from simulators.card.file import CardFile
from simulators.depot import take_in
from simulators.factory import make_blank
from simulators.forge.tokens import ForgedCard
from simulators.installation.server import create_app, running
from simulators.installation.services import Installation, connect_registry, initialise, open_installation
from simulators.readers.inprocess import InProcessReader
from tests.integration.issuance.office import Readers
from tests.integration.issuance.test_registry_api import refused

PIN = "24681357"
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

    def prove(self, card: ForgedCard, headers: dict[str, str]) -> httpx.Response:
        given = self.api.post("/sessions/card-challenges").json()
        token = card.token(given["nonce"], given["origin"])
        body = {"token": token, "nonce": given["nonce"]}
        return self.api.post("/sessions/current/proof", json=body, headers=headers)

    @property
    def origin_of_cards(self) -> str:
        return str(self.api.post("/sessions/card-challenges").json()["origin"])


@contextmanager
def open_house(tmp_path: Path) -> Iterator[House]:
    """Everything of a home in one server, the verifier too."""
    home = initialise(tmp_path / "home")
    with open_installation(home.root) as installation, running(create_app(installation)) as address:
        write_site(home, f"{address}/verifier", _key(installation))
        with httpx.Client(base_url=f"{address}/issuance/v1", timeout=60) as api:
            yield House(installation, api, home.public_url)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as opened:
        yield opened


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


def test_a_card_proves_once_more(house: House) -> None:
    card, others = house.card("supervisor-1"), house.card("clerk-1")
    mine = {"Authorization": f"Bearer {house.log_in(card).json()['token']}"}
    before = _proved_at(house)
    refused(house.prove(others, mine), 401, "card-refused")
    assert _proved_at(house) == before
    assert house.prove(card, mine).status_code == 204
    assert _proved_at(house) > before


def _proved_at(house: House) -> datetime:
    with house.installation.issuance.database.reading() as session:
        query = select(OperatorSession.proved_at).where(OperatorSession.username == "supervisor-1")
        return session.scalars(query).one()


def test_a_card_at_the_pages(house: House) -> None:
    """As the button's script does it; the nonce is this browser's alone."""
    card = house.card("supervisor-1")
    pages = str(house.api.base_url).removesuffix("/v1/")
    with httpx.Client(base_url=pages, timeout=60) as browser, httpx.Client(base_url=pages) as other:
        assert 'id="use-card"' in browser.get("/login").text
        given = browser.post("/card-challenges").json()
        form = {"token": json.dumps(card.token(given["nonce"], house.origin_of_cards))}
        assert other.post("/login/card", data=form).status_code == 422
        other.post("/card-challenges")
        assert other.post("/login/card", data=form).status_code == 401
        assert browser.post("/login/card", data={"token": "{}"}).status_code == 422
        assert (
            browser.post("/login/card", data=form, headers={"Origin": "https://x.example"}).status_code == 403
        )
        assert browser.post("/login/card", data=form).status_code == 303
        assert browser.get("/applications").status_code == 200
        browser.post("/card-challenges")
        assert browser.post("/login/card", data=form).status_code == 401  # of an earlier challenge


def test_a_card_is_made_of_a_blank_and_logs_in(house: House) -> None:
    """What `hoviat registry operator card` does, and the holder with the card afterwards."""
    registry, pki = house.installation.issuance, house.installation.pki
    change = registry.accounts.propose(FIRST, Wanted(ChangeKind.CARD, "clerk-1"))
    registry.accounts.confirm(SECOND, change)
    blank = make_blank(house.installation.home.cards, pki.master_keys["factory"])
    take_in(registry, [blank])
    shop = open_workshop(registry.database, pki)
    file = CardFile.open(blank)
    with InProcessReader("the administrators' reader") as reader, closing(file):
        reader.insert(SimulatedCard(file))
        made = make_card(shop, registry.accounts, Readers(reader.name), FIRST, change, reader.name, PIN)
        with closing(pcsc.connect(reader.name)) as connection:
            card = PivSession(connection)
            assert card.read_certificate(Slot.AUTHENTICATION) == made.der
            given = house.api.post("/sessions/card-challenges").json()
            with pytest.raises(InvalidPinError):
                create_token(card, "000000", given["origin"], given["nonce"])
            token = create_token(card, PIN, given["origin"], given["nonce"])
        with pytest.raises(NotABlankError):
            make_card(shop, registry.accounts, Readers(reader.name), FIRST, change, reader.name, PIN)
        reader.remove()
    with pytest.raises(BodyUsedError):
        registry.accounts.take_body(FIRST, change, blank.stem)
    answer = house.api.post("/sessions/by-card", json={"token": token, "nonce": given["nonce"]})
    assert answer.status_code == 201, answer.text
    mine = {"Authorization": f"Bearer {answer.json()['token']}", "Hoviat-Purpose": "enrolment"}
    assert house.api.get("/applications", headers=mine).status_code == 200
    assert registry.stock.history(blank.stem)[-1].reason == f"operator card {change}"
    with registry.database.reading() as session:
        assert list(faults(session)) == []


def test_no_card_is_made_of_what_is_not_in_stock(house: House) -> None:
    registry, pki = house.installation.issuance, house.installation.pki
    change = registry.accounts.propose(FIRST, Wanted(ChangeKind.CARD, "clerk-1"))
    registry.accounts.confirm(SECOND, change)
    blank = make_blank(house.installation.home.cards, pki.master_keys["factory"])
    file = CardFile.open(blank)
    shop = open_workshop(registry.database, pki)
    with InProcessReader("the administrators' reader") as reader, closing(file):
        reader.insert(SimulatedCard(file))
        with pytest.raises(BodyNotInStockError):
            make_card(shop, registry.accounts, Readers(reader.name), FIRST, change, reader.name, PIN)
        reader.remove()


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
