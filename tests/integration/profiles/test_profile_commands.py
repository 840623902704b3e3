"""`hoviat sim profiles` and `hoviat sim issue --profile`."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography import x509

import pki.bootstrap
from hoviat import main
from pki.home import create
from simulators.card.file import CardFile
from simulators.profiles.loading import profile_names

KEYS = ["card_number", "file", "national_code", "pin", "puk", "can", "certificates", "profile"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = create(tmp_path_factory.mktemp("commands") / "home")
    pki.bootstrap.initialise(made)
    return made.root


def sim(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--home", str(home), "sim", *arguments])


def test_profiles_lists_each_with_its_line(tmp_path: Path) -> None:
    result = sim(tmp_path / "none", "profiles")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines] == profile_names()
    assert not (tmp_path / "none").exists()


def test_profiles_as_json(tmp_path: Path) -> None:
    lines = [json.loads(line) for line in sim(tmp_path, "profiles", "--json").stdout.splitlines()]
    assert [line["name"] for line in lines] == profile_names()
    assert all(list(line) == ["name", "title", "status", "hostile"] for line in lines)


def test_a_card_is_a_line_that_ends_with_its_profile(home: Path) -> None:
    result = sim(home, "issue", "--profile", "child", "--count", "2", "--seed", "5")
    assert result.exit_code == 0, result.output
    cards = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(cards) == 2
    for card in cards:
        assert list(card) == KEYS
        assert card["profile"] == "child"
        assert Path(card["file"]).parent == home / "cards"
        assert [certificate["slot"] for certificate in card["certificates"]] == ["9A"]


def test_an_unknown_profile_is_refused_before_a_home_is_made(tmp_path: Path) -> None:
    result = sim(tmp_path / "none", "issue", "--profile", "nobody")
    assert result.exit_code == 1
    assert "hoviat sim profiles" in result.stderr
    assert not (tmp_path / "none").exists()


def test_a_testers_own_profile_with_a_fault_is_refused_by_field(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('title = "Mine"\nstatus = "delivered"\ncolour = "green"\n', "utf-8")
    result = sim(home, "issue", "--profile", str(path))
    assert result.exit_code == 1
    assert "mine.toml: " in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("variable", ["HOVIAT_PKI_DATABASE", "HOVIAT_CRL_DIR"])
def test_an_expired_card_never_mixes_two_authorities_in_one_place(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    elsewhere = f"sqlite:///{home / 'pki.sqlite3'}" if "DATABASE" in variable else str(tmp_path)
    monkeypatch.setenv(variable, elsewhere)
    result = sim(home, "issue", "--profile", "expired")
    assert result.exit_code == 1
    assert "the environment names" in result.stderr


def test_an_expired_card(home: Path) -> None:
    result = sim(home, "issue", "--profile", "expired")
    assert result.exit_code == 0, result.output
    ca = home / "earlier" / "ca"
    (card,) = [json.loads(line) for line in result.stdout.splitlines()]
    leaf = x509.load_pem_x509_certificate(card["certificates"][0]["pem"].encode())
    issuer = x509.load_pem_x509_certificate((ca / "citizen-auth-g1.pem").read_bytes())
    leaf.verify_directly_issued_by(issuer)
    assert sim(home, "issue", "--profile", "expired", "--seed", "2").exit_code == 0


@pytest.mark.parametrize(("options", "pseudo_random"), [((), True), (("--random-challenges",), False)])
def test_a_blank_has_the_challenges_that_were_asked_for(
    options: tuple[str, ...], pseudo_random: bool, home: Path
) -> None:
    result = sim(home, "blank", *options)
    assert result.exit_code == 0, result.output
    with CardFile.open(Path(result.stdout.strip())) as file:
        assert file.state.isd.pseudo_random is pseudo_random
