"""What HTTP caches are told."""

from collections.abc import Mapping

NOT_CACHED: Mapping[str, str] = {"Cache-Control": "no-store"}


def cached(seconds: int) -> dict[str, str]:
    """Any cache may keep it for so long, as it is (`no-transform`, RFC 5019 §6.2)."""
    return {"Cache-Control": f"public, max-age={seconds}, no-transform"}
