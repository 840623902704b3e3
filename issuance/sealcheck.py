"""Which sealed rows are not as the registry wrote them (ADRs 46 and 48), for `hoviat registry seals`."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from issuance.chaincheck import Discrepancy
from issuance.enrolment.models import Application
from issuance.enrolment.seals import require_approved
from issuance.errors import SealBrokenError
from issuance.lifecycle.states import ApplicationState
from issuance.operators.changes import OperatorChange, OperatorTotp
from issuance.operators.models import Operator, OperatorSession
from issuance.production.models import OPEN_RENEWAL_STATES, Renewal
from issuance.sealedrows import SealedRow
from issuance.selfservice.models import CitizenSession

_AT_ONCE = 1000
_TO_BE_MADE = (
    ApplicationState.APPROVED,
    ApplicationState.IN_PRODUCTION,
    ApplicationState.INSPECTION,
    ApplicationState.READY,
)
_OPERATORS = (
    select(Operator),
    select(OperatorChange),
    select(OperatorTotp).where(OperatorTotp.reset_id.is_(None)),
    select(OperatorSession),
)


def broken_seals(session: Session) -> Iterator[Discrepancy]:
    """All of them, told as the audit chain names whose row it is."""
    for query in _OPERATORS:
        rows: Iterable[Any] = session.scalars(query, execution_options={"yield_per": _AT_ONCE})
        yield from _broken(session, rows, lambda row: f"operator:{row.username}")
    citizens = session.scalars(select(CitizenSession), execution_options={"yield_per": _AT_ONCE})
    yield from _broken(session, citizens, lambda _: "citizen")  # whose it is, is nobody's business
    torn = select(Renewal).where(Renewal.state.in_(OPEN_RENEWAL_STATES))
    renewals = session.scalars(torn, execution_options={"yield_per": _AT_ONCE})
    yield from _broken(session, renewals, lambda row: f"card:{row.card_number}")
    waiting = select(Application).where(Application.state.in_(_TO_BE_MADE))
    for application in session.scalars(waiting, execution_options={"yield_per": _AT_ONCE}):
        try:
            require_approved(session, application)
        except SealBrokenError as error:
            yield Discrepancy(f"application:{application.id}", f"the seal of its {error.what} is broken")


def _broken(
    session: Session, rows: Iterable[SealedRow], subject: Callable[[Any], str]
) -> Iterator[Discrepancy]:
    for row in rows:
        if not row.is_whole(session):
            yield Discrepancy(subject(row), f"the seal of its {row.SEALED_AS} is broken")
