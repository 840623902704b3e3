"""The stored answers as one process gives them out: only while it knows that they are right."""

import logging
import time
from collections import deque
from dataclasses import replace

import lmdb
from sqlalchemy.exc import SQLAlchemyError

from pki.errors import PkiError
from pki.status.feed import StatusFeed
from pki.status.ocsp.answerstore import AnswerStore
from pki.status.ocsp.composing import Composer, ReadyAnswer
from pki.status.ocsp.keeping import AnswerKeeper
from pki.status.ocsp.policy import LEAST_LEFT, UNCONFIRMED_SECONDS
from pki.status.ocsp.record import StoredAnswer, read_times
from pki.status.ocsp.responder import OcspResponder
from pki.status.ocsp.response import cert_status
from pki.status.ocsp.verifying import verified
from pki.status.signingclock import Monotonic, SigningClock
from pki.status.store import Found, StatusStore

_LOOK_SECONDS = 0.05
"""How old the snapshot of the store may be in which answers are looked up."""
_MAX_WAITING = 20_000
"""Answers made and not yet stored; more are given out and forgotten."""
_FLUSHED = 1_000
"""Of these, as many are looked up at once."""
_LEAST_LEFT = int(LEAST_LEFT.total_seconds())
_LOG = logging.getLogger(__name__)


class PreparedAnswers:
    """Finds answers in the event loop; `follow` runs in a thread of its own, every second or so."""

    def __init__(
        self,
        responder: OcspResponder,
        status: StatusStore,
        store: AnswerStore,
        feed: StatusFeed,
        clock: SigningClock,
        monotonic: Monotonic = time.monotonic,
    ) -> None:
        self._forms = responder.forms
        self._maker = responder.maker
        self._status = status
        self._store = store
        self._feed = feed
        self._keeper = AnswerKeeper(store, feed, responder.forms)
        self._composer = self._new_composer()
        self._clock = clock
        self._monotonic = monotonic
        self._waiting: deque[StoredAnswer] = deque(maxlen=_MAX_WAITING)
        self._floors: dict[str, int] = {}
        self._known = 0
        self._confirmed: float | None = None
        self._reader = store.reader()
        self._looked = 0.0
        self._look_again = True

    @property
    def is_confirmed(self) -> bool:
        """Whether changes of status were read lately enough to give stored answers out."""
        confirmed = self._confirmed
        return confirmed is not None and self._monotonic() - confirmed <= UNCONFIRMED_SECONDS

    def find(self, request: bytes, now: int) -> ReadyAnswer | None:
        """The stored answer to a request in the common form; None: it must be made.

        :param now: seconds since 1970
        """
        found = self._forms.recognise(request)
        confirmed = self._confirmed
        if found is None or confirmed is None:
            return None
        elapsed = self._monotonic()
        if elapsed - confirmed > UNCONFIRMED_SECONDS:
            return None
        if elapsed - self._looked > _LOOK_SECONDS or self._look_again:
            self._look_again = False
            self._looked = elapsed
            self._reader.renew()
        form, serial = found
        try:
            record = self._reader.get(form.form_id + serial)
        except lmdb.Error as error:
            _log_unusable(error)
            return None
        if record is None:
            return None
        version, produced, _, next_update = read_times(record)
        floor = self._floors.get(form.issuer)
        right = floor is not None and version >= floor
        # While the clock is behind what is on record, what was made before it was set back serves on.
        if not right or produced > max(now, self._known) or now >= next_update - _LEAST_LEFT:
            return None
        return self._composer.compose(form, serial, record)

    def let_go(self) -> None:
        """Holds no snapshot of the store while nobody asks. Called in the thread that finds."""
        self._reader.release()
        self._look_again = True

    def keep(self, answer: StoredAnswer) -> None:
        """Puts an answer that was made for one request in store for others, soon."""
        self._waiting.append(answer)

    def follow(self) -> bool:
        """Reads what changed and stores what was made; says whether it could. Raises nothing of theirs.

        The time counts from before the database was read.
        """
        began = self._monotonic()
        try:
            self._floors = self._keeper.follow()
            self._confirmed = began
            self._clock.look()
            self._known = int(self._clock.known.timestamp())
            self._flush()
            self._look_again = True
        except (SQLAlchemyError, PkiError, lmdb.Error) as error:
            _log_unusable(error)
            return False
        return self._open_responders()

    def _new_composer(self) -> Composer:
        """It keeps what it knows of responders for good."""
        return Composer(self._maker.credential_by_tag, self._maker.extensions_of)

    def _open_responders(self) -> bool:
        """Drops those that were revoked; a new one is opened here and not in the event loop."""
        opened = True
        for source in self._maker.sources.values():
            try:
                if source.check():
                    self._composer = self._new_composer()
                source()
            except (SQLAlchemyError, PkiError) as error:
                _log_unusable(error)
                opened = False
        return opened

    def _flush(self) -> None:
        """Stores what was made, if the database still says the same: it may be another one since."""
        answers = [self._waiting.popleft() for _ in range(len(self._waiting))]
        for start in range(0, len(answers), _FLUSHED):
            some = answers[start : start + _FLUSHED]
            positions = self._feed.positions()
            states = self._status.states({answer.serial for answer in some})
            right = [
                replace(answer, version=positions[answer.form.issuer])
                for answer in some
                if _is_told(answer, states.get(answer.serial))
            ]
            self._keeper.add(verified(self._maker, right), self._feed.head())


def _is_told(answer: StoredAnswer, found: Found | None) -> bool:
    """Whether an answer says what is known now."""
    return found is not None and found[0] == answer.form.issuer and cert_status(found[1]) == answer.status


def _log_unusable(error: Exception) -> None:
    _LOG.warning("stored OCSP answers can't be followed: %s", type(error).__name__)
