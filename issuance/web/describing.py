"""The OpenAPI document: what the routes say of themselves, and the problem documents in which any may end."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI

from issuance.web.problems import STATUSES
from pki.problems import MEDIA_TYPE as PROBLEM

_OF_BODIES = frozenset(
    {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY}
)
_REFERENCE = "#/components/responses/problem-{}"
_SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string", "description": "Stable: urn:hoviat:problem:KIND"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "fields": {"type": "array", "items": {"type": "object"}, "description": "What could not be read"},
    },
}
_FRAMEWORKS = ("HTTPValidationError", "ValidationError")
"""Schemas of an answer that is never given: ours is a problem document."""


class DescribedApp(FastAPI):
    """FastAPI whose document knows the refusals (RFC 9457)."""

    def openapi(self) -> dict[str, Any]:
        """The document; made once."""
        if self.openapi_schema is None:
            _add_problems(super().openapi())
        return self.openapi_schema or {}


def _add_problems(document: dict[str, Any]) -> None:
    statuses = sorted(STATUSES | _OF_BODIES)
    components = document["components"]
    for name in _FRAMEWORKS:
        components["schemas"].pop(name, None)
    components["schemas"]["Problem"] = _SCHEMA
    content = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    components["responses"] = {
        f"problem-{status.value}": {"description": status.phrase, "content": content} for status in statuses
    }
    refusals = {str(status.value): {"$ref": _REFERENCE.format(status.value)} for status in statuses}
    for operations in document["paths"].values():
        for operation in operations.values():
            operation["responses"] = {**operation["responses"], **refusals}
