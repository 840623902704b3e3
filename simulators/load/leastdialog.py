"""The least that must be said to personalise a card: commands, bytes and writes, from the objects' sizes.

Every exchange below is one that no production can leave out: to know the card, to open a secure channel, to
have keys made and prove them, to write and read back each object, to change each secret. Each goes in as few
APDUs as carry it, at SCP03's C-MAC, C-ENC and R-MAC.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from simulators.card import tlv
from simulators.card.piv.identifiers import Tag
from simulators.timing.line import Ta1, line_seconds

_MAC = 8
_BLOCK = 16
_STATUS = 2
_HEADER = 4
# Data fields of commands and answers as SP 800-73-5 part 2 and GPCS give them, for P-256 in 9A, P-384 in 9C.
_PIV_AID, _PIV_PROPERTIES = 9, 77
_ISD_AID, _ISD_PROPERTIES = 8, 68
_CHALLENGE, _INITIALIZE_ANSWER, _CRYPTOGRAM_AND_MAC = 8, 32, 16
_PIN = 8
_GENERATE, _POINT_P256, _POINT_P384 = 5, 70, 102
_DIGEST_P256, _SIGNATURE_P256 = 38, 76
_DIGEST_P384, _SIGNATURE_P384 = 54, 108
_TAG_LIST = 5
_KEY_FIELD = 2 + 1 + 32 + 1 + 3
_KEY_CHECK_VALUES = 10


@dataclass(frozen=True)
class Link:
    """What an APDU holds at most: bytes of command data and of answer data, and whether Lc is extended."""

    max_data: int
    max_answer: int
    extended: bool


SHORT = Link(max_data=255, max_answer=256, extended=False)
EXTENDED = Link(max_data=991, max_answer=998, extended=True)
"""In APDUs of 1,000 bytes: common readers carry no more."""


@dataclass(frozen=True)
class Exchange:
    """A command and its answer: bytes of data each, whether protected, and the durable writes it costs."""

    sent: int
    received: int
    protected: bool = True
    writes: int = 0


@dataclass(frozen=True)
class Least:
    """The sums."""

    apdus: int
    octets: int
    writes: int
    line_seconds: float


def dialog(objects: Sequence[int]) -> Iterator[Exchange]:
    """The exchanges for data objects of these sizes, contents of their containers in bytes."""
    yield Exchange(_PIV_AID, _PIV_PROPERTIES, protected=False)
    yield Exchange(0, 4, protected=False)  # the serial number
    yield Exchange(_CHALLENGE, _INITIALIZE_ANSWER, protected=False, writes=1)
    yield Exchange(_CRYPTOGRAM_AND_MAC, 0, protected=False, writes=2)
    yield Exchange(4, 20)  # 9B: witness
    yield Exchange(38, 20)  # and challenge
    yield Exchange(_GENERATE, _POINT_P256, writes=1)
    yield Exchange(_GENERATE, _POINT_P384, writes=1)
    yield Exchange(_PIN, 0, writes=2)  # both requests signed, 9C right after a PIN of its own
    yield Exchange(_DIGEST_P256, _SIGNATURE_P256)
    yield Exchange(_PIN, 0, writes=2)
    yield Exchange(_DIGEST_P384, _SIGNATURE_P384)
    for size in objects:
        yield Exchange(_TAG_LIST + _container(size), 0, writes=1)
    for size in objects:  # the PIN that printed information asks for is verified already
        yield Exchange(_TAG_LIST, _container(size))
    yield Exchange(_DIGEST_P256, _SIGNATURE_P256)  # the keys proved
    yield Exchange(_PIN, 0, writes=2)
    yield Exchange(_DIGEST_P384, _SIGNATURE_P384)
    yield Exchange(35, 0, writes=1)  # 9B, PUK, PIN
    yield Exchange(2 * _PIN, 0, writes=2)
    yield Exchange(2 * _PIN, 0, writes=2)
    yield Exchange(_ISD_AID, _ISD_PROPERTIES, protected=False)
    yield Exchange(_CHALLENGE, _INITIALIZE_ANSWER, protected=False, writes=1)
    yield Exchange(_CRYPTOGRAM_AND_MAC, 0, protected=False, writes=2)
    yield Exchange(1 + 3 * _KEY_FIELD, _KEY_CHECK_VALUES, writes=1)
    yield Exchange(0, 20)  # no other keys beside them
    yield Exchange(0, 0, writes=1)  # SECURED


def least(exchanges: Iterator[Exchange], link: Link, ta1: Ta1) -> Least:
    """What they come to on this link."""
    apdus = octets = writes = 0
    seconds = 0.0
    for exchange in exchanges:
        writes += exchange.writes
        for command, answer in _apdus(exchange, link):
            apdus += 1
            octets += command + answer
            seconds += line_seconds(command, ta1) + line_seconds(answer, ta1)
    return Least(apdus, octets, writes, seconds)


def _apdus(exchange: Exchange, link: Link) -> Iterator[tuple[int, int]]:
    """Lengths of commands and answers."""
    overhead = _MAC if exchange.protected else 0
    room = link.max_data if not exchange.protected else (link.max_data - _MAC) // _BLOCK * _BLOCK - 1
    blocks = max(1, math.ceil(exchange.sent / room))
    for _ in range(blocks - 1):
        yield _command(_wrapped(room, exchange), link), overhead + _STATUS
    last = exchange.sent - (blocks - 1) * room
    left = exchange.received + overhead
    first = min(left, link.max_answer)
    yield _command(_wrapped(last, exchange), link) + bool(exchange.received), first + _STATUS
    left -= first
    while left > 0:
        part = min(left, link.max_answer)
        yield _HEADER + 1, part + _STATUS
        left -= part


def _wrapped(length: int, exchange: Exchange) -> int:
    if not exchange.protected:
        return length
    return _MAC + ((length // _BLOCK + 1) * _BLOCK if length else 0)


def _command(data: int, link: Link) -> int:
    length_field = 0 if not data else 3 if link.extended and data > SHORT.max_data else 1
    return _HEADER + length_field + data


def _container(size: int) -> int:
    """An object in its 53 container."""
    return len(tlv.encode(Tag.DATA, bytes(size)))
