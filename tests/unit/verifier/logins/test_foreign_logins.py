"""Logins with cards of another authority: its status is asked over the network and keeps no other login."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID

from pki.store.database import create_database_engine, migrate
from simulators.forge.certificates import NOW, POLICY_OID
from simulators.forge.tokens import Forge, ForgedCard
from tests.receiptkeys import receipt_keys
from tests.unit.verifier.status.responder import (
    HERE,
    LOOPBACK,
    Behaviour,
    Server,
    Watch,
    error_answer,
    serving,
    silent,
)
from tests.unit.verifier.status.responder import answering as answering_with
from verifier.app import create_app
from verifier.authentication.policy import WEB_EID_POLICY, national_policy
from verifier.authentication.status import Asked, CertificateStatus, StatusAnswer
from verifier.authentication.trust import GivenTrust, PinnedTrust, Trust
from verifier.authentication.verification import TokenVerifier
from verifier.bootstrap import MIGRATIONS, assemble
from verifier.logins.records import LoginRecords
from verifier.logins.service import ForeignPolicyError, LoginService, StatusNotAskedError
from verifier.status.lookup import ForeignStatus
from verifier.status.settings import Mode, SourceSettings
from verifier.status.sources import ANY_ISSUER, Source, Sources
from verifier.store.sessions import Database

OWN, FOREIGN = Forge.create(), Forge.create()
ORIGINS = {"national": "https://own.example.ir", "webeid": "https://foreign.example.ir"}
HOST = "status.example"
LABELS = 'source="foreign",protocol="ocsp"'


def good(asked: Sequence[Asked]) -> list[StatusAnswer]:
    return [StatusAnswer(CertificateStatus.GOOD) for _ in asked]


def foreign_card(url: str | None) -> ForgedCard:
    """A card whose certificate names a responder."""
    if url is None:
        return FOREIGN.card()
    location = x509.UniformResourceIdentifier(url)
    access = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, location)
    return FOREIGN.card(extensions=((x509.AuthorityInformationAccess([access]), False),))


class World:
    """Both policies in one application, the sites' keys, and one source for whoever is foreign."""

    def __init__(self, folder: Path, server: Server, changes: dict[str, Any]) -> None:
        self.server = server
        engine = create_database_engine(f"sqlite:///{folder / 'verifier.sqlite3'}")
        migrate(engine, MIGRATIONS)
        self.trust: dict[str, Trust] = {
            "national": PinnedTrust([OWN.root.certificate], [OWN.authority.certificate]),
            "webeid": changes.pop(
                "trust", GivenTrust([FOREIGN.authority.certificate.public_bytes(Encoding.DER)])
            ),
        }
        trust = self.trust
        wanted = {
            "hosts": frozenset({f"{HOST}:{server.port}"}),
            "networks": (LOOPBACK,),
            "budget": 30.0,
            **changes,
        }
        sources = Sources({ANY_ISSUER: Source(SourceSettings("foreign", Mode.OCSP, **wanted))})
        verifiers = [
            TokenVerifier(national_policy(frozenset({POLICY_OID})), trust["national"], good),
            TokenVerifier(WEB_EID_POLICY, trust["webeid"], None),
        ]
        self.verifier = assemble(
            Database(engine), verifiers, receipt_keys(), self.clock, ForeignStatus(sources, HERE, Watch())
        )
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(create_app(self.verifier)), base_url="http://verifier"
        )
        self.keys = {
            policy: self.verifier.services.register_site(policy, origin, policy).api_key
            for policy, origin in ORIGINS.items()
        }

    @staticmethod
    def clock() -> datetime:
        return NOW

    async def log_in(self, card: ForgedCard, policy: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.keys[policy]}"}
        challenge = await self.http.post("/v1/challenges", json={}, headers=headers)
        nonce = challenge.json()["nonce"]
        body = {"token": card.token(nonce, ORIGINS[policy]), "nonce": nonce}
        return await self.http.post("/v1/authentications", json=body, headers=headers)

    async def metrics(self) -> str:
        return (await self.http.get("/metrics")).text


@asynccontextmanager
async def world(folder: Path, behaviour: Behaviour, **changes: Any) -> AsyncIterator[tuple[World, str]]:
    async with serving(behaviour) as server:
        made = World(folder, server, changes)
        try:
            yield made, f"http://{HOST}:{server.port}/ocsp"
        finally:
            await made.http.aclose()
            made.verifier.close()


def outcome(response: httpx.Response) -> tuple[int, str]:
    body = response.json()
    return response.status_code, body["receipt"]["outcome"]


def honest(status: CertificateStatus) -> Behaviour:
    """The foreign authority itself as the responder."""
    revoked = status is CertificateStatus.REVOKED

    def answer(body: bytes) -> bytes:
        request = ocsp.load_der_ocsp_request(body)
        nonce = request.extensions.get_extension_for_class(x509.OCSPNonce).value
        about = x509.load_der_x509_certificate(FOREIGN.card(serial=request.serial_number).der)
        builder = ocsp.OCSPResponseBuilder().add_response(
            about,
            FOREIGN.authority.certificate,
            SHA1(),  # noqa: S303 - only names the issuer
            ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD,
            NOW,
            None,
            NOW if revoked else None,
            None,
        )
        builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, FOREIGN.authority.certificate)
        builder = builder.add_extension(nonce, critical=False)
        return builder.sign(FOREIGN.authority.key, SHA256()).public_bytes(Encoding.DER)

    return answering_with(answer)


