"""The books of a site that was killed, read from its databases."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

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

    def check_chains(self) -> None:
        """The audit records of all three services hold."""
        lengths = verify_chains(self._site.home)
        assert lengths["pki"] > 0
        assert lengths["issuance"] > 0
