"""PIN sources: the environment, or a file that is its owner's alone. Nothing else, and no default."""

from pathlib import Path

import pytest

from pki.errors import KeyUriError, PinSourceError
from pki.keys.pins import pin_source


def pin_file(tmp_path: Path, content: bytes = b"471100\n", mode: int = 0o600) -> Path:
    path = tmp_path / "pin"
    path.write_bytes(content)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("prefix", ["file:", "file://"])
@pytest.mark.parametrize("content", [b"471100", b"471100\n"])
def test_a_pin_file_is_read(tmp_path: Path, prefix: str, content: bytes) -> None:
    assert pin_source(f"{prefix}{pin_file(tmp_path, content)}", None)() == "471100"


def test_a_changed_pin_file_is_read_anew(tmp_path: Path) -> None:
    path = pin_file(tmp_path)
    source = pin_source(f"file:{path}", None)
    assert source() == "471100"
    path.write_text("002244")
    assert source() == "002244"


def test_the_environment_comes_first(tmp_path: Path) -> None:
    assert pin_source(f"file:{tmp_path}/missing", "123456")() == "123456"


def test_there_is_no_default() -> None:
    with pytest.raises(PinSourceError, match="HOVIAT_HSM_PIN"):
        pin_source(None, None)()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644, 0o610, 0o666])
def test_a_file_that_others_reach_is_refused(tmp_path: Path, mode: int) -> None:
    source = pin_source(f"file:{pin_file(tmp_path, mode=mode)}", None)
    with pytest.raises(PinSourceError, match="chmod 600"):
        source()


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"47\n11", b"4711\r\n", b"\xff\xfe", b"47\x0011", b"4" * 257, b"471100\n\n"]
)
def test_a_file_without_one_pin_is_refused_and_not_repeated(tmp_path: Path, content: bytes) -> None:
    source = pin_source(f"file:{pin_file(tmp_path, content)}", None)
    with pytest.raises(PinSourceError) as caught:
        source()
    assert "47" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(PinSourceError):
            pin_source(f"file:{path}", None)()


@pytest.mark.parametrize(
    "uri", ["", "pin", "file:pin", "file://host/pin", "|/bin/cat", "http://127.0.0.1/pin"]
)
def test_other_sources_are_refused(uri: str) -> None:
    with pytest.raises(KeyUriError):
        pin_source(uri, None)


def test_no_repr_shows_a_pin(tmp_path: Path) -> None:
    assert "471100" not in repr(pin_source(None, "471100"))
    assert "471100" not in repr(pin_source(f"file:{pin_file(tmp_path)}", None))
