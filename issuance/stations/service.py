"""Adding stations, taking them in by a code, revoking them; and who may come now."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from issuance.audit import Audit
from issuance.database import Database
from issuance.errors import InvalidInputError, LoginThrottledError, NotFoundError
from issuance.identifiers import Randomness
from issuance.lifecycle.certificates import Certificates
from issuance.offices.models import Office
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.operators.throttle import LoginThrottle
from issuance.stations.admission import StationCertificate
from issuance.stations.codes import Code, Terms, new_code, read_code
from issuance.stations.errors import (
    StationCodeError,
    StationCodeWaitError,
    StationExistsError,
    StationNotAdmittedError,
    StationRevokedError,
    StationStatusError,
)
from issuance.stations.models import STATION_LENGTH, Station, StationCode, StationState
from pki.authority.issuers import Issuers, IssuingCa
from pki.authority.values import CertificateRequest, InstitutionSubject, IssuedCertificate
from pki.clock import Clock
from pki.errors import CsrError
from pki.hierarchy import Role as CaRole
from pki.pkcs10 import verify_csr
from pki.profiles import Profile
from pki.status.state import RevocationReason, Status
from pki.status.store import Found, StatusStore

CODE_LIFE = timedelta(hours=24)
CODE_TRIES = 5
_ID = re.compile(rf"[a-z0-9][a-z0-9-]{{0,{STATION_LENGTH - 1}}}")


@dataclass(frozen=True)
class StationView:
    """A station as others see it."""

    id: str
    office: str
    state: StationState
    serial: str | None
    created_by: str
    created_at: datetime
    enrolled_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True)
class NewCode:
    """A code for whoever sets the station up; it is told once."""

    code: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True)
class Enrolment:
    """What a station gets for its code; PEM."""

    station: str
    certificates: str
    trust: str


@dataclass(frozen=True)
class Authorities:
    """What stations need of the PKI."""

    certificates: Certificates
    issuers: Issuers
    status: StatusStore


class Stations:
    """All stations of one registry. `on_end` is told of each that may not stay connected."""

    def __init__(
        self, database: Database, audit: Audit, pki: Authorities, clock: Clock, randomness: Randomness
    ) -> None:
        self._database = database
        self._audit = audit
        self._pki = pki
        self._clock = clock
        self._randomness = randomness
        self._throttle = LoginThrottle(clock)
        self.on_end: Callable[[str], None] = lambda _station: None

    def add(self, actor: Actor, station_id: str, office: str) -> StationView:
        """Adds a station of the office with that code; it waits for its machine.

        Raises InvalidInputError, StationExistsError.
        """
        actor.require(Role.ADMINISTRATOR)
        if not _ID.fullmatch(station_id):
            raise InvalidInputError("a station's name has small letters, digits and hyphens, 32 at most")
        try:
            with self._database.writing() as session:
                if session.get(Office, office) is None:
                    raise InvalidInputError("there is no office with this code")
                station = self._new(actor, station_id, office)
                session.add(station)
                session.flush()
                self._record(session, actor.username, "added", station_id)
                return _view(station)
        except IntegrityError as error:
            raise StationExistsError(station_id) from error

    def office_of(self, station_id: str) -> str | None:
        """The code of the office in which it stands; None: there is no such station."""
        with self._database.reading() as session:
            return session.scalar(select(Station.office).where(Station.id == station_id))

    def all(self, actor: Actor) -> list[StationView]:
        """Every station by name."""
        actor.require(Role.ADMINISTRATOR, Role.AUDITOR)
        with self._database.reading() as session:
            return [_view(station) for station in session.scalars(select(Station).order_by(Station.id))]

    def create_code(self, actor: Actor, station_id: str) -> NewCode:
        """A code for this station; an unused one ends. Raises NotFoundError, StationRevokedError."""
        actor.require(Role.ADMINISTRATOR)
        code, now = new_code(self._randomness), self._clock()
        terms = Terms(station_id, actor.username, now + CODE_LIFE)
        with self._database.writing() as session:
            station = _get(session, station_id)
            unused = (StationCode.station_id == station.id, StationCode.used_at.is_(None))
            session.execute(delete(StationCode).where(*unused))
            row = StationCode(
                locator=code.locator,
                digest=code.digest(self._database.cipher, terms),
                station_id=station.id,
                created_by=actor.username,
                created_at=now,
                expires_at=terms.expires_at,
                tries_left=CODE_TRIES,
            )
            session.add(row)
            self._record(session, actor.username, "code-created", station.id)
            return NewCode(code.text, row.expires_at)

    def revoke(self, actor: Actor, station_id: str) -> StationView:
        """Ends a station for good, and its connection; again is no harm.

        Raises NotFoundError or a PkiError.
        """
        actor.require(Role.ADMINISTRATOR)
        with self._database.writing() as session:
            station = session.get(Station, station_id, with_for_update=True)
            if station is None:
                raise NotFoundError("station")
            if station.state != StationState.REVOKED:
                station.state, station.ended_at = StationState.REVOKED.value, self._clock()
                self._record(session, actor.username, "revoked", station_id)
            session.flush()
            for serial in self._issued(session, station_id):
                self._revoke(serial, RevocationReason.CESSATION_OF_OPERATION, actor.username)
            view = _view(station)
        self.on_end(station_id)
        return view

    def enrol(self, typed: str, csr: bytes, client: str) -> Enrolment:
        """A certificate for whoever has a code, once; `client` is the address that it comes from.

        Raises InvalidInputError, StationCodeError, StationCodeWaitError or a PkiError.
        """
        _check_request(csr)
        self._check_throttle(client)
        redeemed = self._redeem(typed)
        if redeemed is None:
            self._throttle.failed(client)
            raise StationCodeError
        issued = self._pki.certificates.issue(_request(redeemed, csr))
        self._take_in(redeemed, issued)
        self.on_end(redeemed.station_id)  # the machine that it was before
        return self._enrolment(redeemed.station_id, issued)

    def admit(self, der: bytes) -> StationCertificate:
        """Who dials with this certificate, whose path was checked.

        Raises StationNotAdmittedError; StationStatusError where nothing can be known.
        """
        certificate = StationCertificate.read(der)
        try:
            admitted = self.admitted([certificate])
        except SQLAlchemyError:
            raise StationStatusError from None
        if not admitted:
            raise StationNotAdmittedError("no enrolled station has this certificate, or it isn't good")
        return certificate

    def admitted(self, certificates: Collection[StationCertificate]) -> set[str]:
        """Which of these stations may be connected now. Raises SQLAlchemyError."""
        if not certificates:
            return set()
        states = self._pki.status.states({one.serial for one in certificates})
        query = select(Station.id, Station.serial).where(
            Station.id.in_([one.station for one in certificates]), Station.state == StationState.ENROLLED
        )
        with self._database.reading() as session:
            present = {row.id: row.serial for row in session.execute(query)}
        now = self._clock()
        return {
            one.station
            for one in certificates
            if present.get(one.station) == f"{one.serial:x}" and now <= one.ends_at and _is_good(states, one)
        }

    def _new(self, actor: Actor, station_id: str, office: str) -> Station:
        return Station(
            id=station_id,
            office=office,
            state=StationState.WAITING.value,
            created_by=actor.username,
            created_at=self._clock(),
        )

    def _check_throttle(self, client: str) -> None:
        try:
            self._throttle.check(client)
        except LoginThrottledError as error:
            raise StationCodeWaitError(error.wait_s) from None

    def _redeem(self, typed: str) -> StationCode | None:
        """The code's row, marked as used by nobody but us; None for a wrong one, which costs a try."""
        code = read_code(typed)
        if code is None:
            return None
        with self._database.writing() as session:
            row = session.get(StationCode, code.locator, with_for_update=True)
            matched = self._matches(code, row)
            if row is None or not _usable(row, self._clock()):
                return None
            if not matched:
                row.tries_left -= 1
                return None
            unused = (StationCode.locator == code.locator, StationCode.used_at.is_(None))
            marked = session.execute(update(StationCode).where(*unused).values(used_at=self._clock()))
            return row if marked.rowcount == 1 else None  # type: ignore[attr-defined]

    def _matches(self, code: Code, row: StationCode | None) -> bool:
        """Whether it is the row's code, and serves for what the row says; takes as long where none is."""
        cipher = self._database.cipher
        if row is None:
            return code.matches(cipher, Terms("", "", self._clock()), "0" * 64)
        return code.matches(cipher, Terms(row.station_id, row.created_by, row.expires_at), row.digest)

    def _take_in(self, code: StationCode, issued: IssuedCertificate) -> None:
        """From here on the station is admitted with this certificate and no other."""
        with self._database.writing() as session:
            station = session.get(Station, code.station_id, with_for_update=True)
            revoked = station is None or station.state == StationState.REVOKED
            if station is not None and not revoked:
                station.state, station.serial = StationState.ENROLLED.value, f"{issued.serial:x}"
                station.enrolled_at = self._clock()
                self._record(session, code.created_by, "enrolled", station.id)
                session.flush()
            for serial in self._issued(session, code.station_id):
                if revoked or serial != issued.serial:
                    self._revoke(serial, RevocationReason.SUPERSEDED, code.created_by)
        if revoked:
            raise StationCodeError

    def _issued(self, session: Session, station_id: str) -> list[int]:
        """Serials of all that its codes got, also where the answer was lost."""
        used = (StationCode.station_id == station_id, StationCode.used_at.is_not(None))
        locators = session.scalars(select(StationCode.locator).where(*used))
        serials = (self._pki.certificates.serial_of(_request_id(locator)) for locator in locators)
        return [serial for serial in serials if serial is not None]

    def _revoke(self, serial: int, reason: RevocationReason, actor: str) -> None:
        self._pki.certificates.revoke_serial(serial, reason, actor, "station")

    def _enrolment(self, station_id: str, issued: IssuedCertificate) -> Enrolment:
        own = x509.load_der_x509_certificate(issued.der)
        issuers = [ca for ca in self._loaded(CaRole.OPERATOR) if ca.subject == own.issuer]
        return Enrolment(station_id, _pem(own, *issuers), _pem(*self._loaded(CaRole.ROOT)))

    def _loaded(self, role: CaRole) -> list[x509.Certificate]:
        return _loaded(self._pki.issuers.generations(role))

    def _record(self, session: Session, actor: str, what: str, station_id: str) -> None:
        self._audit.record(session, actor, f"station.{what}", f"station:{station_id}")


