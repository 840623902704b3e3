"""A verifier with two sites behind its HTTP interface, for the tests of receipts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import create_engine, text
from starlette.applications import Starlette
from starlette.routing import Mount

from pki.store.database import create_database_engine, migrate
from simulators.forge.certificates import NOW, POLICY_OID
from simulators.forge.inprocess import AppTransport, client_of
from simulators.forge.tokens import Forge
from tests.receiptkeys import receipt_keys
from verifier.app import create_app
from verifier.authentication.policy import national_policy
from verifier.authentication.status import Asked, CertificateStatus, StatusAnswer
from verifier.authentication.statuserrors import StatusError
from verifier.authentication.trust import PinnedTrust
from verifier.authentication.verification import TokenVerifier
from verifier.bootstrap import MIGRATIONS, Verifier, assemble
from verifier.client import VerifierClient
from verifier.receipts.keys import ReceiptKeys
from verifier.receipts.ring import ReceiptKeyRing
from verifier.store.sessions import Database

FORGE = Forge.create()
CARD = FORGE.card()
ORIGIN = "https://portal.example.ir"


@dataclass
class World:
    url: str
    keys: ReceiptKeys | ReceiptKeyRing = field(default_factory=receipt_keys)
    now: datetime = NOW
    status: CertificateStatus = CertificateStatus.GOOD
    name: str = "portal"

    def __post_init__(self) -> None:
        engine = create_database_engine(self.url)
        migrate(engine, MIGRATIONS)
        trust = PinnedTrust([FORGE.root.certificate], [FORGE.authority.certificate])
        checks = TokenVerifier(national_policy(frozenset({POLICY_OID})), trust, self.lookup)
        self.verifier: Verifier = assemble(Database(engine), [checks], self.keys, lambda: self.now)
        self.app = Starlette(routes=[Mount("/verifier", create_app(self.verifier))])
        self.http = client_of(self.app, "http://verifier")
        self.key = self.verifier.services.register_site(self.name, ORIGIN).api_key

    @classmethod
    def in_folder(cls, folder: Path, **changes: Any) -> "World":
        return cls(f"sqlite:///{folder / 'verifier.sqlite3'}", **changes)

    def lookup(self, asked: Sequence[Asked]) -> list[StatusAnswer | StatusError]:
        return [StatusAnswer(self.status) for _ in asked]

    def client(self) -> VerifierClient:
        return VerifierClient("http://verifier/verifier", self.key, transport=AppTransport(self.app))

    def nonce(self) -> str:
        headers = {"Authorization": f"Bearer {self.key}"}
        answer = self.http.post("/verifier/v1/challenges", json={}, headers=headers)
        nonce: str = answer.json()["nonce"]
        return nonce

    def log_in(self, origin: str = ORIGIN, nonce: str | None = None) -> dict[str, Any]:
        """The receipt of an attempt."""
        receipt: dict[str, Any] = self.attempt(nonce or self.nonce(), origin).json()["receipt"]
        return receipt

    def attempt(self, nonce: str, origin: str = ORIGIN) -> httpx.Response:
        return self.http.post(
            "/verifier/v1/authentications",
            json={"token": CARD.token(nonce, origin), "nonce": nonce},
            headers={"Authorization": f"Bearer {self.key}"},
        )

    def page(self, code: str, **headers: str) -> httpx.Response:
        return self.http.get(f"/verifier/receipts/{code}", headers=headers)

    def own(self, code: str, key: str | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key or self.key}"}
        return self.http.get(f"/verifier/v1/receipts/{code}", headers=headers)

    def change(self, assignment: str, **values: object) -> None:
        """What somebody does who can write to the database."""
        engine = create_engine(self.url)
        with engine.begin() as connection:
            connection.execute(text(f"UPDATE receipts SET {assignment}"), values)  # noqa: S608 - the tests' own
        engine.dispose()

    def later(self, **step: int) -> None:
        self.now += timedelta(**step)

    def close(self) -> None:
        self.http.close()
        self.verifier.close()
