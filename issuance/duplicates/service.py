"""Finding possible duplicates of an application's person, and deciding about each."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from issuance.audit import Audit
from issuance.database import Database
from issuance.duplicates.errors import MatchesUndecidedError, SamePersonError
from issuance.duplicates.models import DuplicateMatch, MatchDecision
from issuance.duplicates.repository import get_match, matches, matches_of
from issuance.enrolment.authors import authors_of, require_no_author
from issuance.enrolment.models import NOTE_LENGTH, Application
from issuance.enrolment.repository import get_application
from issuance.errors import ForbiddenTransitionError, InvalidInputError
from issuance.lifecycle.states import ApplicationState
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.registry.text import fold
from issuance.stock.errors import SecondPersonError
from pki.clock import Clock


class Duplicates:
    """The possible duplicates of one registry's applications."""

    def __init__(self, database: Database, audit: Audit, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock

    def refresh(self, session: Session, application: Application, username: str) -> None:
        """Searches anew: who is found is added, who was found and not judged yet may go.

        A decision stays, whatever is found later.
        """
        known = {match.national_code: match for match in matches_of(session, application.id)}
        found = {other.national_code: score for other, score in matches(session, application.citizen)}
        for code, match in known.items():
            if match.decision is None and code not in found:
                session.delete(match)
        last = max((match.number for match in known.values()), default=0)
        for number, code in enumerate([code for code in found if code not in known], last + 1):
            score = found[code]
            match = DuplicateMatch(
                application_id=application.id,
                number=number,
                national_code=code,
                score=score.points,
                causes=" ".join(score.causes),
                found_at=self._clock(),
            )
            session.add(match)
            self._record(session, username, "found", match, {"score": match.score})
        _count(session, application)

    def search_again(self, username: str, application_id: str) -> None:
        """Looks once more before a decision: people have come since. Raises NotFoundError."""
        with self._database.writing() as session:
            application = get_application(session, application_id, locked=True)
            if application.state == ApplicationState.SUBMITTED:
                self.refresh(session, application, username)

    def decide(
        self, actor: Actor, application_id: str, number: int, decision: MatchDecision, reason: str
    ) -> None:
        """Says whether this is the same person, and why.

        What was `same` is turned by somebody else than whoever judged so. Raises NotFoundError, OwnWorkError,
        SecondPersonError, RoleRequiredError, InvalidInputError or ForbiddenTransitionError.
        """
        why = fold(reason)
        if not 0 < len(why) <= NOTE_LENGTH:
            raise InvalidInputError(f"say why, in at most {NOTE_LENGTH} characters")
        with self._database.writing() as session:
            application = get_application(session, application_id, locked=True)
            require_no_author(session, application, actor.username)
            actor.require(Role.SUPERVISOR)
            if application.state != ApplicationState.SUBMITTED:
                raise ForbiddenTransitionError("application", application.state, "judge a match")
            match = get_match(session, application_id, number)
            _require_another(match, actor, decision)
            match.decision, match.reason = decision.value, why
            match.decided_by, match.decided_at = actor.username, self._clock()
            self._record(session, actor.username, "decided", match, {"decision": decision.value})
            _count(session, application)

    def _record(
        self, session: Session, username: str, what: str, match: DuplicateMatch, details: dict[str, str | int]
    ) -> None:
        # Neither the other person's code nor the reason, which may speak of them: the chain can't forget.
        subject = f"application:{match.application_id}"
        self._audit.record(session, username, f"match.{what}", subject, {"match": match.number, **details})


def require_decided(session: Session, application: Application) -> None:
    """Raises MatchesUndecidedError, or SamePersonError where somebody judged so.

    That it is somebody else doesn't count from whoever had a hand in the application since.
    """
    found, nobody = matches_of(session, application.id), {None, *authors_of(session, application.id)}
    if open_ones := sum(m.decision != MatchDecision.SAME and m.decided_by in nobody for m in found):
        raise MatchesUndecidedError(open_ones)
    if any(match.decision == MatchDecision.SAME for match in found):
        raise SamePersonError


def _require_another(match: DuplicateMatch, actor: Actor, decision: MatchDecision) -> None:
    """Who judged `same` may say so better, and nothing else; another may turn it, and nothing else."""
    if match.decision != MatchDecision.SAME:
        return
    if (decision is MatchDecision.SAME) is not (match.decided_by == actor.username):
        raise SecondPersonError("turn what one person has judged the same")


def _count(session: Session, application: Application) -> None:
    session.flush()
    open_ones = DuplicateMatch.application_id == application.id, DuplicateMatch.decision.is_(None)
    query = select(func.count()).select_from(DuplicateMatch).where(*open_ones)
    application.undecided_matches = session.scalar(query) or 0
