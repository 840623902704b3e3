"""Operations on an issued card that power may cut, and what must hold whatever was cut."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key
from sqlalchemy import select

from cardio.errors import (
    InvalidPinError,
    InvalidPukError,
    ObjectNotFoundError,
    PinBlockedError,
    PukBlockedError,
    TransportPinError,
)
from cardio.globalplatform.session import IssuerSecurityDomain
from cardio.piv.session import PivSession
from cardio.transport import pcsc
from issuance.lifecycle.models import Card
from issuance.production.cardsecrets import issuer_secrets
from issuance.production.channelkeys import recorded_keys
from issuance.production.models import Renewal, RenewalState
from issuance.production.personalisation import CHANNEL_LEVEL, KEY_PLANS
from pki.profiles import Profile
from pki.status.state import Status
from pki.store.models import CertificateBody, CertificateRow
from simulators.card.piv.state import PivState
from simulators.card.piv.stored import ReferenceData
from tests.integration.issuance.office import CITIZENS_PIN, CLERK, Office

OLD, NEW, WRONG = CITIZENS_PIN, "13572468", "11112222"
FULL = 3
"""Tries of a PIN or PUK that nobody guessed at."""


class Operation(ABC):
    """One operation on the card that `office` issued; `prepare` brings it to its beginning again."""

    title: str

    def __init__(self, office: Office) -> None:
        self.office = office
        self.number = office.issue()
        self.file: Path = office.home.cards / f"{self.number}.card"
        self.puk = issuer_secrets(office.pki.master_keys["card"], int(self.number)).puk

    @abstractmethod
    def prepare(self) -> None:
        """Brings the card in the reader to where the operation begins."""

    @abstractmethod
    def run(self) -> None:
        """The operation itself."""

    @abstractmethod
    def check_torn(self) -> None:
        """What must hold of the card that is back in the reader, whatever was done of the operation."""

    @abstractmethod
    def finish(self) -> None:
        """Does it again, to the end."""

    @contextmanager
    def session(self) -> Iterator[PivSession]:
        with pcsc.connect(self.office.reader.name) as connection:
            yield PivSession(connection)

    @property
    def piv(self) -> PivState:
        return self.office.card_state.piv

    @property
    def tries(self) -> tuple[int, int]:
        return self.piv.pin.tries_left, self.piv.puk.tries_left

    def check_tries_stay(self, session: PivSession) -> None:
        """Neither time, nor a reset, nor asking gives a try back."""
        before = self.tries
        assert session.pin_tries_left() == before[0]
        session.reset()
        assert session.pin_tries_left() == before[0]
        assert self.tries == before


class PinChange(Operation):
    """One try of the PIN is used up already: if it comes back, that shows."""

    title = "PIN change"
    presented = OLD

    def prepare(self) -> None:
        with self.session() as session:
            with suppress(InvalidPinError):
                session.change_pin(NEW, OLD)
            session.verify_pin(OLD)
            with pytest.raises(InvalidPinError):
                session.verify_pin(WRONG)
        self.before = self.office.card_state

    def run(self) -> None:
        with self.session() as session:
            session.change_pin(self.presented, NEW)

    def check_torn(self) -> None:
        pin_only = replace(self.piv, pin=self.before.piv.pin)
        assert replace(self.office.card_state, piv=pin_only) == self.before
        with self.session() as session:
            self.check_tries_stay(session)
            is_new = self.tries[0] == FULL
            assert self.tries in {(FULL, FULL), (FULL - 1, FULL), (FULL - 2, FULL)}
            if is_new:
                session.verify_pin(NEW)
            else:
                session.verify_pin(OLD)
            assert self.tries == (FULL, FULL)

    def finish(self) -> None:
        with self.session() as session:
            with suppress(InvalidPinError):
                session.change_pin(OLD, NEW)
            session.verify_pin(NEW)
            with pytest.raises(InvalidPinError):
                session.verify_pin(OLD)


class WrongPinChange(PinChange):
    """A guess whose power is cut is a guess."""

    title = "PIN change with a wrong PIN"
    presented = WRONG

    def run(self) -> None:
        with suppress(InvalidPinError):
            super().run()

    def check_torn(self) -> None:
        assert self.tries in {(FULL - 1, FULL), (FULL - 2, FULL)}
        super().check_torn()


class TransportPinChange(Operation):
    """At delivery: the transport PIN gives way to the holder's own, or stays what it was."""

    title = "transport PIN change"

    def __init__(self, office: Office) -> None:
        super().__init__(office)
        self.transport_pin = issuer_secrets(office.pki.master_keys["card"], int(self.number)).transport_pin
        block = ReferenceData(self.transport_pin.encode(), FULL - 1)
        delivered = office.card_state
        self.before = replace(delivered, piv=replace(delivered.piv, pin=block, pin_is_transport=True))

    def prepare(self) -> None:
        self.office.restore(self.file, self.before)

    def run(self) -> None:
        with self.session() as session:
            session.change_pin(self.transport_pin, NEW)

    def check_torn(self) -> None:
        piv = replace(self.piv, pin=self.before.piv.pin, pin_is_transport=True)
        assert replace(self.office.card_state, piv=piv) == self.before
        assert self.piv.pin_is_transport == (self.tries[0] < FULL)
        with self.session() as session:
            self.check_tries_stay(session)
            if self.piv.pin_is_transport:
                with pytest.raises(TransportPinError):
                    session.verify_pin(self.transport_pin)
            else:
                session.verify_pin(NEW)

    def finish(self) -> None:
        with self.session() as session:
            if self.piv.pin_is_transport:
                session.change_pin(self.transport_pin, NEW)
            session.verify_pin(NEW)
        assert not self.piv.pin_is_transport


