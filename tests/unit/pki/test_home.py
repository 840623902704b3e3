import stat
from pathlib import Path

import pytest

from pki.home import Home, HomeError, HomeInUseError, HomeMissingError, PublicUrlError, create, load


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_home_is_its_owners_alone_even_where_the_folder_was_open(tmp_path: Path) -> None:
    root = tmp_path / "home"
    root.mkdir(mode=0o755)
    home = create(root)
    for folder in (home.root, home.keys, home.secrets, home.cards):
        assert _mode(folder) == 0o700
    assert _mode(home.secrets / "passphrase") == 0o600


def test_it_opens_as_it_was_made(tmp_path: Path) -> None:
    home = create(tmp_path / "home", "https://id.example.ir/")
    assert load(tmp_path / "home") == home
    assert home.public_url == "https://id.example.ir"
    assert len(home.passphrase()) >= 32


def test_two_homes_never_share_a_passphrase(tmp_path: Path) -> None:
    assert create(tmp_path / "a").passphrase() != create(tmp_path / "b").passphrase()


def test_a_used_folder_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("mine")
    with pytest.raises(HomeInUseError):
        create(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter"]


def test_a_passphrase_from_the_environment_is_not_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOVIAT_PASSPHRASE", "from the safe")
    home = create(tmp_path / "home")
    assert not (home.secrets / "passphrase").exists()
    assert home.passphrase() == b"from the safe"
    monkeypatch.delenv("HOVIAT_PASSPHRASE")
    with pytest.raises(HomeMissingError):
        home.passphrase()


def test_a_secret_is_never_overwritten(tmp_path: Path) -> None:
    home = create(tmp_path / "home")
    with pytest.raises(FileExistsError):
        home.write_secret("passphrase", b"another")


@pytest.mark.parametrize("content", ["", "public_url = ", "public_url = 5 5", "other = 1"])
def test_an_unreadable_settings_file(tmp_path: Path, content: str) -> None:
    (tmp_path / "hoviat.toml").write_text(content)
    with pytest.raises(HomeError):
        load(tmp_path)


@pytest.mark.parametrize("origin", ['""', '"a b"', '"a+b"', "5", '"ایران"'])
def test_an_origin_that_no_log_can_have(tmp_path: Path, origin: str) -> None:
    (tmp_path / "hoviat.toml").write_text(f'public_url = "http://a"\naudit_origin = {origin}\n')
    with pytest.raises(HomeError):
        load(tmp_path)


def test_a_log_is_named_at_its_founding(tmp_path: Path) -> None:
    home = create(tmp_path / "home", "https://id.example.ir/hoviat/")
    assert load(home.root).audit_origin == "id.example.ir/hoviat/pki/audit"
    (tmp_path / "hoviat.toml").write_text('public_url = "http://b:80"\n')
    assert load(tmp_path).audit_origin == "b:80/pki/audit"  # made before origins were recorded


def test_no_home_at_all(tmp_path: Path) -> None:
    with pytest.raises(HomeMissingError, match="hoviat init"):
        load(tmp_path / "nowhere")


def test_a_database_can_lie_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path, "http://127.0.0.1")
    assert home.database_url("pki") == f"sqlite:///{tmp_path}/pki.sqlite3"
    monkeypatch.setenv("HOVIAT_PKI_DATABASE", "postgresql+psycopg://db/pki")
    assert home.database_url("pki") == "postgresql+psycopg://db/pki"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "id.example.ir",
        "ftp://id.example.ir",
        'http://a"b',
        "http://a?b",
        "http://[",
        "https://",
        "http://ایران",
        "HTTPS://id.example.ir",
        "http://a:99999",
        "https://a:port",
    ],
)
def test_a_public_address_that_certificates_cannot_carry(tmp_path: Path, url: str) -> None:
    with pytest.raises(PublicUrlError):
        create(tmp_path / "home", url)
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    "url", ["https://id.example.ir:8443", "https://id.example.ir:80/hoviat", "https://[::1]:1"]
)
def test_an_https_address_from_which_the_http_one_cannot_be_told(tmp_path: Path, url: str) -> None:
    with pytest.raises(PublicUrlError, match="give the public URL as"):
        create(tmp_path / "home", url)
    assert not (tmp_path / "home").exists()
    home = create(tmp_path / "home", "https://id.example.ir")
    settings = home.root / "hoviat.toml"
    settings.write_text(settings.read_text().replace("https://id.example.ir", url))
    with pytest.raises(PublicUrlError, match="give the public URL as"):
        load(home.root)
