"""The smallest request bodies that the API's own description takes."""

from collections.abc import Callable, Mapping
from typing import Any

Schema = Mapping[str, Any]
TYPED: dict[str, object] = {
    "POST /v1/stock/batches": {
        "product": "P71",
        "delivery_note": "1",
        "serials": [{"first": "0000000001", "last": "0000000001"}],
    },
    "POST /v1/status": {"tracking_code": "1", "birth_date": "2000-01-01"},
    "POST /v1/suspension-calls": {"national_code": "1", "birth_date": "2000-01-01", "pass_phrase": "1"},
    "POST /v1/applications": {"national_code": "0", "birth_date": "2000-01-01", "portrait": "AAAA"},
}
"""Bodies that a schema's own word doesn't make."""


def minimal(schema: Schema, components: Mapping[str, Schema]) -> Any:
    """A value by the schema's own word: what is required, as short and small as it may be."""
    if "$ref" in schema:
        return minimal(components[schema["$ref"].rpartition("/")[2]], components)
    if "anyOf" in schema:
        return minimal(schema["anyOf"][0], components)
    fields = schema.get("properties", {})
    by_type: dict[str, Callable[[], Any]] = {
        "object": lambda: {name: minimal(fields[name], components) for name in schema.get("required", [])},
        "array": lambda: [minimal(schema["items"], components)] * schema.get("minItems", 0),
        "string": lambda: _text(schema),
        "integer": lambda: schema.get("minimum", 1),
        "boolean": lambda: False,
    }
    return by_type[schema["type"]]()


def _text(schema: Schema) -> str:
    if "enum" in schema:
        return str(schema["enum"][0])
    fixed = {"date": "2026-01-01", "base64": "AAAA", "date-time": "2026-01-01T00:00:00Z"}
    known = fixed.get(schema.get("format", "")) or ("AAAA" if "contentEncoding" in schema else None)
    return known or "1" * max(1, schema.get("minLength", 1))


def request_bodies(described: Mapping[str, Any]) -> dict[str, object]:
    """A body for each `METHOD /path` of an OpenAPI description that wants one."""
    parts = described["components"]["schemas"]
    made = {
        f"{method.upper()} {path}": minimal(
            asked["requestBody"]["content"]["application/json"]["schema"], parts
        )
        for path, methods in described["paths"].items()
        for method, asked in methods.items()
        if "requestBody" in asked
    }
    return {**made, **TYPED}
