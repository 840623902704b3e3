"""Responders live a month at most: every half month a CA gets a new one, key and certificate.

The next one is made a day before its time, so an answer never has a responder that is too young for a
client's clock, and a CA key that fails is noticed while the present responder still has weeks to live. One
that is revoked, or held, signs no more from the next look at the record on: another is made for the rest of
its period.
"""

import logging
import re
import threading
from collections.abc import Collection
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from pki.auditchain import Event
from pki.authority import Authority
from pki.authority.orders import make_order
from pki.authority.record import record_events, refuse_before
from pki.authority.values import IssuedCertificate
from pki.clock import Clock, utc_now
from pki.errors import KeyExistsError, PkiError, ResponderEndedError
from pki.keys.identifiers import key_identifier, spki_of
from pki.keys.kinds import KeyKind
from pki.keys.signer import Signer
from pki.keys.store import KeyStore
from pki.profiles.names import encode_institution
from pki.profiles.profile import Profile
from pki.status.feed import read_states
from pki.status.ocsp.credential import Credential, make_credential
from pki.status.state import Status
from pki.store.database import read_only
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
        self._reading = read_only(engine)
        self._credentials: dict[int, Credential] = {}
        self._serials: dict[int, int] = {}
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

    def check(self) -> bool:
        """See `CredentialSource.check`."""
        with self._lock:
            serials = {period: self._serials[period] for period in self._credentials}
            good = self._good(serials.values())
            kept = {period: item for period, item in self._credentials.items() if serials[period] in good}
            dropped = len(kept) < len(self._credentials)
            self._credentials = kept
        if dropped:
            _LOG.warning("the OCSP responder of %s was revoked or held; it signs no more", self._issuer)
        return dropped

    def renew(self) -> None:
        """See `CredentialSource.renew`."""
        now = self._clock()
        refuse_before(self._ca.facts.validity, now)
        with self._lock:
            for period in sorted({period_of(now), period_of(now + AHEAD)}):
                if period not in self._credentials and self._load(period) is None:
                    self._make(period)
            self._load_last_one(period_of(now))

    def _obtain(self, period: int, now: datetime) -> Credential:
        if self._retry_at is not None and now < self._retry_at <= now + _PAUSE:
            return self._last_one(period, now, None)
        try:
            if self._load(period) is None:
                self._make(period)
        except (PkiError, SQLAlchemyError) as error:
            self._retry_at = now + _PAUSE
            _LOG.error("no new OCSP responder for %s: %s", self._issuer, type(error).__name__)
            self._load_last_one(period)
            return self._last_one(period, now, error)
        self._load_last_one(period)
        return self._present(period)

    def _present(self, period: int) -> Credential:
        """Revoked in this very moment, it is none. Raises ResponderEndedError."""
        found = self._credentials.get(period)
        if found is None:
            raise ResponderEndedError(self._issuer)
        return found

    def _load_last_one(self, period: int) -> None:
        """After a start: answers of the last responder may still be in store."""
        if period > self._first_period and period - 1 not in self._credentials:
            with suppress(PkiError, SQLAlchemyError):
                self._load(period - 1)

    def _last_one(self, period: int, now: datetime, cause: Exception | None) -> Credential:
        last = self._credentials.get(period - 1)
        if last is None or last.not_after <= now:
            raise ResponderEndedError(self._issuer) from cause
        return last

    def _load(self, period: int) -> Credential | None:
        """One that is on record and good, by whichever process; it takes no CA key."""
        for number in self._numbers(period):
            signer = self._open(period, number)
            issued = None if signer is None else self._issued(period, signer)
            if signer is not None and issued is not None and self._good((issued.serial,)):
                self._keep(period, make_credential(signer, issued.der, issued.not_after), issued.serial)
                return self._credentials[period]
        return None

    def _keep(self, period: int, credential: Credential, serial: int) -> None:
        kept = {number: item for number, item in self._credentials.items() if abs(number - period) <= 1}
        self._serials[period] = serial
        # Replaced, never changed: `by_tag` reads it without the lock.
        self._credentials = kept | {period: credential}

    def _make(self, period: int) -> None:
        """A certificate for the period's newest key, or for a new one where that has or had one."""
        newest = self._numbers(period)[0]
        signer = self._open(period, newest)
        if signer is None and self._key_name(period, newest) != self._first_name:
            signer = self._new_key(self._key_name(period, newest))
        elif signer is None or self._issued(period, signer) is not None:
            signer = self._new_key(self._key_name(period, newest + 1))
        self._certify(period, signer)
        self._load(period)

    def _certify(self, period: int, signer: Signer) -> None:
        order = make_order(
            self._request_id(period, signer),
            Profile.OCSP_RESPONDER,
            issuer=self._ca,
            subject=SUBJECT,
            key=signer.public_key,
            actor=ACTOR,
            definitions=self._authority.definitions,
        )
        self._authority.execute(order)

    def _issued(self, period: int, signer: Signer) -> IssuedCertificate | None:
        return self._authority.certificate(self._request_id(period, signer))

    def _good(self, serials: Collection[int]) -> set[int]:
        """Which of these certificates are neither revoked nor on hold."""
        rows = read_states(self._reading, sorted(serials)) if serials else ()
        return {int.from_bytes(row[0], "big") for row in rows if row[2] == Status.GOOD.value}

    def _numbers(self, period: int) -> list[int]:
        """Those of the period's keys, the newest first: one more for each responder that was revoked."""
        name = re.compile(rf"{re.escape(self._first_name)}-{period}-([0-9]{{1,6}})", re.ASCII)
        found = map(name.fullmatch, self._keys.names())
        return sorted((1, *(int(match[1]) for match in found if match)), reverse=True)

    def _key_name(self, period: int, number: int) -> str:
        if number > 1:
            return f"{self._first_name}-{period}-{number}"
        return self._first_name if period <= self._first_period else f"{self._first_name}-{period}"

    def _open(self, period: int, number: int) -> Signer | None:
        name = self._key_name(period, number)
        if name == self._first_name and self._first_uri != self._keys.uri_of(name):
            return self._keys.open(self._first_uri)  # where keys were made once
        return self._keys.open(self._keys.uri_of(name)) if self._keys.exists(name) else None

    def _new_key(self, name: str) -> Signer:
        with suppress(KeyExistsError):  # another process was faster: its key is taken
            self._keys.create(name, KeyKind.P256)
        uri = self._keys.uri_of(name)
        with suppress(IntegrityError), Session(self._engine) as session, session.begin():
            session.add(KeyRow(name=name, uri=uri, created=self._clock()))
            session.flush()
            record_events(session, [Event(self._clock(), ACTOR, "key.registered", name, {})])
        return self._keys.open(uri)

    def _request_id(self, period: int, signer: Signer) -> str:
        key = key_identifier(spki_of(signer.public_key))[:_SHORT_ID].hex()
        return f"ocsp-{self._issuer}-{period}-{key}"