def run(
    folder: Path, behaviour: Behaviour, work: Callable[[World, str], Awaitable[None]], **changes: Any
) -> None:
    async def all_of_it() -> None:
        async with world(folder, behaviour, **changes) as (made, url):
            await work(made, url)

    asyncio.run(all_of_it())


def test_a_good_foreign_card_logs_in(tmp_path: Path) -> None:
    async def work(made: World, url: str) -> None:
        response = await made.log_in(foreign_card(url), "webeid")
        assert outcome(response) == (200, "accepted")
        assert response.json()["claims"]["surname"] == "احمدی"
        page = await made.metrics()
        assert 'status_answers_total{source="foreign",protocol="ocsp",outcome="good"} 1' in page
        assert 'status_breaker_state{source="foreign",protocol="ocsp"} 0' in page

    run(tmp_path, honest(CertificateStatus.GOOD), work)


def test_a_revoked_one_does_not(tmp_path: Path) -> None:
    async def work(made: World, url: str) -> None:
        response = await made.log_in(foreign_card(url), "webeid")
        assert outcome(response) == (403, "certificate-revoked")
        assert response.json()["receipt"]["failed_step"] == 8

    run(tmp_path, honest(CertificateStatus.REVOKED), work)


REFUSED: dict[str, tuple[Behaviour, bool, str]] = {
    "slow": (silent, True, "status-timeout"),
    "tryLater": (answering_with(lambda _body: error_answer(3)), True, "status-source-failed"),
    "lying": (answering_with(lambda _body: b"garbage"), True, "status-untrusted-answer"),
    "nobody named": (silent, False, "status-source-unknown"),
}


@pytest.mark.parametrize(("behaviour", "named", "kind"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_known_is_refused_and_said(
    behaviour: Behaviour, kind: str, tmp_path: Path, *, named: bool
) -> None:
    async def work(made: World, url: str) -> None:
        response = await made.log_in(foreign_card(url if named else None), "webeid")
        assert outcome(response) == (503, kind)
        assert response.json()["type"].endswith(kind)
        assert response.headers["retry-after"]

    run(tmp_path, behaviour, work, budget=0.05 if kind == "status-timeout" else 30.0)


def test_an_authority_below_the_anchor_of_which_nobody_tells(tmp_path: Path) -> None:
    """It is not pinned, so the root is asked about it; this one's certificate doesn't say where."""

    async def work(made: World, url: str) -> None:
        response = await made.log_in(foreign_card(url), "webeid")
        assert outcome(response) == (503, "status-source-unknown")
        assert response.json()["receipt"]["certificate_hash"] is not None
        assert made.server.received == []

    trust = PinnedTrust([FOREIGN.root.certificate], [FOREIGN.authority.certificate])
    run(tmp_path, honest(CertificateStatus.GOOD), work, trust=trust)


def test_a_token_with_a_wrong_signature_asks_nobody(tmp_path: Path) -> None:
    async def work(made: World, url: str) -> None:
        card = foreign_card(url)
        response = await made.log_in(ForgedCard(OWN.card().key, card.der), "webeid")
        assert outcome(response) == (403, "signature-invalid")
        assert 'status_answers_total{source="foreign"' not in await made.metrics()

    run(tmp_path, silent, work)


def test_a_dead_foreign_authority_keeps_no_thread_from_our_own_cards(tmp_path: Path) -> None:
    """More foreign logins hang than there are threads; our own go through meanwhile, all of them."""

    async def work(made: World, url: str) -> None:
        card = foreign_card(url)
        hanging = [asyncio.create_task(made.log_in(card, "webeid")) for _ in range(60)]
        while len(made.server.received) < len(hanging):
            made.server.asked.clear()
            await made.server.asked.wait()
        assert f"status_asking{{{LABELS}}} 60" in await made.metrics()
        for _ in range(5):
            assert outcome(await made.log_in(OWN.card(), "national")) == (200, "accepted")
        assert not any(task.done() for task in hanging)
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)

    run(tmp_path, silent, work, places=100)


def test_two_parallel_posts_of_one_foreign_token_are_one_login(tmp_path: Path) -> None:
    async def work(made: World, url: str) -> None:
        headers = {"Authorization": f"Bearer {made.keys['webeid']}"}
        nonce = (await made.http.post("/v1/challenges", json={}, headers=headers)).json()["nonce"]
        body = {"token": foreign_card(url).token(nonce, ORIGINS["webeid"]), "nonce": nonce}
        both = await asyncio.gather(
            *(made.http.post("/v1/authentications", json=body, headers=headers) for _ in range(2))
        )
        assert sorted(map(outcome, both)) == [(200, "accepted"), (409, "challenge-used")]

    run(tmp_path, honest(CertificateStatus.GOOD), work)


def test_without_an_event_loop_nobody_logs_in_without_a_status(tmp_path: Path) -> None:
    async def work(made: World, _url: str) -> None:
        site = made.verifier.services.authenticate(made.keys["webeid"])
        with pytest.raises(ForeignPolicyError):
            made.verifier.logins.authenticate(site, base64.b64encode(bytes(32)).decode(), lambda: None)  # type: ignore[arg-type, return-value]

    run(tmp_path, silent, work)


def test_no_policy_can_leave_the_status_out(tmp_path: Path) -> None:
    async def work(made: World, _url: str) -> None:
        careless = TokenVerifier(WEB_EID_POLICY, made.trust["webeid"], None)
        records = LoginRecords(made.verifier.database, {}, receipt_keys(), made.clock)
        with pytest.raises(StatusNotAskedError):
            LoginService(records, {"webeid": careless})

    run(tmp_path, silent, work)
