"""A slip as a QR code."""

import io

import segno

_CORRECTION = "m"  # 15 %: a slip is folded and carried for months
_QUIET_ZONE = 4  # ISO/IEC 18004 §6.3.8
_SCALE = 6


def svg(text: str) -> bytes:
    """An SVG document."""
    return _drawn(text, "svg")


def png(text: str) -> bytes:
    """A PNG image."""
    return _drawn(text, "png")


def _drawn(text: str, kind: str) -> bytes:
    output = io.BytesIO()
    code = segno.make_qr(text, error=_CORRECTION, boost_error=False)
    code.save(output, kind=kind, scale=_SCALE, border=_QUIET_ZONE)
    return output.getvalue()
