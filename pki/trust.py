"""Our own authorities for relying parties, as the table holds them now: new generations, and none revoked."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from cryptography import x509
from sqlalchemy import Engine, Row, select

from pki.authority.issuers import Issuers, IssuingCa
from pki.authority.issuerseal import IssuerSeal
from pki.ceremony.founding import public_issuers
from pki.errors import IssuerAlteredError
from pki.hierarchy import Role
from pki.status.store import StatusStore
from pki.store.database import read_only
from pki.store.models import Issuer

CITIZENS = (Role.CITIZEN_AUTHENTICATION, Role.CITIZEN_SIGNATURE, Role.CARD)
LOOK_SECONDS = 1.0
"""How often the table is looked at, whoever asks: a few rows."""
_LOG = logging.getLogger(__name__)
_Version: TypeAlias = tuple[Row[str, bytes | None, bool, int], ...]


@dataclass(frozen=True)
class Trust:
    """What a relying party starts from."""

    anchors: tuple[x509.Certificate, ...]
    """The roots, every generation."""
    intermediates: tuple[x509.Certificate, ...]
    """The CAs of citizens' cards, every generation that isn't revoked."""
    staff: tuple[x509.Certificate, ...] = ()
    """The CAs of our own people's cards, in the same way: no citizen's card comes from them."""


class CurrentTrust:
    """Any thread may ask at any time. What nobody of ours wrote changes nothing."""

    def __init__(
        self,
        engine: Engine,
        seal: Callable[[], IssuerSeal],
        status: StatusStore,
        issuers: Issuers,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`status` learns of new CAs with it. Raises SQLAlchemyError."""
        self._engine = read_only(engine)
        self._seal = seal
        self._status = status
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._version = self._read_version()
        self._looked = monotonic()
        self._trust = self._trust_of(issuers)

    def current(self) -> Trust:
        """The same object until something changes. Raises SQLAlchemyError, KeyStoreError."""
        with self._lock:
            if self._monotonic() - self._looked >= LOOK_SECONDS:
                looked = self._monotonic()
                self._look()
                self._looked = looked
            return self._trust

    def _look(self) -> None:
        version = self._read_version()
        if version == self._version:
            return
        try:
            issuers = public_issuers(self._engine, self._seal)
        except IssuerAlteredError as error:
            _LOG.error("the authorities known before go on being trusted: %s", error)
        else:
            for refused in issuers.refused.values():
                _LOG.error("not used: %s", refused)
            self._status.learn(issuers)
            trust = self._trust_of(issuers)
            if trust != self._trust:
                self._trust = trust
                _LOG.info("trusted authorities: %s", ", ".join(ca.name for ca in issuers))
        self._version = version

    def _read_version(self) -> _Version:
        """A root's status version rises when a CA below it is revoked; other CAs' rise with every card."""
        root = Issuer.role == Role.ROOT.value
        version = select(Issuer.name, Issuer.certificate, Issuer.retired, Issuer.status_version).where(root)
        others = select(Issuer.name, Issuer.certificate, Issuer.retired, Issuer.shards).where(~root)
        with self._engine.connect() as connection:
            rows = [*connection.execute(version), *connection.execute(others)]
        return tuple(sorted(rows, key=lambda row: str(row[0])))

    def _trust_of(self, issuers: Issuers) -> Trust:
        below = [ca for role in CITIZENS for ca in issuers.generations(role)]
        staff = _loaded(self._standing(list(issuers.generations(Role.OPERATOR))))
        return Trust(_loaded(issuers.generations(Role.ROOT)), _loaded(self._standing(below)), staff)

    def _standing(self, authorities: list[IssuingCa]) -> list[IssuingCa]:
        """Those that their root hasn't stopped."""
        states = self._status.states([ca.serial for ca in authorities if ca.serial is not None])
        stopped = {serial for serial, (_, state) in states.items() if not state.is_good}
        for ca in authorities:
            if ca.serial in stopped:
                _LOG.error("not trusted: CA %s is revoked or on hold", ca.name)
        return [ca for ca in authorities if ca.serial not in stopped]


def _loaded(authorities: Iterable[IssuingCa]) -> tuple[x509.Certificate, ...]:
    return tuple(
        x509.load_der_x509_certificate(ca.certificate) for ca in authorities if ca.certificate is not None
    )
