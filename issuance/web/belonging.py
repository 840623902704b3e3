"""In which office the things are that paths name."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from issuance.batchruns.models import BatchRun
from issuance.delivery.models import Delivery
from issuance.enrolment.models import Application
from issuance.errors import NotFoundError
from issuance.lifecycle.models import Card
from issuance.production.models import Production
from issuance.registry.text import ascii_digits
from issuance.stock.models import Batch, Body

_LONGEST = 16
"""No identifier of an object is longer."""


@dataclass(frozen=True)
class Object:
    """A kind of thing that belongs to an office."""

    name: str
    """As NotFoundError names it."""
    parameters: tuple[str, ...]
    """What paths call its identifier."""
    office: Select[str]
    """Its office, by everything but the identifier."""
    identifier: InstrumentedAttribute[str]
    """The column."""

    def office_of(self, session: Session, path_parameters: Mapping[str, str]) -> str:
        """The office of the thing that the path names. Raises NotFoundError."""
        (typed,) = (path_parameters[name] for name in self.parameters if name in path_parameters)
        given = ascii_digits(typed)
        # PostgreSQL would not even compare some texts.
        usable = given.isascii() and given.isalnum() and len(given) <= _LONGEST
        found = session.scalar(self.office.where(self.identifier == given)) if usable else None
        if found is None:
            raise NotFoundError(self.name)
        return found


_BY_APPLICATION = select(Application.office)

APPLICATION = Object("application", ("application_id",), select(Application.office), Application.id)
PRODUCTION = Object(
    "production",
    ("production_id",),
    _BY_APPLICATION.join(Production, Production.application_id == Application.id),
    Production.id,
)
CARD = Object(
    "card",
    ("card_number", "number"),
    _BY_APPLICATION.join(Card, Card.application_id == Application.id),
    Card.card_number,
)
DELIVERY = Object(
    "delivery",
    ("delivery_id",),
    _BY_APPLICATION.join(Card, Card.application_id == Application.id).join(
        Delivery, Delivery.card_number == Card.card_number
    ),
    Delivery.id,
)
STOCK_BATCH = Object("batch", ("batch_id",), select(Batch.office), Batch.id)
BODY = Object("body", ("serial",), select(Body.office), Body.serial)
BATCH_RUN = Object("batch run", ("batch_run_id",), select(BatchRun.office), BatchRun.id)
