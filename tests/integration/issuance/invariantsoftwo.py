"""What must always hold of decrees and mass actions, and of the keys that these hold."""

from collections import Counter
from collections.abc import Mapping

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from issuance.decrees.models import CardExtension, Decree, DecreeState
from issuance.lifecycle.models import Card, CardCertificate
from issuance.lifecycle.states import CardState
from issuance.massactions.models import MassAction, MassItem, MassPart
from issuance.massactions.states import AT_WORK, ActionState, ItemState, Phase
from pki.status.state import Hold, Status
from pki.store.models import CertificateRow

Holders = Mapping[int, tuple[Status, Hold | None]]
"""By serial, how a certificate stands and who holds it."""
_ENDED = frozenset({CardState.VOIDED, CardState.REVOKED})
_ITEMS: Mapping[ActionState, frozenset[ItemState]] = {
    ActionState.PROPOSED: frozenset({ItemState.PENDING, ItemState.REKEYED, ItemState.ENDED}),
    ActionState.CONFIRMED: frozenset({ItemState.PENDING, ItemState.REKEYED, ItemState.ENDED}),
    ActionState.HOLDING: frozenset(ItemState) - {ItemState.LIFTED},
    ActionState.HELD: frozenset(ItemState) - {ItemState.LIFTED, ItemState.PENDING},
    ActionState.LIFTING: frozenset(ItemState) - {ItemState.PENDING},
    ActionState.LIFTED: frozenset(ItemState) - {ItemState.PENDING, ItemState.HELD},
    ActionState.CANCELLED: frozenset({ItemState.PENDING, ItemState.REKEYED, ItemState.ENDED}),
}
"""Where an action's keys can stand, by where it stands."""


def holders(authority: Engine) -> dict[int, tuple[Status, Hold | None]]:
    """Of every certificate."""
    query = select(CertificateRow.serial, CertificateRow.status, CertificateRow.held_by)
    with authority.connect() as connection:
        return {
            row.serial: (Status(row.status), None if row.held_by is None else Hold(row.held_by))
            for row in connection.execute(query)
        }


def check_decisions_of_two(session: Session) -> None:
    """At any moment."""
    _decrees_extend_what_they_say(session)
    _actions_add_up(session)
    _ended_keys_are_held_by_nobody(session)


def check_holds(session: Session, found: Holders) -> None:
    """At any moment: what is held has an owner, and the owner's word is kept."""
    states = {row.id: ActionState(row.state) for row in session.scalars(select(MassAction))}
    owned = set()
    for item in session.scalars(select(MassItem)):
        state = states[item.action_id]
        if item.state == ItemState.HELD:
            owned.add(item.serial)
        if item.state == ItemState.HELD and state is ActionState.HELD:
            status, holder = found[item.serial]
            assert status is Status.REVOKED or (status, holder) == (Status.ON_HOLD, Hold.OFFICER)
    if not AT_WORK & set(states.values()):
        held = {serial for serial, (_, holder) in found.items() if holder is Hold.OFFICER}
        assert held <= owned, "held, and no action holds it"


def _decrees_extend_what_they_say(session: Session) -> None:
    query = select(CardExtension.decree_id, CardExtension.until)
    extensions: dict[str, list[object]] = {}
    for decree_id, until in session.execute(query):
        extensions.setdefault(decree_id, []).append(until)
    for decree in session.scalars(select(Decree)):
        mine = extensions.pop(decree.id, [])
        assert len(mine) == (decree.cards or 0)
        assert set(mine) <= {decree.extended_to}
        assert decree.state == DecreeState.IN_FORCE or not mine
        assert decree.decided_by != decree.proposed_by
    assert not extensions


def _actions_add_up(session: Session) -> None:
    """Each key stands where its action lets it, none is lost, and the parts' counts are the keys'."""
    counts: dict[str, Counter[str]] = {}
    states = select(MassItem.action_id, MassItem.state, func.count())
    for action_id, state, number in session.execute(states.group_by(MassItem.action_id, MassItem.state)):
        counts.setdefault(action_id, Counter())[state] = number
    parts = select(MassPart.action_id, MassPart.phase, func.sum(MassPart.changed))
    changed = {
        (action_id, phase): int(number)
        for action_id, phase, number in session.execute(parts.group_by(MassPart.action_id, MassPart.phase))
    }
    actions = list(session.scalars(select(MassAction)))
    for action in actions:
        mine = counts.pop(action.id)
        assert mine.total() == action.keys
        assert {ItemState(state) for state in mine} <= _ITEMS[ActionState(action.state)], action.state
        assert changed.get((action.id, Phase.HOLD.value), 0) <= action.keys
        assert changed.get((action.id, Phase.LIFT.value), 0) <= action.keys
        if action.state == ActionState.HELD:
            assert mine[ItemState.HELD] <= action.keys - mine[ItemState.SKIPPED]
        assert action.confirmed_by is None or action.confirmed_by != action.proposed_by
        assert action.lift_confirmed_by is None or action.lift_confirmed_by != action.lift_proposed_by
    assert not counts, "keys of an action that is gone"
    assert sum(action.state in AT_WORK for action in actions) <= 1


def _ended_keys_are_held_by_nobody(session: Session) -> None:
    """A key leaves its actions with its card's end, and when another is made in its place."""
    standing = select(MassItem, Card.state).join(Card, Card.card_number == MassItem.card_number)
    for item, state in session.execute(standing):
        if item.state in {ItemState.PENDING, ItemState.HELD}:
            assert state not in _ENDED, "a key of an ended card is in an action"
        gave_way = session.get_one(CardCertificate, f"{item.serial:x}").superseded_at is not None
        if item.state == ItemState.ENDED:
            assert gave_way or state in _ENDED
        if item.state == ItemState.REKEYED:
            assert gave_way
