"""The master list and the signers of documents: taken by openssl, renewed in time, refused when changed."""

import asyncio
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pki import der, oids
from pki.app import create_app
from pki.bootstrap import Pki, open_pki
from pki.cms.errors import CmsError, MalformedCmsError
from pki.cms.masterlist import MAX_MASTER_LIST_BYTES, build_master_list, read_master_list
from pki.cms.signeddata import sign_data
from pki.errors import ValidationError
from pki.home import Home
from pki.status import RevocationReason

OPENSSL = shutil.which("openssl") or "openssl"


@pytest.fixture
def listed(pki: Pki) -> bytes:
    content = pki.documents.master_list()
    assert content is not None
    return content


@pytest.fixture
def csca(pki: Pki) -> x509.Certificate:
    return x509.load_der_x509_certificate(pki.certificates["csca-g1"])


def test_it_lists_our_own_csca(listed: bytes, csca: x509.Certificate, pki: Pki, clock: Any) -> None:
    found = read_master_list(listed, [csca], clock())
    assert found.certificates == (pki.certificates["csca-g1"],)


def test_openssl_verifies_it(listed: bytes, csca: x509.Certificate, tmp_path: Path) -> None:
    (tmp_path / "list.ml").write_bytes(listed)
    (tmp_path / "csca.pem").write_bytes(csca.public_bytes(Encoding.PEM))
    at = str(int((csca.not_valid_before_utc + timedelta(hours=1)).timestamp()))
    command = ["cms", "-verify", "-binary", "-inform", "DER", "-in", "list.ml", "-CAfile", "csca.pem"]
    result = subprocess.run(
        [OPENSSL, *command, "-purpose", "any", "-attime", at, "-out", "content.der"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    assert csca.public_bytes(Encoding.DER) in (tmp_path / "content.der").read_bytes()


def test_it_is_served(listed: bytes, pki: Pki) -> None:
    transport = httpx.ASGITransport(create_app(pki))

    async def fetch() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://pki") as client:
            return await client.get("/masterlist.ml")

    answer = asyncio.run(fetch())
    assert answer.status_code == 200
    assert answer.content == listed
    assert answer.headers["content-type"].startswith("application/pkcs7-mime")


def test_another_csca_is_no_anchor(listed: bytes, pki: Pki, clock: Any) -> None:
    root = x509.load_der_x509_certificate(pki.certificates["root-g1"])
    with pytest.raises(ValidationError):
        read_master_list(listed, [root], clock())


def test_a_document_signer_signs_no_list(pki: Pki, csca: x509.Certificate, clock: Any) -> None:
    signer, own = pki.documents.current(), pki.certificates["csca-g1"]
    forged = build_master_list([own], signer.signer, signer.certificate, own, clock())
    with pytest.raises(ValidationError):
        read_master_list(forged, [csca], clock())


def test_every_changed_byte_ends_in_a_typed_error(listed: bytes, csca: x509.Certificate, clock: Any) -> None:
    certificates = listed.rindex(
        csca.public_bytes(Encoding.DER)
    )  # goes along unsigned: an anchor stands for it
    unsigned = range(certificates, certificates + len(csca.public_bytes(Encoding.DER)))
    for index in set(range(len(listed))) - set(unsigned):
        spoilt = bytearray(listed)
        spoilt[index] ^= 0x04
        with pytest.raises((CmsError, ValidationError)):
            read_master_list(bytes(spoilt), [csca], clock())


@pytest.mark.parametrize("case", ["version", "none", "doubled", "no certificate", "too many"])
def test_impossible_lists_are_refused(pki: Pki, csca: x509.Certificate, clock: Any, case: str) -> None:
    own = pki.certificates["csca-g1"]
    members = {
        "none": b"",
        "doubled": own + own,
        "no certificate": b"\x30\x00",
        "too many": b"\x30\x00" * 2000,
    }
    version = der.integer(1 if case == "version" else 0)
    content = der.sequence((version, der.encode(0x31, members.get(case, own))))
    name, issued = pki.documents.rotate("mls", 1)
    signer = pki.documents.service_signer(name)
    signed = sign_data(oids.ICAO_CSCA_MASTER_LIST, content, signer, [issued.der])
    with pytest.raises(MalformedCmsError):
        read_master_list(signed, [csca], clock())


def test_a_list_without_bounds_is_not_read(csca: x509.Certificate, clock: Any) -> None:
    with pytest.raises(MalformedCmsError):
        read_master_list(bytes(MAX_MASTER_LIST_BYTES + 1), [csca], clock())


def test_no_list_without_certificates(pki: Pki, clock: Any) -> None:
    signer = pki.documents.current()
    with pytest.raises(ValueError, match="master list"):
        build_master_list([], signer.signer, signer.certificate, b"", clock())


def test_document_signers_follow_one_another_before_the_key_ends(pki: Pki, clock: Any) -> None:
    first = pki.documents.current()
    assert first.name == "ds-g1"
    assert timedelta(days=91) < first.until - clock() < timedelta(days=93)
    clock.advance(days=84)
    assert pki.documents.current().name == "ds-g1"
    clock.advance(days=2)
    second = pki.documents.current()
    assert second.name == "ds-g2"
    assert second.until > first.until
    life = x509.load_der_x509_certificate(second.certificate)
    assert life.not_valid_after_utc - life.not_valid_before_utc > timedelta(days=3650)


def test_a_revoked_document_signer_signs_no_more(pki: Pki) -> None:
    first = x509.load_der_x509_certificate(pki.documents.current().certificate)
    pki.authority.revoke(first.serial_number, RevocationReason.KEY_COMPROMISE, "officer", "stolen")
    assert pki.documents.current().name == "ds-g2"


def test_two_processes_make_one_signer(pki: Pki, home: Home, clock: Any) -> None:
    clock.advance(days=90)
    other = open_pki(home, clock)
    try:
        assert other.documents.current().certificate == pki.documents.current().certificate
    finally:
        other.close()


def test_the_list_is_signed_anew(pki: Pki, csca: x509.Certificate, clock: Any) -> None:
    clock.advance(days=400)
    content = pki.documents.publish_master_list()
    assert pki.documents.master_list() == content
    assert read_master_list(content, [csca], clock()).signer.serial_number
