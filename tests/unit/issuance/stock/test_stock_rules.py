"""What the database itself refuses of stock, tried by SQL past all our code, on SQLite and PostgreSQL."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from issuance.lifecycle.states import ApplicationEvent
from issuance.stock.states import BodyState
from tests.depot import CLERK, KEEPER, SECOND_KEEPER, Depot

SERIAL = "0000000001"


@pytest.fixture
def stocked(depot: Depot) -> Depot:
    depot.receive([SERIAL, "0000000002"])
    return depot


def run(depot: Depot, *statements: str) -> None:
    with depot.database.writing() as session:
        for statement in statements:
            session.execute(text(statement))


def refused(depot: Depot, *statements: str) -> None:
    with pytest.raises(DBAPIError):
        run(depot, *statements)
    assert depot.faults() == []


def movement(**changes: object) -> str:
    """The next honest movement of the first body, with some of it changed."""
    values: dict[str, object] = {
        "serial": SERIAL,
        "number": 2,
        "previous": 1,
        "kind": "condemn",
        "from_state": "in_stock",
        "to_state": "condemned",
        "from_office": "1",
        "to_office": "1",
        "actor": "keeper",
        "previous_actor": "second-keeper",
        "at": "2026-11-07 09:00:00",
        "reason": "",
        **changes,
    }
    shown = ["NULL" if value is None else repr(value) for value in values.values()]
    return f"INSERT INTO stock_movements ({', '.join(values)}) VALUES ({', '.join(shown)})"  # noqa: S608 - ours


def moved(**changes: object) -> str:
    values = {"moves": 2, "state": "condemned", "moved_by": "keeper", **changes}
    sets = ", ".join(f"{name} = {value!r}" for name, value in values.items())
    return f"UPDATE stock_bodies SET {sets} WHERE serial = '{SERIAL}'"  # noqa: S608 - ours


def test_an_honest_movement_is_taken(stocked: Depot) -> None:
    run(stocked, movement(), moved())
    assert stocked.faults() == []


@pytest.mark.parametrize("state", sorted(set(BodyState) - {BodyState.IN_STOCK}))
def test_no_body_changes_its_state_without_a_movement(stocked: Depot, state: BodyState) -> None:
    refused(stocked, f"UPDATE stock_bodies SET state = '{state}' WHERE serial = '{SERIAL}'")  # noqa: S608


@pytest.mark.parametrize(
    "change", ["office = '2'", "moves = 2", "moved_by = 'keeper'", "moves = 0", "serial = '0000000009'"]
)
def test_no_body_differs_from_its_last_movement(stocked: Depot, change: str) -> None:
    refused(stocked, f"UPDATE stock_bodies SET {change} WHERE serial = '{SERIAL}'")  # noqa: S608 - ours


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "take"},
        {"to_state": "destroyed"},
        {"kind": "teleport"},
        {"from_state": "spoiled"},
        {"from_office": "2", "to_office": "2"},
        {"to_office": "2"},
        {"previous_actor": "keeper"},
        {"previous_actor": None},
        {"previous": None},
        {"previous": 0},
        {"number": 3},
        {"number": 3, "previous": 2},
        {"number": 1, "previous": None, "from_state": None, "from_office": None},
        {"kind": "send", "to_state": "in_transit"},
        {"kind": "send", "to_state": "in_transit", "to_office": "9"},
        {"kind": "opening", "from_state": None, "to_state": "used"},
        {"to_office": "9", "from_office": "9"},
    ],
    ids=lambda changes: ", ".join(f"{name}={value}" for name, value in changes.items()),
)
def test_no_movement_begins_elsewhere_or_goes_no_way(stocked: Depot, changes: dict[str, object]) -> None:
    refused(stocked, movement(**changes))


@pytest.mark.parametrize(("kind", "state"), [("take", "used"), ("destroy", "destroyed"), ("void", "spoiled")])
def test_no_body_begins_in_the_middle(stocked: Depot, kind: str, state: str) -> None:
    first = {"number": 1, "previous": None, "from_state": None, "from_office": None}
    refused(stocked, movement(serial="0000000003", kind=kind, to_state=state, **first))


def test_a_body_comes_in_once(stocked: Depot) -> None:
    refused(
        stocked,
        "INSERT INTO stock_bodies (serial, batch_id, office, state, moves, moved_by) "
        "SELECT serial, batch_id, office, state, moves, moved_by FROM stock_bodies",
    )


def test_nobody_confirms_their_own_count(stocked: Depot) -> None:
    first = {"number": 1, "previous": None, "from_state": None, "from_office": None, "to_state": "in_stock"}
    alone = {"serial": "0000000003", "kind": "receive", "actor": "keeper", "previous_actor": "keeper"}
    refused(stocked, movement(**first, **alone))
    refused(stocked, movement(**first, **{**alone, "previous_actor": None}))
    refused(stocked, "UPDATE stock_batches SET confirmed_by = counted_by")
    refused(stocked, "UPDATE stock_batches SET confirmed_by = NULL")
    refused(stocked, "UPDATE stock_batches SET counted_by = NULL")


def test_nobody_destroys_alone(stocked: Depot) -> None:
    stocked.stock.condemn(KEEPER, [SERIAL], "cracked")
    third = {
        "number": 3,
        "previous": 2,
        "kind": "destroy",
        "from_state": "condemned",
        "to_state": "destroyed",
    }
    refused(stocked, movement(**third, actor="keeper", previous_actor="keeper"))
    refused(stocked, movement(**third, actor="keeper", previous_actor="second-keeper"))
    refused(stocked, movement(**third, actor="keeper", previous_actor=None))
    run(
        stocked,
        movement(**third, actor="second-keeper", previous_actor="keeper"),
        moved(moves=3, state="destroyed", moved_by="second-keeper"),
    )
    assert stocked.faults() == []


@pytest.mark.parametrize("table", ["stock_movements", "promises"])
def test_what_was_written_stays(stocked: Depot, table: str) -> None:
    stocked.orders.tell(CLERK, stocked.approved())
    column = "reason" if table == "stock_movements" else "told_by"
    refused(stocked, f"UPDATE {table} SET {column} = 'x'")  # noqa: S608 - ours
    refused(stocked, f"DELETE FROM {table}")  # noqa: S608 - ours


def test_a_card_needs_a_body_on_record(stocked: Depot) -> None:
    order = stocked.approved()

    def card(serial: str) -> str:
        return (
            "INSERT INTO cards (card_number, national_code, application_id, state, version, guid, "  # noqa: S608
            f"key_version, taken_at) "
            f"SELECT '{serial}', national_code, id, 'in_production', 1, '{serial}', 1, "
            f"created_at FROM applications WHERE id = '{order}'"
        )

    with pytest.raises(IntegrityError):
        run(stocked, card("0000000009"))
    run(stocked, card(SERIAL))
    assert [(fault.kind, fault.subject) for fault in stocked.faults()] == [("unspent", SERIAL)]


@pytest.mark.parametrize(
    "change",
    [
        "state = 'ready'",
        "priority = 'urgent'",
        "priority = 'urgent', urgent_reason = 'travel'",
        "urgent_by = 'supervisor'",
        "priority = 'bribed'",
        "rank_at = '2020-01-01 00:00:00'",
        "rank_at = '2030-01-01 00:00:00'",
        "holder = 'me'",
        "lease_expires_at = '2030-01-01 00:00:00'",
        "office = '9'",
    ],
)
def test_an_order_is_what_its_application_is(stocked: Depot, change: str) -> None:
    stocked.approved()
    refused(stocked, f"UPDATE orders SET {change}")  # noqa: S608 - ours


def test_an_order_follows_its_application_and_none_of_it_is_deleted(stocked: Depot) -> None:
    order = stocked.approved()
    stocked.move(order, ApplicationEvent.START_PRODUCTION)
    with stocked.database.reading() as session:
        assert session.execute(text("SELECT state FROM orders")).scalar_one() == "in_production"
    refused(stocked, "DELETE FROM applications")


def test_a_reserved_body_names_its_order(stocked: Depot) -> None:
    stocked.stock.reserve(KEEPER, SERIAL, stocked.approved())
    refused(stocked, f"UPDATE stock_bodies SET application_id = NULL WHERE serial = '{SERIAL}'")  # noqa: S608
    refused(stocked, "UPDATE stock_bodies SET application_id = '9' WHERE application_id IS NOT NULL")


def test_a_lost_row_shows(stocked: Depot) -> None:
    """Nothing stops a row of a body from being deleted; the check finds it."""
    run(stocked, f"DELETE FROM stock_bodies WHERE serial = '{SERIAL}'")  # noqa: S608 - ours
    assert [(fault.kind, fault.subject) for fault in stocked.faults()] == [
        ("balance", "1"),
        ("no-body", SERIAL),
    ]


def test_a_body_beside_its_ledger_shows(stocked: Depot) -> None:
    run(stocked, movement())  # the ledger says that it is condemned, the body does not know
    assert [(fault.kind, fault.subject) for fault in stocked.faults()] == [
        ("balance", "1"),
        ("ledger", SERIAL),
    ]
    with pytest.raises(IntegrityError):
        stocked.stock.spoil(SECOND_KEEPER, [SERIAL], "wet")
