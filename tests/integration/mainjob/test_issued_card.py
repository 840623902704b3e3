"""Strangers' clients on a card from `hoviat sim issue`, put into the real reader by `hoviat sim insert`."""

from pathlib import Path

import pytest

from simulators.card.card import ATR
from tests.integration.mainjob.conftest import IssuedCard
from tests.integration.mainjob.hoviat_command import succeed
from tests.integration.strangers import clients

pytestmark = [pytest.mark.pcscd, pytest.mark.xdist_group("pcscd")]

KEYS = pytest.mark.parametrize(
    ("key", "slot", "mechanism", "digest"),
    [("01", "9A", "ECDSA-SHA256", "sha256"), ("02", "9C", "ECDSA-SHA384", "sha384")],
)


@pytest.fixture(autouse=True)
def _fresh(reader: str) -> None:
    clients.reset(reader)


def test_opensc_tool(reader: str) -> None:
    assert bytes.fromhex(clients.atr(reader).replace(":", "")) == ATR


def test_pkcs15_tool_dumps_keys_and_certificates(reader: str) -> None:
    listing = clients.dump(reader)
    for name in ("PIV AUTH key", "SIGN key", "Certificate for PIV Authentication"):
        assert name in listing


def test_pkcs11_tool_lists_slots_and_objects(reader: str) -> None:
    listing = clients.list_slots_and_objects(reader)
    assert "EC_POINT 256 bits" in listing
    assert "EC_POINT 384 bits" in listing


@KEYS
def test_pkcs11_tool_signs_and_openssl_verifies(
    reader: str, issued: IssuedCard, tmp_path: Path, key: str, slot: str, mechanism: str, digest: str
) -> None:
    data = tmp_path / "letter"
    data.write_text("to be signed")
    signature = clients.sign(reader, issued.pin, key, mechanism, data)
    certificate = tmp_path / "certificate.pem"
    certificate.write_text(issued.certificates[slot])
    assert "Verified OK" in clients.verify_signature(certificate, digest, signature, data)


def test_yubico_piv_tool_status(reader: str) -> None:
    status = clients.yubico_status(reader)
    assert "Slot 9a:" in status
    assert "Slot 9c:" in status
    assert "PIN tries left:\t3" in status


@KEYS
def test_openssl_verifies_the_certificates_read_from_the_card(
    reader: str, issued: IssuedCard, tmp_path: Path, key: str, slot: str, mechanism: str, digest: str
) -> None:
    del slot, mechanism, digest
    certificate = clients.read_certificate(reader, key, tmp_path)
    verified = clients.verify_certificate(
        certificate,
        issued.root,
        *("-untrusted", str(issued.chain), "-x509_strict", "-crl_check_all"),
        *issued.crls,
    )
    assert verified.strip().endswith(": OK")


def test_openssl_s_client_logs_in_with_the_authentication_key(
    reader: str, issued: IssuedCard, tmp_path: Path
) -> None:
    page = clients.tls_login(reader, issued.pin, issued.chain, tmp_path)
    assert "New, TLSv1.3" in page
    assert "HTTP/1.0 200" in page


def test_openssl_ocsp_follows_the_cards_life(
    reader: str, issued: IssuedCard, server: str, tmp_path: Path
) -> None:
    certificate = clients.read_certificate(reader, "01", tmp_path)
    serial = (
        clients.run("openssl", "x509", "-in", str(certificate), "-noout", "-serial").strip().partition("=")[2]
    )

    def ask() -> str:
        return clients.run(
            *("openssl", "ocsp", "-issuer", str(issued.citizen), "-cert", str(certificate)),
            *("-url", f"{server}/pki/ocsp", "-CAfile", str(issued.chain)),
        )

    assert f"{certificate}: good" in ask()
    succeed(issued.home, "pki", "suspend", serial)
    assert "certificateHold" in ask()
    succeed(issued.home, "pki", "resume", serial)
    answer = ask()
    assert f"{certificate}: good" in answer
    assert "Response verify OK" in answer


def test_our_own_commands_read_the_card(reader: str, issued: IssuedCard) -> None:
    information = succeed(issued.home, "card", "info", "--reader", reader, "--json")
    assert issued.card_number in information or str(int(issued.card_number)) in information
    token = succeed(
        issued.home,
        *("card", "login", "--reader", reader, "--origin", "https://example.ir", "--nonce", "A" * 44),
        HOVIAT_PIN=issued.pin,
    )
    assert "web-eid:1.0" in token
