"""Yubico's GET METADATA, and what GENERATE does with Yubico's policies."""

import pytest

from simulators.card.iso7816 import SW
from tests.unit.simulators.card.host import MANAGEMENT_KEY, OK, PIN, PUK, Host, tlv, value_of

MALFORMED = SW.INCORRECT_PARAMETERS_IN_DATA


def metadata(host: Host, reference: int) -> bytes:
    answer, sw = host.send(0xF7, 0, reference)
    assert sw == OK
    return answer


class TestMetadata:
    def test_of_the_pin(self, blank: Host) -> None:
        assert metadata(blank, 0x80).hex() == "0101ff" + "050101" + "06020303"
        blank.change_pin("00000000", PIN)
        assert metadata(blank, 0x80).hex() == "0101ff" + "050101" + "06020302"
        blank.change_pin(PIN, PIN)
        assert metadata(blank, 0x80).hex() == "0101ff" + "050100" + "06020303"

    def test_of_the_puk(self, host: Host) -> None:
        assert metadata(host, 0x81).hex() == "0101ff" + "050101" + "06020303"
        host.change_puk(PUK, "13572468")
        host.change_puk(PUK, "13572468")
        assert metadata(host, 0x81).hex() == "0101ff" + "050100" + "06020302"

    def test_of_the_management_key(self, host: Host) -> None:
        assert metadata(host, 0x9B).hex() == "01010c" + "02020001" + "050101"
        host.authenticate_issuer()
        host.send(0xFF, 0xFF, 0xFF, bytes((0x08, 0x9B, 16)) + MANAGEMENT_KEY[:16])
        assert metadata(host, 0x9B).hex() == "010108" + "02020001" + "050100"

    @pytest.mark.parametrize(
        ("slot", "policy"), [(0x9A, "02"), (0x9C, "03"), (0x9D, "02"), (0x9E, "01"), (0x82, "02")]
    )
    def test_of_a_generated_key(self, slot: int, policy: str, host: Host) -> None:
        host.authenticate_issuer()
        answer, _ = host.generate(slot, 0x11)
        expected = bytes.fromhex(f"010111 0202{policy}01 030101") + tlv(4, value_of(answer, 0x7F49))
        assert metadata(host, slot) == expected

    def test_of_an_rsa_key(self, host: Host) -> None:
        host.authenticate_issuer()
        answer, _ = host.generate(0x9D, 0x07)
        assert metadata(host, 0x9D).endswith(tlv(4, value_of(answer, 0x7F49)))

    def test_of_the_attestation_key(self, blank: Host) -> None:
        assert metadata(blank, 0xF9).startswith(bytes.fromhex("010111 02020101 030101"))

    @pytest.mark.parametrize("reference", [0x00, 0x82, 0x95, 0x96, 0x98, 0x9F, 0xFF])
    def test_of_what_is_not_there(self, reference: int, host: Host) -> None:
        assert host.send(0xF7, 0, reference) == (b"", SW.REFERENCE_DATA_NOT_FOUND)

    def test_of_a_blank_s_empty_slot(self, blank: Host) -> None:
        assert blank.send(0xF7, 0, 0x9A) == (b"", SW.REFERENCE_DATA_NOT_FOUND)

    def test_malformed_requests(self, host: Host) -> None:
        assert host.send(0xF7, 1, 0x9A) == (b"", SW.INCORRECT_P1_P2)
        assert host.send(0xF7, 0, 0x9A, b"x") == (b"", SW.WRONG_LENGTH)


def generate_with(host: Host, slot: int, *policies: bytes) -> int:
    host.authenticate_issuer()
    return host.send(0x47, 0, slot, tlv(0xAC, tlv(0x80, b"\x11"), *policies))[1]


class TestPolicies:
    @pytest.mark.parametrize(
        ("slot", "policy"),
        [
            *((0x9A, policy) for policy in (0, 2, 3)),
            *((0x9C, policy) for policy in (0, 3)),
            *((0x9D, policy) for policy in (0, 2, 3)),
            *((0x9E, policy) for policy in (0, 1, 2, 3)),
        ],
    )
    def test_the_standard_s_policy_or_a_stricter_one(self, slot: int, policy: int, host: Host) -> None:
        assert generate_with(host, slot, tlv(0xAA, bytes((policy,)))) == OK
        host.reset()
        policy = policy or {0x9A: 2, 0x9C: 3, 0x9D: 2, 0x9E: 1}[slot]
        denied = SW.SECURITY_STATUS_NOT_SATISFIED
        assert host.use_key(0x11, slot, bytes(32))[1] == (OK if policy == 1 else denied)
        host.verify(PIN)
        assert host.use_key(0x11, slot, bytes(32))[1] == OK
        assert host.use_key(0x11, slot, bytes(32))[1] == (denied if policy == 3 else OK)

    @pytest.mark.parametrize(
        ("slot", "policy"), [(0x9A, 1), (0x9C, 1), (0x9C, 2), (0x9D, 1), (0x82, 1), (0x9A, 4), (0x9A, 5)]
    )
    def test_a_weaker_or_unknown_one_is_refused(self, slot: int, policy: int, host: Host) -> None:
        before = host.send(0xF7, 0, slot)
        assert generate_with(host, slot, tlv(0xAA, bytes((policy,)))) == MALFORMED
        assert host.send(0xF7, 0, slot) == before

    @pytest.mark.parametrize("touch", [0, 1])
    def test_without_touch(self, touch: int, host: Host) -> None:
        assert generate_with(host, 0x9A, tlv(0xAB, bytes((touch,)))) == OK
        assert generate_with(host, 0x9A, tlv(0xAA, b"\2"), tlv(0xAB, bytes((touch,)))) == OK

    @pytest.mark.parametrize("touch", [b"", b"\2", b"\3", b"\xff", b"\0\0"])
    def test_there_is_no_button(self, touch: bytes, host: Host) -> None:
        assert generate_with(host, 0x9A, tlv(0xAB, touch)) == MALFORMED

    @pytest.mark.parametrize("policies", [[b""], [b"\2\2"], [b"\2", b"\2"]])
    def test_malformed_policies(self, policies: list[bytes], host: Host) -> None:
        assert generate_with(host, 0x9A, *(tlv(0xAA, policy) for policy in policies)) == MALFORMED
