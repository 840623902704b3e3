"""The time that bytes take on the contacts under T=1 (ISO/IEC 7816-3)."""

import math
from enum import IntEnum, unique

BLOCK_DATA = 254
"""The longest information field of a block (IFSC 254, clause 11.4.2)."""
BLOCK_OVERHEAD = 4
"""NAD, PCB, LEN and a check byte around it."""


@unique
class Ta1(IntEnum):
    """The interface byte TA1: clock rate conversion and baud rate adjustment (clause 8.3, tables 7 and 8)."""

    X11 = 0x11
    X95 = 0x95
    X96 = 0x96
    X97 = 0x97


# Of a character of 12 elementary time units at the clock that readers commonly give; measured figures.
_BYTES_PER_SECOND = {Ta1.X11: 800, Ta1.X95: 12_500, Ta1.X96: 25_000, Ta1.X97: 50_000}


def bytes_on_the_line(length: int) -> int:
    """Of a command or answer of `length` bytes: its blocks, and an empty block back between two of them."""
    blocks = max(1, math.ceil(length / BLOCK_DATA))
    return length + blocks * BLOCK_OVERHEAD + (blocks - 1) * BLOCK_OVERHEAD


def line_seconds(length: int, ta1: Ta1) -> float:
    """The time that a command or an answer of `length` bytes takes."""
    return bytes_on_the_line(length) / _BYTES_PER_SECOND[ta1]
