"""Mass actions in the log: an entry of a part holds a digest; the table of targets gives its serials."""

import hashlib
import hmac
from collections.abc import Iterator, Mapping

from sqlalchemy.orm import Session

from pki.auditchain import Json
from pki.auditchain.table import StoredEntry
from pki.authority.transitions import Change
from pki.massactions.parts import Span, kept_serials, span_between
from pki.massactions.rows import proposal_digest, read_terms
from pki.massactions.values import Kind
from pki.store.massactions import MassActionRow

PROPOSED = "mass.proposed"
PARTS = frozenset(f"mass.{kind.value}" for kind in Kind)
_SUBJECT = "mass-"


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
            digest.update(serial)
        if not hmac.compare_digest(digest.hexdigest(), str(entry.details.get("serials"))):
            raise MassReplayError(f"the serials of entry {entry.sequence} are not those that the log says")
        return kept_serials(self._session, span)

    def change_of(self, number: int) -> Change:
        """What the action does, from its row, if that is what was proposed. Raises MassReplayError."""
        if number not in self._changes:
            row = self._session.get(MassActionRow, number)
            due = self._proposed.get(number)
            if row is None or due is None or not hmac.compare_digest(proposal_digest(row).hex(), due):
                raise MassReplayError(f"mass action {number} is not on record as it was proposed")
            self._changes[number] = read_terms(row).change("")
        return self._changes[number]


def number_of(entry: StoredEntry) -> int:
    """The action that an entry is about. Raises MassReplayError."""
    digits = entry.subject.removeprefix(_SUBJECT)
    if not digits.isascii() or not digits.isdecimal():
        raise MassReplayError(f"entry {entry.sequence} names no mass action")
    return int(digits)


def _span(number: int, details: Mapping[str, Json]) -> Span:
    try:
        return span_between(number, str(details["issuer"]), _place(details["first"]), _place(details["last"]))
    except (KeyError, ValueError) as error:
        raise MassReplayError(
            f"a part of mass action {number} does not say where it begins and ends"
        ) from error


def _place(text: Json) -> tuple[int, int]:
    shard, _, serial = str(text).partition(":")
    return int(shard), int(serial, 16)
