"""Attestation: the card states which keys it made itself."""

import dataclasses
import hashlib
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from simulators.card.blank import blank_state, create_blank
from simulators.card.card import SimulatedCard
from simulators.card.file import CardFile
from simulators.card.iso7816 import SW
from simulators.card.piv.attestation import AttestationAuthority
from tests.unit.simulators.card.host import MANAGEMENT_KEY, OK, PIN, PUK, SERIAL, Host, tlv, value_of

YUBICO_PIV = "1.3.6.1.4.1.41482.3."


def attestation_certificate(host: Host) -> x509.Certificate:
    answer, sw = host.get("5FFF01")
    assert sw == OK
    content = value_of(answer, 0x53)
    assert content.endswith(bytes.fromhex("710100FE00"))
    return x509.load_der_x509_certificate(value_of(content, 0x70))


def attest(host: Host, slot: int) -> x509.Certificate:
    answer, sw = host.send(0xF9, slot, 0)
    assert sw == OK
    return x509.load_der_x509_certificate(answer)


def statements(certificate: x509.Certificate) -> dict[str, bytes]:
    found = {}
    for extension in certificate.extensions:
        assert isinstance(extension.value, x509.UnrecognizedExtension)
        assert not extension.critical
        found[extension.oid.dotted_string] = extension.value.value
    return found


@pytest.mark.parametrize(
    ("slot", "algorithm", "policy"),
    [
        (0x9A, 0x11, "0201"),
        (0x9C, 0x14, "0301"),
        (0x9D, 0x07, "0201"),
        (0x9E, 0x11, "0101"),
        (0x82, 0x11, "0201"),
    ],
)
def test_a_generated_key_is_attested(slot: int, algorithm: int, policy: str, host: Host) -> None:
    host.authenticate_issuer()
    host.generate(slot, algorithm)
    host.reset()
    issuer, statement = attestation_certificate(host), attest(host, slot)
    statement.verify_directly_issued_by(issuer)
    assert statements(statement) == {
        YUBICO_PIV + "3": bytes((5, 7, 1)),
        YUBICO_PIV + "7": b"\x02\x04" + SERIAL.to_bytes(4, "big"),
        YUBICO_PIV + "8": bytes.fromhex(policy),
        YUBICO_PIV + "9": b"\0",
    }
    assert statement.subject.rfc4514_string() == f"CN=Hoviat PIV Attestation {slot:02x}"
    assert statement.not_valid_after_utc == issuer.not_valid_after_utc
    assert 0 < statement.serial_number < 1 << 127


def test_the_attested_key_is_the_slot_s(host: Host) -> None:
    host.authenticate_issuer()
    answer, _ = host.generate(0x9A, 0x14)
    key = attest(host, 0x9A).public_key()
    point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    assert point == value_of(answer, 0x7F49, 0x86)


def test_two_statements_have_two_serial_numbers(host: Host) -> None:
    assert attest(host, 0x9A).serial_number != attest(host, 0x9A).serial_number


@pytest.mark.parametrize(
    ("serial", "encoded"), [(1, "020101"), (128, "02020080"), (2**32 - 1, "020500ffffffff")]
)
def test_the_card_s_serial_is_a_positive_integer(serial: int, encoded: str, tmp_path: Path) -> None:
    create_blank(tmp_path / "card", serial, PIN, PUK, MANAGEMENT_KEY)
    with CardFile.open(tmp_path / "card") as file:
        card = SimulatedCard(file)
        card.power_on()
        host = Host(card)
        host.authenticate_issuer()
        host.generate(0x9E, 0x11)
        assert statements(attest(host, 0x9E))[YUBICO_PIV + "7"].hex() == encoded


def test_an_imported_key_is_not_attested(host: Host) -> None:
    host.authenticate_issuer()
    assert host.send(0xFE, 0x11, 0x9A, tlv(0x06, bytes(31) + b"\7"))[1] == OK
    assert host.send(0xF9, 0x9A, 0) == (b"", SW.CONDITIONS_OF_USE_NOT_SATISFIED)
    host.send(0xF6, 0x83, 0x9A)
    assert host.send(0xF9, 0x83, 0) == (b"", SW.CONDITIONS_OF_USE_NOT_SATISFIED)
    host.generate(0x9A, 0x11)
    assert host.send(0xF9, 0x9A, 0)[1] == OK


