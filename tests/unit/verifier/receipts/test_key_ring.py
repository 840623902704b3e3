"""A new receipt key while the verifier runs: published, then signing, the old ones believed; tokens, too."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete

from pki.bootstrap import open_key_store
from pki.errors import ClockSetBackError, KeyStoreError
from pki.home import Home, create
from pki.keys.store import KeyStore
from simulators.forge.certificates import NOW
from tests.softhsm import PIN, SoftHsm
from tests.unit.verifier.receipts.world import World
from tests.unit.verifier.status.responder import Watch
from verifier import bootstrap
from verifier.bootstrap import open_database
from verifier.clockguard import ClockGuard, confirm
from verifier.receipts.keys import make_key, open_receipt_keys
from verifier.receipts.models import ReceiptKeyRow
from verifier.receipts.proof import read_jwk_set, verify_receipt
from verifier.receipts.ring import ReceiptKeyRing
from verifier.receipts.rollover import roll_over_on_record
from verifier.store.sessions import Database

DAY = timedelta(days=1)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = create(tmp_path / "home")
    bootstrap.initialise(made)
    return made


@pytest.fixture
def store(home: Home) -> Iterator[KeyStore]:
    opened = open_key_store(home)
    yield opened
    opened.close()


@pytest.fixture
def database(home: Home) -> Iterator[Database]:
    opened = open_database(home)
    yield opened
    opened.close()


class Running:
    """A ring in a running verifier, and what time it is there."""

    def __init__(self, store: KeyStore, database: Database) -> None:
        self.now, self.watch = NOW, Watch()
        self.ring = ReceiptKeyRing(store, database, lambda: self.now, self.watch)

    def at(self, time: datetime) -> "Running":
        self.now = time
        self.watch.now += 1
        self.ring.look()
        return self


def test_a_new_key_is_published_before_it_signs(home: Home, store: KeyStore, database: Database) -> None:
    running = Running(store, database)
    old = running.ring.current.key_id
    assert list(running.ring.public) == [old]
    assert roll_over_on_record(home, database, lambda: NOW, "officer-1", DAY) == (2, NOW + DAY)
    running.at(NOW + DAY - timedelta(microseconds=1))
    assert len(running.ring.public) == 2
    assert running.ring.current.key_id == old
    [new] = set(running.ring.public) - {old}
    running.at(NOW + DAY)
    assert running.ring.current.key_id == new
    assert set(running.ring.public) == {old, new}
    assert Running(store, database).at(NOW + DAY).ring.current.key_id == new  # a restart says the same
    assert Running(store, database).ring.current.key_id == old


def test_receipts_of_before_and_after_by_keys_fetched_before_it_signs(
    home: Home, store: KeyStore, database: Database
) -> None:
    running = Running(store, database)
    world = World(home.database_url("verifier"), running.ring)
    first = world.log_in()
    roll_over_on_record(home, database, lambda: NOW, "officer-1", DAY)
    running.at(NOW)
    fetched = read_jwk_set(world.http.get("/verifier/v1/receipt-keys").json())
    before = world.log_in()
    running.at(NOW + DAY)
    after = world.log_in()
    for receipt in (first, before, after):
        verify_receipt(receipt, fetched)
    assert len({receipt["signed"].split(".")[0] for receipt in (first, before, after)}) == 2
    world.close()


def test_at_once(home: Home, store: KeyStore, database: Database) -> None:
    running = Running(store, database)
    old = running.ring.current.key_id
    roll_over_on_record(home, database, lambda: NOW, "officer-1", timedelta(0))
    assert running.at(NOW).ring.current.key_id != old


def test_a_crash_between_row_and_key(
    home: Home, store: KeyStore, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing signs by a key that isn't there, and the same call makes it."""
    running = Running(store, database)
    old = running.ring.current.key_id

    def crash(_store: KeyStore, _generation: int) -> None:
        raise KeyStoreError("receipt-g2", "the token was taken out")

    with monkeypatch.context() as patched:
        patched.setattr("verifier.receipts.rollover.make_key", crash)
        with pytest.raises(KeyStoreError):
            roll_over_on_record(home, database, lambda: NOW, "officer-1", timedelta(0))
    assert running.at(NOW + DAY).ring.current.key_id == old
    assert roll_over_on_record(home, database, lambda: NOW + DAY, "officer-1", DAY) == (2, NOW + 2 * DAY)
    assert running.at(NOW + DAY).ring.current.key_id == old
    assert running.at(NOW + 2 * DAY).ring.current.key_id != old


def test_keys_of_before_there_was_a_table(store: KeyStore, database: Database) -> None:
    """The newest signs, as it did then."""
    make_key(store, 2)
    newest = next(iter(open_receipt_keys(store).public))
    assert Running(store, database).ring.current.key_id == newest


def test_a_row_that_somebody_deleted_leaves_a_key_of_ours(
    home: Home, store: KeyStore, database: Database
) -> None:
    roll_over_on_record(home, database, lambda: NOW, "officer-1", DAY)
    with database.write() as session:
        session.execute(delete(ReceiptKeyRow))
    ring = Running(store, database).ring
    assert ring.current.key_id in open_receipt_keys(store).public


def test_receipts_by_a_token(softhsm: SoftHsm, tmp_path: Path) -> None:
    """Each is signed on the token, within the batch; while it is away nobody logs in, nothing is burned."""
    store = KeyStore.from_settings(tmp_path, softhsm.location, bytes, PIN)
    try:
        world = World.in_folder(tmp_path, keys=open_receipt_keys(store))
        keys = read_jwk_set(world.http.get("/verifier/v1/receipt-keys").json())
        for receipt in (world.log_in(), world.log_in("https://evil.example.ir")):
            verify_receipt(receipt, keys)
        nonce = world.nonce()
        softhsm.take_out()
        store.close()
        assert world.attempt(nonce).status_code == 503
        assert world.attempt(nonce).json()["type"].endswith(":signing-unavailable")
        softhsm.put_back()
        verify_receipt(world.log_in(nonce=nonce), keys)
        world.close()
    finally:
        store.close()


def test_on_each_database(both: World, home: Home, store: KeyStore) -> None:
    """The table of keys and the time on record, on SQLite and PostgreSQL."""
    database = both.verifier.database
    running = Running(store, database)
    old = running.ring.current.key_id
    roll_over_on_record(home, database, lambda: NOW, "officer-1", DAY)
    assert running.at(NOW).ring.current.key_id == old
    assert running.at(NOW + DAY).ring.current.key_id != old
    both.now = NOW - timedelta(hours=1)
    with pytest.raises(ClockSetBackError):
        ClockGuard(database, lambda: both.now).check()
    confirm(database, lambda: both.now, "officer-1")
    ClockGuard(database, lambda: both.now).check()
