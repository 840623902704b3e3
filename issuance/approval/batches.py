"""Many approvals at once: proposed, looked at, and confirmed by proving once more who one is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session, selectinload
from sqlalchemy.orm.exc import StaleDataError

from issuance.approval.errors import BatchOverError
from issuance.approval.models import ApprovalBatch, ApprovalBatchItem
from issuance.approval.service import Approval
from issuance.approval.stepup import Proof, StepUp, digest_of
from issuance.audit import Audit
from issuance.database import Database
from issuance.errors import InvalidInputError, IssuanceError, NotFoundError
from issuance.identifiers import Randomness, new_identifier
from issuance.lifecycle.states import ApplicationEvent
from issuance.operators.models import Role
from issuance.operators.service import Actor
from pki.clock import Clock

MOST_ITEMS = 100
LIFE = timedelta(minutes=5)
"""Between looking and confirming."""
APPROVED = "approved"
STALE = "changed-meanwhile"


@dataclass(frozen=True)
class Outcome:
    """How one application went; None: it was not tried yet."""

    application_id: str
    version: int
    outcome: str | None
    """`approved`, or the kind of the refusal."""


@dataclass(frozen=True)
class BatchView:
    """A batch as its proposer sees it."""

    id: str
    digest: bytes
    """What the confirmation is bound to."""
    expires_at: datetime
    confirmed_at: datetime | None
    items: tuple[Outcome, ...]


class ApprovalBatches:
    """The batches of one registry."""

    def __init__(
        self,
        database: Database,
        audit: Audit,
        approval: Approval,
        step_up: StepUp,
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self._database = database
        self._audit = audit
        self._approval = approval
        self._step_up = step_up
        self._clock = clock
        self._randomness = randomness

    def propose(self, actor: Actor, items: Sequence[tuple[str, int]]) -> BatchView:
        """Fixes which applications, in which versions. Raises what stands in the way of any of them."""
        actor.require(Role.SUPERVISOR)
        if not 0 < len(items) <= MOST_ITEMS or len({application for application, _ in items}) != len(items):
            raise InvalidInputError(f"a batch has 1 to {MOST_ITEMS} different applications")
        for application_id, version in items:
            self._approval.check(actor, application_id, ApplicationEvent.APPROVE, version)
        now = self._clock()
        batch = ApprovalBatch(
            id=new_identifier(self._randomness),
            proposed_by=actor.username,
            proposed_at=now,
            expires_at=now + LIFE,
            items=[ApprovalBatchItem(application_id=each, application_version=seen) for each, seen in items],
        )
        with self._database.writing() as session:
            session.add(batch)
            self._record(session, batch, "proposed")
        return self.view(actor, batch.id)

    def view(self, actor: Actor, batch_id: str) -> BatchView:
        """The actor's own batch as it stands. Raises NotFoundError."""
        with self._database.reading() as session:
            return _view(_own(session, actor, batch_id))

    def confirm(self, actor: Actor, batch_id: str, proof: Proof) -> BatchView:
        """Approves each application of the batch by itself: what stands in the way of one stops no other.

        A batch is confirmed once: whatever was not approved is proposed anew. Raises NotFoundError,
        BatchOverError, LoginRefusedError or LoginThrottledError.
        """
        batch = self.view(actor, batch_id)
        self._require_open(batch.confirmed_at, batch.expires_at)
        self._step_up.confirm(actor, proof, batch.digest)
        self._spend(actor, batch_id)
        for item in batch.items:
            self._approve(actor, batch_id, item)
        return self.view(actor, batch_id)

    def _spend(self, actor: Actor, batch_id: str) -> None:
        try:
            with self._database.writing() as session:
                batch = _own(session, actor, batch_id)
                self._require_open(batch.confirmed_at, batch.expires_at)
                batch.confirmed_at = self._clock()
                self._record(session, batch, "confirmed")
        except StaleDataError as error:  # confirmed twice at the same moment
            raise BatchOverError from error

    def _approve(self, actor: Actor, batch_id: str, item: Outcome) -> None:
        def tell(session: Session, outcome: str = APPROVED) -> None:
            session.get_one(ApprovalBatchItem, (batch_id, item.application_id)).outcome = outcome

        try:
            self._approval.approve(actor, item.application_id, item.version, also=tell)
        except (IssuanceError, StaleDataError) as error:
            outcome = error.kind if isinstance(error, IssuanceError) else STALE
            with self._database.writing() as session:
                tell(session, outcome)

    def _require_open(self, confirmed_at: datetime | None, expires_at: datetime) -> None:
        if confirmed_at is not None or self._clock() >= expires_at:
            raise BatchOverError

    def _record(self, session: Session, batch: ApprovalBatch, what: str) -> None:
        subject, details = f"batch:{batch.id}", {"applications": len(batch.items)}
        self._audit.record(session, batch.proposed_by, f"batch.{what}", subject, details)


def _own(session: Session, actor: Actor, batch_id: str) -> ApprovalBatch:
    if not (batch_id.isascii() and batch_id.isalnum()):
        raise NotFoundError("batch")
    batch = session.get(ApprovalBatch, batch_id, options=[selectinload(ApprovalBatch.items)])
    if batch is None or batch.proposed_by != actor.username:
        raise NotFoundError("batch")
    return batch


def _view(batch: ApprovalBatch) -> BatchView:
    items = tuple(
        Outcome(item.application_id, item.application_version, item.outcome) for item in batch.items
    )
    meant = digest_of(batch.id, ((item.application_id, item.version) for item in items))
    return BatchView(batch.id, meant, batch.expires_at, batch.confirmed_at, items)
