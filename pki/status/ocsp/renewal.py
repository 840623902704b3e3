"""Responders live a month at most: every half month a CA gets a new one, key and certificate.

The next one is made a day before its time, so an answer never has a responder that is too young for a
client's clock, and a CA key that fails is noticed while the present responder still has weeks to live.
"""

import logging
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from pki.auditchain import Event
from pki.authority import Authority
from pki.authority.orders import make_order
from pki.authority.record import record_events, refuse_before
from pki.clock import Clock, utc_now
from pki.errors import KeyExistsError, PkiError, ResponderEndedError
from pki.keys.identifiers import key_identifier, spki_of
from pki.keys.kinds import KeyKind
from pki.keys.signer import Signer
from pki.keys.store import KeyStore
from pki.profiles.names import encode_institution
from pki.profiles.profile import Profile
from pki.status.ocsp.credential import Credential, make_credential
from pki.store.models import KeyRow

ACTOR = "ocsp"
SUBJECT = encode_institution("Hoviat OCSP responder")
PERIOD = timedelta(days=15)
"""For how long one responder signs; its certificate lives twice as long."""
AHEAD = timedelta(days=1)
"""How long before its period a responder is made."""
_PAUSE = timedelta(minutes=1)
"""After a failure, before the CA's key is asked again."""
_ORIGIN = datetime(1, 1, 1, tzinfo=UTC)
_SHORT_ID = 4

_LOG = logging.getLogger(__name__)


def period_of(moment: datetime) -> int:
    """The number of the half month in which a moment lies."""
    return (moment - _ORIGIN) // PERIOD


class RenewingCredential:
    """A `CredentialSource`. Replicas that share keys and database end with one responder a period.

    Replicas that don't share keys end with one each, all of them valid.
    """

    def __init__(
        self,
        authority: Authority,
        engine: Engine,
        keys: KeyStore,
        issuer: str,
        first_key: KeyRow,
        clock: Clock = utc_now,
    ) -> None:
        """`first_key` is the key with which the CA's responder began."""
        self._authority = authority
        self._engine = engine
        self._keys = keys
        self._issuer = issuer
        self._ca = authority.issuers[issuer]
        self._first_name, self._first_uri = first_key.name, first_key.uri
        self._first_period = period_of(first_key.created)
        self._clock = clock
        self._lock = threading.Lock()
        self._credentials: dict[int, Credential] = {}
        self._retry_at: datetime | None = None

    def __call__(self) -> Credential:
        """This period's, or while that can't be made, the last one's as long as it is valid.

        Raises ClockSetBackError also before the CA's certificate begins.
        """
        now = self._clock()
        refuse_before(self._ca.facts.validity, now)
        period = period_of(now)
        with self._lock:
            credential = self._credentials.get(period) or self._obtain(period, now)
        if credential.not_after <= now:
            raise ResponderEndedError(self._issuer)
        return credential

    def by_tag(self, tag: bytes) -> Credential | None:
        """See `CredentialSource.by_tag`. Looks in memory alone: the event loop asks."""
        return next((item for item in self._credentials.values() if item.tag == tag), None)

    def renew(self) -> None:
        """See `CredentialSource.renew`."""
        now = self._clock()
        with self._lock:
            for period in {period_of(now), period_of(now + AHEAD)}:
                if period not in self._credentials and self._load(period) is None:
                    self._make(period)

    def _obtain(self, period: int, now: datetime) -> Credential:
        try:
            if self._load(period) is None:
                if self._retry_at is not None and now < self._retry_at <= now + _PAUSE:
                    return self._last_one(period, now, None)
                self._make(period)
        except (PkiError, SQLAlchemyError) as error:
            self._retry_at = now + _PAUSE
            _LOG.error("no new OCSP responder for %s: %s", self._issuer, type(error).__name__)
            return self._last_one(period, now, error)
        self._load_last_one(period)
        return self._credentials[period]

    def _load_last_one(self, period: int) -> None:
        """After a start: answers of the last responder may still be in store."""
        if period > self._first_period and period - 1 not in self._credentials:
            with suppress(PkiError, SQLAlchemyError):
                self._load(period - 1)

    def _last_one(self, period: int, now: datetime, cause: Exception | None) -> Credential:
        last = self._credentials.get(period - 1) or self._load(period - 1)
        if last is None or last.not_after <= now:
            raise ResponderEndedError(self._issuer) from cause
        return last

    def _load(self, period: int) -> Credential | None:
        """One that is on record, by whichever process; it takes no CA key."""
        signer = self._open(period)
        if signer is None:
            return None
        issued = self._authority.certificate(self._request_id(period, signer))
        if issued is None:
            return None
        kept = {number: item for number, item in self._credentials.items() if abs(number - period) <= 1}
        kept[period] = make_credential(signer, issued.der, issued.not_after)
        self._credentials = kept  # replaced, never changed: `by_tag` reads it without the lock
        return kept[period]

    def _make(self, period: int) -> None:
        signer = self._open(period) or self._new_key(period)
        order = make_order(
            self._request_id(period, signer),
            Profile.OCSP_RESPONDER,
            issuer=self._ca,
            subject=SUBJECT,
            key=signer.public_key,
            on_hold=False,
            actor=ACTOR,
            definitions=self._authority.definitions,
        )
        self._authority.execute(order)
        self._load(period)

    def _open(self, period: int) -> Signer | None:
        if period <= self._first_period:
            return self._keys.open(self._first_uri)
        name = self._key_name(period)
        return self._keys.open(self._keys.uri_of(name)) if self._keys.exists(name) else None

    def _new_key(self, period: int) -> Signer:
        name = self._key_name(period)
        with suppress(KeyExistsError):  # another process was faster: its key is taken
            self._keys.create(name, KeyKind.P256)
        uri = self._keys.uri_of(name)
        with suppress(IntegrityError), Session(self._engine) as session, session.begin():
            session.add(KeyRow(name=name, uri=uri, created=self._clock()))
            session.flush()
            record_events(session, [Event(self._clock(), ACTOR, "key.registered", name, {})])
        return self._keys.open(uri)

    def _key_name(self, period: int) -> str:
        return f"{self._first_name}-{period}"

    def _request_id(self, period: int, signer: Signer) -> str:
        key = key_identifier(spki_of(signer.public_key))[:_SHORT_ID].hex()
        return f"ocsp-{self._issuer}-{period}-{key}"
