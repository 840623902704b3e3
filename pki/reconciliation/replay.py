"""Reads the log on its way through verification, and then holds the tables against it."""

import json
from collections.abc import Iterable, Iterator

from sqlalchemy.orm import Session

from pki.auditchain.errors import AuditChainError
from pki.auditchain.table import StoredEntry
from pki.authority.holders import ISSUED
from pki.authority.transitions import Change
from pki.reconciliation.authorities import AuthoritiesTold
from pki.reconciliation.comparison import Difference, Rows, differences
from pki.reconciliation.issuers import ISSUER_ACTIONS, IssuersTold
from pki.reconciliation.masses import PARTS, PROPOSED, MassActionsTold, MassReplayError, number_of
from pki.reconciliation.spool import Line, Spool
from pki.reconciliation.standing import CERTIFICATE_ACTIONS

_SERIAL_DIGITS = 32


class Reconciliation:
    """One comparison, in the caller's transaction on a `snapshot`: `watch` the whole log, then ask."""

    def __init__(self, session: Session, spool: Spool) -> None:
        self._session = session
        self._spool = spool
        self._authorities = AuthoritiesTold()
        self._issuers = IssuersTold()
        self._masses = MassActionsTold(session)
        self._mass_changes: dict[str, Change] = {}
        self._troubles: list[Difference] = []
        self._rows = Rows(session)

    @property
    def compared(self) -> int:
        """Rows that were held against the log so far."""
        return self._rows.count

    def watch(self, entries: Iterable[StoredEntry]) -> Iterator[StoredEntry]:
        """The entries as they come; what each says of certificates is kept on disk."""
        for entry in entries:
            if entry.action in CERTIFICATE_ACTIONS:
                self._take(entry)
            elif entry.action in ISSUER_ACTIONS:
                self._issuers.take(entry)
            elif entry.action == PROPOSED or entry.action in PARTS:
                self._take_mass(entry)
            yield entry

    def differences(self) -> Iterator[Difference]:
        """All there are, named; streamed."""
        yield from self._troubles
        yield from self._issuers.differences(self._session)
        yield from differences(self._rows, self._spool.sorted(), self._mass_changes)

    def _take(self, entry: StoredEntry) -> None:
        serial = _serial(entry.subject)
        if serial is None:
            self._troubles.append(Difference(_shown(entry), f"entry {entry.sequence} names no serial"))
            return
        if entry.action == ISSUED:
            fault = self._authorities.fault(serial, entry.details)
            if fault is not None:
                self._troubles.append(Difference(serial.hex(), f"entry {entry.sequence} issues it {fault}"))
        try:
            details = json.dumps(entry.details)
        except RecursionError as error:
            raise AuditChainError(entry.sequence, "was not written by this log: it nests too deep") from error
        self._spool.add(Line(serial, entry.sequence, _seconds(entry), entry.action, details))

    def _take_mass(self, entry: StoredEntry) -> None:
        try:
            if entry.action == PROPOSED:
                self._masses.propose(entry)
                return
            number = number_of(entry)
            serials = self._masses.serials(entry)
            self._mass_changes[str(number)] = self._masses.change_of(number)
        except MassReplayError as error:
            self._troubles.append(Difference(_shown(entry), str(error)))
            return
        key, seconds = str(number), _seconds(entry)
        self._spool.extend(Line(serial, entry.sequence, seconds, entry.action, key) for serial in serials)


def _serial(subject: str) -> bytes | None:
    try:
        return bytes.fromhex(subject) if len(subject) == _SERIAL_DIGITS else None
    except ValueError:
        return None


def _shown(entry: StoredEntry) -> str:
    """Its subject; escaped where it would change the screen."""
    return entry.subject if entry.subject.isprintable() else repr(entry.subject)


def _seconds(entry: StoredEntry) -> int:
    return int(entry.time.replace(microsecond=0).timestamp())
