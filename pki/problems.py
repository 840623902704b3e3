"""RFC 9457 problem documents, the one form in which all three services refuse an HTTP request."""

import json
from collections.abc import Mapping

from starlette.responses import JSONResponse

MEDIA_TYPE = "application/problem+json"
_TYPE_PREFIX = "urn:hoviat:problem:"


class AsciiJsonResponse(JSONResponse):
    """JSON that can be sent whatever is in it: a lone surrogate from a request has no UTF-8."""

    def render(self, content: object) -> bytes:
        """The body."""
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode()


def problem(
    status: int,
    kind: str,
    title: str,
    detail: str | None = None,
    extensions: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """A problem document whose stable `type` is `urn:hoviat:problem:` + `kind` (words joined by hyphens)."""
    body: dict[str, object] = {"type": _TYPE_PREFIX + kind, "title": title, "status": status}
    if detail is not None:
        body["detail"] = detail
    body.update(extensions or {})
    return AsciiJsonResponse(body, status, dict(headers or {}), MEDIA_TYPE)
