"""Mass actions in the log: an entry of a part holds a digest; the table of targets gives its serials."""

import hashlib
import hmac
from collections.abc import Iterator, Mapping

from sqlalchemy.orm import Session

from pki.auditchain import Json
from pki.auditchain.table import StoredEntry
from pki.authority.transitions import Change
from pki.errors import IssuerNameError, PkiError, UnknownMassActionError
from pki.hierarchy import parse_issuer_name
from pki.massactions.parts import Span, kept_serials, span_between
from pki.massactions.rows import proposal_digest, read_terms
from pki.massactions.values import Kind
from pki.store.columns import MAX_SERIAL
from pki.store.massactions import MassActionRow

PROPOSED = "mass.proposed"
PARTS = frozenset(f"mass.{kind.value}" for kind in Kind)
_SUBJECT = "mass-"
_MAX_DIGITS = 9
"""The table's numbers have no more."""
_MAX_SHARD = 32_767


class MassReplayError(Exception):
    """What a mass action did can't be read from the tables, or isn't what the log is committed to."""


class MassActionsTold:
    """The mass actions of which the log has told so far."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._proposed: dict[int, str] = {}
        self._changes: dict[int, Change] = {}

    def propose(self, entry: StoredEntry) -> None:
        """Notes the digest of what was proposed."""
        self._proposed[number_of(entry)] = str(entry.details.get("digest"))

    def serials(self, entry: StoredEntry) -> Iterator[bytes]:
        """The serials that a part changed, from the table of targets, if they give the log's digest.

        Raises MassReplayError; then no serial was given.
        """
        number = number_of(entry)
        self.change_of(number)
        span = _span(number, entry.details)
        digest = hashlib.sha256()
        for serial in kept_serials(self._session, span):
            if type(serial) is not bytes:  # SQLite keeps any type anywhere
                raise MassReplayError(f"the targets of mass action {number} are no serials")
            digest.update(serial)
        if not _same(digest.digest(), str(entry.details.get("serials"))):
            raise MassReplayError(f"the serials of entry {entry.sequence} are not those that the log says")
        return kept_serials(self._session, span)

    def change_of(self, number: int) -> Change:
        """What the action does, from its row, if that is what was proposed. Raises MassReplayError."""
        if number not in self._changes:
            try:
                self._changes[number] = self._read(number)
            except (PkiError, TypeError, ValueError) as error:  # SQLite keeps any type anywhere
                raise MassReplayError(f"mass action {number} is not on record as it was proposed") from error
        return self._changes[number]

    def _read(self, number: int) -> Change:
        row, due = self._session.get(MassActionRow, number), self._proposed.get(number)
        if row is None or due is None or not _same(proposal_digest(row), due):
            raise UnknownMassActionError(number)
        return read_terms(row).change("")


def number_of(entry: StoredEntry) -> int:
    """The action that an entry is about. Raises MassReplayError."""
    digits = entry.subject.removeprefix(_SUBJECT)
    if not digits.isascii() or not digits.isdecimal() or len(digits) > _MAX_DIGITS:
        raise MassReplayError(f"entry {entry.sequence} names no mass action")
    return int(digits)


def _span(number: int, details: Mapping[str, Json]) -> Span:
    try:
        issuer = str(details["issuer"])
        parse_issuer_name(issuer)  # no driver takes just any text
        return span_between(number, issuer, _place(details["first"]), _place(details["last"]))
    except (KeyError, ValueError, IssuerNameError) as error:
        raise MassReplayError(
            f"a part of mass action {number} does not say where it begins and ends"
        ) from error


def _same(digest: bytes, told: str) -> bool:
    return hmac.compare_digest(digest.hex().encode(), told.encode("utf-8", "surrogatepass"))


def _place(text: Json) -> tuple[int, int]:
    """A shard and a serial. Raises ValueError."""
    shard, _, serial = str(text).partition(":")
    place = int(shard), int(serial, 16)
    if not (0 <= place[0] <= _MAX_SHARD and 0 < place[1] <= MAX_SERIAL):
        raise ValueError("no such place")
    return place
