"""`hoviat registry history`: who did what to a citizen's cards, an order, a card or a batch, when and why."""

import json
from typing import TYPE_CHECKING

import click

from cardio.cli.common import shown
from issuance.histories.service import MOST, READERS, HistoryOf, person_of
from issuance.lookups.models import What
from issuance.lookups.service import Lookups

if TYPE_CHECKING:
    from issuance.histories.service import Event, Histories
    from issuance.lookups.service import Looker
    from issuance.operators.service import Actor
    from issuance.production.work import Workshop


def look(shop: "Workshop", looker: "Looker", whose: str, identifier: str) -> None:
    """Notes that a person's history is looked at; a batch's is nobody's."""
    if HistoryOf(whose) is HistoryOf.BATCH:
        return
    looker.actor.require(*READERS)
    with Lookups(shop.database, shop.clock, shop.randomness).looking(looker) as looking:
        looking.saw(What.HISTORY, person_of(looking.session, HistoryOf(whose), identifier))


def show(
    histories: "Histories", actor: "Actor", whose: str, identifier: str, most: int, *, as_json: bool
) -> None:
    """Prints the newest `most` events, newest first."""
    cursor, left = None, most
    while left > 0:
        page = histories.page(actor, HistoryOf(whose), identifier, cursor, min(left, MOST))
        for event in page.events:
            click.echo(json.dumps(_facts(event)) if as_json else shown(_line(event)))
        left -= len(page.events)
        cursor = page.next
        if cursor is None:
            return


def _facts(event: "Event") -> dict[str, object]:
    return {
        "at": event.at.isoformat(),
        "who": event.who,
        "what": event.what,
        "subject": event.subject,
        "why": event.why,
        "details": dict(event.details),
    }


def _line(event: "Event") -> str:
    details = " ".join(f"{name}={value}" for name, value in event.details.items() if value is not None)
    parts = (f"{event.at:%F %T}", event.who, event.what, event.subject, details, event.why)
    return "  ".join(part for part in parts if part)
