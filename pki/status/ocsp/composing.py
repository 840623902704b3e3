"""From a stored record back to the answer's bytes: two joints, serial and signature, in a ready template."""

from binascii import hexlify
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import NamedTuple

from pki.status.ocsp.credential import Credential
from pki.status.ocsp.forms import CertIdForm
from pki.status.ocsp.record import STATUS_AT, TEMPLATE_AT, StoredAnswer, read_record
from pki.status.ocsp.response import SingleAnswer, response_data, successful_response

_MAX_TEMPLATES = 8192
_ETAG_BYTES = 12

CredentialByTag = Callable[[str, bytes], Credential | None]
"""The responder of a CA (short name) with this tag."""
SingleExtensions = Callable[[str], bytes]
"""The singleExtensions of a CA's answers."""


class ReadyAnswer(NamedTuple):
    """An answer's bytes, and what HTTP caches are told of it."""

    body: bytes
    last_modified: bytes
    """thisUpdate as HTTP writes dates (RFC 5019 §6.2)."""
    etag: bytes
    """Two answers have the same only if they are the same: the end of their ECDSA signature."""


class _Template(NamedTuple):
    before_serial: bytes
    before_signature: bytes
    after_signature: bytes
    last_modified: bytes


class Composer:
    """Composes answers. Used by one thread."""

    def __init__(self, credential: CredentialByTag, extensions: SingleExtensions) -> None:
        self._credential = credential
        self._extensions = extensions
        self._templates: dict[tuple[bytes, bytes, int, int], _Template] = {}

    def compose(self, form: CertIdForm, serial: bytes, record: bytes) -> ReadyAnswer | None:
        """The answer; None if its responder is no longer known.

        :param serial: content of the serial's INTEGER
        """
        signature_at = STATUS_AT + record[STATUS_AT - 1]
        key = (form.form_id, record[TEMPLATE_AT:signature_at], len(record), len(serial))
        template = self._templates.get(key) or self._make(key, form, serial, record)
        if template is None:
            return None
        signature = record[signature_at:]
        parts = (
            template.before_serial,
            serial,
            template.before_signature,
            signature,
            template.after_signature,
        )
        return ReadyAnswer(b"".join(parts), template.last_modified, etag_of(signature))

    def _make(
        self, key: tuple[bytes, bytes, int, int], form: CertIdForm, serial: bytes, record: bytes
    ) -> _Template | None:
        answer = read_record(form, int.from_bytes(serial, "big"), record)
        credential = self._credential(form.issuer, answer.tag)
        if credential is None:
            return None
        data = data_of(answer, serial, credential, self._extensions(form.issuer))
        body = successful_response(data, answer.signature, credential)
        cert_id = form.cert_id(serial)
        serial_end = body.index(cert_id) + len(cert_id)
        signature_start = body.index(answer.signature, serial_end)
        template = _Template(
            body[: serial_end - len(serial)],
            body[serial_end:signature_start],
            body[signature_start + len(answer.signature) :],
            http_date(answer.this_update),
        )
        if len(self._templates) >= _MAX_TEMPLATES:
            self._templates.clear()
        self._templates[key] = template
        return template


def data_of(answer: StoredAnswer, serial: bytes, credential: Credential, extensions: bytes) -> bytes:
    """The ResponseData that a stored answer's signature covers."""
    single = SingleAnswer(
        answer.form.cert_id(serial),
        answer.status,
        _moment(answer.this_update),
        _moment(answer.next_update),
        extensions,
    )
    return response_data(credential, _moment(answer.produced), (single,))


def etag_of(signature: bytes) -> bytes:
    """An entity tag (RFC 9110 §8.8.3)."""
    return b'"%b"' % hexlify(signature[-_ETAG_BYTES:])


def http_date(seconds: int) -> bytes:
    """IMF-fixdate (RFC 9110 §5.6.7)."""
    return format_datetime(_moment(seconds), usegmt=True).encode()


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
