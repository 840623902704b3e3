"""`hoviat init`: it says that nobody was there, refuses impossible settings, completes a ceremony's home."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hoviat import main
from pki.home import load
from simulators.installation.services import open_installation


def hoviat(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--home", str(home), *arguments])


def test_it_says_that_nobody_was_there(tmp_path: Path) -> None:
    result = hoviat(tmp_path / "home", "init", "--json", "--shards", "3")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["ceremony"] == "unattended"
    assert "unattended" in result.stderr
    assert load(tmp_path / "home").shards == 3
    with open_installation(tmp_path / "home") as installation:
        assert installation.pki.issuers["card-g1"].shards == 3
        assert installation.pki.issuers["root-g1"].key is not None


@pytest.mark.parametrize(
    ("option", "value", "cause"),
    [
        ("--shards", "0", "shards"),
        ("--shards", "10001", "shards"),
        ("--keys", "root.pem", "key URI"),
        ("--keys", "file:root.pem", "key URI"),
        ("--keys", "pkcs11:token=t;object=o?module-path=/x.so", "key URI"),
        ("--keys", "pkcs11:token=t?pin-value=1234", "key URI"),
        ("--keys", "pkcs11:token=t?module-path=/nowhere.so", "module"),
        ("--public-url", "ftp://x", "public URL"),
    ],
)
def test_impossible_settings_make_nothing(tmp_path: Path, option: str, value: str, cause: str) -> None:
    result = hoviat(tmp_path / "home", "init", option, value)
    assert result.exit_code == 1, result.output
    assert cause in result.stderr
    assert "1234" not in result.output
    assert not (tmp_path / "home").exists()


def test_after_a_ceremony_it_makes_the_rest(tmp_path: Path) -> None:
    home = tmp_path / "home"
    shares = [f"--officer={name}={tmp_path / name}" for name in ("alef", "be")]
    founded = hoviat(home, "pki", "ceremony", "found", "--offline", str(tmp_path / "away"), *shares)
    assert founded.exit_code == 0, founded.output
    assert "is not empty" in hoviat(home, "init").stderr
    result = hoviat(home, "init", "--after-ceremony", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["ceremony"] == "attended"
    assert "already" in hoviat(home, "init", "--after-ceremony").stderr
    with open_installation(home) as installation:
        assert installation.pki.issuers["root-g1"].key is None
        assert installation.pki.crls.current("root-g1").read()


def test_without_a_ceremony_there_is_nothing_to_complete(tmp_path: Path) -> None:
    assert "is not initialised" in hoviat(tmp_path / "home", "init", "--after-ceremony").stderr


@pytest.mark.parametrize(
    ("url", "cause"),
    [
        ("postgresql+psycopg://someone:secret@127.0.0.1:1/none", "Connection refused"),
        ("no database's URL: secret", "DATABASE"),
        ("postgres://someone:secret@127.0.0.1/none", "DATABASE"),
        ("mysql://someone:secret@127.0.0.1/none", "DATABASE"),
        ("postgresql+psycopg://someone@127.0.0.1:secret/none", "DATABASE"),
    ],
)
def test_a_database_that_is_not_there_makes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, cause: str
) -> None:
    monkeypatch.setenv("HOVIAT_PKI_DATABASE", url)
    result = hoviat(tmp_path / "home", "init")
    assert result.exit_code == 1
    assert cause in result.stderr
    assert "secret" not in result.output
    assert not (tmp_path / "home").exists()


def test_a_database_that_is_used_makes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hoviat(tmp_path / "first", "init").exit_code == 0
    monkeypatch.setenv("HOVIAT_PKI_DATABASE", f"sqlite:///{tmp_path / 'first' / 'pki.sqlite3'}")
    result = hoviat(tmp_path / "second", "init")
    assert result.exit_code == 1
    assert "is used" in result.stderr
    assert not (tmp_path / "second").exists()


@pytest.mark.parametrize("command", ["pki list", "pki audit verify", "pki crl --due", "pki serve", "serve"])
def test_a_database_that_went_away_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    assert hoviat(tmp_path / "home", "init").exit_code == 0
    monkeypatch.setenv("HOVIAT_PKI_DATABASE", "postgresql+psycopg://someone:secret@127.0.0.1:1/none")
    result = hoviat(tmp_path / "home", *command.split(), *(["--port", "0"] if "serve" in command else []))
    assert result.exit_code == 1
    assert "Connection refused" in result.stderr
    assert "secret" not in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)


@pytest.mark.parametrize(
    ("name", "words"),
    [("root-g1", "ceremony renew"), ("csca-g1", "ceremony renew"), ("service-g1", "two officers")],
)
def test_one_officer_alone_stops_no_ca(tmp_path: Path, name: str, words: str) -> None:
    home, file = tmp_path / "home", str(tmp_path / "ca" / f"{name}.pem")
    assert hoviat(home, "init").exit_code == 0
    assert hoviat(home, "pki", "export", "--dir", str(tmp_path / "ca")).exit_code == 0
    for command in (["revoke", file, "--reason", "superseded"], ["suspend", file]):
        result = hoviat(home, "pki", *command, "--officer", "officer-1")
        assert result.exit_code == 1
        assert words in result.stderr
    assert '"status": "good"' in hoviat(home, "pki", "show", file).stdout


def test_two_officers_hold_and_release_a_ca(tmp_path: Path) -> None:
    home, file = tmp_path / "home", str(tmp_path / "ca" / "service-g1.pem")
    assert hoviat(home, "init").exit_code == 0
    assert hoviat(home, "pki", "export", "--dir", str(tmp_path / "ca")).exit_code == 0
    both = ["--officer", "officer-1", "--officer", "officer-2"]
    assert hoviat(home, "pki", "suspend", file, *both[:2], "--officer", "officer-l").exit_code == 1
    assert hoviat(home, "pki", "suspend", file, *both).exit_code == 0
    assert hoviat(home, "pki", "resume", file, *both[:2]).exit_code == 1
    assert hoviat(home, "pki", "resume", file, *both).exit_code == 0


def test_a_clock_that_is_right_needs_no_confirmation(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert hoviat(home, "init").exit_code == 0
    result = hoviat(home, "pki", "clock", "--confirm", "officer-1")
    assert result.exit_code == 1
    assert "nothing to confirm" in result.stderr
