"""The responder: from requests' bytes to answers' bytes, one or many at a time."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy.exc import SQLAlchemyError

from pki.authority.issuers import IssuingCa
from pki.clock import Clock, utc_now
from pki.errors import PkiError
from pki.status.feed import StatusFeed
from pki.status.ocsp.credential import CredentialSource
from pki.status.ocsp.forms import CertIdForm, CertIdForms
from pki.status.ocsp.fresh import FreshBatch
from pki.status.ocsp.making import AnswerMaker, Asked, serial_content
from pki.status.ocsp.policy import OcspPolicy
from pki.status.ocsp.record import StoredAnswer
from pki.status.ocsp.request import CertId, MalformedRequestError, OcspRequest, parse_request
from pki.status.ocsp.response import ResponseStatus, error_response
from pki.status.state import CertificateState
from pki.status.store import Found, StatusStore

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class OcspAnswer:
    """An answer and what the transport needs to know of it."""

    status: ResponseStatus
    body: bytes = field(repr=False)
    stored: StoredAnswer | None = None
    """The same answer as it may be kept for others; None: it is for this request alone."""


class ForeignIssuerError(LookupError):
    """The request asks about another CA's certificate, or about several CAs'."""


@dataclass(frozen=True)
class _Question:
    """A request that was read and is ours to answer."""

    asked: OcspRequest
    form: CertIdForm
    """That of the first CertID; the others are of the same CA."""

    @property
    def serials(self) -> list[int]:
        return [cert_id.serial for cert_id in self.asked.cert_ids]

    @property
    def alone(self) -> bool:
        """Whether its answer can serve others: one CertID, no nonce."""
        return self.asked.nonce is None and len(self.asked.cert_ids) == 1


class OcspResponder:
    """Answers for its CAs' certificates from the store, signing each answer.

    Good, revoked (a hold too), or unknown when never issued. Any thread may ask.
    """

    def __init__(
        self,
        store: StatusStore,
        feed: StatusFeed,
        authorities: Sequence[IssuingCa],
        credentials: Mapping[str, CredentialSource],
        clock: Clock = utc_now,
        policy: OcspPolicy | None = None,
    ) -> None:
        self._store = store
        self._feed = feed
        self.forms = CertIdForms(authorities)
        self.maker = AnswerMaker(authorities, credentials, clock, policy or OcspPolicy())

    def answer(self, request: bytes) -> OcspAnswer:
        """Garbage gives malformedRequest, a foreign CA's certificate unauthorized (RFC 5019 §2.2.3).

        Without database or responder: internalError. Nothing is raised.
        """
        return self.answer_all((request,))[0]

    def answer_all(self, requests: Sequence[bytes]) -> list[OcspAnswer]:
        """The same for many, with one read of the database."""
        read = [self._read(request) for request in requests]
        questions = [item for item in read if isinstance(item, _Question)]
        try:
            # The versions first: what is read after them is right as of them, or of later ones.
            versions = self._feed.positions() if any(item.alone for item in questions) else {}
            states = self._store.states({serial for item in questions for serial in item.serials})
        except SQLAlchemyError as error:
            _log_unavailable(error)
            return [
                _refusal(ResponseStatus.INTERNAL_ERROR) if isinstance(item, _Question) else item
                for item in read
            ]
        fresh = self.maker.fresh()
        return [
            self._answer(item, states, versions, fresh) if isinstance(item, _Question) else item
            for item in read
        ]

    def _read(self, request: bytes) -> _Question | OcspAnswer:
        common = self.forms.recognise_with_nonce(request)
        if common is not None:
            form, serial, nonce = common
            cert_id = CertId(form.cert_id(serial), form.issuer_part, int.from_bytes(serial, "big"))
            return _Question(OcspRequest((cert_id,), nonce), form)
        try:
            asked = parse_request(request)
            return _Question(asked, self._form_of(asked.cert_ids))
        except MalformedRequestError:
            return _refusal(ResponseStatus.MALFORMED_REQUEST)
        except ForeignIssuerError:
            return _refusal(ResponseStatus.UNAUTHORIZED)

    def _form_of(self, cert_ids: Sequence[CertId]) -> CertIdForm:
        """A responder speaks for one CA, so all CertIDs of a request are of the same."""
        forms = [self.forms.find(cert_id.issuer_part) for cert_id in cert_ids]
        first = forms[0]
        if first is None or any(form is None or form.issuer != first.issuer for form in forms):
            raise ForeignIssuerError
        return first

    def _answer(
        self,
        question: _Question,
        states: Mapping[int, Found],
        versions: Mapping[str, int],
        fresh: FreshBatch,
    ) -> OcspAnswer:
        form = question.form
        known = [_state_of(form.issuer, states.get(serial)) for serial in question.serials]
        try:
            if question.alone and known[0] is not None and form.issuer in versions:
                stored = self.maker.stored(form, question.serials[0], known[0], versions[form.issuer])
                return OcspAnswer(ResponseStatus.SUCCESSFUL, self.maker.response(stored), stored)
            if len(known) == 1 and known[0] is not None:
                serial = serial_content(question.serials[0])
                body = fresh.answer(form, serial, known[0], question.asked.nonce or b"")
                return OcspAnswer(ResponseStatus.SUCCESSFUL, body)
            asked = [
                Asked(cert_id.raw, state)
                for cert_id, state in zip(question.asked.cert_ids, known, strict=True)
            ]
            body = self.maker.answer(form.issuer, asked, question.asked.nonce)
        except (PkiError, SQLAlchemyError) as error:
            _log_unavailable(error)
            return _refusal(ResponseStatus.INTERNAL_ERROR)
        return OcspAnswer(ResponseStatus.SUCCESSFUL, body)


def _state_of(issuer: str, found: Found | None) -> CertificateState | None:
    """A certificate of another CA was never issued by this one."""
    return None if found is None or found[0] != issuer else found[1]


def _refusal(status: ResponseStatus) -> OcspAnswer:
    return OcspAnswer(status, error_response(status))


def _log_unavailable(error: Exception) -> None:
    # Only the kind: the words could name hosts and queries.
    _LOG.error("OCSP is unavailable: %s", type(error).__name__)
