"""What a selection means now: counts and samples; the keys of an action, fixed and held against it again."""

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, delete, exists, func, insert, literal, select, text
from sqlalchemy.orm import Session

from issuance.lifecycle.models import Card
from issuance.massactions.models import MassItem
from issuance.massactions.selection import KeySelection
from issuance.massactions.states import ItemState
from issuance.provenance.models import KeyProvenance
from pki.auditchain import Json

SAMPLES = 20
_COLUMNS = ("action_id", "issuer", "shard", "serial", "card_number", "slot", "state")
_UNSYNCHRONISED = {"synchronize_session": False}


@dataclass(frozen=True)
class Drift:
    """How the keys that a selection means differ from those that were fixed."""

    selected: int
    come: int
    gone: int


def preview(session: Session, selection: KeySelection) -> dict[str, Json]:
    """Counts, and some keys as samples; nobody's data.

    `keys`, `cards`; `algorithms`, `slots`, `chip_types`, `body_batches`, `offices`, `stations` (`-`: the
    registry's own machine) and `card_states` with their numbers of keys; `made`: the first and the last
    time; `samples`: at most 20, the oldest.
    """
    key = KeyProvenance
    dimensions = {
        "algorithms": key.algorithm,
        "slots": key.slot,
        "chip_types": key.chip_type,
        "body_batches": key.body_batch,
        "offices": key.office,
        "stations": key.station,
        "card_states": Card.state,
    }
    counters: dict[str, Counter[str]] = {name: Counter() for name in dimensions}
    grouped = selection.keys(*dimensions.values(), func.count()).group_by(*dimensions.values())
    for *values, number in session.execute(grouped):
        for counter, value in zip(counters.values(), values, strict=True):
            counter["-" if value is None else value] += number
    whole = selection.keys(
        func.count(), func.count(key.card_number.distinct()), func.min(key.made_at), func.max(key.made_at)
    )
    keys, cards, first, last = session.execute(whole).one()
    return {
        "keys": keys,
        "cards": cards,
        **{name: dict(sorted(counter.items())) for name, counter in counters.items()},
        "made": None if first is None else [first.isoformat(), last.isoformat()],
        "samples": _samples(session, selection),
    }


def _samples(session: Session, selection: KeySelection) -> list[Json]:
    key = KeyProvenance
    columns = (key.serial, key.slot, key.algorithm, key.chip_type, key.office, key.made_at)
    found = session.execute(selection.keys(*columns).order_by(key.made_at).limit(SAMPLES))
    return [
        {
            "serial": f"{row.serial:x}",
            "slot": row.slot,
            "algorithm": row.algorithm,
            "chip_type": row.chip_type,
            "office": row.office,
            "made_at": row.made_at.isoformat(),
        }
        for row in found
    ]


def fix_items(session: Session, action_id: str, selection: KeySelection) -> None:
    """Writes down which keys the action means now, in one statement."""
    _insert(session, action_id, selection)
    if session.get_bind().dialect.name == "postgresql":
        # Its planner must not take a table that was filled this moment for an empty one.
        session.execute(text(f"ANALYZE {MassItem.__tablename__}"))


def drift(session: Session, action_id: str, selection: KeySelection) -> Drift:
    """How what the selection means now differs from what was fixed."""
    selected = session.scalar(selection.keys(func.count())) or 0
    come = session.scalar(selection.keys(func.count()).where(~_is_fixed(action_id))) or 0
    fixed = session.scalar(select(func.count()).where(MassItem.action_id == action_id)) or 0
    return Drift(selected, come, fixed - (selected - come))


def refit(session: Session, action_id: str, selection: KeySelection, found: Drift) -> None:
    """Makes the keys of the action those that the selection means now."""
    if found.gone:
        still = selection.keys(KeyProvenance.serial).where(KeyProvenance.serial == MassItem.serial).exists()
        gone = delete(MassItem).where(MassItem.action_id == action_id, ~still)
        session.execute(gone, execution_options=_UNSYNCHRONISED)
    if found.come:
        _insert(session, action_id, selection, ~_is_fixed(action_id))


def _insert(session: Session, action_id: str, selection: KeySelection, *more: ColumnElement[bool]) -> None:
    key = KeyProvenance
    place = (key.issuer, key.shard, key.serial)
    columns = (literal(action_id), *place, key.card_number, key.slot, literal(ItemState.PENDING.value))
    chosen = selection.keys(*columns).where(*more).order_by(*place)
    session.execute(insert(MassItem).from_select(list(_COLUMNS), chosen))


def _is_fixed(action_id: str) -> ColumnElement[bool]:
    item, key = MassItem, KeyProvenance
    same = and_(item.issuer == key.issuer, item.shard == key.shard, item.serial == key.serial)
    return exists().where(item.action_id == action_id, same)
