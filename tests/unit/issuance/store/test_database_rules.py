"""What the database itself refuses, whatever the code does; and that migrations make these tables."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Inspector, inspect
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from issuance.database import Database
from issuance.lifecycle.states import LIVE_CARD_STATES, OPEN_APPLICATION_STATES, ApplicationState, CardState
from issuance.models import Application, Base, Batch, Card, Citizen, Operator
from issuance.stock.repository import Hand, receive_bodies
from pki.store.database import create_database_engine
from tests.applications import bring_application
from tests.cards import bring
from tests.columnkey import CIPHER
from tests.migrated import new_registry

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CODE = "0084575948"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(new_registry(tmp_path / "registry.sqlite3"), CIPHER)
    with opened.writing() as session:
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
        for name in ("first", "second"):
            session.add(Operator(username=name, role="clerk", password_hash="-"))
        session.flush()
        put_bodies_in(session, ["1", "2"])
    yield opened
    opened.close()


def put_bodies_in(session: Session, serials: list[str]) -> None:
    batch = Batch(
        id="B",
        office="1",
        product="-",
        delivery_note="-",
        state="confirmed",
        bodies=len(serials),
        noted=[],
        counted=[],
        announced_at=NOW,
        counted_by="first",
        confirmed_by="second",
    )
    session.add(batch)
    session.flush()
    receive_bodies(session, batch, serials, "first", Hand("second", NOW))


def application(number: str, **changes: Any) -> Application:
    values: dict[str, Any] = {
        "id": number,
        "national_code": CODE,
        "state": "draft",
        "latin_given_name": "Arash",
        "latin_surname": "Azari",
        "portrait": b"",
        "enrolled_by": "first",
        "created_at": NOW,
        "decision_note": "",
        **changes,
    }
    return Application(**values)


def card(number: str, **changes: Any) -> Card:
    values: dict[str, Any] = {
        "card_number": number,
        "national_code": CODE,
        "application_id": "A",
        "state": "in_production",
        "guid": number,
        "key_version": 1,
        "taken_at": NOW,
        **changes,
    }
    if values["state"] in {"active", "suspended"}:
        values.setdefault("delivered_at", NOW)
    if values["state"] == "revoked":
        values.setdefault("revocation_cause", "lost")
    return Card(**values)


def store(database: Database, *rows: object) -> None:
    with database.writing() as session:
        for row in rows:
            if isinstance(row, Card):
                bring(session, row, "first")
            if isinstance(row, Application):
                bring_application(session, row)
            session.add(row)
            session.flush()


def refused(database: Database, constraint: str, *rows: object) -> None:
    with pytest.raises(IntegrityError) as error:
        store(database, *rows)
    assert constraint in str(error.value.orig)


def test_models_and_migrations_agree(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, Base.metadata) == []


def test_models_and_migrations_agree_on_checks_and_partial_indexes(
    database: Database, tmp_path: Path
) -> None:
    """Alembic compares neither."""
    made = create_database_engine(f"sqlite:///{tmp_path}/made.sqlite3")
    Base.metadata.create_all(made)
    migrated, modelled = inspect(database.engine), inspect(made)
    for table in Base.metadata.tables:
        assert rules_of(migrated, table) == rules_of(modelled, table), table
    made.dispose()


def rules_of(inspector: Inspector, table: str) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    checks = {(str(check["name"]), check["sqltext"]) for check in inspector.get_check_constraints(table)}
    partial = {
        (str(index["name"]), str(index.get("dialect_options", {}).get("sqlite_where")))
        for index in inspector.get_indexes(table)
    }
    return checks, partial


def test_migrating_again_changes_nothing(database: Database) -> None:
    store(database, application("A"))
    database.migrate()
    with database.reading() as session:
        assert session.get_one(Application, "A").state == "draft"


def test_nobody_decides_on_their_own_application(database: Database) -> None:
    own = application("A", state="approved", decided_by="first", decided_at=NOW)
    refused(database, "ck_applications_not_own_work", own)
    store(database, application("A", state="approved", decided_by="second", decided_at=NOW))


@pytest.mark.parametrize(
    "state", ["approved", "in_production", "inspection", "ready", "delivered", "refused"]
)
def test_nothing_goes_on_without_a_decision(database: Database, state: str) -> None:
    refused(database, "ck_applications_decided", application("A", state=state))


@pytest.mark.parametrize("state", sorted(OPEN_APPLICATION_STATES))
def test_one_open_application_per_person(database: Database, state: ApplicationState) -> None:
    store(database, application("A", state=state.value, decided_by="second"))
    refused(database, "applications.national_code", application("B"))


@pytest.mark.parametrize("state", sorted(set(ApplicationState) - OPEN_APPLICATION_STATES))
def test_another_application_after_an_ended_one(database: Database, state: ApplicationState) -> None:
    store(database, application("A", state=state.value, decided_by="second"), application("B"))


@pytest.mark.parametrize("state", sorted(LIVE_CARD_STATES))
def test_one_live_card_per_person(database: Database, state: CardState) -> None:
    store(database, application("A"), card("1", state=state.value))
    refused(database, "cards.national_code", card("2"))


@pytest.mark.parametrize("state", sorted(set(CardState) - LIVE_CARD_STATES))
def test_another_card_after_an_ended_one(database: Database, state: CardState) -> None:
    store(database, application("A"), card("1", state=state.value), card("2"))


def test_no_card_is_active_that_was_not_delivered(database: Database) -> None:
    store(database, application("A"))
    refused(database, "ck_cards_delivered", card("1", state="active", delivered_at=None))


def test_a_revoked_card_has_a_cause_and_no_other_has(database: Database) -> None:
    store(database, application("A"))
    refused(database, "ck_cards_revoked_with_cause", card("1", state="revoked", revocation_cause=None))
    refused(database, "ck_cards_revoked_with_cause", card("1", revocation_cause="lost"))
    refused(database, "ck_cards_revocation_cause", card("1", state="revoked", revocation_cause="bored"))


def test_unknown_people(database: Database) -> None:
    refused(database, "constraint failed", application("A", enrolled_by="nobody"))


def test_a_reading_session_changes_nothing(database: Database) -> None:
    store(database, application("A"))
    with database.reading() as session:
        session.get_one(Application, "A").state = "submitted"
    with database.reading() as session:
        assert session.get_one(Application, "A").state == "draft"
