"""Serial numbers: positive, 16 octets, random (RFC 5280 §4.1.2.2; CA/B BR §7.1 asks for 64 random bits)."""

from pki.lint.candidate import Candidate, require

SERIAL_OCTETS = 16
SERIAL_BITS = SERIAL_OCTETS * 8
RULE = "serial"
_FEWEST_ONES = 24  # 126 random bits have fewer ones, or fewer zeros, once in 10^12 certificates


def check_serial(candidate: Candidate) -> None:
    """The serial has exactly 16 octets and looks random; `read_candidate` saw that it is positive."""
    serial = candidate.fields.serial
    octets = serial.bit_length() // 8 + 1  # as an INTEGER, with room for the sign bit
    require(octets == SERIAL_OCTETS, RULE, f"must have {SERIAL_OCTETS} octets")
    require(_FEWEST_ONES <= serial.bit_count() <= SERIAL_BITS - _FEWEST_ONES, RULE, "is not random")
