"""A folder of trust anchors: read again when it changes, the sound ones whatever the others are."""

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pki.bootstrap import Pki
from pki.validation import PathPolicy, validate
from pki.validation.anchors import MAX_FILE_BYTES, TrustAnchors
from pki.validation.errors import UntrustedIssuerError

AT = datetime(2026, 11, 25, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path, test_data: Path) -> Path:
    """The Iranian roots and intermediates, as they were published."""
    target = tmp_path / "trust"
    target.mkdir()
    for source in (test_data / "iran_ca").iterdir():
        shutil.copyfile(source, target / source.name)
    return target


def test_roots_of_every_age_and_their_intermediates_load(folder: Path) -> None:
    found = TrustAnchors.load(folder).current()
    assert found.faults == {}
    assert (len(found.anchors), len(found.intermediates)) == (3, 9)


def test_an_expired_anchor_and_a_broken_file_stop_nobody(folder: Path) -> None:
    (folder / "broken.pem").write_bytes(b"-----BEGIN CERTIFICATE-----\nAAAA\n")
    (folder / "empty.cer").write_bytes(b"")
    (folder / "long.crt").write_bytes(bytes(MAX_FILE_BYTES + 1))
    (folder / "garbage.der").write_bytes(b"\x30\x82\xff\xff")
    (folder / "README").write_text("no certificate")
    (folder / "folder.pem").mkdir()
    found = TrustAnchors.load(folder).current()
    assert set(found.faults) == {"broken.pem", "empty.cer", "long.crt", "garbage.der"}
    leaf = next(item for item in found.intermediates if item.not_after > AT)
    path = validate([leaf, *found.intermediates], found.anchors, AT, PathPolicy(sha1=True))
    assert path.anchor in found.anchors


def test_what_comes_and_goes_counts_without_a_restart(pki: Pki, tmp_path: Path) -> None:
    anchors = TrustAnchors.load(tmp_path / "trust")
    assert anchors.current().anchors == ()
    (tmp_path / "trust").mkdir()
    root = tmp_path / "trust" / "root.cer"
    root.write_bytes(pki.certificates["root-g1"])
    first = anchors.current()
    assert [item.raw for item in first.anchors] == [pki.certificates["root-g1"]]
    assert anchors.current() is first
    validate([pki.certificates["card-g1"]], first.anchors, pki.clock())
    replacement = tmp_path / "new"
    replacement.write_bytes(pki.certificates["csca-g1"])
    replacement.rename(root)
    with pytest.raises(UntrustedIssuerError):
        validate([pki.certificates["card-g1"]], anchors.current().anchors, pki.clock())
    root.unlink()
    assert anchors.current().anchors == ()


def test_a_certificate_in_two_files_is_one_anchor(pki: Pki, tmp_path: Path) -> None:
    for name in ("one.cer", "two.cer"):
        (tmp_path / name).write_bytes(pki.certificates["root-g1"])
    assert len(TrustAnchors.load(tmp_path).current().anchors) == 1


def test_a_folder_that_is_none_holds_nothing_new(tmp_path: Path, pki: Any) -> None:
    folder = tmp_path / "trust"
    folder.mkdir()
    (folder / "root.cer").write_bytes(pki.certificates["root-g1"])
    anchors = TrustAnchors.load(folder)
    shutil.rmtree(folder)
    folder.write_text("now a file")
    assert len(anchors.current().anchors) == 1