def _is_good(states: Mapping[int, Found], certificate: StationCertificate) -> bool:
    found = states.get(certificate.serial)
    return found is not None and found[1].status is Status.GOOD


def _loaded(authorities: Iterable[IssuingCa]) -> list[x509.Certificate]:
    certificates = (ca.certificate for ca in authorities)
    return [x509.load_der_x509_certificate(der) for der in certificates if der is not None]


def _pem(*certificates: x509.Certificate) -> str:
    return "".join(certificate.public_bytes(Encoding.PEM).decode() for certificate in certificates)


def _check_request(csr: bytes) -> None:
    """Before a code is used up for it."""
    try:
        key = verify_csr(csr)
    except CsrError as error:
        raise InvalidInputError("the certification request can't be used") from error
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise InvalidInputError("a station's key is on P-256 or P-384")


def _usable(row: StationCode, now: datetime) -> bool:
    return row.used_at is None and row.tries_left > 0 and row.expires_at > now


def _request_id(locator: str) -> str:
    return f"station-{locator}"


def _request(code: StationCode, csr: bytes) -> CertificateRequest:
    return CertificateRequest(
        request_id=_request_id(code.locator),
        profile=Profile.STATION,
        subject=InstitutionSubject(code.station_id),
        csr=csr,
        actor=code.created_by,
    )


def _get(session: Session, station_id: str) -> Station:
    station = session.get(Station, station_id)
    if station is None:
        raise NotFoundError("station")
    if station.state == StationState.REVOKED:
        raise StationRevokedError(station_id)
    return station


def _view(station: Station) -> StationView:
    return StationView(
        id=station.id,
        office=station.office,
        state=StationState(station.state),
        serial=station.serial,
        created_by=station.created_by,
        created_at=station.created_at,
        enrolled_at=station.enrolled_at,
        ended_at=station.ended_at,
    )
