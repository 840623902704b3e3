"""Strangers' clients on a toy card over the real pcscd. They fail, not skip, when a client is absent."""

from pathlib import Path

import pytest

from simulators.card.card import ATR
from tests.integration.strangers import clients
from tests.integration.strangers.toycard import SERIAL, ToyCard

pytestmark = [pytest.mark.pcscd, pytest.mark.xdist_group("pcscd")]


def test_opensc_reads_the_atr(reader: str) -> None:
    assert bytes.fromhex(clients.atr(reader).replace(":", "")) == ATR


def test_pkcs15_tool_lists_keys_and_certificates(reader: str) -> None:
    listing = clients.dump(reader)
    for name in ("PIV AUTH key", "SIGN key", "Certificate for PIV Authentication", "PIN"):
        assert name in listing


def test_pkcs11_tool_lists_slots_and_objects(reader: str) -> None:
    listing = clients.list_slots_and_objects(reader)
    assert reader in listing
    assert "EC_POINT 256 bits" in listing
    assert "EC_POINT 384 bits" in listing


@pytest.mark.parametrize(
    ("key", "mechanism", "hash_name"), [("01", "ECDSA-SHA256", "sha256"), ("02", "ECDSA-SHA384", "sha384")]
)
def test_pkcs11_signatures_verify(
    reader: str, toy_card: ToyCard, folder: Path, key: str, mechanism: str, hash_name: str
) -> None:
    data = folder / "letter.txt"
    data.write_text("A letter to sign.\n")
    signature = clients.sign(reader, toy_card.pin, key, mechanism, data)
    certificate = clients.read_certificate(reader, key, folder)
    assert "Verified OK" in clients.verify_signature(certificate, hash_name, signature, data)
    data.write_text("A letter that was changed.\n")
    with pytest.raises(AssertionError, match="Verification failure"):
        clients.verify_signature(certificate, hash_name, signature, data)


def test_pkcs11_refuses_a_wrong_pin(reader: str, toy_card: ToyCard, folder: Path) -> None:
    data = folder / "letter.txt"
    data.write_text("A letter to sign.\n")
    wrong = f"{(int(toy_card.pin) + 1) % 10**8:08}"
    with pytest.raises(AssertionError, match="CKR_PIN_INCORRECT"):
        clients.sign(reader, wrong, "01", "ECDSA-SHA256", data)
    clients.sign(reader, toy_card.pin, "01", "ECDSA-SHA256", data)


def test_pkcs11_tool_tests_itself(reader: str, toy_card: ToyCard) -> None:
    report = clients.self_test(reader, toy_card.pin)
    assert "No errors" in report


def test_yubico_piv_tool_reads_the_status(reader: str) -> None:
    status = clients.yubico_status(reader)
    assert "Version:\t5.7.1" in status
    assert f"Serial Number:\t{SERIAL}" in status
    assert "PIN tries left:\t3" in status
    assert "Slot 9a:" in status
    assert "Slot 9c:" in status


@pytest.mark.parametrize("key", ["01", "02"])
def test_openssl_verifies_the_certificates_of_the_card(
    reader: str, toy_card: ToyCard, folder: Path, key: str
) -> None:
    for read in (clients.read_certificate, clients.read_certificate_pkcs15):
        certificate = read(reader, key, folder)
        assert clients.verify_certificate(certificate, toy_card.ca_file).strip().endswith(": OK")


def test_openssl_logs_in_over_tls_with_the_authentication_key(
    reader: str, toy_card: ToyCard, folder: Path
) -> None:
    page = clients.tls_login(reader, toy_card.pin, toy_card.ca_file, folder)
    assert "New, TLSv1.3" in page
    assert "HTTP/1.0 200" in page
    assert "Toy card 9A" in page
