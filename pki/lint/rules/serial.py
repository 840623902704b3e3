"""Serial numbers have 16 octets, are positive and look random.

RFC 5280 §4.1.2.2: positive, at most 20 octets; CA/Browser Forum BR §7.1: at least 64 random bits.
"""

from pki.lint.candidate import Candidate, require
from pki.lint.serial import SERIAL_BITS, SERIAL_OCTETS

RULE = "serial"
CLAUSE = "RFC 5280 §4.1.2.2; CA/B BR §7.1"
_FEWEST_ONES = 24  # 126 random bits have fewer ones, or fewer zeros, once in 10^12 certificates


def check(candidate: Candidate) -> None:
    """Exactly 16 octets and no pattern; `read_candidate` saw that it is positive."""
    serial = candidate.tbs.serial
    require(len(serial) == SERIAL_OCTETS and serial[0] != 0, RULE, f"must have {SERIAL_OCTETS} octets")
    ones = candidate.serial.bit_count()
    require(_FEWEST_ONES <= ones <= SERIAL_BITS - _FEWEST_ONES, RULE, "is not random")
