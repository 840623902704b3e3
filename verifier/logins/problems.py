"""Every refusal of this service as the problem document that the client gets."""

import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response

from pki.problems import problem
from verifier.authentication.errors import (
    ChallengeExpiredError,
    ChallengeUsedError,
    LoginRefusedError,
    PolicyUnavailableError,
    TokenFormatError,
    TokenParseError,
)
from verifier.authentication.statuserrors import StatusUnavailableError
from verifier.bodies import BodyError, BodyMalformedError, BodyTooLargeError, BodyTooSlowError, BodyTypeError
from verifier.logins.records import (
    ClockBehindError,
    ReceiptsUnsignedError,
    RecorderAwayError,
    RecordsAwayError,
)
from verifier.logins.values import LoginAttemptRefusedError
from verifier.recording.lane import LaneFullError
from verifier.services.errors import ApiKeyInvalidError, OriginForeignError

_LOG = logging.getLogger(__name__)
_LATER = {"Retry-After": "5"}
_NO_STORE = {"Cache-Control": "no-store"}
_STATUS_BY_ERROR: tuple[tuple[type[LoginRefusedError], HTTPStatus], ...] = (
    (ChallengeUsedError, HTTPStatus.CONFLICT),
    (ChallengeExpiredError, HTTPStatus.GONE),
    (TokenParseError, HTTPStatus.BAD_REQUEST),
    (TokenFormatError, HTTPStatus.BAD_REQUEST),
    (StatusUnavailableError, HTTPStatus.SERVICE_UNAVAILABLE),
    (PolicyUnavailableError, HTTPStatus.SERVICE_UNAVAILABLE),
    (LoginRefusedError, HTTPStatus.FORBIDDEN),
)
"""First match counts."""
_BODY_PROBLEMS = {
    BodyTypeError: (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "media-type-unsupported", "The body must be JSON"),
    BodyTooLargeError: (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "request-too-large", "The body is too large"),
    BodyTooSlowError: (HTTPStatus.REQUEST_TIMEOUT, "request-timeout", "The body did not arrive in time"),
    BodyMalformedError: (HTTPStatus.BAD_REQUEST, "request-malformed", "The request can't be read"),
}


class RequestRefusedError(Exception):
    """The request is well-formed JSON but not what the endpoint takes; the text says what is due."""


def login_refused(refusal: LoginAttemptRefusedError) -> Response:
    """The refusal of one attempt, with its receipt."""
    error = refusal.error
    status = next(status for kind, status in _STATUS_BY_ERROR if isinstance(error, kind))
    headers = _NO_STORE | (_LATER if status is HTTPStatus.SERVICE_UNAVAILABLE else {})
    return problem(
        status, error.kind, error.title, error.detail, {"receipt": refusal.receipt.as_json()}, headers
    )


def response_to(error: Exception) -> Response:
    """The response to an error of RESPONSES."""
    return next(respond(error) for kind, respond in RESPONSES.items() if isinstance(error, kind))


def _unauthorised(_error: Exception) -> Response:
    return problem(
        HTTPStatus.UNAUTHORIZED,
        "api-key-invalid",
        "No valid API key",
        "send Authorization: Bearer with the key given at registration",
        headers={"WWW-Authenticate": "Bearer"},
    )


def _origin_refused(error: Exception) -> Response:
    title = "The origin is not this site's"
    return problem(HTTPStatus.FORBIDDEN, "origin-not-registered", title, str(error))


def _body_refused(error: Exception) -> Response:
    return problem(*_BODY_PROBLEMS[type(error)], str(error), headers={"Connection": "close"})


def _request_refused(error: Exception) -> Response:
    return problem(HTTPStatus.BAD_REQUEST, "request-malformed", "The request can't be read", str(error))


def _database_away(error: Exception) -> Response:
    cause = error.cause if isinstance(error, RecordsAwayError) else type(error).__name__
    _LOG.error("database unavailable: %s", cause)
    title = "The service can't reach its database"
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, "database-unavailable", title, headers=_LATER)


def _recorder_away(_error: Exception) -> Response:
    _LOG.error("the process that records logins is gone, or silent")
    title = "The service can't record logins"
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, "recorder-unavailable", title, headers=_LATER)


def _no_signature(_error: Exception) -> Response:
    _LOG.error("receipts can't be signed")
    title = "The service can't sign a receipt, and logs nobody in without one"
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, "signing-unavailable", title, headers=_LATER)


def _clock_behind(error: Exception) -> Response:
    _LOG.error("nobody logs in: %s", error)
    title = "The service's clock is wrong, and nobody logs in by it"
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, "clock-behind", title, headers=_LATER)


def _too_busy(_error: Exception) -> Response:
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, "overloaded", "Too many requests wait", headers=_LATER)


RESPONSES: Mapping[type[Exception], Callable[[Any], Response]] = {
    ApiKeyInvalidError: _unauthorised,
    OriginForeignError: _origin_refused,
    BodyError: _body_refused,
    RequestRefusedError: _request_refused,
    SQLAlchemyError: _database_away,
    RecorderAwayError: _recorder_away,
    RecordsAwayError: _database_away,
    ReceiptsUnsignedError: _no_signature,
    ClockBehindError: _clock_behind,
    LaneFullError: _too_busy,
}
"""The errors that an endpoint may end in, and the response to each."""
