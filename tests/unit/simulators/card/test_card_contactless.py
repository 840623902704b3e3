"""What the contactless interface shows without a virtual contact interface: next to nothing."""

import pytest

from simulators.card.file import CardFile
from simulators.card.iso7816 import SW
from simulators.card.memory import CardMemory
from simulators.card.piv.access import Interface
from simulators.card.piv.data import discovery_object
from tests.unit.simulators.card.host import OK, PIN, PUK, Host, Send, pad, tlv, without_card

DENIED = SW.SECURITY_STATUS_NOT_SATISFIED
UNSUPPORTED = SW.FUNCTION_NOT_SUPPORTED


@pytest.fixture
def tap(host: Host, card_file: CardFile) -> Send:
    """The delivered card, with objects, at a contactless reader."""
    host.authenticate_issuer()
    for tag in ("5FC101", "5FC102", "5FC105", "5FC106", "5FC109", "5FC122", "5FFF01"):
        host.put(tag, b"content")
    host.send(0xDB, 0x3F, 0xFF, tlv(0x7F61, b"\2\1\0"))
    return without_card(CardMemory(card_file), interface=Interface.CONTACTLESS)


@pytest.mark.parametrize("tag", ["5FC101", "5FC102", "5FC122"])
def test_free_objects_are_read(tag: str, tap: Send) -> None:
    assert tap(f"00CB3FFF055C03{tag}") == (tlv(0x53, b"content"), OK)


def test_objects_that_stand_by_themselves_are_read(tap: Send) -> None:
    assert tap("00CB3FFF035C017E") == (discovery_object(), OK)
    assert tap("00CB3FFF045C027F61") == (tlv(0x7F61, b"\2\1\0"), OK)


@pytest.mark.parametrize(
    "tag",
    [
        *("5FC103", "5FC105", "5FC106", "5FC107", "5FC108", "5FC109", "5FC10A", "5FC10B", "5FC10C"),
        *("5FC10D", "5FC120", "5FC121", "5FC123", "5FFF01", "5FC199"),
    ],
)
def test_all_others_are_hidden_whether_they_exist_or_not(tag: str, tap: Send) -> None:
    assert tap(f"00CB3FFF055C03{tag}") == (b"", DENIED)


def test_only_the_card_authentication_key_signs(tap: Send) -> None:
    request = "247C228200811E" + "5A" * 30
    assert tap("0087119E" + request)[1] == OK
    for slot in ("9A", "9C", "9D", "82", "F9"):
        assert tap(f"008711{slot}" + request) == (b"", DENIED)


@pytest.mark.parametrize(
    ("apdu", "sw"),
    [
        pytest.param("00200080", DENIED, id="VERIFY status"),
        pytest.param("0020008008" + pad(PIN).hex(), DENIED, id="VERIFY"),
        pytest.param("0020FF80", DENIED, id="log out"),
        pytest.param("0024008010" + pad(PIN).hex() * 2, DENIED, id="CHANGE REFERENCE DATA"),
        pytest.param("002C008010" + (pad(PUK) + pad(PIN)).hex(), UNSUPPORTED, id="RESET RETRY COUNTER"),
        pytest.param("00870C9B047C028000", DENIED, id="mutual authentication"),
        pytest.param("0087009B047C028100", DENIED, id="random bytes"),
        pytest.param("0047009A05AC03800111", UNSUPPORTED, id="GENERATE"),
        pytest.param("00DB3FFF075C035FC1025300", UNSUPPORTED, id="PUT DATA"),
        pytest.param("00F78000", UNSUPPORTED, id="metadata"),
        pytest.param("00F80000", UNSUPPORTED, id="serial number"),
        pytest.param("00F99E00", UNSUPPORTED, id="attestation"),
        pytest.param("00F6FF9E", UNSUPPORTED, id="move key"),
        pytest.param("00FA0303", UNSUPPORTED, id="retries"),
        pytest.param("00FB0000", UNSUPPORTED, id="reset"),
        pytest.param("00FE119A", UNSUPPORTED, id="import"),
        pytest.param("00FFFFFF", UNSUPPORTED, id="management key"),
        pytest.param("00CA0000", SW.INSTRUCTION_NOT_SUPPORTED, id="unknown instruction"),
    ],
)
def test_everything_else_is_refused_and_costs_nothing(
    apdu: str, sw: int, tap: Send, card_file: CardFile
) -> None:
    before = card_file.state
    assert tap(apdu) == (b"", sw)
    assert card_file.state == before


def test_a_pin_verified_at_the_contacts_opens_nothing_here(host: Host, tap: Send) -> None:
    host.verify(PIN)
    assert tap("00CB3FFF055C035FC109") == (b"", DENIED)


def test_the_discovery_object_can_be_another_or_none(card_file: CardFile) -> None:
    memory = CardMemory(card_file)
    other = discovery_object(0x4C00)
    assert without_card(memory, discovery=other)("00CB3FFF035C017E") == (other, OK)
    without = without_card(memory, discovery=None)
    assert without("00CB3FFF035C017E") == (b"", SW.FILE_OR_APPLICATION_NOT_FOUND)
