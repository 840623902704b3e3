"""Chaining, GET RESPONSE, 6Cxx, extended length with its fallback, and answers that never end."""

from collections.abc import Callable
from typing import Any

import pytest

from cardio.apdu import ApduFormatError, CommandApdu
from cardio.channel import EXTENDED_APDUS, SHORT_APDUS, ApduPolicy, CardChannel
from cardio.errors import ApduError, UnexpectedAnswerError
from cardio.transport.base import CardRemovedError, TransmitError

Scripted = Callable[..., Any]
LOST = TransmitError("Scripted Reader", "lost")


def _put(length: int, le: int | None = None) -> CommandApdu:
    return CommandApdu(0, 0xDB, 0x3F, 0xFF, bytes(length), le)


def test_the_default_policy_sends_short_apdus() -> None:
    assert not SHORT_APDUS.extended_length
    assert SHORT_APDUS.max_extended_bytes == 1000


def test_a_short_command_goes_as_it_is(scripted: Scripted) -> None:
    channel = CardChannel(scripted(("00DB3FFF02 0000", "9000")))
    assert channel.send(_put(2)) == b""
    assert channel.apdu_count == 1


@pytest.mark.parametrize(
    ("length", "blocks"), [(255, [255]), (256, [255, 1]), (510, [255, 255]), (511, [255, 255, 1])]
)
def test_chaining_boundaries(scripted: Scripted, length: int, blocks: list[int]) -> None:
    steps = []
    for index, block in enumerate(blocks):
        cla = "00" if index == len(blocks) - 1 else "10"
        steps.append((f"{cla}DB3FFF{block:02X}" + "00" * block, "9000"))
    CardChannel(scripted(*steps)).send(_put(length))


def test_le_stands_on_the_last_command_of_a_chain_only(scripted: Scripted) -> None:
    connection = scripted(("*", "9000"), ("*", "AA9000"))
    assert CardChannel(connection).send(_put(256, le=256)) == b"\xaa"
    assert len(connection.sent[0]) // 2 == 5 + 255
    assert connection.sent[1] == "00DB3FFF010000"


def test_a_refused_chain_stops(scripted: Scripted) -> None:
    with pytest.raises(ApduError) as refused:
        CardChannel(scripted(("*", "9000"), ("*", "6884"))).send(_put(1000))
    assert (refused.value.sw, refused.value.ins) == (0x6884, 0xDB)


def test_get_response_collects_everything(scripted: Scripted) -> None:
    connection = scripted(("00CB3FFF00", "01026102"), ("00C0000002", "03046100"), ("00C0000000", "059000"))
    assert CardChannel(connection).send(CommandApdu(0, 0xCB, 0x3F, 0xFF, le=256)) == bytes((1, 2, 3, 4, 5))


@pytest.mark.parametrize(
    ("cla", "get_response"),
    [("80", "00"), ("84", "00"), ("0C", "00"), ("81", "01"), ("02", "02"), ("63", "43")],
)
def test_get_response_keeps_the_logical_channel_only(scripted: Scripted, cla: str, get_response: str) -> None:
    connection = scripted(("*", "6102"), (f"{get_response}C0000002", "01029000"))
    assert CardChannel(connection).send(CommandApdu(int(cla, 16), 0xCA, 0, 0, le=256)) == b"\1\2"


def test_get_response_ends_with_the_cards_error(scripted: Scripted) -> None:
    with pytest.raises(ApduError) as refused:
        CardChannel(scripted(("*", "AA6110"), ("00C0000010", "6A82"))).send(_put(1))
    assert refused.value.sw == 0x6A82


def test_a_wrong_le_is_corrected_once(scripted: Scripted) -> None:
    connection = scripted(("00CB3FFF00", "6C05"), ("00CB3FFF05", "01020304059000"))
    assert len(CardChannel(connection).send(CommandApdu(0, 0xCB, 0x3F, 0xFF, le=256))) == 5
    again = scripted(("00CB3FFF00", "6C05"), ("00CB3FFF05", "6C06"))
    with pytest.raises(ApduError):
        CardChannel(again).send(CommandApdu(0, 0xCB, 0x3F, 0xFF, le=256))


def test_an_answer_without_end_is_given_up(scripted: Scripted) -> None:
    with pytest.raises(UnexpectedAnswerError):
        CardChannel(scripted(*[("*", "6100")] * 10)).send(_put(1))
    long = ApduPolicy(max_answer_bytes=512)
    block = "00" * 256 + "6100"
    with pytest.raises(UnexpectedAnswerError):
        CardChannel(scripted(*[("*", block)] * 3), long).send(_put(1))


