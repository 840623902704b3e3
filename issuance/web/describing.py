"""The OpenAPI document: what the routes say of themselves, and what is true of all of them.

That is: the problem documents in which any may end, whose bearer token an operation wants, and the header in
which whoever looks at a person's record says why.
"""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI

from issuance.lookups.purposes import pattern
from issuance.web.looks import HEADER
from issuance.web.permissions import permission
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
_PARAMETERS = "#/components/parameters/"
_REQUIRED, _OF_SOME = "purpose", "purpose-of-some"
PURPOSE_OF_SOME: dict[str, Any] = {"parameters": [{"$ref": _PARAMETERS + _OF_SOME}]}
"""`openapi_extra` of an operation that shows a person's record only to some requests."""
_SECURITY = {
    "operator": {
        "type": "http",
        "scheme": "bearer",
        "description": "An operator's token, from POST /v1/sessions or /v1/sessions/by-card",
    },
    "citizen": {
        "type": "http",
        "scheme": "bearer",
        "description": "A citizen's token, from POST /v1/citizen-sessions; it opens their own record only",
    },
}


class DescribedApp(FastAPI):
    """FastAPI whose document knows the refusals (RFC 9457)."""

    def openapi(self) -> dict[str, Any]:
        """The document; made once."""
        if self.openapi_schema is None:
            document = super().openapi()
            _add_problems(document)
            _add_purpose(document)
            _add_security(document)
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


def _add_purpose(document: dict[str, Any]) -> None:
    """Where the routes ask for the header, it is required: `looker` refuses whoever leaves it out."""
    schema = {"type": "string", "pattern": pattern()}
    why = "Why the record is looked at; it is noted, and the person is told"
    document["components"]["parameters"] = {
        _REQUIRED: {"name": HEADER, "in": "header", "required": True, "description": why, "schema": schema},
        _OF_SOME: {
            "name": HEADER,
            "in": "header",
            "required": False,
            "description": f"{why}; required for all that is a person's",
            "schema": schema,
        },
    }
    for operations in document["paths"].values():
        for operation in operations.values():
            for place, parameter in enumerate(operation.get("parameters", ())):
                if parameter.get("in") == "header" and parameter["name"] == HEADER:
                    operation["parameters"][place] = {"$ref": _PARAMETERS + _REQUIRED}


def _add_security(document: dict[str, Any]) -> None:
    document["components"]["securitySchemes"] = _SECURITY
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            operation["security"] = _security_of(method.upper(), path)


def _security_of(method: str, path: str) -> list[dict[str, list[str]]]:
    """By the table of permissions; none for what strangers may. A route without a line is closed."""
    line = permission(method, path)
    if line is not None and line.is_public:
        return []
    return [{"citizen": []}] if line is not None and line.citizen else [{"operator": []}]
