"""Messages: what is written is read back, and nothing else passes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardio.station import wire
from cardio.station.errors import WireError
from cardio.station.wire import (
    Accept,
    Answered,
    Close,
    Failure,
    FailureKind,
    Hello,
    HubMessage,
    KeySlot,
    Open,
    Opened,
    Prove,
    Reader,
    ReadersChanged,
    Refused,
    Reset,
    Send,
    Signed,
    StationMessage,
    decode_from_hub,
    decode_from_station,
    encode,
)

JOB = "0123456789ABCDEF"
PRINTABLE = st.characters(exclude_categories=["C", "Zl", "Zp"])

jobs = st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=16, max_size=16)
numbers = st.integers(1, 1_000_000)
cards = st.none() | st.text("0123456789", min_size=1, max_size=10)
names = st.text(PRINTABLE, min_size=1, max_size=wire.MAX_READER_NAME)
details = st.text(PRINTABLE, max_size=wire.MAX_DETAIL)
failures = st.builds(Failure, kind=st.sampled_from(FailureKind), detail=details)
atrs = st.binary(max_size=33)
readers = st.lists(
    st.builds(Reader, name=names, atr=st.none() | atrs, movements=st.integers(0, 0xFFFF)), max_size=3
).map(tuple)
answers = st.lists(st.binary(min_size=2, max_size=300), max_size=wire.MAX_BATCH).map(tuple)
commands = st.lists(st.binary(min_size=4, max_size=300), min_size=1, max_size=wire.MAX_BATCH).map(tuple)

from_stations: st.SearchStrategy[StationMessage] = st.one_of(
    st.builds(Hello, agent=details, readers=readers),
    st.builds(ReadersChanged, readers=readers),
    st.builds(Opened, job=jobs, atr=atrs, card=cards),
    st.builds(Refused, job=jobs, failure=failures),
    st.builds(Answered, job=jobs, number=numbers, answers=answers, failure=st.none() | failures),
    st.builds(Signed, job=jobs, number=numbers, signature=st.binary(min_size=1, max_size=512)),
)
from_hubs: st.SearchStrategy[HubMessage] = st.one_of(
    st.builds(Open, job=jobs, reader=names, operator=details, card=cards),
    st.builds(Send, job=jobs, number=numbers, commands=commands),
    st.builds(Reset, job=jobs, number=numbers),
    st.builds(
        Accept,
        job=jobs,
        number=numbers,
        transport_pin=st.text("0123456789", min_size=6, max_size=8),
        challenge=st.binary(min_size=32, max_size=32),
    ),
    st.builds(
        Prove,
        job=jobs,
        number=numbers,
        slot=st.sampled_from(KeySlot),
        content=st.binary(min_size=1, max_size=2048),
    ),
    st.builds(Close, job=jobs),
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(from_stations)
def test_a_stations_message_is_read_back(message: StationMessage) -> None:
    assert decode_from_station(encode(message)) == message


@given(from_hubs)
def test_a_hubs_message_is_read_back(message: HubMessage) -> None:
    assert decode_from_hub(encode(message)) == message


@given(from_stations)
def test_a_hub_says_nothing_that_stations_say(message: StationMessage) -> None:
    with pytest.raises(WireError):
        decode_from_hub(encode(message))


@given(from_hubs)
def test_a_station_says_nothing_that_hubs_say(message: HubMessage) -> None:
    with pytest.raises(WireError):
        decode_from_station(encode(message))


@given(st.text() | st.binary() | anything.map(json.dumps))
def test_anything_else_is_a_wire_error(frame: str | bytes) -> None:
    for decode in (decode_from_hub, decode_from_station):
        with pytest.raises(WireError):
            decode(frame)


@given(from_hubs | from_stations, st.data())
def test_a_message_with_one_thing_changed(message: HubMessage | StationMessage, data: st.DataObject) -> None:
    """Either it is still a message, or a WireError; never another error."""
    content: dict[str, Any] = json.loads(encode(message))
    name = data.draw(st.sampled_from(sorted(content)) | st.text())
    content[name] = data.draw(anything)
    for decode in (decode_from_hub, decode_from_station):
        try:
            read = decode(json.dumps(content))
        except WireError:
            continue
        assert encode(read)


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param("[" * 100_000, id="deep"),
        pytest.param('{"type":' * 50_000, id="deep objects"),
        pytest.param(" " * (wire.MAX_FRAME_BYTES + 1), id="long"),
        pytest.param('{"type":"close","job":"0123456789ABCDEF","more":1}', id="a field more"),
        pytest.param('{"type":"close"}', id="a field less"),
        pytest.param('{"type":"close","job":"0123456789ABCDEF\\n"}', id="a job with a line end"),
        pytest.param('{"type":"close","job":"0123456789abcdef"}', id="small letters"),
        pytest.param('{"type":"close","job":1}', id="a number for a text"),
        pytest.param('{"type":"reset","job":"0123456789ABCDEF","number":"1"}', id="a text for a number"),
        pytest.param('{"type":"reset","job":"0123456789ABCDEF","number":1.0}', id="a fraction"),
        pytest.param('{"type":"reset","job":"0123456789ABCDEF","number":true}', id="a truth"),
        pytest.param('{"type":"reset","job":"0123456789ABCDEF","number":0}', id="number 0"),
        pytest.param('{"type":"reset","job":"0123456789ABCDEF","number":-1}', id="a negative number"),
        pytest.param('{"type":"send","job":"0123456789ABCDEF","number":1,"commands":[]}', id="no command"),
        pytest.param('{"type":"send","job":"0123456789ABCDEF","number":1,"commands":["AAA="]}', id="short"),
        pytest.param('{"type":"send","job":"0123456789ABCDEF","number":1,"commands":["%%%%"]}', id="base 64"),
        pytest.param(
            '{"type":"prove","job":"0123456789ABCDEF","number":1,"slot":"9E","content":"AA=="}',
            id="a key that signs no requests",
        ),
        pytest.param(
            '{"type":"prove","job":"0123456789ABCDEF","number":1,"slot":"9A","content":""}', id="no content"
        ),
        pytest.param(
            '{"type":"prove","job":"0123456789ABCDEF","number":1,"slot":"9A","content":"%s"}'
            % ("AAAA" * 683),
            id="content of 2049 bytes",
        ),
        pytest.param('{"type":["close"]}', id="a list for a type"),
        pytest.param("null", id="null"),
        pytest.param(b'{"type":"close","job":"0123456789ABCDEF"}', id="binary"),
    ],
)
def test_frames_that_are_no_message(frame: str | bytes) -> None:
    with pytest.raises(WireError):
        decode_from_hub(frame)


def test_bounds_of_what_travels_together() -> None:
    longest = bytes(65_544)
    Send(job=JOB, number=1, commands=(longest,))
    for wrong in [(longest + b"\0",), (longest, longest), (bytes(4),) * 17, ()]:
        with pytest.raises(ValueError, match="commands"):
            Send(job=JOB, number=1, commands=wrong)
    with pytest.raises(ValueError, match="answers"):
        Answered(job=JOB, number=1, answers=(bytes(65_538),) * 3, failure=None)


def test_the_longest_messages_fit_in_a_frame() -> None:
    commands = (bytes(wire.MAX_COMMAND_BYTES // 2),) * 2
    answers = (bytes(wire.MAX_ANSWER_BYTES // 3),) * 3
    failure = Failure(kind=FailureKind.CARD, detail="\N{GRINNING FACE}" * wire.MAX_DETAIL)
    reader = Reader(name="\N{GRINNING FACE}" * wire.MAX_READER_NAME, atr=bytes(33), movements=0xFFFF)
    for message in (
        Send(job=JOB, number=1_000_000, commands=commands),
        Answered(job=JOB, number=1_000_000, answers=answers, failure=failure),
        Hello(agent="\N{GRINNING FACE}" * wire.MAX_DETAIL, readers=(reader,) * wire.MAX_READERS),
    ):
        assert len(encode(message).encode()) <= wire.MAX_FRAME_BYTES


@pytest.mark.parametrize(
    "sign", ["\n", "\x1b", "\x00", "\x85", "\u2028", "\u202e", "\u200b", "\u2066", "\xad"]
)
def test_no_name_steers_a_terminal(sign: str) -> None:
    with pytest.raises(ValueError, match="name"):
        Reader(name=f"Reader{sign}", atr=None, movements=0)


def test_secrets_are_in_no_repr_and_no_error() -> None:
    pin, secret = "86420135", b"a secret command, or a challenge"
    accept = Accept(job=JOB, number=1, transport_pin=pin, challenge=secret)
    assert pin not in repr(accept)
    assert "secret" not in repr(accept) + repr(Send(job=JOB, number=1, commands=(secret,)))
    with pytest.raises(WireError) as refused:
        decode_from_hub(encode(accept).replace('"number":1', '"number":"x"'))
    assert pin not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__
