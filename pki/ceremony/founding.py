"""Making a CA: its key, its place on record, its certificate, by the same steps as every certificate.

What an interrupted founding has done already stays, and the same call again goes on from there.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from pki.auditchain import Event, Json
from pki.authority.authority import Authority
from pki.authority.issuers import Issuers, IssuingCa, certified_ca, uncertified_ca
from pki.authority.issuerseal import IssuerSeal, require_certificate, sound_rows
from pki.authority.orders import make_order
from pki.authority.record import CERTIFIED, REGISTERED, record_events
from pki.authority.seal import SEALING_MASTER_KEY, IntentSeal
from pki.authority.values import IssuedCertificate
from pki.ceremony.custody import OFFLINE_SCHEME, Vault
from pki.ceremony.plan import PlannedCa
from pki.clock import Clock
from pki.errors import IssuerAlteredError, IssuerOfflineError, KeyMismatchError
from pki.hierarchy import Role
from pki.keys.identifiers import spki_of
from pki.keys.kinds import KeyKind
from pki.keys.signer import Signer
from pki.keys.store import KeyStore
from pki.profiles.definitions import DEFINITIONS, Definitions
from pki.profiles.extensions import PublicAddresses
from pki.profiles.profile import Profile
from pki.profiles.tbs import validity_from
from pki.published import cross_request_id
from pki.status.publication import CrlPublisher
from pki.store.database import read_only
from pki.store.models import Issuer, KeyRow


@dataclass(frozen=True)
class Foundry:
    """What founding works with."""

    engine: Engine
    keys: KeyStore
    addresses: PublicAddresses
    clock: Clock
    actor: str
    """Who holds the ceremony, for the audit chain."""
    crl_folder: Path
    """Where published CRLs are kept."""
    definitions: Definitions = field(default_factory=lambda: DEFINITIONS)
    vault: Vault | None = None
    """Where the keys of self-signed CAs are made and opened; None: with all others, on line."""

    def publisher(self, issuers: Issuers) -> CrlPublisher:
        """Publishes the CRLs of these CAs."""
        return CrlPublisher(self.engine, issuers, self.addresses, self.crl_folder, self.clock)

    def found(self, plan: Iterable[PlannedCa]) -> None:
        """Makes every planned CA that is not there yet, in the plan's order: roots before those below."""
        for planned in plan:
            self.register(planned)
            self.certify(planned)

    def register(self, planned: PlannedCa) -> None:
        """Its key and its row. A key that a crash left without a row is taken up.

        Raises IssuerAlteredError for a row that nobody founded.
        """
        with Session(read_only(self.engine)) as session:
            row = session.get(Issuer, planned.name)
        if row is not None:
            self._issuer_seal.verify(row)
            return
        if planned.self_signed and self.vault is not None:
            uri = self.vault.make(planned.name, planned.key_kind)
        else:
            uri = make_key(self.keys, planned.name, planned.key_kind)
        with Session(self.engine) as session, session.begin():
            self._write_rows(session, planned, uri)

    def certify(self, planned: PlannedCa) -> IssuedCertificate:
        """Its certificate: by itself, or by the current root."""
        issuers = self.issuers()
        if planned.self_signed and planned.name not in issuers:
            issuers = Issuers([*issuers, self._before_its_certificate(planned)])
        above = issuers[planned.name] if planned.self_signed else issuers.current(Role.ROOT)
        issued = self._issue(planned, planned.profile, planned.request_id, above, issuers)
        self._hold_on_record(planned, issued, above)
        return issued

    def cross_certify(self, planned: PlannedCa, above: str, profile: Profile) -> IssuedCertificate:
        """A certificate for a self-signed CA's key by another generation of it: roll-over, either way."""
        issuers = self.issuers()
        request_id = cross_request_id(planned.name, above)
        issued = self._issue(planned, profile, request_id, issuers[above], issuers)
        self._require_made(planned, issued, [issuers[above].certificate or b""])
        return issued

    def make_service_key(self, name: str, kind: KeyKind) -> None:
        """A key that certifies nothing: the checkpoints', a responder's. One that is there stays."""
        with Session(read_only(self.engine)) as session:
            if session.get(KeyRow, name) is not None:
                return
        uri = make_key(self.keys, name, kind)
        with Session(self.engine) as session, session.begin():
            session.add(KeyRow(name=name, uri=uri, created=self.clock()))
            record_events(session, [Event(self.clock(), self.actor, "key.registered", name, {})])

    def certify_service(
        self, name: str, kind: KeyKind, profile: Profile, subject: bytes
    ) -> IssuedCertificate:
        """A key of this name and its certificate by the profile's current CA. Raises IssuerOfflineError."""
        issuers = self.issuers()
        (role,) = self.definitions[profile].issued_by
        above = issuers.current(role)
        _ = above.signer  # where it is off line no key is made in vain
        self.make_service_key(name, kind)
        key = self.service_signer(name).public_key
        order = make_order(
            name,
            profile,
            issuer=above,
            subject=subject,
            key=key,
            actor=self.actor,
            definitions=self.definitions,
        )
        return self._authority(issuers).execute(order)

    def service_signer(self, name: str) -> Signer:
        """The service key of this name."""
        with Session(read_only(self.engine)) as session:
            return self.keys.open(session.get_one(KeyRow, name).uri)

    def issuers(self) -> Issuers:
        """Every certified CA; those off line with their keys, while the vault is open."""
        return read_issuers(self.engine, self.keys, lambda: self._issuer_seal, self.vault)

    def public_issuers(self) -> Issuers:
        """Every certified CA whose row holds, without its key."""
        return public_issuers(self.engine, lambda: self._issuer_seal)

    def _issue(
        self, planned: PlannedCa, profile: Profile, request_id: str, above: IssuingCa, issuers: Issuers
    ) -> IssuedCertificate:
        order = make_order(
            request_id,
            profile,
            issuer=above,
            subject=planned.subject,
            key=self._signer(planned).public_key,
            actor=self.actor,
            definitions=self.definitions,
        )
        return self._authority(issuers).execute(order)

    def _authority(self, issuers: Issuers) -> Authority:
        return Authority(
            self.engine, issuers, self.addresses, self._seal, self.clock, definitions=self.definitions
        )

    @cached_property
    def _seal(self) -> IntentSeal:
        return IntentSeal.of(self.keys.open_master_keys((SEALING_MASTER_KEY,)))

    @cached_property
    def _issuer_seal(self) -> IssuerSeal:
        return IssuerSeal.of(self.keys.open_master_keys((SEALING_MASTER_KEY,)))

    def _before_its_certificate(self, planned: PlannedCa) -> IssuingCa:
        validity = validity_from(self.clock(), self.definitions[planned.profile].life, None)
        return uncertified_ca(planned.name, self._signer(planned), planned.subject, validity, planned.shards)

    def _signer(self, planned: PlannedCa) -> Signer:
        with Session(read_only(self.engine)) as session:
            uri = session.get_one(KeyRow, planned.name).uri
        if not uri.startswith(OFFLINE_SCHEME):
            return self.keys.open(uri)
        if self.vault is None:
            raise IssuerOfflineError(planned.name)
        return self.vault.open(uri)

    def _write_rows(self, session: Session, planned: PlannedCa, uri: str) -> None:
        now = self.clock()
        session.add(KeyRow(name=planned.name, uri=uri, created=now))
        session.flush()
        row = Issuer(
            name=planned.name,
            role=planned.role.value,
            generation=planned.generation,
            subject=planned.subject,
            key=planned.name,
            online=not uri.startswith(OFFLINE_SCHEME),
            retired=False,
            certificate=None,
            shards=planned.shards,
            status_version=0,
        )
        row.seal = self._issuer_seal.seal(row)
        session.add(row)
        session.flush()
        details: dict[str, Json] = {"key": row.key, "online": row.online, "shards": row.shards}
        record_events(session, [Event(now, self.actor, REGISTERED, planned.name, details)])

    def _hold_on_record(self, planned: PlannedCa, issued: IssuedCertificate, above: IssuingCa) -> None:
        self._require_made(planned, issued, [issued.der if planned.self_signed else above.certificate or b""])
        with self.changed_row(planned.name) as (session, row):
            if row.certificate is None:
                row.certificate = issued.der
                details: dict[str, Json] = {"certificate_sha256": hashlib.sha256(issued.der).hexdigest()}
                record_events(session, [Event(self.clock(), self.actor, CERTIFIED, planned.name, details)])

    @contextmanager
    def changed_row(self, name: str) -> Iterator[tuple[Session, Issuer]]:
        """A CA's row in a transaction, sealed anew at its end. Raises IssuerAlteredError."""
        with Session(self.engine) as session, session.begin():
            row = session.get_one(Issuer, name)
            self._issuer_seal.verify(row)
            yield session, row
            row.seal = self._issuer_seal.seal(row)

    def _require_made(self, planned: PlannedCa, issued: IssuedCertificate, above: Iterable[bytes]) -> None:
        """What an earlier attempt is said to have made is looked at, too. Raises IssuerAlteredError."""
        spki = spki_of(self._signer(planned).public_key)
        require_certificate(issued.der, planned.name, planned.subject, spki, above)