@pytest.mark.parametrize(
    ("apdu", "sw"),
    [
        pytest.param("00F98200", SW.REFERENCE_DATA_NOT_FOUND, id="empty slot"),
        pytest.param("00F9F900", SW.INCORRECT_P1_P2, id="the attestation key itself"),
        pytest.param("00F99B00", SW.INCORRECT_P1_P2, id="the management key"),
        pytest.param("00F98000", SW.INCORRECT_P1_P2, id="the PIN"),
        pytest.param("00F99A01", SW.INCORRECT_P1_P2, id="P2"),
        pytest.param("00F99A0001AA", SW.WRONG_LENGTH, id="data"),
        pytest.param("10F99A0001AA", SW.COMMAND_CHAINING_NOT_SUPPORTED, id="chained"),
    ],
)
def test_what_is_not_attested(apdu: str, sw: int, host: Host) -> None:
    assert host.raw(apdu) == (b"", sw)


class TestTheAttestationKey:
    def test_it_signs_nothing_else(self, host: Host) -> None:
        host.authenticate_issuer()
        host.verify(PIN)
        digest = hashlib.sha256(b"a certificate of somebody's choice").digest()
        assert host.use_key(0x11, 0xF9, digest)[1] == SW.REFERENCE_DATA_NOT_FOUND

    @pytest.mark.parametrize(
        "apdu",
        [
            "004700F905AC03800111",
            "00FE11F9220620" + "07" * 32,
            "00F6FFF9",
            "00F682F9",
            "00F6F99A",
        ],
    )
    def test_it_is_neither_replaced_nor_moved_nor_deleted(
        self, apdu: str, host: Host, card_file: CardFile
    ) -> None:
        host.authenticate_issuer()
        before = card_file.state
        assert host.raw(apdu) == (b"", SW.INCORRECT_P1_P2)
        assert card_file.state == before

    @pytest.mark.parametrize("content", [b"", b"another certificate"])
    def test_its_certificate_stays(self, content: bytes, host: Host) -> None:
        host.authenticate_issuer()
        before = host.get("5FFF01")
        assert host.put("5FFF01", content) == SW.FUNCTION_NOT_SUPPORTED
        assert host.get("5FFF01") == before

    @pytest.mark.parametrize("content", [b"", b"\x70", b"\x70\x03abc", b"\x71\x01\x00"])
    def test_a_damaged_certificate_is_a_memory_failure(
        self, content: bytes, host: Host, card_file: CardFile
    ) -> None:
        state = card_file.state
        card_file.commit(replace(state, piv=state.piv.with_object(0x5FFF01, content)))
        expected = SW.MEMORY_FAILURE if content else SW.REFERENCE_DATA_NOT_FOUND
        assert host.send(0xF9, 0x9A, 0) == (b"", expected)

    def test_each_card_has_its_own(self) -> None:
        one, two = (blank_state(SERIAL, PIN, PUK, MANAGEMENT_KEY).piv for _ in range(2))
        assert one.private_keys[0xF9] != two.private_keys[0xF9]

    def test_it_is_a_signing_certificate_and_names_no_product(self, blank: Host) -> None:
        certificate = attestation_certificate(blank)
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        assert (constraints.ca, constraints.path_length) == (True, 0)
        assert certificate.subject.rfc4514_string() == f"2.5.4.5={SERIAL},CN=Hoviat PIV Attestation"
        certificate.verify_directly_issued_by(certificate)

    def test_a_manufacturer_vouches_for_it(self, tmp_path: Path) -> None:
        authority = manufacturer()
        create_blank(tmp_path / "card", SERIAL, PIN, PUK, MANAGEMENT_KEY, authority=authority)
        with CardFile.open(tmp_path / "card") as file:
            card = SimulatedCard(file)
            card.power_on()
            attestation_certificate(Host(card)).verify_directly_issued_by(authority.certificate)

    def test_the_manufacturer_s_key_is_in_no_repr(self) -> None:
        authority = manufacturer()
        assert "key" not in {field.name for field in dataclasses.fields(authority) if field.repr}


def manufacturer() -> AttestationAuthority:
    key = ec.generate_private_key(ec.SECP384R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Manufacturer")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(int.from_bytes(os.urandom(8), "big") | 1)
        .not_valid_before(datetime(2025, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2055, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA384())
    )
    return AttestationAuthority(certificate, key)
