"""Keeps the stored answers right: follows the status, adds what was made, makes anew what grows old."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from pki.auditchain.chain import Head
from pki.status.feed import Standing, StatusFeed
from pki.status.ocsp.answerstore import Adding, AnswerStore, Mark
from pki.status.ocsp.forms import CertIdForms
from pki.status.ocsp.record import StoredAnswer
from pki.store.columns import serial_octets

MAX_NAMED = 5_000
"""Changes of one CA that are looked up one by one; beyond, all its answers are made anew."""

_LOG = logging.getLogger(__name__)


class AnswerKeeper:
    """Writes the store. Raises SQLAlchemyError, lmdb.Error."""

    def __init__(self, store: AnswerStore, feed: StatusFeed, forms: CertIdForms) -> None:
        self._store = store
        self._feed = feed
        self._forms = forms

    def follow(self) -> dict[str, int]:
        """Brings the store up to what the database says now; returns the CAs' floors."""
        head, marks = self._store.head(), self._store.marks()
        standing = self._feed.standing()
        if marks and not self._continues(head, marks, standing):
            # The database is another one than was followed: nothing is known of what is stored.
            _LOG.warning("the status database went back; all stored OCSP answers are dropped")
            self._store.clear()
            head, marks = None, {}
        for issuer, position in standing.positions.items():
            mark = marks.get(issuer)
            if mark is None or mark.position < position:
                self._advance(issuer, mark, position, standing.head)
        if head != standing.head:
            self._store.note(standing.head)
        return {name: mark.floor for name, mark in self._store.marks().items()}

    def add(self, answers: Iterable[StoredAnswer], head: Head) -> int:
        """Keeps answers that are still right; returns how many.

        :param head: the audit chain's end, read after their certificates' states
        """
        by_issuer: dict[str, list[StoredAnswer]] = defaultdict(list)
        for answer in answers:
            by_issuer[answer.form.issuer].append(answer)
        kept = 0
        with self._store.adding() as adding:
            known = adding.head()
            if known is None or not (self._feed.knows(known) and self._feed.knows(head)):
                return 0  # the database went back: `follow` empties the store
            for issuer, of_issuer in by_issuer.items():
                kept += self._add(adding, issuer, of_issuer, head)
        return kept

    def _continues(self, head: Head | None, marks: Mapping[str, Mark], standing: Standing) -> bool:
        """Whether all that the store has followed is part of what the database holds."""
        if any(standing.positions.get(name, -1) < mark.position for name, mark in marks.items()):
            return False
        return head is not None and (head == standing.head or self._feed.knows(head))

    def _advance(self, issuer: str, mark: Mark | None, position: int, head: Head) -> None:
        changes = {} if mark is None else self._feed.changed_since(issuer, mark.position, MAX_NAMED)
        form_ids = [form.form_id for form in self._forms.of_issuer(issuer)]
        self._store.advance(issuer, position, form_ids, changes, head)

    def _add(self, adding: Adding, issuer: str, answers: Sequence[StoredAnswer], head: Head) -> int:
        mark = adding.mark(issuer)
        if mark is None:
            return 0
        oldest = min(answer.version for answer in answers)
        changes = {} if oldest >= mark.position else self._feed.changed_since(issuer, oldest, MAX_NAMED)
        records = {
            answer.key: answer.record()
            for answer in answers
            if answer.version >= mark.floor and _still_right(answer, mark, changes)
        }
        adding.put(records, head)
        return len(records)


def _still_right(answer: StoredAnswer, mark: Mark, changes: dict[bytes, int] | None) -> bool:
    """Whether nothing changed between the answer's version and the store's mark."""
    if answer.version >= mark.position:
        return True
    if changes is None:
        return False
    return changes.get(serial_octets(answer.serial), 0) <= answer.version
