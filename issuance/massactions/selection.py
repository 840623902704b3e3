"""Which keys a mass action means: a frozen value with one canonical text."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import InstrumentedAttribute

from issuance.errors import InvalidInputError
from issuance.lifecycle.models import Card
from issuance.lifecycle.states import LIVE_CARD_STATES
from issuance.provenance.models import KeyProvenance, KeyType, Origin
from pki.auditchain import Json
from pki.auditchain.canonical import canonical_text
from pki.errors import SelectionError, StoredValueError
from pki.keys.kinds import KeyKind
from pki.massactions.selection import Window

MAX_CHOICES = 200
"""Of one criterion."""
MAX_TEXT = 64
"""Characters of one choice."""
SLOTS = frozenset({"9A", "9C", "9D", "9E"})


@dataclass(frozen=True)
class KeySelection:
    """Keys of live cards that meet every criterion given; one that is empty says nothing.

    Keys that gave way to others are never among them.
    """

    body_batches: frozenset[str] = frozenset()
    """Stock's identifiers of deliveries of chips."""
    chip_types: frozenset[str] = frozenset()
    """The supplier's names."""
    key_types: frozenset[KeyType] = frozenset()
    algorithms: frozenset[KeyKind] = frozenset()
    slots: frozenset[str] = frozenset()
    """`9A`, `9C`, `9D`, `9E`."""
    offices: frozenset[str] = frozenset()
    """Where the keys were made."""
    stations: frozenset[str] = frozenset()
    origins: frozenset[Origin] = frozenset()
    made: Window = field(default_factory=Window)
    """When: from `since` on and before `until`, whole seconds."""

    def check(self) -> None:
        """Raises InvalidInputError."""
        for name, chosen in self._texts().items():
            if len(chosen) > MAX_CHOICES:
                raise InvalidInputError(f"{name}: more than {MAX_CHOICES} choices")
            if any(not _is_word(text) for text in chosen):
                raise InvalidInputError(f"{name}: a choice has 1 to {MAX_TEXT} printable characters")
        if not self.slots <= SLOTS:
            raise InvalidInputError(f"slots: there are {', '.join(sorted(SLOTS))}")
        try:
            self.made.check("made")
        except SelectionError as error:
            raise InvalidInputError(f"made: {error.detail}") from error
        if not self.data():
            raise InvalidInputError("a selection that says nothing would mean every key")

    def data(self) -> dict[str, Json]:
        """What is asked for; criteria that say nothing are left out."""
        asked: dict[str, Json] = {name: sorted(chosen) for name, chosen in self._texts().items() if chosen}
        if not self.made.is_open:
            asked["made"] = self.made.data()
        return asked

    def canonical(self) -> str:
        """As it is stored."""
        return canonical_text(self.data())

    def conditions(self) -> list[ColumnElement[bool]]:
        """What a row of the index has to fulfil, beside being in force on a live card."""
        columns = self._columns()
        chosen = [columns[name].in_(sorted(texts)) for name, texts in self._texts().items() if texts]
        return [*chosen, *self.made.conditions(KeyProvenance.made_at)]

    def keys(self, *columns: Any) -> Select[Any]:  # noqa: ANN401 - SQLAlchemy's own: columns of any type
        """Columns of the keys that it means now."""
        key = KeyProvenance
        query: Select[Any] = select(*columns).select_from(key)
        return query.join(Card, Card.card_number == key.card_number).where(
            key.superseded_at.is_(None), Card.state.in_(LIVE_CARD_STATES), *self.conditions()
        )

    def _texts(self) -> dict[str, frozenset[str]]:
        return {
            "body_batches": self.body_batches,
            "chip_types": self.chip_types,
            "key_types": _values(self.key_types),
            "algorithms": frozenset(kind.value for kind in self.algorithms),
            "slots": self.slots,
            "offices": self.offices,
            "stations": self.stations,
            "origins": _values(self.origins),
        }

    def _columns(self) -> dict[str, InstrumentedAttribute[str] | InstrumentedAttribute[str | None]]:
        key = KeyProvenance
        return {
            "body_batches": key.body_batch,
            "chip_types": key.chip_type,
            "key_types": key.key_type,
            "algorithms": key.algorithm,
            "slots": key.slot,
            "offices": key.office,
            "stations": key.station,
            "origins": key.origin,
        }


def read_selection(text: str) -> KeySelection:
    """A stored selection. Raises StoredValueError for what no writer of ours stored."""
    try:
        asked = json.loads(text)
        made = asked.pop("made", {})
        return KeySelection(
            key_types=frozenset(map(KeyType, asked.pop("key_types", ()))),
            algorithms=frozenset(map(KeyKind, asked.pop("algorithms", ()))),
            origins=frozenset(map(Origin, asked.pop("origins", ()))),
            made=Window(_moment(made.get("since")), _moment(made.get("until"))),
            **{name: frozenset(chosen) for name, chosen in asked.items()},
        )
    except (ValueError, TypeError, AttributeError) as error:
        raise StoredValueError("a selection of keys") from error


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _values(members: Iterable[KeyType | Origin]) -> frozenset[str]:
    return frozenset(member.value for member in members)


def _is_word(text: str) -> bool:
    return 0 < len(text) <= MAX_TEXT and text.isprintable()
