"""IMPORT ASYMMETRIC KEY, and what imported and retired keys do: ECDH and RSA decryption."""

import functools
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulators.card.file import CardFile
from simulators.card.iso7816 import SW
from tests.unit.simulators.card.host import OK, PIN, Host, tlv
from tests.wycheproof import cases

MALFORMED = SW.INCORRECT_PARAMETERS_IN_DATA
DENIED = SW.SECURITY_STATUS_NOT_SATISFIED
RSA_ALGORITHMS = {2048: 0x07, 3072: 0x05}
CURVES: dict[int, ec.EllipticCurve] = {0x11: ec.SECP256R1(), 0x14: ec.SECP384R1()}
ORDERS = {
    # SP 800-186, sections 3.2.1.3 and 3.2.1.4: n
    0x11: 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    0x14: 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
}
LENGTHS = {0x11: 32, 0x14: 48}


@functools.cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def crt_parts(key: rsa.RSAPrivateKey) -> dict[int, bytes]:
    numbers, length = key.private_numbers(), key.key_size // 16
    values = (numbers.p, numbers.q, numbers.dmp1, numbers.dmq1, numbers.iqmp)
    return {tag: value.to_bytes(length, "big") for tag, value in enumerate(values, start=1)}


def encode(parts: dict[int, bytes]) -> bytes:
    return b"".join(tlv(tag, value) for tag, value in parts.items())


def import_scalar(host: Host, algorithm: int, slot: int, scalar: int) -> int:
    return host.send(0xFE, algorithm, slot, tlv(0x06, scalar.to_bytes(LENGTHS[algorithm], "big")))[1]


@pytest.mark.parametrize("bits", RSA_ALGORITHMS)
@pytest.mark.parametrize("slot", [0x9D, 0x82, 0x95])
def test_an_imported_rsa_key_decrypts(bits: int, slot: int, host: Host) -> None:
    host.authenticate_issuer()
    algorithm, key = RSA_ALGORITHMS[bits], rsa_key(bits)
    assert host.send(0xFE, algorithm, slot, encode(crt_parts(key))) == (b"", OK)
    host.reset()
    ciphertext = key.public_key().encrypt("راز".encode(), padding.PKCS1v15())
    assert host.use_key(algorithm, slot, ciphertext) == (b"", DENIED)
    host.verify(PIN)
    block, sw = host.use_key(algorithm, slot, ciphertext)
    assert sw == OK
    # RFC 8017, section 7.2.1: 00 02, non-zero padding, 00, message
    assert block[:2] == b"\0\2"
    assert block.partition(b"\0")[2].partition(b"\0")[2] == "راز".encode()


def test_an_rsa_key_decrypts_oaep_as_the_host_unpads_it(host: Host) -> None:
    host.authenticate_issuer()
    host.send(0xFE, 0x07, 0x9D, encode(crt_parts(rsa_key())))
    host.verify(PIN)
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    public_key = rsa_key().public_key()
    ciphertext = public_key.encrypt(b"key", oaep)
    block, _ = host.use_key(0x07, 0x9D, ciphertext)
    # the raw block, encrypted again, is the ciphertext
    numbers = public_key.public_numbers()
    assert pow(int.from_bytes(block, "big"), numbers.e, numbers.n) == int.from_bytes(ciphertext, "big")


@pytest.mark.parametrize("algorithm", CURVES)
@pytest.mark.parametrize("slot", range(0x82, 0x96))
def test_every_retired_key_agrees(slot: int, algorithm: int, host: Host) -> None:
    host.authenticate_issuer()
    key = ec.generate_private_key(CURVES[algorithm])
    assert import_scalar(host, algorithm, slot, key.private_numbers().private_value) == OK
    host.verify(PIN)
    own = ec.generate_private_key(CURVES[algorithm])
    point = own.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    assert host.use_key(algorithm, slot, point, tag=0x85) == (own.exchange(ec.ECDH(), key.public_key()), OK)


def test_a_key_management_key_of_rsa_does_not_agree(host: Host) -> None:
    host.authenticate_issuer()
    host.send(0xFE, 0x07, 0x9D, encode(crt_parts(rsa_key())))
    host.verify(PIN)
    assert host.use_key(0x07, 0x9D, bytes(256), tag=0x85) == (b"", MALFORMED)


# Vectors: each private key comes onto the card through IMPORT, each point through GENERAL AUTHENTICATE.


@pytest.mark.parametrize(("curve", "algorithm"), [("secp256r1", 0x11), ("secp384r1", 0x14)])
def test_wycheproof_s_shared_secrets(curve: str, algorithm: int, host: Host, test_data: Path) -> None:
    host.authenticate_issuer()
    host.verify(PIN)
    imported = None
    outcomes = {"valid": 0, "acceptable": 0, "invalid": 0}
    for case in cases(test_data, f"ecdh_{curve}_ecpoint"):
        scalar = int(case["private"], 16)
        if scalar != imported:
            assert import_scalar(host, algorithm, 0x9D, scalar) == OK, case["tcId"]
            imported = scalar
        answer = host.use_key(algorithm, 0x9D, bytes.fromhex(case["public"]), tag=0x85)
        # SP 800-73-5 part 2, appendix A.5: an uncompressed point; the "acceptable" ones are compressed.
        expected = (bytes.fromhex(case["shared"]), OK) if case["result"] == "valid" else (b"", MALFORMED)
        assert answer == expected, case["tcId"]
        outcomes[case["result"]] += 1
    assert all(outcomes.values()), outcomes


