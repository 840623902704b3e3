"""The DER codec: what it writes is read by others, what others break is refused."""

from datetime import UTC, datetime

import pytest
from asn1crypto import core
from hypothesis import given
from hypothesis import strategies as st

from pki import der, oids


@given(st.integers(-(2**160), 2**160))
def test_integers_are_written_as_others_write_them_and_read_back(value: int) -> None:
    encoded = der.integer(value)
    assert encoded == core.Integer(value).dump()
    assert der.parse(encoded, der.INTEGER).integer() == value


@pytest.mark.parametrize(
    "dotted", [oids.HOVIAT, oids.SHA256, oids.CRL_NUMBER, "0.4.0.2042.1.2", "2.999.3", "1.3.6.1.4.1.4146"]
)
def test_object_identifiers_are_written_as_others_write_them(dotted: str) -> None:
    assert der.object_identifier(dotted) == core.ObjectIdentifier(dotted).dump()


@given(st.binary(max_size=70_000))
def test_lengths_of_every_size_read_back(content: bytes) -> None:
    encoded = der.encode(der.OCTET_STRING, content)
    assert encoded == core.OctetString(content).dump()
    assert der.parse(encoded, der.OCTET_STRING).content == content


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC), b"\x17\x0d491231235959Z"),
        (datetime(2050, 1, 1, tzinfo=UTC), b"\x18\x0f20500101000000Z"),
    ],
    ids=["last UTCTime", "first GeneralizedTime"],
)
def test_times_change_their_type_in_2050(moment: datetime, expected: bytes) -> None:
    assert der.time(moment) == expected


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x30",
        b"\x30\x01",
        b"\x30\x80\x00\x00",  # indefinite length
        b"\x30\x81\x01\x00",  # length not in its shortest form
        b"\x30\x82\x00\x80" + bytes(128),  # leading zero in the length
        b"\x30\x85\x00\x00\x00\x00\x00",  # five length octets
        b"\x30\x84\xff\xff\xff\xff",  # more than there is
        b"\x30\x00\x00",  # a byte after the value
        b"\x31\x00",  # another tag
        b"\x3f\x81\x01\x00",  # a tag of two bytes
    ],
)
def test_what_is_not_der_is_refused(data: bytes) -> None:
    with pytest.raises(der.DerError):
        der.parse(data, der.SEQUENCE)


@pytest.mark.parametrize("data", [b"\x02\x00", b"\x02\x02\x00\x7f", b"\x02\x02\xff\x80", b"\x04\x01\x01"])
def test_integers_not_in_their_shortest_form_are_refused(data: bytes) -> None:
    with pytest.raises(der.DerError):
        next(der.iterate(data)).integer()


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_and_nothing_else(data: bytes) -> None:
    try:
        elements = list(der.iterate(data))
    except der.DerError:
        return
    assert b"".join(element.raw for element in elements) == data
