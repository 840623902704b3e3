"""One writer at a time, among threads and among processes."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import make_url

from verifier.store import turns
from verifier.store.turns import SqliteTurn, turn_of

_HOLD = """
import sys
from pathlib import Path
from verifier.store.turns import SqliteTurn
with SqliteTurn(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_sqlite_queues_and_postgresql_has_a_queue_of_its_own(tmp_path: Path) -> None:
    assert isinstance(turn_of(make_url(f"sqlite:///{tmp_path}/a.db")), SqliteTurn)
    assert isinstance(turn_of(make_url("sqlite://")), SqliteTurn)
    assert not isinstance(turn_of(make_url("postgresql+psycopg://h/d")), SqliteTurn)


@pytest.mark.parametrize("in_memory", [True, False])
def test_threads_take_turns(tmp_path: Path, in_memory: bool) -> None:
    turn = SqliteTurn(None if in_memory else tmp_path / "turn")
    inside = threading.Event()

    def enter() -> None:
        with turn:
            inside.set()

    with turn:
        other = threading.Thread(target=enter)
        other.start()
        assert not inside.wait(0.05)
    assert inside.wait(10)
    other.join(10)
    turn.close()


def test_another_process_is_waited_for_and_its_end_ends_its_turn(tmp_path: Path) -> None:
    path = tmp_path / "turn"
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        turn = SqliteTurn(path)
        entered = threading.Event()

        def enter() -> None:
            with turn:
                entered.set()

        waiting = threading.Thread(target=enter)
        waiting.start()
        assert not entered.wait(0.1)
        holder.kill()
        assert entered.wait(10)
        waiting.join(10)
        turn.close()


def test_a_holder_that_hangs_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "_PATIENCE_SECONDS", 0.01)
    first, second = SqliteTurn(tmp_path / "turn"), SqliteTurn(tmp_path / "turn")
    with first, second:
        pass
    first.close()
    second.close()


def test_an_error_inside_passes_the_turn_on(tmp_path: Path) -> None:
    turn = SqliteTurn(tmp_path / "turn")
    with pytest.raises(ValueError, match="inside"), turn:
        raise ValueError("inside")
    with turn:
        pass
    turn.close()


def test_a_folder_that_is_not_there_is_an_error_and_keeps_nobody_out(tmp_path: Path) -> None:
    turn = SqliteTurn(tmp_path / "none" / "turn")
    for _ in range(2):
        with pytest.raises(OSError, match="none"), turn:
            pass
