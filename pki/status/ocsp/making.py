"""Making answers: what is said, when, and signed by whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from pki import der, oids
from pki.authority.issuers import IssuingCa
from pki.clock import Clock
from pki.hierarchy import Role
from pki.status.ocsp.composing import data_of
from pki.status.ocsp.credential import Credential, CredentialSource
from pki.status.ocsp.forms import CertIdForm
from pki.status.ocsp.fresh import Frame, FreshBatch, Turn
from pki.status.ocsp.policy import FRESH_LIFE, SKEW, STORED_LIFE, OcspPolicy
from pki.status.ocsp.record import StoredAnswer
from pki.status.ocsp.response import (
    EXTENDED_REVOKE,
    NEVER_ISSUED_REVOKED,
    UNKNOWN,
    SingleAnswer,
    cert_status,
    response_data,
    successful_response,
)
from pki.status.state import CertificateState


class Times(NamedTuple):
    """Of an answer: whole seconds, UTC."""

    produced: datetime
    this_update: datetime
    next_update: datetime


@dataclass(frozen=True)
class Asked:
    """One CertID and what is known of it; None: never issued by this CA."""

    cert_id: bytes
    state: CertificateState | None


class AnswerMaker:
    """Signs answers with the CAs' responders."""

    def __init__(
        self,
        authorities: Sequence[IssuingCa],
        credentials: Mapping[str, CredentialSource],
        clock: Clock,
        policy: OcspPolicy,
    ) -> None:
        self._credentials = dict(credentials)
        self._extensions = {ca.name: _single_extensions(ca) for ca in authorities}
        self._clock = clock
        self._policy = policy
        self._templates: dict[tuple[object, ...], tuple[bytes, bytes]] = {}

    @property
    def sources(self) -> Mapping[str, CredentialSource]:
        """The responders, by their CA's short name."""
        return self._credentials

    def credential_by_tag(self, issuer: str, tag: bytes) -> Credential | None:
        """The responder that made a stored answer."""
        source = self._credentials.get(issuer)
        return None if source is None else source.by_tag(tag)

    def extensions_of(self, issuer: str) -> bytes:
        """singleExtensions of what a CA issued."""
        return self._extensions[issuer]

    def answer(self, issuer: str, asked: Sequence[Asked], nonce: bytes | None) -> bytes:
        """A fresh OCSPResponse for one request. Raises PkiError, SQLAlchemyError.

        :param nonce: the nonce extension in DER, echoed
        """
        credential, now = self._turn(issuer)
        singles = [self._single(issuer, item, credential, now) for item in asked]
        extensions = [nonce] if nonce else []
        if self._policy.extended_revoke and any(item.state is None for item in asked):
            extensions.append(EXTENDED_REVOKE)
        data = response_data(credential, now, singles, extensions)
        return successful_response(data, credential.sign(data), credential)

    def fresh(self) -> FreshBatch:
        """The same, each about one certificate that was issued: the many that ask with a nonce, made fast."""
        return FreshBatch(self._turn, self._fresh_frame)

    def stored(self, form: CertIdForm, serial: int, state: CertificateState, version: int) -> StoredAnswer:
        """A fresh answer to be kept. Raises PkiError, SQLAlchemyError."""
        credential, now = self._turn(form.issuer)
        times = Times(now, _this_update(state, now), _next_update(now, STORED_LIFE, credential))
        status = cert_status(state)
        content = serial_content(serial)
        frame = self._frame(credential, form, content, status, times, b"")
        produced, this_update, next_update = (int(moment.timestamp()) for moment in times)
        return StoredAnswer(
            form,
            serial,
            version,
            produced,
            this_update,
            next_update,
            credential.tag,
            status,
            credential.sign(frame.before + content + frame.between),
        )

    def response(self, answer: StoredAnswer) -> bytes:
        """The OCSPResponse of an answer that was just made."""
        credential = self._credentials[answer.form.issuer]()
        serial = serial_content(answer.serial)
        data = data_of(answer, serial, credential, self._extensions[answer.form.issuer])
        return successful_response(data, answer.signature, credential)

    def _turn(self, issuer: str) -> Turn:
        """Looks at the CA's responder and at the clock."""
        credential = self._credentials[issuer]()
        return Turn(credential, self._clock().replace(microsecond=0))

    def _fresh_frame(
        self, turn: Turn, form: CertIdForm, serial: bytes, state: CertificateState, nonce: bytes
    ) -> Frame:
        credential, now = turn
        times = Times(now, _this_update(state, now), _next_update(now, FRESH_LIFE, credential))
        return self._frame(credential, form, serial, cert_status(state), times, nonce)

    def _frame(
        self,
        credential: Credential,
        form: CertIdForm,
        serial: bytes,
        status: bytes,
        times: Times,
        nonce: bytes,
    ) -> Frame:
        """Of a ResponseData about one certificate: within a second, most share theirs."""
        key = (credential.tag, form.form_id, status, times, len(serial), len(nonce))
        template = self._templates.get(key)
        if template is None:
            template = self._template(credential, form, serial, status, times, nonce)
            if len(self._templates) >= _MAX_TEMPLATES:
                self._templates.clear()
            self._templates[key] = template
        return Frame(credential, *template)

    def _template(
        self,
        credential: Credential,
        form: CertIdForm,
        serial: bytes,
        status: bytes,
        times: Times,
        nonce: bytes,
    ) -> tuple[bytes, bytes]:
        cert_id = form.cert_id(serial)
        extensions = self._extensions[form.issuer]
        single = SingleAnswer(cert_id, status, times.this_update, times.next_update, extensions)
        data = response_data(credential, times.produced, (single,), [nonce] if nonce else [])
        serial_end = data.index(cert_id) + len(cert_id)
        nonce_at = len(data) - len(nonce)  # responseExtensions come last
        return data[: serial_end - len(serial)], data[serial_end:nonce_at]

    def _single(self, issuer: str, asked: Asked, credential: Credential, now: datetime) -> SingleAnswer:
        next_update = _next_update(now, FRESH_LIFE, credential)
        if asked.state is None:
            status = NEVER_ISSUED_REVOKED if self._policy.extended_revoke else UNKNOWN
            return SingleAnswer(asked.cert_id, status, now - SKEW, next_update)
        return SingleAnswer(
            asked.cert_id,
            cert_status(asked.state),
            _this_update(asked.state, now),
            next_update,
            self._extensions[issuer],
        )


_MAX_TEMPLATES = 2_048


def serial_content(serial: int) -> bytes:
    """The content of a positive serial's INTEGER."""
    return serial.to_bytes(serial.bit_length() // 8 + 1, "big")


def _this_update(state: CertificateState, now: datetime) -> datetime:
    """A little ago, for clients whose clocks are behind, but not before what is said became true."""
    return max(now - SKEW, min(state.since, now))


def _next_update(now: datetime, life: timedelta, credential: Credential) -> datetime:
    return min(now + life, credential.not_after)


def _single_extensions(authority: IssuingCa) -> bytes:
    """archiveCutoff (RFC 6960 §4.4.4) where signatures are checked long after a certificate's end.

    The store forgets no status, so the cut-off is the day on which the CA began (ETSI EN 319 411-2 §6.3.10).
    """
    if authority.role is not Role.CITIZEN_SIGNATURE:
        return b""
    cutoff = der.generalized_time(authority.facts.validity.not_before)
    return der.sequence((der.extension(oids.OCSP_ARCHIVE_CUTOFF, cutoff),))
