"""Which form of a receipt a client wants (RFC 9110, 12.5.1)."""

_HTML, _JSON = "text/html", "application/json"
_MOST_RANGES = 32


def prefers_json(accept: str) -> bool:
    """Whether JSON is wanted more than a page; a page where both are as welcome."""
    qualities: dict[str, float] = {}
    for text in accept.split(",")[:_MOST_RANGES]:
        media, *parameters = (part.strip().lower() for part in text.split(";"))
        qualities[media] = _quality(parameters)
    return _wanted(qualities, _JSON) > _wanted(qualities, _HTML)


def _wanted(qualities: dict[str, float], media: str) -> float:
    """The most specific range counts."""
    for media_range in (media, f"{media.partition('/')[0]}/*", "*/*"):
        if media_range in qualities:
            return qualities[media_range]
    return 0.0


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name == "q":
            return float(value) if value.replace(".", "", 1).isdecimal() else 0.0
    return 1.0
