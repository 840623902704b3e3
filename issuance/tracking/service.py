"""Slips for applicants, and the public answer to: how far is it?"""

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Integer, Select, bindparam, select, text
from sqlalchemy.orm import Session

from issuance.database import Database
from issuance.enrolment.kinds import RULES, ApplicationKind
from issuance.enrolment.models import Application
from issuance.enrolment.repository import get_application
from issuance.errors import ForbiddenTransitionError
from issuance.lifecycle.states import OPEN_APPLICATION_STATES, ApplicationState
from issuance.orders.repository import last_promise
from issuance.registry.dates import Precision, agrees
from issuance.registry.models import Citizen
from issuance.tracking.codes import TrackingCodeError, normalise
from issuance.tracking.errors import StatusThrottledError, StatusUnknownError
from issuance.tracking.keys import SlipKeys
from issuance.tracking.slips import Slip
from issuance.tracking.throttle import WrongTries
from pki.clock import Clock
from pki.store.database import UtcDateTime

WINDOW = timedelta(hours=1)
MOST_WRONG = 5
"""Wrong birth dates for one code within WINDOW, in all processes together."""
BUCKETS = 1 << 17
"""Codes are counted by bucket, so memory is bounded; two codes hardly ever share one."""


@dataclass(frozen=True)
class Status:
    """All that is told to whoever has code and birth date."""

    stage: ApplicationState
    promised_on: date | None
    """As the queue reckoned when it was asked last; a rule's term is no promise."""


class Tracking:
    """What citizens have and ask."""

    def __init__(self, database: Database, keys: SlipKeys, clock: Clock) -> None:
        self.keys = keys
        self._database = database
        self._clock = clock
        self._addresses = WrongTries(clock)

    def slip(self, application_id: str) -> tuple[Slip, str]:
        """A slip printed now, and its text. Raises ForbiddenTransitionError for one that is not under way."""
        with self._database.reading() as session:
            application = get_application(session, application_id)
        if application.tracking_code is None or application.state not in OPEN_APPLICATION_STATES:
            raise ForbiddenTransitionError("application", application.state, "print a slip")
        now = self._clock()
        slip = Slip(
            application.tracking_code,
            application.national_code[-4:],
            ApplicationKind(application.kind),
            now.replace(microsecond=0),
            (now + RULES.slip_life).date(),
        )
        return slip, self.keys.sign(slip)

    def status(self, code: str, birth_date: date, address: str) -> Status:
        """How far an application is. Raises StatusUnknownError, or StatusThrottledError.

        A code that is mistyped, one that nobody has and one with another birth date are answered alike.
        """
        self._addresses.take(address)
        try:
            status = self._look(normalise(code), birth_date)
        except TrackingCodeError:
            raise StatusUnknownError from None
        self._addresses.give_back(address)
        return status

    def _look(self, code: str, birth_date: date) -> Status:
        with self._database.writing() as session:
            # Counted before it is known to be wrong, and taken back when it was right: asking many times at
            # once gives nobody more tries.
            counted = session.begin_nested()
            self._count(session, code)
            found = session.execute(_status_query(code)).one_or_none()
            if found is not None and agrees(found.birth_date, Precision(found.birth_precision), birth_date):
                counted.rollback()
                told = last_promise(session, found.id)
                return Status(ApplicationState(found.state), None if told is None else told.promised_on)
            counted.commit()
        raise StatusUnknownError

    def _count(self, session: Session, code: str) -> None:
        now = self._clock()
        tried = session.execute(_ONE_MORE, {"bucket": _bucket(code), "now": now, "over": now - WINDOW}).one()
        if tried.wrong > MOST_WRONG:
            raise StatusThrottledError(int((tried.since + WINDOW - now).total_seconds()) + 1)


_MOMENT = UtcDateTime()
_ONE_MORE = (
    text(
        "INSERT INTO status_tries (bucket, since, wrong) VALUES (:bucket, :now, 1)"
        " ON CONFLICT (bucket) DO UPDATE SET"
        " wrong = CASE WHEN status_tries.since <= :over THEN 1 ELSE status_tries.wrong + 1 END,"
        " since = CASE WHEN status_tries.since <= :over THEN excluded.since ELSE status_tries.since END"
        " RETURNING since, wrong"
    )
    .bindparams(bindparam("now", type_=_MOMENT), bindparam("over", type_=_MOMENT))
    .columns(since=_MOMENT, wrong=Integer)
)


def _bucket(code: str) -> int:
    return int.from_bytes(hashlib.sha256(code.encode("ascii")).digest(), "big") % BUCKETS


def _status_query(code: str) -> Select[str, str, date, str]:
    columns = (
        Application.id,
        Application.state,
        Citizen.birth_date,
        Citizen.birth_precision,
    )
    return select(*columns).join(Citizen).where(Application.tracking_code == code)