@pytest.mark.parametrize("answer", ["", "90"])
def test_an_answer_without_status_word_is_an_error_of_this_package(scripted: Scripted, answer: str) -> None:
    with pytest.raises(ApduFormatError):
        CardChannel(scripted(("*", answer))).send(_put(1))


def test_extended_length_under_the_cap(scripted: Scripted) -> None:
    connection = scripted(("*", "9000"))
    CardChannel(connection, EXTENDED_APDUS).send(_put(991, le=65_536))
    assert connection.sent[0].startswith("00DB3FFF0003DF")
    assert len(connection.sent[0]) // 2 == 1000
    assert connection.sent[0].endswith("03E6")  # 998 bytes and a status word make 1,000


def test_beyond_the_cap_extended_blocks_are_chained(scripted: Scripted) -> None:
    connection = scripted(("*", "9000"), ("*", "9000"))
    CardChannel(connection, EXTENDED_APDUS).send(_put(992))
    assert connection.sent[0].startswith("10DB3FFF0003DF")
    assert connection.sent[1] == "00DB3FFF0100"


def test_a_short_command_stays_short_under_the_extended_policy(scripted: Scripted) -> None:
    CardChannel(scripted(("00DB3FFF0100", "9000")), EXTENDED_APDUS).send(_put(1))


@pytest.mark.parametrize("refusal", ["6700", LOST], ids=["6700", "transmit error"])
def test_fallback_to_chaining_is_remembered(scripted: Scripted, refusal: str | TransmitError) -> None:
    connection = scripted(("*", refusal), *[("*", "9000")] * 4)
    channel = CardChannel(connection, EXTENDED_APDUS)
    channel.send(_put(300))
    assert not channel.extended_length
    channel.send(_put(300))
    assert [sent[:10] for sent in connection.sent] == [
        "00DB3FFF00",
        "10DB3FFFFF",
        "00DB3FFF2D",
        "10DB3FFFFF",
        "00DB3FFF2D",
    ]


def test_a_removed_card_is_no_reason_to_fall_back(scripted: Scripted) -> None:
    with pytest.raises(CardRemovedError):
        CardChannel(scripted(("*", CardRemovedError("Scripted Reader", "pulled"))), EXTENDED_APDUS).send(
            _put(300)
        )


@pytest.mark.parametrize(("late", "error"), [("6700", ApduError), (LOST, TransmitError)])
def test_a_late_failure_starts_no_second_chain(
    scripted: Scripted, late: str | TransmitError, error: type[Exception]
) -> None:
    channel = CardChannel(scripted(("*", "9000"), ("*", late)), EXTENDED_APDUS)
    with pytest.raises(error):
        channel.send(_put(1500))


@pytest.mark.parametrize(
    ("answer", "passed"), [("6A80", True), ("9000", True), ("6700", False), (LOST, False)]
)
def test_the_probe_is_as_long_as_anything_sent_later(
    scripted: Scripted, answer: str | TransmitError, *, passed: bool
) -> None:
    connection = scripted(("*", answer))
    channel = CardChannel(connection, EXTENDED_APDUS)
    assert channel.probe_extended_length() is passed
    assert channel.probe_extended_length() is passed
    assert channel.extended_length is passed
    assert connection.sent[0].startswith("00CB3FFF0003DF5C8203DB")
    assert len(connection.sent[0]) // 2 == 1000


def test_a_card_that_goes_while_it_is_probed(scripted: Scripted) -> None:
    channel = CardChannel(scripted(("*", CardRemovedError("Scripted Reader", "pulled"))), EXTENDED_APDUS)
    with pytest.raises(CardRemovedError):
        channel.probe_extended_length()


def test_short_apdus_need_no_probe(scripted: Scripted) -> None:
    assert not CardChannel(scripted()).probe_extended_length()


def test_the_least_policy_can_be_probed(scripted: Scripted) -> None:
    connection = scripted(("*", "9000"))
    assert CardChannel(
        connection, ApduPolicy(extended_length=True, max_extended_bytes=265)
    ).probe_extended_length()
    assert len(connection.sent[0]) // 2 <= 265


def test_a_policy_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="no sense"):
        ApduPolicy(max_extended_bytes=264)
    ApduPolicy(max_extended_bytes=265)
