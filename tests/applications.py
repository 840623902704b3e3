"""Applications that are somewhere along their way, led there by the arrows that the database insists on."""

from collections import deque

from sqlalchemy.orm import Session

from issuance.enrolment.models import Application
from issuance.lifecycle.states import APPLICATION, ApplicationState

_DECIDED = frozenset({ApplicationState.APPROVED, ApplicationState.REFUSED, ApplicationState.RETURNED})


def bring_application(session: Session, application: Application) -> None:
    """Adds it, then leads it to the state, and the decision, that it was made with."""
    target, decided_by = ApplicationState(application.state), application.decided_by
    application.state, application.decided_by = ApplicationState.DRAFT.value, None
    session.add(application)
    session.flush()
    lead(session, application, target, decided_by)


def lead(
    session: Session, application: Application, target: ApplicationState, decided_by: str | None = None
) -> None:
    """From where it is, on the shortest way."""
    for state in _way(ApplicationState(application.state), target):
        application.state = state.value
        if state in _DECIDED and application.decided_by is None:
            application.decided_by = decided_by
        session.flush()


def _way(start: ApplicationState, target: ApplicationState) -> list[ApplicationState]:
    ways: dict[ApplicationState, list[ApplicationState]] = {start: []}
    waiting = deque([start])
    while waiting:
        state = waiting.popleft()
        for (before, _), after in APPLICATION.arrows.items():
            if before is state and after not in ways:
                ways[after] = [*ways[state], after]
                waiting.append(after)
    return ways[target]
