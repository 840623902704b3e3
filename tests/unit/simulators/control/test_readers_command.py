"""`hoviat sim readers` at work with a desk that is served."""

import json
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result

from cardio.piv.session import PivSession
from cardio.transport import pcsc
from cardio.transport.base import CardRemovedError
from cardio.transport.pinpad import PinEntryError
from simulators.card.blank import create_blank
from simulators.control import cli
from simulators.control.app import create_app
from simulators.control.desk import Desk
from simulators.installation.server import running
from simulators.readers.inprocess import InProcessReader
from tests.unit.simulators.card.host import MANAGEMENT_KEY, PIN, PUK

NEW_PIN = "471100"
TOKEN = "a token of this test"
Run = Callable[..., Result]


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[str]:
    """A reader on a desk that HOME/readers.json tells of."""
    create_blank(tmp_path / "1.card", 1, PIN, PUK, MANAGEMENT_KEY)
    with InProcessReader(f"Served Reader {uuid4()}") as reader:
        desk = Desk([reader], tmp_path)
        with running(create_app(desk, TOKEN)) as url:
            (tmp_path / "readers.json").write_text(json.dumps({"url": url, "token": TOKEN}))
            yield reader.name
        desk.clear()


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(cli, "current_home", lambda: tmp_path)
    return lambda *words, **pins: CliRunner().invoke(cli.readers, list(words), env=pins)


def test_cards_and_keys(reader: str, run: Run) -> None:
    assert run("insert", reader, "1.card").exit_code == 0
    assert run("pad", reader, "--change", HOVIAT_PIN=PIN, HOVIAT_NEW_PIN=NEW_PIN).exit_code == 0
    assert json.loads(run("list").stdout) == {"reader": reader, "card": "1.card", "pad": True}
    with pcsc.connect(reader) as connection:
        session = PivSession(connection)
        pad = session.pin_pad()
        assert pad is not None
        session.change_pin_at(pad)
        run("pad", reader, HOVIAT_PIN=NEW_PIN)
        session.enter_pin(None)
        for option, reason in (("--cancel", "cancelled"), ("--timeout", "too long")):
            run("pad", reader, option)
            with pytest.raises(PinEntryError, match=reason):
                session.enter_pin(None)
        run("pad", reader, "--off")
        assert session.pin_pad() is None
    assert run("remove", reader).exit_code == 0
    assert json.loads(run("list").stdout) == {"reader": reader, "card": None, "pad": False}


def test_power_is_cut_at_a_durable_write(reader: str, run: Run, tmp_path: Path) -> None:
    conditions = tmp_path / "torn.json"
    conditions.write_text(json.dumps({"faults": [{"apdu": 1, "effect": "cut-at-write", "value": 1}]}))
    assert run("insert", reader, "1.card", "--conditions", str(conditions)).exit_code == 0
    with pcsc.connect(reader) as connection, pytest.raises(CardRemovedError):
        PivSession(connection).change_pin(PIN, NEW_PIN)
    assert run("insert", reader, "1.card").exit_code == 0
    with pcsc.connect(reader) as connection:
        assert PivSession(connection).pin_tries_left() == 2


def test_refusals_are_messages(reader: str, run: Run) -> None:
    assert "no reader named nowhere" in run("pad", "nowhere", "--cancel").stderr
    assert "exclude one another" in run("pad", reader, "--cancel", "--off").stderr
    assert "is 1 to 16 digits" in run("pad", reader, HOVIAT_PIN="secret").stderr


def test_the_token_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path, elsewhere = tmp_path / "readers.json", tmp_path / "elsewhere"
    elsewhere.write_text("theirs")
    path.symlink_to(elsewhere)
    before = os.umask(0)
    try:
        cli._write(path, {"token": TOKEN})
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.lstat().st_mode) == 0o600
    assert stat.S_ISREG(path.lstat().st_mode)
    assert elsewhere.read_text() == "theirs"


def test_nobody_serves(run: Run) -> None:
    assert "no readers are served here" in run("list").stderr
