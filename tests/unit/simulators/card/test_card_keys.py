"""GENERAL AUTHENTICATE, GENERATE ASYMMETRIC KEY PAIR, SET MANAGEMENT KEY."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from hypothesis import given
from hypothesis import strategies as st

from simulators.card.card import SimulatedCard
from simulators.card.errors import PowerCutError
from simulators.card.file import CardFile
from simulators.card.iso7816 import SW
from simulators.card.piv import keys
from simulators.card.piv.identifiers import Algorithm
from simulators.card.piv.management import BLOCK_LENGTH
from simulators.card.piv.stored import StoredKey
from tests.unit.simulators.card.host import (
    MANAGEMENT_KEY,
    OK,
    PIN,
    Host,
    new_blank,
    tlv,
    value_of,
)
from tests.vectors.simulators_card import AES, ECDH_P256, BlockCipherVector

CURVES = {0x11: (ec.SECP256R1(), hashes.SHA256()), 0x14: (ec.SECP384R1(), hashes.SHA384())}
DENIED = SW.SECURITY_STATUS_NOT_SATISFIED


def curve_key(answer: bytes, algorithm: int) -> ec.EllipticCurvePublicKey:
    return ec.EllipticCurvePublicKey.from_encoded_point(CURVES[algorithm][0], value_of(answer, 0x7F49, 0x86))


@pytest.mark.parametrize("slot", [0x9A, 0x9C, 0x9D, 0x9E])
@pytest.mark.parametrize("algorithm", CURVES)
def test_ecdsa_signatures_verify(slot: int, algorithm: int, host: Host) -> None:
    host.authenticate_issuer()
    answer, sw = host.generate(slot, algorithm)
    assert sw == OK
    host.reset()
    host.verify(PIN)
    hash_algorithm = CURVES[algorithm][1]
    digest = hashlib.new(hash_algorithm.name, b"message").digest()
    signature, sw = host.use_key(algorithm, slot, digest)
    assert sw == OK
    curve_key(answer, algorithm).verify(signature, b"message", ec.ECDSA(hash_algorithm))


def test_a_shorter_digest_is_signed_as_a_smaller_number(host: Host) -> None:
    host.authenticate_issuer()
    answer, _ = host.generate(0x9A, 0x11)
    host.verify(PIN)
    digest = hashlib.sha1(b"message", usedforsecurity=False).digest()
    signature, _ = host.use_key(0x11, 0x9A, digest)
    full = ec.ECDSA(Prehashed(hashes.SHA256()))
    curve_key(answer, 0x11).verify(signature, digest.rjust(32, b"\0"), full)
    with pytest.raises(InvalidSignature):
        curve_key(answer, 0x11).verify(signature, digest.ljust(32, b"\0"), full)


@pytest.mark.parametrize(("algorithm", "bits"), [(0x07, 2048), (0x05, 3072)])
def test_rsa_signs_what_the_host_padded_in_a_chain(algorithm: int, bits: int, host: Host) -> None:
    host.authenticate_issuer()
    answer, sw = host.generate(0x9A, algorithm)
    assert sw == OK
    template = value_of(answer, 0x7F49)
    modulus = value_of(template, 0x81)
    assert len(modulus) * 8 == bits
    assert template.endswith(bytes.fromhex("8203010001"))
    host.reset()
    host.verify(PIN)
    # RFC 8017, section 9.2: EMSA-PKCS1-v1_5 with SHA-256
    info = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(b"message").digest()
    block = b"\0\1" + b"\xff" * (len(modulus) - 3 - len(info)) + b"\0" + info
    signature, sw = host.use_key(algorithm, 0x9A, block)
    assert sw == OK
    public_key = rsa.RSAPublicNumbers(65537, int.from_bytes(modulus, "big")).public_key()
    public_key.verify(signature, b"message", padding.PKCS1v15(), hashes.SHA256())
    for wrong in (block[1:], block + b"\0", modulus, b"\xff" * len(modulus)):
        assert host.use_key(algorithm, 0x9A, wrong)[1] == SW.INCORRECT_PARAMETERS_IN_DATA


def test_ecdh_agrees(host: Host) -> None:
    host.authenticate_issuer()
    answer, _ = host.generate(0x9D, 0x14)
    host.verify(PIN)
    own = ec.generate_private_key(ec.SECP384R1())
    point = own.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    shared, sw = host.use_key(0x14, 0x9D, point, tag=0x85)
    assert (shared, sw) == (own.exchange(ec.ECDH(), curve_key(answer, 0x14)), OK)


def test_ecdh_gives_the_published_secret() -> None:
    key = ec.derive_private_key(ECDH_P256.private_value, ec.SECP256R1())
    encoded = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    assert keys.agree(StoredKey(Algorithm.ECC_P256, encoded), ECDH_P256.point) == ECDH_P256.shared


@pytest.mark.parametrize(
    "point",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\0", id="infinity"),
        pytest.param(b"\4" + bytes(64), id="not on the curve"),
        pytest.param(ECDH_P256.point[:-1], id="short"),
        pytest.param(ECDH_P256.point[:-1] + bytes((ECDH_P256.point[-1] ^ 1,)), id="beside the curve"),
    ],
)
def test_ecdh_refuses_what_is_no_point(point: bytes, host: Host) -> None:
    host.verify(PIN)
    assert host.use_key(0x11, 0x9D, point, tag=0x85)[1] == SW.INCORRECT_PARAMETERS_IN_DATA


@pytest.mark.parametrize("slot", [0x9A, 0x9C, 0x9E])
def test_only_the_key_management_key_agrees(slot: int, host: Host) -> None:
    host.verify(PIN)
    algorithm = 0x14 if slot == 0x9C else 0x11
    assert host.use_key(algorithm, slot, ECDH_P256.point, tag=0x85)[1] == SW.INCORRECT_PARAMETERS_IN_DATA


class TestPinPolicies:
    def test_authentication_wants_the_pin_once(self, host: Host) -> None:
        assert host.use_key(0x11, 0x9A, bytes(32))[1] == DENIED
        host.verify(PIN)
        assert [host.use_key(0x11, 0x9A, bytes(32))[1] for _ in range(3)] == [OK, OK, OK]

    def test_card_authentication_wants_none(self, host: Host) -> None:
        assert host.use_key(0x11, 0x9E, bytes(32))[1] == OK

    def test_signature_wants_the_pin_right_before(self, host: Host) -> None:
        assert host.use_key(0x14, 0x9C, bytes(48))[1] == DENIED
        host.verify(PIN)
        assert host.use_key(0x14, 0x9C, bytes(48))[1] == OK
        assert host.use_key(0x14, 0x9C, bytes(48))[1] == DENIED

    def test_a_pin_change_is_no_pin_for_a_signature(self, host: Host) -> None:
        host.change_pin(PIN, "246810")
        assert host.use_key(0x14, 0x9C, bytes(48))[1] == DENIED
        assert host.use_key(0x11, 0x9A, bytes(32))[1] == OK

    @pytest.mark.parametrize(
        "between",
        [
            pytest.param("00200080", id="VERIFY status"),
            pytest.param("00CB3FFF035C017E00", id="GET DATA"),
            pytest.param("00A4040005A000000308", id="SELECT"),
            pytest.param("00A4040005A000000247", id="SELECT of another"),
            pytest.param("00CADF30", id="unknown instruction"),
            pytest.param("FFCA000000", id="reader command"),
            pytest.param("0087009B047C028100", id="random bytes"),
            pytest.param("00C0000000", id="GET RESPONSE"),
            pytest.param("00", id="no command"),
            pytest.param("10DB3FFF015C", id="another chain begins"),
            pytest.param("0087149C0A7C08820081045A5A5A5A", id="a signature"),
            pytest.param("0087119C027C00", id="a signature that fails"),
        ],
    )
    def test_any_command_uses_the_freshness_up(self, between: str, host: Host) -> None:
        host.verify(PIN)
        host.raw(between)
        assert host.use_key(0x14, 0x9C, bytes(48))[1] == DENIED

    def test_a_chained_signature_is_one_command(self, host: Host) -> None:
        template = tlv(0x7C, tlv(0x82), tlv(0x81, bytes(48)))
        host.verify(PIN)
        assert host.sw(bytes.fromhex("1087149C14") + template[:20]) == OK
        rest = bytes.fromhex("0087149C") + bytes((len(template) - 20,)) + template[20:]
        assert host.sw(rest) == OK
        assert host.sw(rest) == SW.INCORRECT_PARAMETERS_IN_DATA

    def test_a_broken_chain_loses_the_freshness(self, host: Host) -> None:
        template = tlv(0x7C, tlv(0x82), tlv(0x81, bytes(48)))
        host.verify(PIN)
        host.raw(bytes.fromhex("1087149C14") + template[:20])
        host.raw("00200080")
        assert host.use_key(0x14, 0x9C, bytes(48))[1] == DENIED


@pytest.mark.parametrize(
    ("apdu", "sw"),
    [
        pytest.param("0087119A00", SW.INCORRECT_PARAMETERS_IN_DATA, id="no template"),
        pytest.param("0087119A027C00", SW.INCORRECT_PARAMETERS_IN_DATA, id="empty template"),
        pytest.param("0087119A067C0482008100", SW.INCORRECT_PARAMETERS_IN_DATA, id="empty digest"),
        pytest.param("0087119A067C0482018100", SW.INCORRECT_PARAMETERS_IN_DATA, id="truncated inside"),
        pytest.param("0087119A067C0381018200", SW.INCORRECT_PARAMETERS_IN_DATA, id="length too short"),
        pytest.param("0087119A077C058201AA8100", SW.INCORRECT_PARAMETERS_IN_DATA, id="response given"),
        pytest.param("0087119A047C028200", SW.INCORRECT_PARAMETERS_IN_DATA, id="no challenge"),
        pytest.param("0087149A077C058200810101", SW.INCORRECT_P1_P2, id="another algorithm"),
        pytest.param("0087EE9A077C058200810101", SW.INCORRECT_P1_P2, id="unknown algorithm"),
        pytest.param("00871182077C058200810101", SW.REFERENCE_DATA_NOT_FOUND, id="retired key"),
        pytest.param("00871180077C058200810101", SW.REFERENCE_DATA_NOT_FOUND, id="the PIN is no key"),
    ],
)
def test_malformed_signature_requests(apdu: str, sw: int, host: Host) -> None:
    host.verify(PIN)
    assert host.raw(apdu) == (b"", sw)


def test_a_digest_longer_than_the_curve_is_refused(host: Host) -> None:
    host.verify(PIN)
    assert host.use_key(0x11, 0x9A, bytes(33))[1] == SW.INCORRECT_PARAMETERS_IN_DATA


class TestGenerate:
    def test_only_the_issuer_generates(self, host: Host) -> None:
        host.verify(PIN)
        assert host.generate(0x9A, 0x11)[1] == DENIED

    @pytest.mark.parametrize("slot", [0x04, 0x80, 0x81, 0x96, 0x99, 0x9B, 0x9F, 0xF9])
    def test_only_into_key_slots(self, slot: int, host: Host) -> None:
        host.authenticate_issuer()
        assert host.generate(slot, 0x11)[1] == SW.INCORRECT_P1_P2

    @pytest.mark.parametrize("algorithm", [0x00, 0x03, 0x06, 0x0C, 0x27, 0x2E, 0xE0])
    def test_only_known_algorithms(self, algorithm: int, host: Host) -> None:
        host.authenticate_issuer()
        assert host.generate(0x9A, algorithm)[1] == SW.INCORRECT_PARAMETERS_IN_DATA

    @pytest.mark.parametrize(
        "data",
        [
            pytest.param("", id="nothing"),
            pytest.param("AC00", id="empty template"),
            pytest.param("AC0380", id="truncated"),
            pytest.param("AC028000", id="no algorithm"),
            pytest.param("AC08800107810301FFFF", id="another exponent"),
            pytest.param("AC048002FF11", id="unknown long algorithm"),
            pytest.param("AC0480020011", id="known algorithm, long"),
        ],
    )
    def test_malformed_requests(self, data: str, host: Host) -> None:
        host.authenticate_issuer()
        assert host.send(0x47, 0, 0x9A, bytes.fromhex(data)) == (b"", SW.INCORRECT_PARAMETERS_IN_DATA)


class TestManagementKey:
    def test_mutual_authentication_opens_until_reset(self, host: Host) -> None:
        assert host.put("5FC105", b"x") == DENIED
        assert host.authenticate_issuer() == OK
        assert host.put("5FC105", b"x") == OK
        host.reset()
        assert host.put("5FC105", b"x") == DENIED

    def test_single_challenge(self, host: Host) -> None:
        answer, sw = host.management(tlv(0x81))
        assert sw == OK
        assert host.management(tlv(0x82, host.encrypt(value_of(answer, 0x7C, 0x81)))) == (b"", OK)
        assert host.put("5FC105", b"x") == OK

    @pytest.mark.parametrize("length", [16, 24, 32])
    def test_every_aes_key_length(self, length: int, tmp_path: Path) -> None:
        key = MANAGEMENT_KEY[:length]
        with CardFile.open(new_blank(tmp_path / "card.json", key)) as file:
            card = SimulatedCard(file)
            card.power_on()
            assert Host(card, key).authenticate_issuer() == OK

    @pytest.mark.parametrize("vector", AES, ids=lambda vector: vector.name)
    def test_the_published_blocks(self, vector: BlockCipherVector, tmp_path: Path) -> None:
        """With the printed plaintext as its random witness, the card shows the printed ciphertext."""
        with CardFile.open(new_blank(tmp_path / "card.json", vector.key)) as file:
            card = SimulatedCard(file, random_bytes=lambda length: vector.plaintext[:length])
            card.power_on()
            host = Host(card, vector.key)
            assert host.management(tlv(0x80)) == (tlv(0x7C, tlv(0x80, vector.ciphertext)), OK)
            answer = host.management(tlv(0x80, vector.plaintext), tlv(0x81, vector.plaintext))
            assert answer == (tlv(0x7C, tlv(0x82, vector.ciphertext)), OK)

    @given(st.binary(max_size=40))
    def test_a_guessed_response_is_refused_and_uses_the_challenge_up(
        self, tmp_path_factory: pytest.TempPathFactory, guess: bytes
    ) -> None:
        with CardFile.open(new_blank(tmp_path_factory.mktemp("guess") / "card.json")) as file:
            card = SimulatedCard(file, random_bytes=bytes)
            card.power_on()
            host = Host(card)
            host.management(tlv(0x81))
            assert host.management(tlv(0x82, guess))[1] == DENIED
            right = host.encrypt(bytes(BLOCK_LENGTH))
            assert host.management(tlv(0x82, right))[1] == SW.CONDITIONS_OF_USE_NOT_SATISFIED

    def test_a_witness_is_good_once(self, host: Host) -> None:
        answer, _ = host.management(tlv(0x80))
        witness = host.decrypt(value_of(answer, 0x7C, 0x80))
        assert host.management(tlv(0x80, bytes(16)), tlv(0x81, bytes(16)))[1] == DENIED
        again = host.management(tlv(0x80, witness), tlv(0x81, bytes(16)))
        assert again[1] == SW.CONDITIONS_OF_USE_NOT_SATISFIED

    def test_a_failed_authentication_ends_the_issuer_s_control(self, host: Host) -> None:
        host.authenticate_issuer()
        host.management(tlv(0x81))
        host.management(tlv(0x82, bytes(16)))
        assert host.put("5FC105", b"x") == DENIED

    def test_a_response_needs_a_challenge(self, host: Host) -> None:
        assert host.management(tlv(0x82, bytes(16)))[1] == SW.CONDITIONS_OF_USE_NOT_SATISFIED
        mutual = host.management(tlv(0x80, bytes(16)), tlv(0x81, bytes(16)))
        assert mutual[1] == SW.CONDITIONS_OF_USE_NOT_SATISFIED

    def test_a_reset_forgets_the_challenge(self, host: Host) -> None:
        answer, _ = host.management(tlv(0x81))
        host.reset()
        response = host.encrypt(value_of(answer, 0x7C, 0x81))
        assert host.management(tlv(0x82, response))[1] == SW.CONDITIONS_OF_USE_NOT_SATISFIED

    def test_random_bytes_leave_a_running_authentication_alone(self, host: Host) -> None:
        answer, _ = host.management(tlv(0x81))
        first, sw = host.raw("0087009B047C028100")
        second, _ = host.raw("0087009B047C028100")
        assert sw == OK
        assert first != second
        assert len(value_of(first, 0x7C, 0x81)) == BLOCK_LENGTH
        response = host.encrypt(value_of(answer, 0x7C, 0x81))
        assert host.management(tlv(0x82, response)) == (b"", OK)

    @pytest.mark.parametrize(
        ("apdu", "sw"),
        [
            pytest.param("0087039B047C028000", SW.INCORRECT_P1_P2, id="3DES"),
            pytest.param("0087009B047C028000", SW.INCORRECT_P1_P2, id="default algorithm, witness"),
            pytest.param("0087089B047C028000", SW.INCORRECT_P1_P2, id="AES-128 with an AES-256 key"),
            pytest.param("00870C9B027C00", SW.INCORRECT_PARAMETERS_IN_DATA, id="empty"),
            pytest.param("00870C9B067C0481018200", SW.INCORRECT_PARAMETERS_IN_DATA, id="truncated"),
            pytest.param("00870C9B077C058101AA8200", SW.INCORRECT_PARAMETERS_IN_DATA, id="internal"),
        ],
    )
    def test_what_is_refused(self, apdu: str, sw: int, host: Host) -> None:
        assert host.raw(apdu) == (b"", sw)

    @pytest.mark.parametrize(("algorithm", "length"), [(0x08, 16), (0x0A, 24), (0x0C, 32)])
    def test_it_can_be_replaced(self, algorithm: int, length: int, host: Host) -> None:
        host.authenticate_issuer()
        key = bytes(range(100, 100 + length))
        assert host.sw(bytes.fromhex("00FFFFFF") + bytes((length + 3, algorithm, 0x9B, length)) + key) == OK
        host.reset()
        assert host.authenticate_issuer() != OK
        assert replace(host, management_key=key).authenticate_issuer() == OK

    @pytest.mark.parametrize(
        ("apdu", "sw"),
        [
            pytest.param("00FFFFFE130C9B10" + "AA" * 16, SW.INCORRECT_P1_P2, id="with touch"),
            pytest.param("00FFFFFF1B039B18" + "AA" * 24, SW.INCORRECT_PARAMETERS_IN_DATA, id="3DES"),
            pytest.param("00FFFFFF130C9B10" + "AA" * 16, SW.INCORRECT_PARAMETERS_IN_DATA, id="wrong length"),
            pytest.param("00FFFFFF13089A10" + "AA" * 16, SW.INCORRECT_PARAMETERS_IN_DATA, id="another key"),
            pytest.param("00FFFFFF13089B11" + "AA" * 16, SW.INCORRECT_PARAMETERS_IN_DATA, id="lying length"),
            pytest.param("00FFFFFF02089B", SW.INCORRECT_PARAMETERS_IN_DATA, id="truncated"),
            pytest.param("00FFFFFF", SW.INCORRECT_PARAMETERS_IN_DATA, id="empty"),
        ],
    )
    def test_malformed_replacements(self, apdu: str, sw: int, host: Host) -> None:
        host.authenticate_issuer()
        assert host.raw(apdu) == (b"", sw)
        host.reset()
        assert host.authenticate_issuer() == OK

    def test_only_the_issuer_replaces_it(self, host: Host) -> None:
        assert host.sw("00FFFFFF13089B10" + "AA" * 16) == DENIED


WRITES = {
    "generate": lambda host: host.generate(0x9A, 0x11),
    "put": lambda host: host.put("5FC105", b"new"),
    "management key": lambda host: host.sw("00FFFFFF13089B10" + "AA" * 16),
}


@pytest.mark.parametrize("writes", [0, 1])
@pytest.mark.parametrize("name", WRITES)
def test_a_power_cut_leaves_the_old_or_the_new(name: str, writes: int, card_path: Path) -> None:
    with CardFile.open(card_path) as file:
        card = SimulatedCard(file)
        card.power_on()
        host = Host(card)
        host.authenticate_issuer()
        host.generate(0x9A, 0x14)
        host.put("5FC105", b"old")
        before = file.state
        torn = SimulatedCard(file, power_cut_after_writes=writes)
        torn.power_on()
        Host(torn).authenticate_issuer()
        with pytest.raises(PowerCutError):
            WRITES[name](Host(torn))
    with CardFile.open(card_path) as file:
        after = file.state
        assert (after == before) == (writes == 0)
        card = SimulatedCard(file)
        card.power_on()
        assert Host(card).tries() == 0x63C3
