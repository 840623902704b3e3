"""The usual keys, told by one comparison: uncompressed points on the two curves that nearly all have."""

from typing import NamedTuple

from pki import der

EC_PUBLIC_KEY = "1.2.840.10045.2.1"  # RFC 5480 §2.1.1
_UNCOMPRESSED = b"\x04"  # SEC 1 §2.3.3


class _Usual(NamedTuple):
    """What comes before the coordinates of a key on a curve, which is named so."""

    head: bytes
    curve: str


def _usual(oid: str, curve: str, point_bytes: int) -> tuple[int, _Usual]:
    algorithm = der.sequence((der.object_identifier(EC_PUBLIC_KEY), der.object_identifier(oid)))
    spki = der.sequence((algorithm, der.bit_string(_UNCOMPRESSED + bytes(point_bytes - 1))))
    return len(spki), _Usual(spki[: 1 - point_bytes], curve)


_USUAL = dict((_usual("1.2.840.10045.3.1.7", "secp256r1", 65), _usual("1.3.132.0.34", "secp384r1", 97)))
"""By the length of the whole."""


def usual_curve(spki: bytes) -> str | None:
    """The curve of a SubjectPublicKeyInfo written in the usual way; whether the point is on it is open.

    None: it has to be read.
    """
    usual = _USUAL.get(len(spki))
    return usual.curve if usual is not None and spki.startswith(usual.head) else None