class Unblock(Operation):
    """The PIN is blocked, and one try of the PUK is used up."""

    title = "unblock"

    @property
    def presented(self) -> str:
        return self.puk

    def prepare(self) -> None:
        with self.session() as session:
            session.unblock_pin(self.puk, OLD)
            for _ in range(FULL):
                with suppress(InvalidPinError, PinBlockedError):
                    session.verify_pin(WRONG)
            with pytest.raises(InvalidPukError):
                session.unblock_pin(WRONG, NEW)
        assert self.tries == (0, FULL - 1)
        self.before = self.office.card_state

    def run(self) -> None:
        with self.session() as session:
            session.unblock_pin(self.presented, NEW)

    def check_torn(self) -> None:
        references_only = replace(self.piv, pin=self.before.piv.pin, puk=self.before.piv.puk)
        assert replace(self.office.card_state, piv=references_only) == self.before
        with self.session() as session:
            self.check_tries_stay(session)
            if self.tries == (FULL, FULL):
                session.verify_pin(NEW)
                return
            assert self.tries in {(0, FULL - 1), (0, FULL - 2)}
            for pin in (OLD, NEW):
                with pytest.raises(PinBlockedError):
                    session.verify_pin(pin)

    def finish(self) -> None:
        with self.session() as session:
            session.unblock_pin(self.puk, NEW)
            session.verify_pin(NEW)
        assert self.tries == (FULL, FULL)


class WrongUnblock(Unblock):
    """A guess at the PUK whose power is cut is a guess."""

    title = "unblock with a wrong PUK"
    presented = WRONG

    def run(self) -> None:
        with suppress(InvalidPukError, PukBlockedError):
            super().run()

    def check_torn(self) -> None:
        assert self.tries in {(0, FULL - 1), (0, FULL - 2)}
        super().check_torn()


class KeyRotation(Operation):
    """SCP03's keys, from one version to the next."""

    title = "key rotation"

    def prepare(self) -> None:
        self.before = self.office.card_state
        self.version = self._card().channel_version

    def run(self) -> None:
        self.office.registry.channel_keys.rotate(CLERK, self.office.reader.name)

    def check_torn(self) -> None:
        assert self.piv == self.before.piv
        ((version, keys),) = self.office.card_state.isd.key_sets.items()
        card = self._card()
        assert version in {card.channel_version, card.pending_channel_version}
        if version == self.version:
            assert keys.sequence_counter >= self.before.isd.key_sets[version].sequence_counter
        with pcsc.connect(self.office.reader.name) as connection:
            domain = IssuerSecurityDomain(connection)
            found = domain.first_recognised(recorded_keys(self.office.pki.master_keys["card"], card))
            assert found is not None
            assert found.version == version
            domain.authenticate(found, CHANNEL_LEVEL)
            assert domain.key_versions() == {version}

    def finish(self) -> None:
        card = self._card()
        torn = card.pending_channel_version is not None or card.channel_version == self.version
        if torn:
            self.run()
        card = self._card()
        assert (card.channel_version, card.pending_channel_version) == (self.version + 1, None)
        self.check_torn()

    def _card(self) -> Card:
        with self.office.registry.database.reading() as session:
            return session.get_one(Card, self.number)


