"""The table, the page that shows it, and the database's trigger say the same."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import product
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from issuance.database import Database
from issuance.lifecycle.lives import CARD, LIFE, Effect, as_markdown, who_may
from issuance.lifecycle.states import CardEvent, CardState, RevocationCause, SuspensionReason
from issuance.models import Application, Batch, Card, Citizen, Operator
from issuance.operators.models import Role
from issuance.stock.repository import Hand, receive_bodies
from tests.applications import bring_application
from tests.cards import bring
from tests.columnkey import CIPHER
from tests.migrated import new_registry

PAGE = Path(__file__).parents[4] / "docs" / "lifecycle.md"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
NUMBER, CODE = "0000000001", "0084575948"


def test_the_page_shows_the_table() -> None:
    shown = PAGE.read_text().partition("<!-- table -->\n")[2].partition("<!-- /table -->")[0]
    assert shown.splitlines() == list(as_markdown())


def test_each_arrow_stands_once() -> None:
    assert len({(arrow.before, arrow.event) for arrow in LIFE}) == len(LIFE)
    assert len(CARD.arrows) == len(LIFE)


def test_an_effect_belongs_to_the_state_that_it_leads_to() -> None:
    """No arrow into use but with good certificates, none out of it with them."""
    kept = {
        CardState.PRODUCED: {Effect.NOTHING},
        CardState.ACTIVE: {Effect.ACTIVATE, Effect.RELEASE},
        CardState.SUSPENDED: {Effect.HOLD},
        CardState.REVOKED: {Effect.REVOKE},
        CardState.VOIDED: {Effect.REVOKE},
    }
    for arrow in LIFE:
        assert arrow.effect in kept[arrow.after], arrow


def test_reasons_are_those_that_the_record_knows() -> None:
    for arrow in LIFE:
        known = {CardEvent.REVOKE: set(RevocationCause), CardEvent.SUSPEND: set(SuspensionReason)}
        assert set(arrow.reasons) == known.get(arrow.event, set()), arrow


@pytest.mark.parametrize("event", CardEvent)
def test_nobody_of_stock_or_machines_changes_a_card(event: CardEvent) -> None:
    assert who_may(event)
    assert not set(who_may(event)) & {Role.STOCK, Role.ADMINISTRATOR}


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    sqlite = request.param == "sqlite"
    url = new_registry(tmp_path / "r.sqlite3") if sqlite else request.getfixturevalue("postgres_registry")
    opened = Database(url, CIPHER)
    yield opened
    opened.close()


def fill(database: Database, state: CardState) -> None:
    with database.writing() as session:
        session.add_all(Operator(username=name, role="clerk", password_hash="-") for name in ("a", "b"))
        session.add(
            Citizen(
                national_code=CODE,
                given_name="آرش",
                surname="آذری",
                father_name="کیان",
                latin_given_name="Arash",
                latin_surname="Azari",
                birth_date=date(1990, 1, 1),
                sex="M",
                confirmed_at=NOW,
            )
        )
        session.flush()
        bring_application(
            session,
            Application(
                id="A",
                national_code=CODE,
                state="delivered",
                latin_given_name="Arash",
                latin_surname="Azari",
                portrait=b"",
                enrolled_by="a",
                created_at=NOW,
                decided_by="b",
                decision_note="",
            ),
        )
        batch = Batch(
            id="B",
            office="1",
            product="-",
            delivery_note="-",
            state="confirmed",
            bodies=1,
            noted=[],
            counted=[],
            announced_at=NOW,
            counted_by="a",
            confirmed_by="b",
        )
        session.add(batch)
        session.flush()
        receive_bodies(session, batch, [NUMBER], "a", Hand("b", NOW))
        card = Card(
            card_number=NUMBER,
            national_code=CODE,
            application_id="A",
            state=state.value,
            guid=NUMBER,
            key_version=1,
            taken_at=NOW,
            delivered_at=NOW,
            revocation_cause="lost" if state is CardState.REVOKED else None,
        )
        bring(session, card, "a")


def change(database: Database, state: CardState) -> None:
    cause = "'lost'" if state is CardState.REVOKED else "NULL"
    with database.writing() as session:
        changed = f"UPDATE cards SET state = '{state}', revocation_cause = {cause}"  # noqa: S608 - ours
        session.execute(text(changed))


@pytest.mark.parametrize("before", CardState)
def test_the_database_knows_the_same_arrows(database: Database, before: CardState) -> None:
    fill(database, before)
    ways = {(arrow.before, arrow.after) for arrow in LIFE}
    ways.discard((CardState.PRODUCED, CardState.ACTIVE))  # without a delivery it leads nowhere
    for after in CardState:
        if after is before or (before, after) in ways:
            continue
        with pytest.raises(DBAPIError, match=r"cards (follow their arrows|are active once delivered)"):
            change(database, after)


@pytest.mark.parametrize(("before", "after"), sorted({(arrow.before, arrow.after) for arrow in LIFE}))
def test_the_database_lets_every_arrow_pass(tmp_path: Path, before: CardState, after: CardState) -> None:
    opened = Database(new_registry(tmp_path / "r.sqlite3"), CIPHER)
    fill(opened, before)
    if (before, after) == (CardState.PRODUCED, CardState.ACTIVE):
        with pytest.raises(DBAPIError, match="active once delivered"):
            change(opened, after)
    else:
        change(opened, after)
    opened.close()


@pytest.mark.parametrize("state", set(CardState) - {CardState.IN_PRODUCTION})
def test_no_card_begins_elsewhere(database: Database, state: CardState) -> None:
    fill(database, CardState.VOIDED)
    columns = "national_code, application_id, version, key_version, channel_version, taken_at"
    with pytest.raises(DBAPIError, match="begin in production"), database.writing() as session:
        session.execute(
            text(
                f"INSERT INTO cards (card_number, guid, state, {columns}) "  # noqa: S608 - ours
                f"SELECT '0000000002', 'g', '{state}', {columns} FROM cards"
            )
        )


def test_every_state_and_event_is_decided() -> None:
    decided = {(state, event) for state, event in product(CardState, CardEvent) if CARD.allows(state, event)}
    assert decided == set(CARD.arrows)