def make_key(keys: KeyStore, name: str, kind: KeyKind) -> str:
    """The key's URI; a key of that name that a crash left is taken."""
    return keys.uri_of(name) if keys.exists(name) else keys.create(name, kind)


def read_issuers(
    engine: Engine, keys: KeyStore, seal: Callable[[], IssuerSeal], vault: Vault | None = None
) -> Issuers:
    """Every certified CA, with its key where that is on line or in the vault.

    Those whose rows don't hold are left out, and told of in `Issuers.refused`. Raises
    KeyStoreError, IssuerAlteredError where none holds.
    """
    sound, refused = _sound(engine, seal)
    with Session(read_only(engine)) as session:
        uris = {row.name: row.uri for row in session.scalars(select(KeyRow))}
    keyless = {
        row.name: IssuerAlteredError(row.name, "its key has no row") for row in sound if row.key not in uris
    }
    opened = (_opened(row, uris[row.key], keys, vault) for row in sound if row.name not in keyless)
    return Issuers(opened, {**refused, **keyless})


def public_issuers(engine: Engine, seal: Callable[[], IssuerSeal] | None = None) -> Issuers:
    """Every certified CA without its key.

    :param seal: None where no key is opened; what comes of it is to be shown, neither trusted nor published
    Raises KeyStoreError, IssuerAlteredError where none holds.
    """
    sound, refused = _sound(engine, seal)
    return Issuers(
        (certified_ca(row.name, None, row.certificate or b"", row.shards) for row in sound), refused
    )


