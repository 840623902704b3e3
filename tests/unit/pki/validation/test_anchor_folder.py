"""A folder of trust anchors: read again when it changes, the sound ones whatever the others are."""

import asyncio
import logging
import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from pki import oids
from pki.app import create_app
from pki.bootstrap import Pki, open_pki
from pki.errors import ValidationError
from pki.validation import PathPolicy, validate
from pki.validation import anchors as folders
from pki.validation.anchors import MAX_FILE_BYTES, TrustAnchors
from pki.validation.decoders import Usage
from pki.validation.errors import (
    ExpiredError,
    ExtendedKeyUsageError,
    KeyUsageError,
    PathLengthExceededError,
    StatusUnknownError,
    UntrustedIssuerError,
    WeakKeyError,
)
from pki.validation.foreign import POLICIES, ForeignTrust, Purpose
from pki.validation.policy import RevocationMode
from tests.unit.pki.validation.making import NOW, ca, certify, key_usage, party, purposes
from tests.unit.pki.validation.test_weak_keys import chain_of

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
    assert set(found.faults) == {"broken.pem", "empty.cer", "long.crt", "garbage.der", "folder.pem"}
    leaf = next(item for item in found.intermediates if item.not_after > AT)
    path = validate([leaf, *found.intermediates], found.anchors, AT, PathPolicy(sha1=True))
    assert path.anchor in found.anchors


def test_a_certificate_that_only_calls_itself_a_root_is_no_anchor(folder: Path) -> None:
    root, other = party("Planted root"), party("Planted root")
    (folder / "named.cer").write_bytes(certify(root, other, *ca()))  # the same name, another key
    sound = certify(root, root, *ca())
    (folder / "torn.cer").write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
    (folder / "sound.cer").write_bytes(sound)
    found = TrustAnchors.load(folder).current()
    assert set(found.faults) == {"named.cer", "torn.cer"}
    assert len(found.anchors) == 4
    assert sound in {item.raw for item in found.anchors}


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


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_dangling_link(path: Path) -> None:
    path.symlink_to("nowhere")


def a_chain_for_a_certificate(path: Path) -> None:
    path.write_text("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n" * 600)


@pytest.mark.parametrize("make", [a_pipe, a_dangling_link, a_chain_for_a_certificate])
def test_what_is_no_certificate_file_is_told_and_stops_nobody(
    folder: Path, make: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    make(folder / "odd.PEM")
    with caplog.at_level(logging.WARNING):
        found = TrustAnchors.load(folder).current()
    assert set(found.faults) == {"odd.PEM"}
    assert len(found.anchors) == 3
    assert "odd.PEM" in caplog.text


def test_a_file_rewritten_in_place_with_its_old_time_shows(tmp_path: Path, pki: Pki) -> None:
    path = tmp_path / "root.cer"
    roots = [pki.certificates["root-g1"], pki.certificates["csca-g1"]]
    size = max(map(len, roots))
    path.write_bytes(roots[0])
    status = path.stat()
    anchors = TrustAnchors.load(tmp_path)
    with path.open("r+b") as file:
        file.truncate(size)
        file.write(roots[1])
        file.truncate(len(roots[1]))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert [item.raw for item in anchors.current().anchors] == [roots[1]]


def test_more_certificates_than_the_bound_are_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "MAX_CERTIFICATES", 5)
    found = TrustAnchors.load(folder).current()
    assert len(found.anchors) + len(found.intermediates) == 5
    assert len(found.faults) == 7


def test_files_that_come_and_go_while_it_is_asked_end_nothing(tmp_path: Path, pki: Pki) -> None:
    (tmp_path / "root.cer").write_bytes(pki.certificates["root-g1"])
    anchors = TrustAnchors.load(tmp_path)
    stop = threading.Event()

    def churn() -> None:
        while not stop.is_set():
            (tmp_path / "other.cer").write_bytes(b"\x30")
            (tmp_path / "other.cer").unlink()

    worker = threading.Thread(target=churn)
    worker.start()
    try:
        for _ in range(200):
            assert [item.raw for item in anchors.current().anchors] == [pki.certificates["root-g1"]]
    finally:
        stop.set()
        worker.join()


