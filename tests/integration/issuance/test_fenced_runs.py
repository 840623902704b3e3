"""Two servers at one run: whoever lost it writes nothing more, and no certificate of its card stays."""

from collections.abc import Callable

import pytest
from sqlalchemy import select

from issuance.enrolment.models import Application
from issuance.lifecycle.models import Card
from issuance.lifecycle.states import ApplicationState, CardState
from issuance.production import work
from issuance.production.errors import NothingToVoidError, ProductionRunningError
from issuance.production.journal import LEASE
from issuance.production.models import Production
from issuance.production.service import ProductionLine
from issuance.production.steps import ProductionState, Step
from issuance.production.work import Outcome, Work
from pki.profiles import Profile
from pki.status.state import Status
from tests.integration.issuance.office import CLERK, Office, Readers

PROFILES = (Profile.AUTHENTICATION, Profile.SIGNATURE)
STEPS = [Step.GENERATE_SIGNATURE_KEY, Step.ISSUE_CERTIFICATES, Step.WRITE_OBJECTS, Step.SECURE_CARD]


def another_server(office: Office) -> ProductionLine:
    """Another process's line, over the same database."""
    return ProductionLine(office.registry.production._shop, Readers(office.reader.name))


def before(monkeypatch: pytest.MonkeyPatch, step: Step, happens: Callable[[Work], None]) -> None:
    """Lets something happen once, when a run has begun this step and not done it."""
    action, once = work.ACTIONS[step], [happens]

    def interrupted(at: Work) -> Outcome:
        if once:
            once.pop()(at)
        return action(at)

    monkeypatch.setitem(work.ACTIONS, step, interrupted)


def certificates(office: Office, production_id: str) -> set[Status]:
    found = [office.pki.authority.certificate(f"{production_id}-{profile.value}") for profile in PROFILES]
    return {office.status(certificate.serial).status for certificate in found if certificate is not None}


def run_of(office: Office) -> Production:
    with office.registry.database.reading() as session:
        return session.scalars(select(Production)).one()


@pytest.mark.parametrize("step", STEPS)
def test_a_run_that_shows_signs_of_life_is_not_voided_elsewhere(
    office: Office, monkeypatch: pytest.MonkeyPatch, step: Step
) -> None:
    def elsewhere(at: Work) -> None:
        with pytest.raises(ProductionRunningError):
            another_server(office).finish_voiding(at.order.production_id, "supervisor-1")

    before(monkeypatch, step, elsewhere)
    application = office.approved()
    office.insert(office.blank())
    assert office.produce(application).state is ProductionState.PRODUCED


@pytest.mark.parametrize("step", STEPS)
def test_one_that_was_voided_meanwhile_writes_nothing_more(
    office: Office, monkeypatch: pytest.MonkeyPatch, step: Step
) -> None:
    def elsewhere(at: Work) -> None:
        office.clock.ahead += LEASE * 2  # it took longer than any step takes
        another_server(office).finish_voiding(at.order.production_id, "supervisor-1")

    before(monkeypatch, step, elsewhere)
    application = office.approved()
    office.insert(office.blank())
    assert office.produce(application).state is ProductionState.VOIDED
    run = run_of(office)
    with office.registry.database.reading() as session:
        assert session.get_one(Card, run.card_number).state == CardState.VOIDED
        assert session.get_one(Application, application).state == ApplicationState.APPROVED
    assert certificates(office, run.id) <= {Status.REVOKED}
    with pytest.raises(NothingToVoidError):
        office.registry.production.void(CLERK, run.id)


def test_one_that_was_resumed_elsewhere_leaves_it_to_the_other(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def elsewhere(at: Work) -> None:
        with office.registry.database.writing() as session:
            session.get_one(Production, at.order.production_id).attempts += 1  # as resuming does

    before(monkeypatch, Step.WRITE_OBJECTS, elsewhere)
    application = office.approved()
    office.insert(office.blank())
    assert office.produce(application).state is ProductionState.RUNNING  # the other one's
    assert certificates(office, run_of(office).id) == {Status.ON_HOLD}
    office.clock.ahead += LEASE * 2
    assert office.produce(application).state is ProductionState.PRODUCED