def _read(engine: Engine) -> tuple[list[Issuer], dict[str, IssuerAlteredError]]:
    """The certified rows, and why others can't be read: SQLite keeps values of any type."""
    rows, unread = [], {}
    with Session(read_only(engine)) as session:
        for name in session.scalars(select(Issuer.name).where(Issuer.certificate.is_not(None))).all():
            try:
                rows.append(session.get_one(Issuer, name))
            except (TypeError, ValueError):
                unread[str(name)] = IssuerAlteredError(str(name), "its row can't be read")
    return rows, unread


def _sound(
    engine: Engine, seal: Callable[[], IssuerSeal] | None
) -> tuple[list[Issuer], Mapping[str, IssuerAlteredError]]:
    rows, unread = _read(engine)
    if not rows and not unread:  # a home that is being founded may have no master keys yet
        return [], {}
    sound, refused = sound_rows(rows, None if seal is None else seal())
    refused |= unread
    if refused and not sound:
        raise next(iter(refused.values()))
    return sound, refused


def _opened(row: Issuer, uri: str, keys: KeyStore, vault: Vault | None) -> IssuingCa:
    signer: Signer | None = None
    if row.retired:
        pass
    elif row.online:
        signer = keys.open(uri)
    elif vault is not None and uri.startswith(OFFLINE_SCHEME):
        signer = vault.open(uri)
    try:
        return certified_ca(row.name, signer, row.certificate or b"", row.shards)
    except ValueError as error:
        raise KeyMismatchError(row.name) from error