class TestRefusals:
    def test_only_the_issuer_imports(self, host: Host) -> None:
        host.verify(PIN)
        assert import_scalar(host, 0x11, 0x9A, 7) == DENIED

    @pytest.mark.parametrize("slot", [0x04, 0x80, 0x81, 0x96, 0x9B, 0x9F, 0xF9])
    def test_only_into_key_slots(self, slot: int, host: Host) -> None:
        host.authenticate_issuer()
        assert import_scalar(host, 0x11, slot, 7) == SW.INCORRECT_P1_P2

    @pytest.mark.parametrize("algorithm", [0x00, 0x03, 0x06, 0x0C, 0x16, 0x27, 0xE0, 0xFF])
    def test_only_known_algorithms(self, algorithm: int, host: Host) -> None:
        host.authenticate_issuer()
        assert host.send(0xFE, algorithm, 0x9A, tlv(0x06, bytes(31) + b"\7"))[1] == SW.INCORRECT_P1_P2

    @pytest.mark.parametrize("algorithm", CURVES)
    @pytest.mark.parametrize("beyond", [None, 0, 1])
    def test_scalars_that_are_none(self, beyond: int | None, algorithm: int, host: Host) -> None:
        host.authenticate_issuer()
        scalar = 0 if beyond is None else ORDERS[algorithm] + beyond
        assert import_scalar(host, algorithm, 0x9A, scalar) == MALFORMED

    @pytest.mark.parametrize("algorithm", CURVES)
    @pytest.mark.parametrize("below", [1, 2])
    def test_the_greatest_scalars_are_taken(self, below: int, algorithm: int, host: Host) -> None:
        host.authenticate_issuer()
        assert import_scalar(host, algorithm, 0x9A, ORDERS[algorithm] - below) == OK

    @pytest.mark.parametrize(
        "data",
        [
            pytest.param(b"", id="nothing"),
            pytest.param(tlv(0x06, b""), id="empty"),
            pytest.param(tlv(0x06, bytes(30) + b"\7"), id="short"),
            pytest.param(tlv(0x06, bytes(32) + b"\7"), id="long"),
            pytest.param(tlv(0x06, bytes(31) + b"\7")[:-1], id="truncated"),
            pytest.param(tlv(0x06, bytes(31) + b"\7") * 2, id="twice"),
            pytest.param(tlv(0x06, bytes(31) + b"\7") + tlv(0x01, b"\1"), id="a prime too"),
            pytest.param(tlv(0x07, bytes(31) + b"\7"), id="another curve's"),
            pytest.param(tlv(0x06, bytes(31) + b"\7") + tlv(0xAA, b"\1"), id="weaker policy"),
            pytest.param(tlv(0x06, bytes(31) + b"\7") + tlv(0xAB, b"\2"), id="touch"),
            pytest.param(tlv(0xAC, tlv(0x06, bytes(31) + b"\7")), id="in a template"),
        ],
    )
    def test_malformed_scalars(self, data: bytes, host: Host, card_file: CardFile) -> None:
        host.authenticate_issuer()
        before = card_file.state
        assert host.send(0xFE, 0x11, 0x9A, data) == (b"", MALFORMED)
        assert card_file.state == before

    @pytest.mark.parametrize("tag", [1, 2, 3, 4, 5])
    @pytest.mark.parametrize(
        "value", [bytes(128), b"\0" * 127 + b"\1", b"\xff" * 128, b"\1", b"", bytes(129)]
    )
    def test_rsa_parts_that_do_not_fit(self, value: bytes, tag: int, host: Host) -> None:
        host.authenticate_issuer()
        parts = crt_parts(rsa_key()) | {tag: value}
        assert host.send(0xFE, 0x07, 0x9A, encode(parts)) == (b"", MALFORMED)

    @pytest.mark.parametrize("missing", [1, 2, 3, 4, 5])
    def test_rsa_parts_that_are_missing(self, missing: int, host: Host) -> None:
        host.authenticate_issuer()
        parts = crt_parts(rsa_key())
        del parts[missing]
        assert host.send(0xFE, 0x07, 0x9A, encode(parts)) == (b"", MALFORMED)

    def test_rsa_of_another_length_or_exponent(self, host: Host) -> None:
        host.authenticate_issuer()
        assert host.send(0xFE, 0x05, 0x9A, encode(crt_parts(rsa_key())))[1] == MALFORMED
        other = rsa.generate_private_key(3, 2048)
        assert host.send(0xFE, 0x07, 0x9A, encode(crt_parts(other)))[1] == MALFORMED

    def test_one_prime_twice(self, host: Host) -> None:
        host.authenticate_issuer()
        parts = crt_parts(rsa_key())
        same = parts | {2: parts[1], 4: parts[3]}
        assert host.send(0xFE, 0x07, 0x9A, encode(same))[1] == MALFORMED

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
    @given(st.dictionaries(st.integers(1, 5), st.binary(min_size=128, max_size=128), min_size=1))
    def test_any_rsa_parts_end_in_a_status_word(self, host: Host, changes: dict[int, bytes]) -> None:
        host.authenticate_issuer()
        parts = crt_parts(rsa_key()) | changes
        assert host.send(0xFE, 0x07, 0x9A, encode(parts)) == (b"", MALFORMED)
