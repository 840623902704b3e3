"""ISO/IEC 7816-4: parsing, classes, SELECT, Le and GET RESPONSE, command chaining."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.card.iso7816 import SW, Command, StatusError
from tests.unit.simulators.card.host import OK, SERIAL, Host, tlv

SELECT_PIV = "00A4040009A0000003080000100000"
# SP 800-73-5 part 1, section 3.3.2
DISCOVERY = bytes.fromhex("7E124F0BA0000003080000100001005F2F024000")
GET_DISCOVERY = "00CB3FFF035C017E"


@pytest.mark.parametrize(
    ("apdu", "data", "ne"),
    [
        pytest.param("00CB3FFF", "", 256, id="case 1"),
        pytest.param("00CB3FFF08", "", 8, id="case 2 short"),
        pytest.param("00CB3FFF00", "", 256, id="case 2 short, 256"),
        pytest.param("00CB3FFF02AABB", "AABB", 256, id="case 3 short"),
        pytest.param("00CB3FFF02AABB09", "AABB", 9, id="case 4 short"),
        pytest.param("00CB3FFF000102", "", 0x0102, id="case 2 extended"),
        pytest.param("00CB3FFF000000", "", 65536, id="case 2 extended, 65536"),
        pytest.param("00CB3FFF000002AABB", "AABB", 65536, id="case 3 extended"),
        pytest.param("00CB3FFF000002AABB0100", "AABB", 256, id="case 4 extended"),
    ],
)
def test_each_case_parses(apdu: str, data: str, ne: int) -> None:
    command = Command.parse(bytes.fromhex(apdu))
    assert (command.data, command.ne) == (bytes.fromhex(data), ne)


@pytest.mark.parametrize(
    "apdu",
    [
        "",
        "00",
        "00CB3F",
        "00CB3FFF02AA",
        "00CB3FFF01AABBCC",
        "00CB3FFF0001",
        "00CB3FFF00000000",
        "00CB3FFF000002AA",
        "00CB3FFF000001AABB",
        "00CB3FFF000001AABBCCDD",
    ],
)
def test_contradicting_lengths_are_refused(apdu: str, blank: Host) -> None:
    with pytest.raises(StatusError) as refusal:
        Command.parse(bytes.fromhex(apdu))
    assert refusal.value.sw == SW.WRONG_LENGTH
    assert blank.sw(apdu) == SW.WRONG_LENGTH


@given(st.binary(min_size=1, max_size=300), st.integers(1, 256))
def test_short_and_extended_forms_mean_the_same(data: bytes, ne: int) -> None:
    header = bytes.fromhex("00DB3FFF")
    extended = header + b"\0" + len(data).to_bytes(2, "big") + data + ne.to_bytes(2, "big")
    assert Command.parse(extended) == Command(0, 0xDB, 0x3F, 0xFF, data, ne)
    if len(data) < 256:
        assert Command.parse(header + bytes((len(data),)) + data + bytes((ne % 256,))).ne == ne


def test_data_are_not_in_the_repr() -> None:
    assert "123456" not in repr(Command(0, 0x20, 0, 0x80, b"123456\xff\xff"))


@pytest.mark.parametrize(
    ("apdu", "sw"),
    [
        ("FFCA000000", SW.CLASS_NOT_SUPPORTED),
        ("FF", SW.CLASS_NOT_SUPPORTED),
        ("80CA000000", SW.CLASS_NOT_SUPPORTED),
        ("40CB3FFF00", SW.CLASS_NOT_SUPPORTED),
        ("20CB3FFF00", SW.CLASS_NOT_SUPPORTED),
        ("0CCB3FFF00", SW.SECURE_MESSAGING_NOT_SUPPORTED),
        ("01CB3FFF00", SW.LOGICAL_CHANNEL_NOT_SUPPORTED),
        ("00CADF3000", SW.INSTRUCTION_NOT_SUPPORTED),
        ("10CADF3000", SW.INSTRUCTION_NOT_SUPPORTED),
        ("00FC000000", SW.INSTRUCTION_NOT_SUPPORTED),
        ("00C0000000", SW.CONDITIONS_OF_USE_NOT_SATISFIED),
        ("00C0000100", SW.INCORRECT_P1_P2),
        ("10A4040005A000000308", SW.COMMAND_CHAINING_NOT_SUPPORTED),
        ("1020008004313233", SW.WRONG_LENGTH),
        ("102000800431323334", SW.COMMAND_CHAINING_NOT_SUPPORTED),
    ],
)
def test_what_the_card_does_not_speak_is_refused(apdu: str, sw: int, host: Host) -> None:
    assert host.raw(apdu) == (b"", sw)


@pytest.mark.parametrize("length", range(5, 12))
def test_piv_is_selected_by_its_right_truncated_aid(length: int, host: Host) -> None:
    aid = bytes.fromhex("A000000308000010000100")[:length]
    answer, sw = host.send(0xA4, 0x04, 0x00, aid)
    assert sw == OK
    assert answer.startswith(bytes.fromhex("61"))
    assert bytes.fromhex("4F06000010000100") in answer
    assert bytes.fromhex("79074F05A000000308") in answer


@pytest.mark.parametrize(
    ("apdu", "sw"),
    [
        pytest.param("00A4040007A0000002471001", SW.FILE_OR_APPLICATION_NOT_FOUND, id="eMRTD"),
        pytest.param("00A4040004A0000003", SW.FILE_OR_APPLICATION_NOT_FOUND, id="less than a RID"),
        pytest.param("00A404000CA00000030800001000010000", SW.FILE_OR_APPLICATION_NOT_FOUND, id="longer"),
        pytest.param("00A40000023F00", SW.INCORRECT_P1_P2, id="by file identifier"),
        pytest.param("00A4040209A00000030800001000", SW.INCORRECT_P1_P2, id="next occurrence"),
    ],
)
def test_other_applications_are_not_found_and_piv_stays_selected(apdu: str, sw: int, host: Host) -> None:
    assert host.sw(apdu) == sw
    assert host.raw(GET_DISCOVERY) == (DISCOVERY, OK)


def test_discovery_answers_before_any_select(blank: Host) -> None:
    assert blank.raw(GET_DISCOVERY) == (DISCOVERY, OK)


def test_selecting_piv_again_leaves_its_security_status_alone(host: Host) -> None:
    host.verify("73105284")
    host.raw(SELECT_PIV)
    assert host.tries() == OK
    host.reset()
    assert host.tries() == 0x63C3


def test_answers_are_cut_to_le_and_the_rest_is_fetched(host: Host) -> None:
    first, sw = host.raw(GET_DISCOVERY + "08")
    assert (first, sw) == (DISCOVERY[:8], 0x6100 + len(DISCOVERY) - 8)
    second, sw = host.raw("00C0000005")
    assert (second, sw) == (DISCOVERY[8:13], 0x6100 + len(DISCOVERY) - 13)
    third, sw = host.raw("00C0000000")
    assert (first + second + third, sw) == (DISCOVERY, OK)
    assert host.sw("00C0000000") == SW.CONDITIONS_OF_USE_NOT_SATISFIED


@pytest.mark.parametrize("between", ["00200080", "00CADF30", "FFCA000000", "00", "00F8000000"])
def test_an_abandoned_answer_is_gone(between: str, host: Host) -> None:
    host.raw(GET_DISCOVERY + "08")
    host.raw(between)
    assert host.sw("00C0000000") == SW.CONDITIONS_OF_USE_NOT_SATISFIED


@pytest.mark.parametrize("length", [255, 256, 257, 511, 512, 513, 3000, 12_704])
def test_objects_of_any_size_come_back(length: int, host: Host) -> None:
    host.authenticate_issuer()
    content = bytes(number % 251 for number in range(length))
    assert host.put("5FC105", content) == OK
    answer, sw = host.get("5FC105")
    assert sw == OK
    assert answer.endswith(content)
    extended, sw = host.raw(bytes.fromhex("00CB3FFF0000055C035FC1050000"))
    assert sw == OK
    assert extended.endswith(content)


def test_an_extended_command_needs_no_chain(host: Host) -> None:
    host.authenticate_issuer()
    data = tlv(0x5C, bytes.fromhex("5FC105")) + tlv(0x53, bytes(3000))
    assert host.sw(bytes.fromhex("00DB3FFF00") + len(data).to_bytes(2, "big") + data) == OK
    assert len(host.get("5FC105")[0]) == 3004


ABORTS = [
    "00200080",
    "00F8000000",
    SELECT_PIV,
    "00A4040005A000000247",
    "FFCA000000",
    "00",
    "00DB3FFE00",
    "10DB3FFE01AA",
    "80DB3FFF01AA",
    "04DB3FFF08" + "00" * 8,
]


@pytest.mark.parametrize("between", ABORTS)
def test_any_other_command_ends_a_chain(between: str, host: Host) -> None:
    host.authenticate_issuer()
    data = tlv(0x5C, bytes.fromhex("5FC105")) + tlv(0x53, bytes(300))
    assert host.sw(bytes.fromhex("10DB3FFFFF") + data[:255]) == OK
    host.raw(between)
    rest = data[255:]
    assert host.sw(bytes.fromhex("00DB3FFF") + bytes((len(rest),)) + rest) == SW.INCORRECT_PARAMETERS_IN_DATA
    assert host.get("5FC105")[1] == SW.FILE_OR_APPLICATION_NOT_FOUND


def test_a_reset_ends_a_chain(host: Host) -> None:
    host.authenticate_issuer()
    data = tlv(0x5C, bytes.fromhex("5FC105")) + tlv(0x53, bytes(300))
    host.raw(bytes.fromhex("10DB3FFFFF") + data[:255])
    host.reset()
    host.authenticate_issuer()
    rest = data[255:]
    assert host.sw(bytes.fromhex("00DB3FFF") + bytes((len(rest),)) + rest) == SW.INCORRECT_PARAMETERS_IN_DATA


def test_a_chain_has_an_end(host: Host) -> None:
    part = bytes.fromhex("10DB3FFFFF") + bytes(255)
    answers = [host.sw(part) for _ in range(100)]
    assert SW.NOT_ENOUGH_MEMORY in answers
    assert answers.index(SW.NOT_ENOUGH_MEMORY) * 255 < 20_000


def test_an_unpowered_card_answers_with_an_error(host: Host) -> None:
    host.card.power_off()
    assert host.sw(SELECT_PIV) == SW.NO_PRECISE_DIAGNOSIS
    assert host.card.power_on() == host.card.atr
    assert host.sw(SELECT_PIV) == OK


def test_yubico_serial_and_version(host: Host) -> None:
    assert host.raw("00F8000000") == (SERIAL.to_bytes(4, "big"), OK)
    assert host.raw("00FD000000") == (bytes((5, 7, 1)), OK)
    assert host.sw("00F8000100") == SW.INCORRECT_P1_P2
    assert host.sw("00FD00000101") == SW.WRONG_LENGTH
