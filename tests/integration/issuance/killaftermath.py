"""The books of a site that was killed, read from its databases."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from issuance.lifecycle.models import Card
from issuance.registry.models import Citizen
from pki.store.database import create_database_engine, read_only
from pki.store.encrypted import use_cipher
from simulators.installation.audit import verify_chains
from tests.integration.issuance.invariants import check, check_ended, citizens_statuses
from tests.integration.issuance.killedsite import Site


class Books:
    """Only read."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._engines = {
            service: create_database_engine(site.settings[f"HOVIAT_{service.upper()}_DATABASE"])
            for service in ("issuance", "pki")
        }
        use_cipher(self._engines["issuance"], site.cipher)

    @contextmanager
    def _engine(self, service: str) -> Iterator[Engine]:
        engine = self._engines[service]
        try:
            yield read_only(engine).execution_options(isolation_level="REPEATABLE READ")
        finally:
            engine.dispose()  # its server may be dead the next time

    @contextmanager
    def registry(self) -> Iterator[Session]:
        """One snapshot, taken now."""
        with self._engine("issuance") as engine, Session(engine) as session:
            session.execute(select(1))
            yield session

    def check_always(self) -> None:
        """At any moment, whatever is half done, and while somebody is at work on it."""
        with self._engine("pki") as authority:
            before = citizens_statuses(authority)
            with self.registry() as session:
                check(session, before, citizens_statuses(authority))

    def check_ended(self) -> None:
        """Once nothing is half done."""
        with self._engine("pki") as authority, self.registry() as session:
            check_ended(session, citizens_statuses(authority))

    def check_logs(self) -> None:
        """Much was told, and of nobody: no name, no code, no secret of any card (invariant 6)."""
        logs = b"".join(path.read_bytes() for path in self._site.logs)
        assert logs.count(b"\n") > 0
        with self.registry() as session:
            for citizen in session.scalars(select(Citizen)):
                told = [citizen.national_code, citizen.given_name, citizen.surname]
                assert not [word for word in told if word and word.encode() in logs]
            cards = list(session.scalars(select(Card.card_number)))
        for number in cards:
            assert not [secret for secret in self._site.secrets_of(number) if secret.encode() in logs]

    def check_chains(self) -> None:
        """The audit records of all three services hold."""
        lengths = verify_chains(self._site.home)
        assert lengths["pki"] > 0
        assert lengths["issuance"] > 0
