"""Which events are a subject's: selects of the chain's subjects and of bodies; nothing is fetched for it."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, literal, select, union_all

from issuance.batchruns.models import BatchRun
from issuance.decrees.models import CardExtension
from issuance.enrolment.models import Application
from issuance.lifecycle.models import Card
from issuance.massactions.models import MassItem
from issuance.production.models import Production
from issuance.stock.models import Batch, Body


@dataclass(frozen=True)
class Scope:
    """What a history is made of."""

    subjects: ColumnElement[bool] | Select[str]
    """Of the chain's entries."""
    bodies: Select[str]
    """Serials whose movements belong to it."""


def of_citizen(national_code: str) -> tuple[Select[str], Scope]:
    """Everything that was asked for, made and done for one person."""
    mine = select(Application.id).where(Application.national_code == national_code)
    return mine, _of_applications(mine)


def of_order(application_id: str) -> tuple[Select[str], Scope]:
    """One application, its runs and its cards."""
    mine = select(Application.id).where(Application.id == application_id)
    return mine, _of_applications(mine)


def of_card(number: str) -> tuple[Select[str], Scope]:
    """One card, the run that made it, its body."""
    mine = select(Card.card_number).where(Card.card_number == number)
    runs = select(literal("production:") + Production.id).where(Production.card_number == number)
    return mine, Scope(_either(_cards(mine), runs, *_of_many(mine)), mine)


def of_batch(identifier: str) -> tuple[Select[str], Scope]:
    """A delivery of bodies with all of them, or a batch run."""
    mine = select(Batch.id).where(Batch.id == identifier)
    runs = select(BatchRun.id).where(BatchRun.id == identifier)
    subjects = _either(
        select(literal("batch:") + Batch.id).where(Batch.id == identifier),
        select(literal("batch-run:") + BatchRun.id).where(BatchRun.id == identifier),
    )
    known = select(union_all(mine, runs).subquery().c[0])
    return known, Scope(subjects, select(Body.serial).where(Body.batch_id == identifier))


def _of_applications(mine: Select[str]) -> Scope:
    cards = select(Card.card_number).where(Card.application_id.in_(mine))
    runs = select(literal("production:") + Production.id).where(Production.application_id.in_(mine))
    applications = select(literal("application:") + Application.id).where(Application.id.in_(mine))
    return Scope(_either(applications, runs, _cards(cards), *_of_many(cards)), cards)


def _of_many(cards: Select[str]) -> tuple[Select[str], ...]:
    """Mass actions and decrees that meant these cards among others."""
    actions = select(literal("mass-action:") + MassItem.action_id).where(MassItem.card_number.in_(cards))
    decrees = select(literal("decree:") + CardExtension.decree_id).where(CardExtension.card_number.in_(cards))
    return actions, decrees


def _cards(cards: Select[str]) -> Select[str]:
    return select(literal("card:") + Card.card_number).where(Card.card_number.in_(cards))


def _either(*selects: Select[str]) -> Select[str]:
    return select(union_all(*selects).subquery().c[0])
