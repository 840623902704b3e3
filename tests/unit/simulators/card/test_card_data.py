"""GET DATA and PUT DATA."""

import pytest

from simulators.card.iso7816 import SW
from tests.unit.simulators.card.host import OK, PIN, Host, tlv

PIN_PROTECTED = ["5FC103", "5FC108", "5FC109", "5FC121", "5FC123"]
FREE = [
    "5FC101",
    "5FC102",
    "5FC105",
    "5FC106",
    "5FC107",
    "5FC10A",
    "5FC10B",
    "5FC10C",
    "5FC10D",
    "5FC120",
    "5FC122",
]


@pytest.mark.parametrize("tag", FREE + PIN_PROTECTED)
def test_the_issuer_writes_and_everybody_reads_what_the_read_rule_allows(tag: str, host: Host) -> None:
    host.authenticate_issuer()
    assert host.put(tag, b"content") == OK
    host.reset()
    refused = SW.SECURITY_STATUS_NOT_SATISFIED if tag in PIN_PROTECTED else OK
    assert host.get(tag)[1] == refused
    host.verify(PIN)
    assert host.get(tag) == (tlv(0x53, b"content"), OK)


@pytest.mark.parametrize("tag", FREE)
def test_absent_objects_are_not_found(tag: str, blank: Host) -> None:
    assert blank.get(tag) == (b"", SW.FILE_OR_APPLICATION_NOT_FOUND)


def test_an_empty_object_deletes(host: Host) -> None:
    host.authenticate_issuer()
    host.put("5FC105", b"content")
    assert host.put("5FC105", b"") == OK
    assert host.put("5FC105", b"") == OK
    assert host.get("5FC105")[1] == SW.FILE_OR_APPLICATION_NOT_FOUND


def test_only_the_issuer_writes(host: Host) -> None:
    host.verify(PIN)
    assert host.put("5FC105", b"content") == SW.SECURITY_STATUS_NOT_SATISFIED


@pytest.mark.parametrize(
    ("apdu", "sw"),
    [
        pytest.param("00CB3FFE055C035FC102", SW.INCORRECT_P1_P2, id="P2"),
        pytest.param("00CB3FFF055C035FC199", SW.FILE_OR_APPLICATION_NOT_FOUND, id="unknown object"),
        pytest.param("00CB3FFF045C027F61", SW.FILE_OR_APPLICATION_NOT_FOUND, id="biometric templates"),
        pytest.param("00CB3FFF", SW.INCORRECT_PARAMETERS_IN_DATA, id="no tag list"),
        pytest.param("00CB3FFF025C00", SW.INCORRECT_PARAMETERS_IN_DATA, id="empty tag list"),
        pytest.param("00CB3FFF065C045FC10201", SW.INCORRECT_PARAMETERS_IN_DATA, id="long tag"),
        pytest.param("00CB3FFF055C045FC102", SW.INCORRECT_PARAMETERS_IN_DATA, id="truncated"),
        pytest.param("00CB3FFF075C035FC1025300", SW.INCORRECT_PARAMETERS_IN_DATA, id="more than a tag list"),
    ],
)
def test_malformed_get_data(apdu: str, sw: int, host: Host) -> None:
    assert host.raw(apdu) == (b"", sw)


@pytest.mark.parametrize(
    ("apdu", "sw"),
    [
        pytest.param("00DB3FFE075C035FC1025300", SW.INCORRECT_P1_P2, id="P2"),
        pytest.param("00DB3FFF", SW.INCORRECT_PARAMETERS_IN_DATA, id="nothing"),
        pytest.param("00DB3FFF055C035FC102", SW.INCORRECT_PARAMETERS_IN_DATA, id="no content"),
        pytest.param("00DB3FFF0753005C035FC102", SW.INCORRECT_PARAMETERS_IN_DATA, id="other order"),
        pytest.param("00DB3FFF085C035FC1025302AA", SW.INCORRECT_PARAMETERS_IN_DATA, id="truncated content"),
        pytest.param("00DB3FFF095C035FC10253005300", SW.INCORRECT_PARAMETERS_IN_DATA, id="two contents"),
        pytest.param("00DB3FFF085C035FC1995301AA", SW.FUNCTION_NOT_SUPPORTED, id="unknown object"),
        pytest.param("00DB3FFF027E00", SW.FUNCTION_NOT_SUPPORTED, id="Discovery is fixed"),
        pytest.param("00DB3FFF055C017E5300", SW.INCORRECT_PARAMETERS_IN_DATA, id="Discovery in 53"),
        pytest.param("00DB3FFF065C027F615300", SW.INCORRECT_PARAMETERS_IN_DATA, id="biometrics in 53"),
        pytest.param("00DB3FFF067F61007F6100", SW.INCORRECT_PARAMETERS_IN_DATA, id="biometrics twice"),
        pytest.param("00DB3FFF047F610201", SW.INCORRECT_PARAMETERS_IN_DATA, id="biometrics cut"),
        pytest.param("00DB3FFF085C035FFF015301AA", SW.FUNCTION_NOT_SUPPORTED, id="attestation certificate"),
    ],
)
def test_malformed_put_data(apdu: str, sw: int, host: Host) -> None:
    host.authenticate_issuer()
    assert host.raw(apdu) == (b"", sw)


def test_the_biometric_group_template_stands_by_itself(host: Host) -> None:
    """SP 800-73-5 part 2, section 3.3.1: the object itself is the command's data, without a tag list."""
    template = tlv(0x7F61, bytes.fromhex("020100"))
    assert host.send(0xDB, 0x3F, 0xFF, template)[1] == SW.SECURITY_STATUS_NOT_SATISFIED
    host.authenticate_issuer()
    assert host.send(0xDB, 0x3F, 0xFF, template)[1] == OK
    assert host.get("7F61") == (template, OK)
    assert host.send(0xDB, 0x3F, 0xFF, tlv(0x7F61))[1] == OK
    assert host.get("7F61")[1] == SW.FILE_OR_APPLICATION_NOT_FOUND


@pytest.mark.parametrize("number", range(0x0D, 0x21))
def test_every_retired_certificate_has_its_place(number: int, host: Host) -> None:
    host.authenticate_issuer()
    tag = f"5FC1{number:02X}"
    assert host.put(tag, bytes((number,))) == OK
    host.reset()
    assert host.get(tag) == (tlv(0x53, bytes((number,))), OK)


@pytest.mark.parametrize("tag", ["5FC100", "5FC104", "5FC124", "5FC1", "5FFF00", "5FFF02", "7F60", "7F62"])
def test_no_other_object_exists(tag: str, host: Host) -> None:
    host.authenticate_issuer()
    assert host.put(tag, b"x") == SW.FUNCTION_NOT_SUPPORTED
    assert host.get(tag)[1] == SW.FILE_OR_APPLICATION_NOT_FOUND


def test_memory_is_finite(host: Host) -> None:
    host.authenticate_issuer()
    assert host.put("5FC105", bytes(16_385)) == SW.NOT_ENOUGH_MEMORY
    answers = [host.put(f"5FC1{number:02X}", bytes(16_384)) for number in range(0x0D, 0x0D + 9)]
    assert answers == [OK] * 8 + [SW.NOT_ENOUGH_MEMORY]
    assert host.put("5FC10D", bytes(16_384)) == OK
