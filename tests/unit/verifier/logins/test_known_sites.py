"""What a worker remembers of sites: whose key it was a second ago, and of that key alone."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from pki.store.database import create_database_engine, migrate
from tests.unit.verifier.logins.test_challenge_attacks import ORIGIN, World
from tests.unit.verifier.status.responder import Watch
from verifier.bootstrap import MIGRATIONS
from verifier.logins.known import Known
from verifier.logins.records import LoginRecords, Result, Work
from verifier.services.apikeys import ApiKey, parse_api_key
from verifier.services.errors import ApiKeyInvalidError


class Counting:
    """The record at once, with no lane before it."""

    def __init__(self, records: LoginRecords) -> None:
        self._records = records
        self.asked = 0

    async def submit(self, work: Work) -> Result:
        self.asked += 1
        [result] = self._records.work([work])
        if isinstance(result, Exception):
            raise result
        return result

    def close(self) -> None:
        pass


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    url = f"sqlite:///{tmp_path / 'verifier.sqlite3'}"
    engine = create_database_engine(url)
    migrate(engine, MIGRATIONS)
    engine.dispose()
    made = World(url)
    yield made
    made.verifier.close()


def key_of(world: World) -> ApiKey:
    return parse_api_key(world.verifier.services.register_site("portal", ORIGIN).api_key)


def test_a_site_is_asked_for_once_a_second(world: World) -> None:
    key, watch, recording = key_of(world), Watch(), Counting(world.records())
    known = Known(recording, watch)
    for later, asked in ((0.0, 1), (0.9, 1), (0.2, 2), (0.0, 2)):
        watch.now += later
        assert asyncio.run(known.site(key)).name == "portal"
        assert recording.asked == asked


def test_a_key_that_ended_is_known_for_a_second_at_most(world: World) -> None:
    key, watch = key_of(world), Watch()
    known = Known(Counting(world.records()), watch)
    asyncio.run(known.site(key))
    world.verifier.services.renew_key("portal")
    watch.now += 1
    for _ in range(2):
        with pytest.raises(ApiKeyInvalidError):
            asyncio.run(known.site(key))


def test_another_secret_with_a_known_sites_id_is_nobodys(world: World) -> None:
    """Right after the right one was there."""
    key = key_of(world)
    known = Known(Counting(world.records()), Watch())
    asyncio.run(known.site(key))
    for secret in ("A" * 43, key.secret[:-1] + ("A" if key.secret[-1] != "A" else "B")):
        with pytest.raises(ApiKeyInvalidError):
            asyncio.run(known.site(ApiKey(key.site_id, secret)))