ROOT, CARDS, LEAF = party("foreign root"), party("foreign cards"), party("citizen")
ANCHOR = certify(ROOT, ROOT, *ca())
MIDDLE = certify(CARDS, ROOT, *ca())
LOGIN = certify(LEAF, CARDS, key_usage(Usage.DIGITAL_SIGNATURE), purposes(oids.CLIENT_AUTH))
SIGNATURE = certify(LEAF, CARDS, key_usage(Usage.CONTENT_COMMITMENT))
WITHOUT_STATUS = {
    purpose: replace(policy, revocation=RevocationMode.NONE) for purpose, policy in POLICIES.items()
}


def trusting(folder: Path, **files: dict[str, bytes]) -> ForeignTrust:
    for purpose, contents in files.items():
        (folder / purpose).mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            (folder / purpose / name).write_bytes(content)
    return ForeignTrust(folder)


def test_an_anchor_is_trusted_for_its_own_purpose(tmp_path: Path) -> None:
    trust = trusting(tmp_path, login={"root.cer": ANCHOR, "cards.crt": MIDDLE})
    login, signature = WITHOUT_STATUS[Purpose.LOGIN], WITHOUT_STATUS[Purpose.SIGNATURE]
    assert trust.validate(Purpose.LOGIN, [LOGIN], NOW, policy=login).anchor.raw == ANCHOR
    with pytest.raises(UntrustedIssuerError):
        trust.validate(Purpose.SIGNATURE, [SIGNATURE, MIDDLE], NOW, policy=signature)
    with pytest.raises(KeyUsageError):
        trust.validate(Purpose.LOGIN, [SIGNATURE], NOW, policy=login)
    plain = certify(LEAF, CARDS, key_usage(Usage.DIGITAL_SIGNATURE))
    with pytest.raises(ExtendedKeyUsageError):
        trust.validate(Purpose.LOGIN, [plain], NOW, policy=login)
    with pytest.raises(ExpiredError):
        trust.validate(Purpose.LOGIN, [LOGIN], NOW + timedelta(days=9), policy=login)


def test_status_is_required_where_nothing_else_is_said(tmp_path: Path) -> None:
    trust = trusting(tmp_path, signature={"root.cer": ANCHOR, "cards.crt": MIDDLE})
    with pytest.raises(StatusUnknownError):
        trust.validate(Purpose.SIGNATURE, [SIGNATURE], NOW)


def test_a_weak_anchor_vouches_for_nobody_and_spoils_nobody(tmp_path: Path) -> None:
    weak = chain_of(root="RSA-1024")
    trust = trusting(tmp_path, login={"weak.cer": weak.root, "root.cer": ANCHOR, "cards.cer": MIDDLE})
    with pytest.raises(WeakKeyError):
        trust.validate(Purpose.LOGIN, [weak.leaf, weak.middle], NOW)
    trust.validate(Purpose.LOGIN, [LOGIN], NOW, policy=WITHOUT_STATUS[Purpose.LOGIN])


def test_a_home_that_has_foreign_anchors_serves_them_and_tells_of_faults(home: Any, clock: Any) -> None:
    trusting(home.anchors, login={"root.cer": ANCHOR, "cards.cer": MIDDLE})
    pki = open_pki(home, clock)
    try:
        assert health_of(pki)["checks"]["anchors"] == "ok"
        policy = WITHOUT_STATUS[Purpose.LOGIN]
        pki.foreign.validate(Purpose.LOGIN, [LOGIN], NOW, policy=policy)
        (home.anchors / "login" / "broken.pem").write_text("-----BEGIN CERTIFICATE-----")
        assert set(pki.foreign.faults()) == {"login/broken.pem"}
        assert health_of(pki)["status"] == "degraded"
        pki.foreign.validate(Purpose.LOGIN, [LOGIN], NOW, policy=policy)
        (home.anchors / "login" / "root.cer").unlink()
        with pytest.raises(UntrustedIssuerError):
            pki.foreign.validate(Purpose.LOGIN, [LOGIN], NOW, policy=policy)
    finally:
        pki.close()


