"""Everything the page of one application shows."""

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from cardio.transport.base import TransportError
from issuance.audit import AuditEntry
from issuance.bootstrap import Issuance
from issuance.enrolment.authors import authors_of
from issuance.enrolment.models import Application
from issuance.enrolment.repository import get_application
from issuance.lifecycle.cards import cards_of
from issuance.lifecycle.lives import CARD
from issuance.lifecycle.models import Card
from issuance.lifecycle.states import (
    APPLICATION,
    ApplicationEvent,
    ApplicationState,
    CardEvent,
    CardState,
)
from issuance.lookups.models import What
from issuance.lookups.service import Looker
from issuance.massactions.closing import holds_on
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.orders.service import PRODUCERS
from issuance.production.models import Production
from issuance.production.steps import ProductionState

_HISTORY = 100


def case_file(registry: Issuance, look: Looker, application_id: str) -> dict[str, object]:
    """The template's context. Raises NotFoundError."""
    actor = look.actor
    with registry.lookups.looking(look) as looking:
        application = get_application(looking.session, application_id)
        looking.saw_all(What.APPLICATION, [application])
        cards = cards_of(looking.session, application_id)
        history = _history(looking.session, application, cards)
        authors = authors_of(looking.session, application_id)
        held = holds_on(looking.session, [card.card_number for card in cards])
    run = registry.production.latest(application_id)
    resumable = run is not None and run.state is ProductionState.INTERRUPTED
    may = _permitted(actor, application, authors)
    may["produce"] = (resumable and actor.role in PRODUCERS) or may["produce"]
    return {
        "application": application,
        "citizen": application.citizen,
        "cards": cards,
        "held": held,
        "history": history,
        "run": run,
        "resumable": resumable,
        "may": may,
        "card_may": {card.card_number: _card_permitted(actor, card) for card in cards},
        "readers": _readers(registry, actor) if may["produce"] else [],
    }


def _permitted(actor: Actor, application: Application, authors: list[str]) -> dict[str, bool]:
    """Which buttons to show; the services decide anew."""

    def possible(event: ApplicationEvent) -> bool:
        return APPLICATION.allows(ApplicationState(application.state), event)

    own = application.enrolled_by == actor.username
    decides = actor.role is Role.SUPERVISOR and actor.username not in authors
    makes = actor.role in PRODUCERS
    return {
        "edit": own and possible(ApplicationEvent.EDIT),
        "submit": own and possible(ApplicationEvent.SUBMIT),
        "approve": decides and possible(ApplicationEvent.APPROVE),
        "return": decides and possible(ApplicationEvent.RETURN),
        "refuse": decides and possible(ApplicationEvent.REFUSE),
        "produce": makes and possible(ApplicationEvent.START_PRODUCTION),
        "wait": own and application.state == ApplicationState.SUBMITTED,
    }


def _card_permitted(actor: Actor, card: Card) -> dict[str, bool]:
    events = {
        "deliver": CardEvent.DELIVER,
        "suspend": CardEvent.SUSPEND,
        "resume": CardEvent.RESUME,
        "revoke": CardEvent.REVOKE,
    }
    at_desk = actor.role in {Role.CLERK, Role.SUPERVISOR}
    return {name: at_desk and CARD.allows(CardState(card.state), event) for name, event in events.items()}


def _readers(registry: Issuance, actor: Actor) -> list[str]:
    try:
        return list(registry.production.readers(actor))
    except TransportError:
        return []  # the page says that there is none


def _history(session: Session, application: Application, cards: list[Card]) -> list[AuditEntry]:
    runs = session.scalars(select(Production.id).where(Production.application_id == application.id))
    subjects = [f"application:{application.id}"]
    subjects += [f"card:{card.card_number}" for card in cards]
    subjects += [f"production:{run}" for run in runs]
    query = select(AuditEntry).where(or_(*(AuditEntry.subject == subject for subject in subjects)))
    return list(session.scalars(query.order_by(AuditEntry.sequence.desc()).limit(_HISTORY)))
