"""The office's depot: its two people count what the factory delivers, so that cards can be made of it."""

import base64
import secrets
from collections.abc import Sequence
from pathlib import Path

from issuance.audit import Audit
from issuance.bootstrap import Issuance, registry_database
from issuance.database import Database
from issuance.operators.models import Operator, Role
from issuance.operators.service import Actor, Operators
from issuance.stock.service import Delivery, Stock
from pki.clock import Clock, utc_now
from pki.home import Home

PRODUCT = "simulated card"
_KEEPERS = tuple(Actor(name, Role.STOCK) for name in ("stock-1", "stock-2"))
_NOTE_BYTES = 10


def take_in(registry: Issuance, bodies: Sequence[Path]) -> None:
    """Announced, counted and confirmed as one delivery: the bodies are in stock then.

    The files are named by their bodies' serials.
    """
    _ensure_keepers(registry.database, registry.clock)
    _take_in(registry.stock, bodies)


def take_in_at(home: Home, bodies: Sequence[Path], clock: Clock = utc_now) -> None:
    """The same in a home whose registry is not open here."""
    with registry_database(home) as database:
        _ensure_keepers(database, clock)
        _take_in(Stock(database, Audit(clock), clock, secrets.token_bytes), bodies)


def _take_in(stock: Stock, bodies: Sequence[Path]) -> None:
    first, second = _KEEPERS
    serials = [[body.stem, body.stem] for body in bodies]
    note = base64.b32encode(secrets.token_bytes(_NOTE_BYTES)).decode()
    batch = stock.announce(first, Delivery(PRODUCT, f"factory {note}", serials))
    stock.count(first, batch, serials)
    stock.confirm(second, batch, len(bodies))


def _ensure_keepers(database: Database, clock: Clock) -> None:
    """Homes of earlier days have no stock keepers; nobody gets to know the passwords of those made here."""
    with database.reading() as session:
        missing = [keeper for keeper in _KEEPERS if session.get(Operator, keeper.username) is None]
    operators = Operators(database, Audit(clock), clock, secrets.token_bytes)
    for keeper in missing:
        operators.create(keeper.username, keeper.role)
