"""Request bodies from strangers: bounded in size and time, then decoded strictly."""

import asyncio

from starlette.requests import ClientDisconnect, Request

from verifier.authentication import strictjson
from verifier.authentication.strictjson import JsonFault, JsonValue, StrictJsonError

MAXIMUM_BYTES = 81_920
"""A token has at most 65,536 characters; nonce and frame fit into the rest."""
MAXIMUM_DEPTH = 8
DEFAULT_SECONDS = 10.0
_JSON = "application/json"


class BodyError(Exception):
    """The body is refused before anything in it was looked at. Base of:

    BodyError
    ├── BodyTypeError       the content type is not application/json
    ├── BodyTooLargeError   more than 81,920 bytes
    ├── BodyTooSlowError    not there in time, or the client went away
    └── BodyMalformedError  not a JSON object, or one that json.loads would let through but RFC 8259 does not
    """


class BodyTypeError(BodyError):
    """Only application/json is taken: no form of a foreign page can send it unasked."""


class BodyTooLargeError(BodyError):
    """The body, or its announced length, is over the limit."""


class BodyTooSlowError(BodyError):
    """The body did not arrive in time."""


class BodyMalformedError(BodyError):
    """The text is refused; `fault` says why, None meaning that it is no object."""

    def __init__(self, fault: JsonFault | None) -> None:
        super().__init__("not a JSON object" if fault is None else fault.value)
        self.fault = fault


async def read_object(request: Request, seconds: float = DEFAULT_SECONDS) -> dict[str, JsonValue]:
    """The request's JSON object, of at most MAXIMUM_BYTES; raises BodyError."""
    require_json(request.headers.get("content-type", ""))
    try:
        body = await asyncio.wait_for(_read(request), seconds)
    except (TimeoutError, ClientDisconnect) as error:
        raise BodyTooSlowError("the body did not arrive in time") from error
    return decode(body)


def require_json(content_type: str) -> None:
    """Raises BodyTypeError for every other media type."""
    if content_type != _JSON and content_type.split(";", maxsplit=1)[0].strip().lower() != _JSON:
        raise BodyTypeError("the content type must be application/json")


async def _read(request: Request) -> bytes:
    announced = request.headers.get("content-length", "0")
    if not announced.isdecimal() or int(announced[:9]) > MAXIMUM_BYTES:
        raise BodyTooLargeError(f"more than {MAXIMUM_BYTES} bytes")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAXIMUM_BYTES:
            raise BodyTooLargeError(f"more than {MAXIMUM_BYTES} bytes")
    return bytes(body)


def decode(body: bytes) -> dict[str, JsonValue]:
    """The JSON object of a whole body; raises BodyTooLargeError, BodyMalformedError."""
    if len(body) > MAXIMUM_BYTES:
        raise BodyTooLargeError(f"more than {MAXIMUM_BYTES} bytes")
    try:
        value = strictjson.loads(body.decode("utf-8"), MAXIMUM_DEPTH)
    except UnicodeDecodeError as error:
        raise BodyMalformedError(JsonFault.NOT_UNICODE) from error
    except StrictJsonError as error:
        raise BodyMalformedError(error.fault) from error
    if not isinstance(value, dict):
        raise BodyMalformedError(None)
    return value
