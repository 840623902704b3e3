"""Logins at real server processes on SQLite and PostgreSQL: exactly one wins, whatever happens meanwhile."""

import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from pki.auditchain import verify_table
from pki.home import load
from pki.store.database import create_database_engine
from tests.integration.verifier.logins import Nation, Replica, kind_of, make_nation, until
from tests.postgres import PostgresServer, running_server
from verifier.audit import AuditEntry
from verifier.receipts.models import ReceiptRow
from verifier.store.sessions import Database

pytestmark = pytest.mark.slow

CARDS = 40
DATABASES = ["SQLite", "PostgreSQL"]


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[PostgresServer | None]:
    if request.param == "SQLite":
        yield None
    else:
        with running_server(durable=True) as running:
            yield running


@pytest.fixture
def nation(
    server: PostgresServer | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Nation]:
    if server is None:
        yield make_nation(tmp_path / "home", CARDS)
        return
    with server.database() as pki, server.database() as verifier, server.database() as issuance:
        monkeypatch.setenv("HOVIAT_PKI_DATABASE", pki)
        monkeypatch.setenv("HOVIAT_VERIFIER_DATABASE", verifier)
        monkeypatch.setenv("HOVIAT_ISSUANCE_DATABASE", issuance)
        yield make_nation(tmp_path / "home", CARDS)


def _database(nation: Nation) -> Database:
    return Database(create_database_engine(load(nation.root).database_url("verifier")))


def _require_sound(nation: Nation, codes: set[str]) -> None:
    """Every receipt that a client was given is on record, and so is an audit entry for each."""
    database = _database(nation)
    try:
        with database.read() as session:
            kept = set(session.scalars(select(ReceiptRow.code)))
            audited = set(
                session.scalars(select(AuditEntry.subject).where(AuditEntry.action.like("login.%")))
            )
            assert codes <= kept
            assert kept == audited
            verify_table(session, AuditEntry)
    finally:
        database.close()


@pytest.mark.parametrize("server", DATABASES, indirect=True)
def test_fifty_parallel_posts_at_two_replicas_exactly_one_wins(nation: Nation) -> None:
    with nation.replica(workers=2) as one, nation.replica() as other:
        nonce = one.nonce()
        card = nation.cards[0]
        together = threading.Barrier(50)

        def post(number: int) -> httpx.Response:
            together.wait(60)
            return (one, other)[number % 2].present(card, nonce)

        with ThreadPoolExecutor(50) as pool:
            responses = list(pool.map(post, range(50)))
        assert Counter(map(kind_of, responses)) == {"accepted": 1, "challenge-used": 49}
    _require_sound(nation, {response.json()["receipt"]["code"] for response in responses})


@pytest.mark.parametrize("server", DATABASES, indirect=True)
def test_replay_after_a_restart(nation: Nation) -> None:
    card = nation.cards[0]
    with nation.replica() as before:
        nonce, unused = before.nonce(), before.nonce()
        assert kind_of(before.present(card, nonce)) == "accepted"
    with nation.replica() as after:
        assert kind_of(after.present(card, nonce)) == "challenge-used"
        assert kind_of(after.present(card, unused)) == "accepted"


@pytest.mark.parametrize("child", ["verifier-1", "verifier-record"])
@pytest.mark.parametrize("server", DATABASES, indirect=True)
def test_a_process_killed_under_load(nation: Nation, child: str) -> None:
    with nation.replica(workers=2) as replica:
        accepted, codes = _log_in_all(
            nation, replica, lambda done: replica.signal_child(child, signal.SIGKILL) if done == 10 else None
        )
        # Whoever lost the connection asks again, with a new challenge; nobody was let in twice.
        assert accepted == CARDS
    _require_sound(nation, codes)


@pytest.mark.parametrize("server", ["SQLite"], indirect=True)
def test_strangers_with_wrong_keys_disturb_nobody(nation: Nation) -> None:
    """Each is refused as such, and no login beside them fails."""
    with nation.replica() as replica:
        unknown = replace(replica, key=f"{'a' * 16}.{'A' * 43}")
        wrong = replace(replica, key=f"{nation.key.partition('.')[0]}.{'A' * 43}")
        over = threading.Event()

        def knock() -> Counter[str]:
            answers: Counter[str] = Counter()
            while not over.is_set():
                answers[kind_of(unknown.post("/v1/challenges", {}))] += 1
                answers[kind_of(wrong.post("/v1/authentications", {"token": {}, "nonce": "A" * 44}))] += 1
                answers[kind_of(replica.post("/v1/challenges", {"origin": "https://else.example"}))] += 1
            return answers

        with ThreadPoolExecutor(1) as pool:
            knocking = pool.submit(knock)
            answers = [replica.present(card, replica.nonce()) for card in nation.cards]
            over.set()
            assert set(knocking.result()) == {"api-key-invalid", "origin-not-registered"}
    assert Counter(map(kind_of, answers)) == {"accepted": CARDS}


@pytest.mark.parametrize("server", ["SQLite"], indirect=True)
def test_a_recorder_that_hangs_is_told_and_goes_on(nation: Nation) -> None:
    with nation.replica() as replica:
        nonce = replica.nonce()
        replica.signal_child("verifier-record", signal.SIGSTOP)
        answer = replica.present(nation.cards[0], nonce)
        assert (answer.status_code, kind_of(answer)) == (503, "recorder-unavailable")
        assert not replica.answers()  # its health says so
        replica.signal_child("verifier-record", signal.SIGCONT)
        until(replica.answers)
        # What it was given while it hung was not done: nobody waits for it any more.
        assert kind_of(replica.present(nation.cards[0], nonce)) == "accepted"


@pytest.mark.parametrize("server", ["PostgreSQL"], indirect=True)
def test_the_database_gone_and_back(nation: Nation, server: PostgresServer) -> None:
    with nation.replica() as replica:
        nonce = replica.nonce()
        server.crash()
        gone = replica.present(nation.cards[0], nonce)
        assert (gone.status_code, kind_of(gone)) == (503, "database-unavailable")
        server.start()
        accepted, codes = _log_in_all(nation, replica, lambda _done: None)
        assert accepted == CARDS
    _require_sound(nation, codes)


def _log_in_all(nation: Nation, replica: Replica, disturb: Callable[[int], object]) -> tuple[int, set[str]]:
    """Each card logs in, again and again until it is let in."""
    done = 0
    lock = threading.Lock()
    codes: set[str] = set()

    def log_in(number: int) -> int:
        nonlocal done
        for _ in range(50):
            try:
                response = replica.present(nation.cards[number], replica.nonce())
            except (httpx.HTTPError, KeyError):
                continue
            receipt = response.json().get("receipt")
            with lock:
                if receipt:
                    codes.add(receipt["code"])
                if response.status_code == 200:
                    done += 1
                    disturb(done)
                    return 1
            assert response.status_code == 503, response.text
        return 0

    with ThreadPoolExecutor(8) as pool:
        return sum(pool.map(log_in, range(CARDS))), codes
