"""What goes wrong at the command line gets a clear word and a status other than 0, and changes nothing."""

import hashlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulators.readers.pcscd import pcscd_service
from tests.integration.mainjob.conftest import IssuedCard
from tests.integration.mainjob.hoviat_command import refuse, succeed


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bad") / "home"
    succeed(folder, "init")
    return folder


def _fingerprint(folder: Path) -> dict[str, str]:
    files = (
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(("-wal", "-shm"))
    )
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_home_is_initialised_once(home: Path) -> None:
    before = _fingerprint(home)
    assert "is not empty" in refuse(home, "init")
    assert _fingerprint(home) == before


def test_a_home_that_is_none(tmp_path: Path) -> None:
    for command in (["serve"], ["pki", "crl"], ["pki", "audit", "verify"]):
        assert "hoviat init" in refuse(tmp_path / "nowhere", *command)
    assert not (tmp_path / "nowhere").exists()


def test_a_port_that_is_taken(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        message = refuse(home, "serve", "--port", str(port))
    assert f"127.0.0.1:{port}" in message
    assert "in use" in message


@pytest.mark.parametrize("office", ["2", "", "۱", "1 ", "x" * 100])
def test_an_office_that_is_none(home: Path, office: str) -> None:
    assert "there is no office" in refuse(home, "serve", "--port", "0", "--office", office)


@pytest.mark.parametrize("content", [b"", b"not a card", b"{}", b"\xff" * 100])
def test_a_corrupt_card_file(home: Path, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "broken.card"
    file.write_bytes(content)
    assert "broken.card" in refuse(home, "sim", "insert", str(file))
    assert file.read_bytes() == content


def test_a_card_file_that_is_not_there(home: Path, tmp_path: Path) -> None:
    assert "nothing.card" in refuse(home, "sim", "insert", str(tmp_path / "nothing.card"))


@pytest.mark.parametrize("command", ["revoke", "suspend", "resume"])
@pytest.mark.parametrize("serial", ["not-hex", "00", "7f" * 16])
def test_a_certificate_that_was_never_issued(home: Path, command: str, serial: str) -> None:
    reason = ["--reason", "keyCompromise"] if command == "revoke" else []
    refuse(home, "pki", command, serial, *reason)


@pytest.mark.parametrize("content", [None, b"", b"[]", b"{}", b'{"clerk-1": "not the one"}', b"\xff"])
def test_cards_for_nobody_who_can_sign_in(home: Path, content: bytes | None) -> None:
    """Whoever has given the first passwords to their people has no file of them any more."""
    file = home / "secrets" / "operators.json"
    kept = file.read_bytes()
    try:
        file.unlink()
        if content is not None:
            file.write_bytes(content)
        message = refuse(home, "sim", "issue")
    finally:
        file.write_bytes(kept)
    assert "operators.json" in message or "password" in message
    assert "Traceback" not in message


def test_an_unknown_command(home: Path) -> None:
    assert "No such command" in refuse(home, "frobnicate")


@pytest.mark.pcscd
@pytest.mark.xdist_group("pcscd")
class TestAtTheReader:
    """What is wrong with a reader, a PIN, a PUK."""

    @pytest.fixture(autouse=True)
    def _service(self) -> Iterator[None]:
        with pcscd_service():
            yield

    @pytest.fixture
    def login(self) -> list[str]:
        return ["card", "login", "--origin", "https://example.ir", "--nonce", "A" * 44]

    def test_an_unknown_reader(self, home: Path) -> None:
        message = refuse(home, "card", "info", "--reader", "No Such Reader")
        assert "No Such Reader" in message

    def test_pins_and_puks(self, issued: IssuedCard, reader: str, login: list[str]) -> None:
        at = ["--reader", reader]
        wrong = f"{(int(issued.pin) + 1) % 10**6:06}"
        assert "6 to 8 digits" in refuse(issued.home, *login, *at, HOVIAT_PIN="12ab")
        for left in (2, 1):
            assert f"{left} tr" in refuse(issued.home, *login, *at, HOVIAT_PIN=wrong)
        for _ in range(2):
            assert "blocked" in refuse(issued.home, *login, *at, HOVIAT_PIN=wrong)
        assert "blocked" in refuse(issued.home, *login, *at, HOVIAT_PIN=issued.pin)
        unblock = ["card", "unblock", *at]
        wrong_puk = f"{(int(issued.puk) + 1) % 10**8:08}"
        assert "2 tr" in refuse(issued.home, *unblock, HOVIAT_PUK=wrong_puk, HOVIAT_NEW_PIN="483920")
        succeed(issued.home, *unblock, HOVIAT_PUK=issued.puk, HOVIAT_NEW_PIN="483920")
        assert "web-eid:1.0" in succeed(issued.home, *login, *at, HOVIAT_PIN="483920")

    def test_an_empty_reader(self, home: Path, reader: str) -> None:
        other = "Virtual PCD 00 01"
        assert other != reader
        assert other in refuse(home, "card", "info", "--reader", other)
