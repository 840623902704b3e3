"""FASC-N, the card number inside the CHUID: 40 characters of BCD with odd parity (TIG SCEPACS 2.3, 2.1)."""

from dataclasses import dataclass
from functools import reduce
from operator import xor

from cardio.errors import ObjectContentError

FASC_N_BYTES = 25
_CHARACTER_BITS = 5
_START, _FIELD, _END = 0b1011, 0b1101, 0b1111  # SS, FS, ES
_HIGHEST_DIGIT = 9
# The digits of each field, in order; a field separator follows all but the last four.
_WIDTHS = (4, 4, 6, 1, 1, 10, 1, 4, 1)
_SEPARATED = 5


@dataclass(frozen=True)
class FascN:
    """Fields as decimal digits. Cards outside the US government use agency and system code 9999."""

    agency_code: str = "9999"
    system_code: str = "9999"
    credential_number: str = "999999"
    credential_series: str = "0"
    individual_credential_issue: str = "1"
    person_identifier: str = "0000000000"
    organizational_category: str = "3"
    organizational_identifier: str = "0000"
    person_association: str = "1"

    def __post_init__(self) -> None:
        for value, width in zip(self._fields(), _WIDTHS, strict=True):
            if len(value) != width or not (value.isascii() and value.isdigit()):
                raise ObjectContentError("FASC-N", f"{width} digits expected in a field")

    def _fields(self) -> tuple[str, ...]:
        return (
            self.agency_code,
            self.system_code,
            self.credential_number,
            self.credential_series,
            self.individual_credential_issue,
            self.person_identifier,
            self.organizational_category,
            self.organizational_identifier,
            self.person_association,
        )

    def encode(self) -> bytes:
        """25 bytes, with start, separators, end and check character."""
        nibbles = [_START]
        for index, value in enumerate(self._fields()):
            nibbles += [int(digit) for digit in value]
            if index < _SEPARATED:
                nibbles.append(_FIELD)
        nibbles.append(_END)
        nibbles.append(reduce(xor, nibbles))  # longitudinal redundancy check
        bits = "".join(_with_parity(nibble) for nibble in nibbles)
        return int(bits, 2).to_bytes(FASC_N_BYTES, "big")

    @staticmethod
    def parse(encoded: bytes) -> "FascN":
        """Reads and checks 25 bytes.

        :raises ObjectContentError: length, parity, separators, digits or check character wrong
        """
        if len(encoded) != FASC_N_BYTES:
            raise ObjectContentError("FASC-N", f"{FASC_N_BYTES} bytes expected, {len(encoded)} found")
        bits = f"{int.from_bytes(encoded, 'big'):0{FASC_N_BYTES * 8}b}"
        groups = [bits[at : at + _CHARACTER_BITS] for at in range(0, len(bits), _CHARACTER_BITS)]
        nibbles = [_nibble(group) for group in groups[:-1]]  # the check character may look like a digit
        digits = "".join(str(nibble) for nibble in nibbles if nibble <= _HIGHEST_DIGIT)
        if len(digits) != sum(_WIDTHS):
            raise ObjectContentError("FASC-N", "a wrong number of digits")
        ends = [sum(_WIDTHS[: index + 1]) for index in range(len(_WIDTHS))]
        found = FascN(*(digits[end - width : end] for end, width in zip(ends, _WIDTHS, strict=True)))
        if found.encode() != encoded:
            raise ObjectContentError("FASC-N", "parity, separators or check character are wrong")
        return found


def _with_parity(nibble: int) -> str:
    """The four bits, lowest first, and a bit that makes the number of ones odd."""
    bits = f"{nibble:04b}"[::-1]
    return bits + ("1" if bits.count("1") % 2 == 0 else "0")


def _nibble(group: str) -> int:
    return int(group[:4][::-1], 2)
