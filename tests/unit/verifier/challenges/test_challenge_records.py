"""What is on record of challenges, on both databases."""

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from pki.store.database import create_database_engine, migrate
from verifier.bootstrap import MIGRATIONS
from verifier.challenges import repository
from verifier.challenges.models import ChallengeKeyRow, UsedChallengeRow
from verifier.challenges.sealing import day_of
from verifier.store.sessions import Database

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
TODAY = day_of(NOW)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path / 'verifier.sqlite3'}" if sqlite else request.getfixturevalue("postgres_url")
    engine = create_database_engine(url)
    migrate(engine, MIGRATIONS)
    made = Database(engine)
    yield made
    made.close()


def make(database: Database, day: int, now: datetime = NOW) -> bytes | None:
    with database.write() as session:
        return repository.make_secret(session, day, now, secrets.token_bytes)


def test_all_replicas_come_to_the_same_key(database: Database) -> None:
    first = make(database, TODAY)
    assert first is not None
    assert len(first) == repository.SECRET_BYTES
    assert make(database, TODAY) == first
    assert make(database, TODAY + 1) not in (None, first)


@pytest.mark.parametrize("day", [0, TODAY - 1, TODAY + 2, TODAY + 10**6])
def test_no_key_is_made_for_another_day(database: Database, day: int) -> None:
    assert make(database, day) is None


def test_keys_of_days_long_over_are_forgotten(database: Database) -> None:
    make(database, TODAY)
    make(database, TODAY + 3, NOW + timedelta(days=3))
    with database.read() as session:
        assert list(session.scalars(select(ChallengeKeyRow.day))) == [TODAY + 3]


def test_yesterdays_key_is_still_there_for_nonces_of_before_midnight(database: Database) -> None:
    yesterdays = make(database, TODAY)
    make(database, TODAY + 1, NOW + timedelta(days=1))
    assert make(database, TODAY, NOW + timedelta(days=1)) == yesterdays


def test_after_all_keys_are_forgotten_there_is_another(database: Database) -> None:
    first = make(database, TODAY)
    with database.write() as session:
        repository.forget_secrets(session)
    assert make(database, TODAY) not in (None, first)


def test_each_nonce_is_burned_once(database: Database) -> None:
    with database.write() as session:
        assert repository.burn_many(session, ["a", "b", "a"], NOW) == {"a", "b"}
        assert repository.burn_many(session, ["b", "c"], NOW + timedelta(seconds=1)) == {"c"}
        assert repository.burn_many(session, [], NOW) == set()
    with database.read() as session:
        times = repository.used_at(session, ["a", "b", "c", "never"])
    assert times == {"a": NOW, "b": NOW, "c": NOW + timedelta(seconds=1)}


def test_a_use_that_is_rolled_back_is_none(database: Database) -> None:
    def burn_and_fail() -> None:
        with database.write() as session:
            repository.burn_many(session, ["a"], NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        burn_and_fail()
    with database.write() as session:
        assert repository.burn_many(session, ["a"], NOW) == {"a"}


def test_a_thousand_at_once(database: Database) -> None:
    nonces = {str(number) for number in range(1_000)}
    with database.write() as session:
        assert repository.burn_many(session, nonces, NOW) == nonces
        assert session.scalar(select(func.count()).select_from(UsedChallengeRow)) == 1_000
        repository.forget(session, NOW + repository.RETENTION)
        assert session.scalar(select(func.count()).select_from(UsedChallengeRow)) == 1_000
        repository.forget(session, NOW + repository.RETENTION + timedelta(seconds=1))
        assert session.scalar(select(func.count()).select_from(UsedChallengeRow)) == 0
