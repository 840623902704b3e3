"""`hoviat registry receipt`, as a stranger with a public key uses it."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hoviat import main
from issuance.tracking.keys import as_pem
from tests.integration.issuance.desk import PEOPLE, Desk

IN_TIME, TOO_LATE = "2026-03-02T00:00Z", "2027-03-02T00:00Z"


@pytest.fixture
def slip(desk: Desk, tmp_path: Path) -> Path:
    (tmp_path / "keys.pem").write_text(as_pem(desk.tracking.keys.public))
    file = tmp_path / "slip.txt"
    file.write_text(desk.tracking.slip(desk.submitted())[1] + "\n")
    return file


def run(*arguments: str, home: Path | None = None, stdin: str | None = None) -> Result:
    place = ["--home", str(home or "/nonexistent")]
    return CliRunner().invoke(main, [*place, "registry", "receipt", *arguments], input=stdin)


def verified(slip: Path, *more: str) -> Result:
    return run("verify", str(slip), "--key", str(slip.parent / "keys.pem"), "--json", *more)


def cause(result: Result) -> str:
    assert result.exit_code == 1
    told = json.loads(result.output)
    assert told["ok"] is False
    assert told["detail"]
    return str(told["cause"])


def test_a_good_slip(slip: Path) -> None:
    result = verified(slip, "--at", IN_TIME, "--ending", PEOPLE.national_code(0)[-4:])
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    assert told["ok"] is True
    assert told["national_code_ends"] == PEOPLE.national_code(0)[-4:]
    assert PEOPLE.national_code(0) not in result.output


def test_from_standard_input_in_words(slip: Path) -> None:
    keys = str(slip.parent / "keys.pem")
    result = run("verify", "-", "--key", keys, "--at", IN_TIME, stdin=slip.read_text())
    assert result.exit_code == 0
    assert "good slip" in result.output


def test_a_slip_that_has_expired(slip: Path) -> None:
    assert cause(verified(slip, "--at", TOO_LATE)) == "slip-expired"


def test_somebody_elses_slip(slip: Path) -> None:
    assert cause(verified(slip, "--at", IN_TIME, "--ending", "0000")) == "slip-bearer"


@pytest.mark.parametrize("place", [5, 20, 60, 131])
def test_a_slip_that_was_changed(slip: Path, place: int) -> None:
    text = slip.read_text()
    slip.write_text(text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :])
    assert cause(verified(slip, "--at", IN_TIME)) in {"slip-forged", "slip-key", "slip-malformed"}


@pytest.mark.parametrize("content", [b"", b"HS1:", b"\xff\xfe\x00", b"x" * 100_000])
def test_no_slip(slip: Path, content: bytes) -> None:
    slip.write_bytes(content)
    assert cause(verified(slip, "--at", IN_TIME)) == "slip-malformed"


def test_a_home_makes_its_own_key_which_does_not_believe_others(slip: Path, template: Path) -> None:
    home = slip.parent / "home"
    shutil.copytree(template, home)
    printed = run("keys", home=home)
    assert printed.exit_code == 0, printed.output
    assert printed.output.startswith("-----BEGIN PUBLIC KEY-----")
    assert run("keys", home=home).output == printed.output
    assert "slip-g2" in run("roll-over", home=home).output
    both = run("keys", home=home).output
    assert both.endswith(printed.output)
    assert len(both) == 2 * len(printed.output)
    other = slip.parent / "other.pem"
    other.write_text(printed.output)
    result = run("verify", str(slip), "--key", str(other), "--at", IN_TIME, "--json")
    assert cause(result) == "slip-key"


@pytest.mark.parametrize(
    ("option", "value"), [("--at", "yesterday"), ("--at", "2026-03-01T12:00"), ("--key", "slip.txt")]
)
def test_options_that_can_not_be(slip: Path, option: str, value: str) -> None:
    value = str(slip) if option == "--key" else value
    result = run("verify", str(slip), option, value)
    assert result.exit_code == 2
    assert option in result.output
