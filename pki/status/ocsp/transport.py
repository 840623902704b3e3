"""OCSP over HTTP, as far as it is bytes: addresses, headers, conditions (RFC 6960 Appendix A, RFC 5019)."""

import binascii
from collections.abc import Iterable
from typing import TypeAlias

from pki.httpprotocol import head_of
from pki.status.ocsp.composing import ReadyAnswer, http_date
from pki.status.ocsp.policy import SHARED_SECONDS
from pki.status.ocsp.request import MAX_REQUEST_BYTES

REQUEST_TYPE = b"application/ocsp-request"
_TYPE = (b"content-type", b"application/ocsp-response")
NOT_CACHED = (b"cache-control", b"no-store")
# RFC 5019 §6.2. Caches are told less than nextUpdate, so that a revocation gets through.
_CACHED = (
    b"cache-control",
    b"max-age=%d, public, no-transform, must-revalidate" % SHARED_SECONDS,
)
_MAX_BASE64 = MAX_REQUEST_BYTES * 4 // 3 + 4

Headers: TypeAlias = list[tuple[bytes, bytes]]


def request_in_path(encoded: str | bytes) -> bytes:
    """The request in a GET's path: base64, percent-encoding undone (RFC 6960 Appendix A.1).

    Garbage gives b"", which is a malformed request.
    """
    if len(encoded) > _MAX_BASE64:
        return b""
    try:
        return binascii.a2b_base64(encoded, strict_mode=True)
    except ValueError:
        return b""


def plain_headers(body: bytes) -> Headers:
    """The headers of an answer that no cache keeps."""
    return described(b"%d" % len(body))


def described(length: bytes) -> Headers:
    """The same, by the body's length."""
    return [_TYPE, (b"content-length", length), NOT_CACHED]


class CacheHeaders:
    """The headers of an answer that caches may keep. Dates are written once a second."""

    def __init__(self) -> None:
        self._second = 0
        self._expires = b""
        self._head = b""

    def of(self, answer: ReadyAnswer, now: int) -> Headers:
        """For an answer given out at `now`, seconds since 1970."""
        self._see(now)
        length = b"%d" % len(answer.body)
        return [*_described(length), *_validated(answer.last_modified, answer.etag, self._expires)]

    def of_unchanged(self, answer: ReadyAnswer, now: int) -> Headers:
        """Those of 304 Not Modified (RFC 9110 §15.4.5)."""
        self._see(now)
        return _validated(answer.last_modified, answer.etag, self._expires)

    def head(self, answer: ReadyAnswer, now: int) -> bytes:
        """Those of `of` as the lines of a head."""
        self._see(now)
        return self._head % (len(answer.body), answer.last_modified, answer.etag)

    def _see(self, now: int) -> None:
        if now != self._second:
            self._second, self._expires = now, http_date(now + SHARED_SECONDS)
            self._head = head_of([*_described(b"%d"), *_validated(b"%b", b"%b", self._expires)])


def _described(length: bytes) -> Headers:
    return [_TYPE, (b"content-length", length)]


def _validated(last_modified: bytes, etag: bytes, expires: bytes) -> Headers:
    return [(b"last-modified", last_modified), (b"etag", etag), (b"expires", expires), _CACHED]


def is_unchanged(headers: Iterable[tuple[bytes, bytes]], answer: ReadyAnswer) -> bool:
    """Whether the client has this very answer (RFC 9110 §13.1.2, §13.1.3).

    A date counts only if it is exactly this answer's: an answer may be newer than the client's date and
    still bear an earlier one, as thisUpdate lies a little back.
    """
    since = False
    for name, value in headers:
        if name == b"if-none-match":
            return answer.etag in value or value.strip() == b"*"
        if name == b"if-modified-since":
            since = value.strip() == answer.last_modified
    return since


def declared_length(headers: Iterable[tuple[bytes, bytes]]) -> int:
    """A request's Content-Length, which the parser has read: zero where there is none."""
    return next((int(value) for name, value in headers if name == b"content-length"), 0)


def content_type(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The request's media type, in lower case, without parameters."""
    for name, value in headers:
        if name == b"content-type":
            return value.partition(b";")[0].strip().lower()
    return b""
