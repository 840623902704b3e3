"""The status store: what is known of a serial, by one indexed read."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeAlias

from cryptography import x509
from sqlalchemy import Engine

from pki.authority.issuers import Issuers
from pki.der import DerError
from pki.errors import UnknownCertificateError
from pki.profiles.tbs import TbsFields, read_tbs
from pki.status.feed import read_states
from pki.status.state import CertificateState, RevocationReason, Status
from pki.store.columns import MAX_SERIAL
from pki.store.database import read_only

Found: TypeAlias = tuple[str, CertificateState]
"""The short name of the CA that issued it, and its state."""


class StatusStore:
    """Answers from the authority's own records, so a revocation counts from the moment it is committed."""

    def __init__(self, engine: Engine, issuers: Issuers) -> None:
        self._engine = read_only(engine)
        self.learn(issuers)

    def learn(self, issuers: Issuers) -> None:
        """These are the CAs from now on. For any thread."""
        # By name and key: generations of a CSCA, and cross certificates, share a name.
        self._issuers = {(ca.facts.subject, ca.spki): ca.name for ca in issuers}
        self._names: dict[x509.Certificate, str] = {}

    def lookup(self, issuer: str | x509.Certificate, serial: int) -> CertificateState | None:
        """The state of the certificate that this CA (by short name or certificate) issued with this serial.

        None: never issued by it. That is no good news: refuse, as with a revoked one.
        Raises SQLAlchemyError when the database can't be asked; then nothing is known.
        """
        return self.lookup_many(((issuer, serial),))[0]

    def lookup_many(
        self, asked: Sequence[tuple[str | x509.Certificate, int]]
    ) -> list[CertificateState | None]:
        """`lookup` for each, in their order, by one read."""
        found = self.states({serial for _, serial in asked})
        states: list[CertificateState | None] = []
        for issuer, serial in asked:
            name = issuer if isinstance(issuer, str) else self._name_of(issuer)
            of_name, state = found.get(serial, (None, None))
            states.append(state if of_name == name else None)
        return states

    def state_of(self, serial: int) -> CertificateState:
        """The state of a certificate of any of the CAs. Raises UnknownCertificateError."""
        found = self.states((serial,)).get(serial)
        if found is None:
            raise UnknownCertificateError(serial)
        return found[1]

    def _name_of(self, issuer: x509.Certificate) -> str | None:
        name = self._names.get(issuer)
        if name is None:
            name = self._read_name(issuer)
            if name is not None:  # strangers are not remembered: there may be any number of them
                self._names[issuer] = name
        return name

    def _read_name(self, issuer: x509.Certificate) -> str | None:
        try:
            fields: TbsFields = read_tbs(issuer.tbs_certificate_bytes)
        except DerError:
            return None  # not in the form of our CAs' certificates
        return self._issuers.get((fields.subject, fields.spki))

    def states(self, serials: Collection[int]) -> dict[int, Found]:
        """Issuer and state of each of these serials that was issued, by one read. Raises SQLAlchemyError."""
        askable = [serial for serial in serials if 0 < serial <= MAX_SERIAL]
        if not askable:
            return {}
        rows = read_states(self._engine, askable)
        return {
            int.from_bytes(serial, "big"): (issuer, _state(status, reason, since))
            for serial, issuer, status, reason, since in rows
        }


@lru_cache(maxsize=4096)
def _state(status: str, reason: str | None, since: int) -> CertificateState:
    """Most certificates of a batch share theirs."""
    return CertificateState(
        Status(status), RevocationReason(reason) if reason else None, datetime.fromtimestamp(since, UTC)
    )
