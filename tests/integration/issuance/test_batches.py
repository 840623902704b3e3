"""Many approvals at once: bound to what was looked at, confirmed once, each outcome told."""

import pytest
from sqlalchemy import select

from issuance.approval.batches import LIFE, MOST_ITEMS
from issuance.approval.errors import BatchOverError
from issuance.approval.reasons import Reason
from issuance.approval.stepup import Proof, digest_of
from issuance.audit import AuditEntry
from issuance.enrolment.errors import VersionConflictError
from issuance.errors import (
    ForbiddenTransitionError,
    InvalidInputError,
    LoginRefusedError,
    LoginThrottledError,
    NotFoundError,
    OwnWorkError,
    RoleRequiredError,
)
from tests.integration.issuance.desk import CLERK, OTHER_CLERK, OTHER_SUPERVISOR, SUPERVISOR, Desk


def looked_at(desk: Desk, *applications: str) -> list[tuple[str, int]]:
    return [(application, desk.application(application).version) for application in applications]


def proof(desk: Desk) -> Proof:
    return Proof(desk.password, "here")


def test_each_application_is_approved(desk: Desk) -> None:
    applications = [desk.submitted(number) for number in range(3)]
    items = looked_at(desk, *applications)
    batch = desk.batches.propose(SUPERVISOR, items)
    assert batch.digest == digest_of(batch.id, items)
    assert {desk.state(application) for application in applications} == {"submitted"}
    done = desk.batches.confirm(SUPERVISOR, batch.id, proof(desk))
    assert [item.outcome for item in done.items] == ["approved"] * 3
    assert done.confirmed_at == desk.clock()
    assert {desk.state(application) for application in applications} == {"approved"}
    with desk.database.reading() as session:
        query = select(AuditEntry.action).where(AuditEntry.subject == f"batch:{batch.id}")
        assert list(session.scalars(query.order_by(AuditEntry.sequence))) == [
            "batch.proposed",
            "batch.confirmed",
        ]


def test_what_changed_since_is_not_approved_and_stops_no_other(desk: Desk) -> None:
    first, second, third = (desk.submitted(number) for number in range(3))
    batch = desk.batches.propose(SUPERVISOR, looked_at(desk, first, second, third))
    desk.approval.send_back(OTHER_SUPERVISOR, first, "wait")
    desk.enrolment.submit(CLERK, first)
    desk.enrolment.withdraw(CLERK, second)
    done = desk.batches.confirm(SUPERVISOR, batch.id, proof(desk))
    outcomes = {item.application_id: item.outcome for item in done.items}
    assert outcomes == {first: "version-conflict", second: "forbidden-transition", third: "approved"}
    assert desk.state(first) == "submitted"


def test_a_wrong_password_approves_nothing_and_is_slowed_down(desk: Desk) -> None:
    application = desk.submitted()
    batch = desk.batches.propose(SUPERVISOR, looked_at(desk, application))
    for _ in range(5):
        with pytest.raises(LoginRefusedError):
            desk.batches.confirm(SUPERVISOR, batch.id, Proof("guessed", "here"))
    with pytest.raises(LoginThrottledError):
        desk.batches.confirm(SUPERVISOR, batch.id, proof(desk))
    assert desk.state(application) == "submitted"


def test_a_batch_is_confirmed_once_and_soon(desk: Desk) -> None:
    first, second = desk.submitted(0), desk.submitted(1)
    batch = desk.batches.propose(SUPERVISOR, looked_at(desk, first))
    desk.batches.confirm(SUPERVISOR, batch.id, proof(desk))
    with pytest.raises(BatchOverError):
        desk.batches.confirm(SUPERVISOR, batch.id, proof(desk))
    late = desk.batches.propose(SUPERVISOR, looked_at(desk, second))
    desk.clock.now += LIFE
    with pytest.raises(BatchOverError):
        desk.batches.confirm(SUPERVISOR, late.id, proof(desk))
    assert desk.state(second) == "submitted"


def test_a_batch_is_its_proposers_alone(desk: Desk) -> None:
    batch = desk.batches.propose(SUPERVISOR, looked_at(desk, desk.submitted()))
    for actor in (OTHER_SUPERVISOR, CLERK):
        with pytest.raises(NotFoundError):
            desk.batches.view(actor, batch.id)
        with pytest.raises(NotFoundError):
            desk.batches.confirm(actor, batch.id, proof(desk))


def test_own_work_does_not_slip_through_in_a_batch(desk: Desk) -> None:
    own, other = desk.submitted(0, SUPERVISOR), desk.submitted(1)
    with pytest.raises(OwnWorkError):
        desk.batches.propose(SUPERVISOR, looked_at(desk, other, own))
    with pytest.raises(RoleRequiredError):
        desk.batches.propose(OTHER_CLERK, looked_at(desk, other))


def test_batches_that_can_not_be(desk: Desk) -> None:
    application = desk.submitted()
    (item,) = looked_at(desk, application)
    for items in ([], [item, item], [(f"{number:016d}", 1) for number in range(MOST_ITEMS + 1)]):
        with pytest.raises(InvalidInputError):
            desk.batches.propose(SUPERVISOR, items)
    with pytest.raises(NotFoundError):
        desk.batches.propose(SUPERVISOR, [("0" * 16, 1)])
    with pytest.raises(VersionConflictError):
        desk.batches.propose(SUPERVISOR, [(application, item[1] + 1)])
    with pytest.raises(ForbiddenTransitionError):
        desk.batches.propose(SUPERVISOR, looked_at(desk, desk.open(1)))


def test_reasons_are_kept_as_codes_and_remarks_out_of_the_chain(desk: Desk) -> None:
    application = desk.submitted()
    reasons = [Reason.PORTRAIT_UNFIT, Reason.EVIDENCE_MISSING, Reason.PORTRAIT_UNFIT]
    desk.approval.send_back(SUPERVISOR, application, "چشم‌ها بسته‌اند", reasons)
    kept = desk.application(application)
    assert kept.decision_reasons == "portrait_unfit evidence_missing"
    assert kept.decision_note == "چشم‌ها بسته‌اند"
    with desk.database.reading() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "application.return")).one()
        assert entry.details == {"reasons": ["portrait_unfit", "evidence_missing"]}


@pytest.mark.parametrize("reasons", [[], [Reason.OTHER]])
def test_nothing_is_declined_without_a_why(desk: Desk, reasons: list[Reason]) -> None:
    application = desk.submitted()
    for decline in (desk.approval.send_back, desk.approval.refuse):
        with pytest.raises(InvalidInputError):
            decline(SUPERVISOR, application, " \u200f", reasons)
    assert desk.state(application) == "submitted"


@pytest.mark.parametrize("identifier", ["\x00", "0\x00" * 8, "", "٣" * 16, "x" * 10_000])
def test_identifiers_that_no_database_likes(desk: Desk, identifier: str) -> None:
    with pytest.raises(NotFoundError):
        desk.batches.view(SUPERVISOR, identifier)
    with pytest.raises(NotFoundError):
        desk.approval.approve(SUPERVISOR, identifier)
    with pytest.raises(NotFoundError):
        desk.enrolment.submit(CLERK, identifier)


def test_remarks_that_no_database_likes(desk: Desk) -> None:
    application = desk.submitted()
    desk.approval.send_back(SUPERVISOR, application, "a\x00b\x1b[31m\x85c")
    assert desk.application(application).decision_note == "ab[31m c"