def health_of(pki: Pki) -> Any:
    async def get() -> httpx.Response:
        transport = httpx.ASGITransport(create_app(pki))
        async with httpx.AsyncClient(transport=transport, base_url="http://pki") as client:
            return await client.get("/healthz")

    return asyncio.run(get()).json()


ABOVE, BELOW, CARD = party("above"), party("below"), party("card")
INTERMEDIATE = certify(BELOW, ABOVE, *ca(0))


def pinned_folder(tmp_path: Path, **files: bytes) -> TrustAnchors:
    (tmp_path / "pinned").mkdir()
    for name, content in files.items():
        (tmp_path / "pinned" / f"{name}.der").write_bytes(content)
    return TrustAnchors(tmp_path)


def test_a_pinned_intermediate_is_an_anchor_though_nobody_above_it_is_known(tmp_path: Path) -> None:
    found = pinned_folder(tmp_path, below=INTERMEDIATE).current()
    assert found.faults == {}
    path = validate([certify(CARD, BELOW)], found.anchors, NOW, PathPolicy())
    assert path.anchor.raw == INTERMEDIATE
    assert len(path.certificates) == 1


def test_an_intermediate_in_the_folder_itself_is_none(tmp_path: Path) -> None:
    (tmp_path / "below.der").write_bytes(INTERMEDIATE)
    found = TrustAnchors.load(tmp_path)
    with pytest.raises(UntrustedIssuerError):
        validate([certify(CARD, BELOW), INTERMEDIATE], found.current().anchors, NOW, PathPolicy())


def test_what_is_pinned_counts_wherever_else_it_lies(tmp_path: Path) -> None:
    (tmp_path / "below.der").write_bytes(INTERMEDIATE)
    (tmp_path / "zzz.der").write_bytes(INTERMEDIATE)
    found = pinned_folder(tmp_path, below=INTERMEDIATE).current()
    assert [item.raw for item in found.anchors] == [INTERMEDIATE]
    assert found.intermediates == ()


def test_pins_come_and_go_with_their_files(tmp_path: Path) -> None:
    anchors = TrustAnchors.load(tmp_path)
    assert anchors.current().anchors == ()
    pinned = tmp_path / "pinned"
    pinned.mkdir()
    (pinned / "below.der").write_bytes(INTERMEDIATE)
    assert len(anchors.current().anchors) == 1
    (pinned / "below.der").unlink()
    assert anchors.current().anchors == ()


def test_a_cards_certificate_is_not_pinned(tmp_path: Path) -> None:
    found = pinned_folder(tmp_path, card=certify(CARD, BELOW), below=INTERMEDIATE).current()
    assert found.faults == {"pinned/card.der": "holds a certificate that is no CA's"}
    assert len(found.anchors) == 1


@pytest.mark.parametrize("days", [-1, 1])
def test_a_pins_own_time_counts(tmp_path: Path, days: int) -> None:
    found = pinned_folder(tmp_path, below=INTERMEDIATE).current()
    end = found.anchors[0].not_after if days > 0 else found.anchors[0].not_before
    leaf = certify(CARD, BELOW)
    with pytest.raises(ValidationError):
        validate([leaf], found.anchors, end + timedelta(days=days), PathPolicy())


def test_a_pins_path_length_counts(tmp_path: Path) -> None:
    found = pinned_folder(tmp_path, below=INTERMEDIATE).current()
    lower = party("lower")
    with pytest.raises(PathLengthExceededError):
        validate([certify(CARD, lower), certify(lower, BELOW, *ca())], found.anchors, NOW, PathPolicy())