class KeyRenewal(Operation):
    """A new key and certificate in 9A."""

    title = "renewal of 9A"
    profile = Profile.AUTHENTICATION

    def __init__(self, office: Office) -> None:
        super().__init__(office)
        (self.plan,) = [plan for plan in KEY_PLANS if plan.profile is self.profile]
        self.object = self.plan.slot.certificate_object

    def prepare(self) -> None:
        self.before = self.office.card_state
        with self.session() as session:
            self.old = session.read_certificate(self.plan.slot)
        assert self._good() == {self.old}

    def run(self) -> None:
        self.office.registry.renewals.renew(CLERK, self.office.reader.name, self.profile, OLD)

    def check_torn(self) -> None:
        self._check_rest()
        self._check_key()
        with self.session() as session:
            self._check_certificate(session)
            self.check_tries_stay(session)
            assert FULL - 1 <= self.tries[0] <= FULL
            session.verify_pin(OLD)

    def _check_rest(self) -> None:
        """What the renewal has no business with is as it was."""
        slot, kept = self.plan.slot, self.before.piv
        assert {tag: value for tag, value in self.piv.objects.items() if tag != self.object} == {
            tag: value for tag, value in kept.objects.items() if tag != self.object
        }
        assert {ref: key for ref, key in self.piv.private_keys.items() if ref != slot} == {
            ref: key for ref, key in kept.private_keys.items() if ref != slot
        }
        assert replace(self.piv, pin=kept.pin, objects={}, private_keys={}) == replace(
            kept, objects={}, private_keys={}
        )

    def _check_key(self) -> None:
        """A key is certified, or the record says that it is being replaced."""
        key = self._key()
        assert all(_key_of(good) == key for good in self._good()), "a good certificate of a lost key"
        renewal = self._open()
        if renewal is None:
            assert {_key_of(good) for good in self._good()} == {key}
        elif renewal.csr is not None:
            assert _octets(x509.load_der_x509_csr(renewal.csr).public_key()) == key

    def _check_certificate(self, session: PivSession) -> None:
        """Whole and old, whole and new, or absent."""
        try:
            found = session.read_certificate(self.plan.slot)
        except ObjectNotFoundError:
            assert self._open() is not None
            return
        assert found in self._issued()
        if found != self.old:
            assert _key_of(found) == self._key()

    def finish(self) -> None:
        with self.session() as session:
            renewed = self._open() is None and session.read_certificate(self.plan.slot) != self.old
        if not renewed:
            self.run()
        self._check_rest()
        self._check_key()
        assert self._open() is None
        with self.session() as session:
            new = session.read_certificate(self.plan.slot)
            assert new != self.old
            assert self._good() == {new}
            key = session.public_key(self.plan.slot)
            session.verify_pin(OLD)
            session.sign(self.plan.slot, key, b"renewed", SHA384())
        states = {der: status for der, status in self._issued().items() if der != new}
        assert set(states.values()) <= {Status.REVOKED}
        assert states[self.old] is Status.REVOKED

    def _key(self) -> bytes:
        stored = self.piv.private_keys[self.plan.slot].key
        return _octets(load_der_private_key(stored.value, None).public_key())

    def _open(self) -> Renewal | None:
        states = (RenewalState.BEGUN, RenewalState.REQUESTED)
        with self.office.registry.database.reading() as session:
            return session.scalar(select(Renewal).where(Renewal.state.in_(states)))

    def _issued(self) -> dict[bytes, Status]:
        """The authority's certificates for this slot."""
        query = select(CertificateBody.der, CertificateRow.status).join(CertificateRow)
        with self.office.pki.engine.connect() as connection:
            rows = connection.execute(query.where(CertificateRow.profile == self.profile.value))
            return {row.der: Status(row.status) for row in rows}

    def _good(self) -> set[bytes]:
        return {der for der, status in self._issued().items() if status is Status.GOOD}


class SignatureRenewal(KeyRenewal):
    """The same in 9C."""

    title = "renewal of 9C"
    profile = Profile.SIGNATURE


def _key_of(der: bytes) -> bytes:
    return _octets(x509.load_der_x509_certificate(der).public_key())


def _octets(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


RECORDED: tuple[type[Operation], ...] = (KeyRotation, KeyRenewal, SignatureRenewal)
"""The registry keeps a record of where they stand."""
OPERATIONS: tuple[type[Operation], ...] = (
    PinChange,
    WrongPinChange,
    TransportPinChange,
    Unblock,
    WrongUnblock,
    *RECORDED,
)
