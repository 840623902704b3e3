import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.card import tlv
from simulators.card.iso7816 import SW, StatusError

# ISO/IEC 8825-1, clause 8.1.2: tags of one, two and three bytes.
TAGS = st.sampled_from([0x53, 0x5C, 0x7C, 0x82, 0x7F49, 0x5F2F, 0x5F50, 0x5FC102])


@given(st.lists(st.tuples(TAGS, st.binary(max_size=300)), max_size=tlv.MAX_ELEMENTS))
def test_what_was_encoded_parses_to_itself(elements: list[tuple[int, bytes]]) -> None:
    assert tlv.parse(b"".join(tlv.encode(tag, value) for tag, value in elements)) == elements


@pytest.mark.parametrize(
    ("length", "field"),
    [(0, "00"), (127, "7f"), (128, "8180"), (255, "81ff"), (256, "820100"), (65535, "82ffff")],
)
def test_the_length_field_is_the_shortest(length: int, field: str) -> None:
    assert tlv.encode(0x53, bytes(length)) == bytes.fromhex("53" + field) + bytes(length)


@given(TAGS, st.binary(max_size=300), st.data())
def test_every_truncation_is_refused(tag: int, value: bytes, data: st.DataObject) -> None:
    encoded = tlv.encode(tag, value)
    cut = data.draw(st.integers(1, len(encoded) - 1))
    with pytest.raises(StatusError) as refusal:
        tlv.parse(encoded[:cut])
    assert refusal.value.sw == SW.INCORRECT_PARAMETERS_IN_DATA


@pytest.mark.parametrize(
    "encoded",
    [
        pytest.param("5380", id="indefinite length"),
        pytest.param("5383000001aa", id="length of three bytes"),
        pytest.param("53ff", id="reserved length"),
        pytest.param("1f", id="tag ends"),
        pytest.param("1f81828300", id="tag of four bytes"),
        pytest.param("5300" * 17, id="too many elements"),
    ],
)
def test_malformed_encodings_are_refused(encoded: str) -> None:
    with pytest.raises(StatusError):
        tlv.parse(bytes.fromhex(encoded))


@pytest.mark.parametrize("encoded", ["", "5300", "7c005300", "7c007c00"])
def test_a_template_must_stand_alone(encoded: str) -> None:
    with pytest.raises(StatusError):
        tlv.parse_template(0x7C, bytes.fromhex(encoded))


def test_a_template_has_no_tag_twice() -> None:
    with pytest.raises(StatusError):
        tlv.parse_template(0x7C, bytes.fromhex("7c0482008200"))
