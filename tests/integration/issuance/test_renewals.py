"""Renewing keys and rotating channel keys: what is refused, and what other events do to them."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import cast

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from click.testing import CliRunner, Result
from cryptography import x509
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from cardio.errors import InvalidPinError, ObjectNotFoundError, UnexpectedAnswerError
from cardio.globalplatform.keys import KeySet as ChannelKeySet
from cardio.globalplatform.session import IssuerSecurityDomain
from cardio.piv.session import PivSession
from cardio.piv.slots import Algorithm, PublicKey, Slot
from cardio.transport import pcsc
from cardio.transport.base import TransportError
from hoviat import main
from issuance.audit import AuditEntry
from issuance.errors import ForbiddenTransitionError, NotFoundError, RoleRequiredError
from issuance.lifecycle.models import Card
from issuance.lifecycle.states import RevocationCause
from issuance.models import Base
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.production import personalisation
from issuance.production.errors import (
    CardExpiredError,
    KeyVersionsUsedUpError,
    NothingToVoidError,
    OvertakenError,
    ReadBackError,
    UnknownKeysError,
)
from issuance.production.models import Renewal, RenewalState
from issuance.production.personalisation import KeyPlan, Proof
from issuance.production.renewalsteps import RenewalView
from issuance.provenance.models import KeyProvenance
from pki.auditchain import verify_table
from pki.authority.values import CertificateRequest, IssuedCertificate
from pki.errors import IssuerRevokedError, PkiError
from pki.profiles import Profile
from pki.status.state import Status
from pki.store.models import CertificateRow
from simulators.card.file import CardFile
from simulators.card.globalplatform.keyset import KeySet
from tests.integration.issuance.office import CITIZENS_PIN, CLERK, Office, Readers, open_office, open_registry
from tests.integration.issuance.tearing import Cut, DyingRegistry, ProcessDiedError

OUTSIDER = Actor("outsider", cast(Role, "outsider"))
PUT_CERTIFICATE = 12
"""The APDU of a renewal that writes the certificate."""


def renew(office: Office, pin: str = CITIZENS_PIN) -> RenewalView:
    return office.registry.renewals.renew(CLERK, office.reader.name, Profile.AUTHENTICATION, pin)


def rotate(office: Office) -> int:
    return office.registry.channel_keys.rotate(CLERK, office.reader.name)


def file_of(office: Office, number: str) -> Path:
    return office.home.cards / f"{number}.card"


def torn(office: Office, number: str) -> RenewalView:
    """A renewal with its certificate issued, and the card without it, back in the reader."""
    office.insert_made(file_of(office, number), lambda store: Cut.COMMAND.card(store, PUT_CERTIFICATE))
    with pytest.raises(TransportError):
        renew(office)
    office.insert(file_of(office, number))
    (left,) = office.registry.renewals.open_on(number)
    assert left.state is RenewalState.REQUESTED
    assert statuses(office)[Status.ON_HOLD] == 1
    with pytest.raises(ObjectNotFoundError):
        certificate(office)
    return left


def statuses(office: Office) -> Counter[Status]:
    """Of the log-in certificates."""
    query = select(CertificateRow.status).where(CertificateRow.profile == Profile.AUTHENTICATION.value)
    with office.pki.engine.connect() as connection:
        return Counter(Status(row.status) for row in connection.execute(query))


def certificate(office: Office) -> bytes:
    with pcsc.connect(office.reader.name) as connection:
        return PivSession(connection).read_certificate(Slot.AUTHENTICATION)


def renewals(office: Office) -> list[Renewal]:
    with office.registry.database.reading() as session:
        return list(session.scalars(select(Renewal)))


def test_a_key_is_renewed_and_renewed_again(office: Office) -> None:
    number = office.issue()
    seen = {certificate(office)}
    for _ in range(2):
        renewed = renew(office)
        assert (renewed.card_number, renewed.state) == (number, RenewalState.FINISHED)
        assert renewed.serial is not None
        assert office.status(renewed.serial).status is Status.GOOD
        seen.add(certificate(office))
    assert len(seen) == 3
    assert statuses(office) == Counter([Status.GOOD, Status.REVOKED, Status.REVOKED])
    with office.registry.database.reading() as session:
        verify_table(session, AuditEntry)


def test_a_renewed_certificate_ends_with_the_card(office: Office) -> None:
    office.issue()
    first = x509.load_der_x509_certificate(certificate(office))
    with pcsc.connect(office.reader.name) as connection:
        signature = PivSession(connection).read_certificate(Slot.SIGNATURE)
    ends = min(first.not_valid_after_utc, x509.load_der_x509_certificate(signature).not_valid_after_utc)
    office.clock.ahead = timedelta(days=200)
    renew(office)
    renewed = x509.load_der_x509_certificate(certificate(office))
    assert renewed.not_valid_before_utc > first.not_valid_before_utc
    assert renewed.not_valid_after_utc == ends


def test_an_expired_card_is_not_renewed(office: Office) -> None:
    office.issue()
    ends = x509.load_der_x509_certificate(certificate(office)).not_valid_after_utc
    office.clock.ahead = ends - office.clock() + timedelta(minutes=1)
    with pytest.raises(CardExpiredError):
        renew(office)
    assert renewals(office) == []


def test_a_wrong_pin_changes_nothing(office: Office) -> None:
    office.issue()
    before = office.card_state.piv
    with pytest.raises(InvalidPinError):
        renew(office, "99999999")
    assert replace(office.card_state.piv, pin=before.pin) == before
    assert renewals(office) == []
    assert statuses(office) == Counter([Status.GOOD])


def test_a_stranger_is_not_renewed(office: Office) -> None:
    office.insert(office.blank())
    for work in (renew, rotate):
        with pytest.raises(NotFoundError):
            work(office)


@pytest.mark.parametrize("work", [renew, rotate])
def test_a_card_with_other_channel_keys_is_left_alone(
    office: Office, work: Callable[[Office], object]
) -> None:
    number = office.issue()
    office.remove()
    with CardFile.open(file_of(office, number)) as file:
        keys = {1: KeySet(bytes(32), bytes(32), bytes(32))}
        file.commit(replace(file.state, isd=replace(file.state.isd, key_sets=MappingProxyType(keys))))
        before = file.state.piv
    office.insert(file_of(office, number))
    with pytest.raises(UnknownKeysError):
        work(office)
    assert office.card_state.piv == before
    assert office.card_state.isd.key_sets[1].failures == 0
    assert renewals(office) == []


def test_a_suspended_card_is_not_renewed_but_rotated(office: Office) -> None:
    number = office.issue()
    office.registry.lifecycle.suspend(CLERK, number)
    with pytest.raises(ForbiddenTransitionError):
        renew(office)
    assert rotate(office) == 2
    office.registry.lifecycle.revoke(CLERK, number, RevocationCause.LOST)
    with pytest.raises(ForbiddenTransitionError):
        rotate(office)


def test_a_renewed_card_is_suspended_and_resumed(office: Office) -> None:
    number = office.issue()
    renew(office)
    office.registry.lifecycle.suspend(CLERK, number)
    assert statuses(office) == Counter([Status.ON_HOLD, Status.REVOKED])
    office.registry.lifecycle.resume(CLERK, number)
    assert statuses(office) == Counter([Status.GOOD, Status.REVOKED])
    office.registry.lifecycle.revoke(CLERK, number, RevocationCause.LOST)
    assert set(statuses(office)) == {Status.REVOKED}


def test_a_card_is_suspended_and_resumed_in_the_middle(office: Office) -> None:
    """The certificate that is not on the card yet stays on hold."""
    number = office.issue()
    left = torn(office, number)
    office.registry.lifecycle.suspend(CLERK, number)
    office.registry.lifecycle.resume(CLERK, number)
    assert statuses(office) == Counter([Status.ON_HOLD, Status.REVOKED])
    assert renew(office).id == left.id
    assert statuses(office) == Counter([Status.GOOD, Status.REVOKED])


def test_a_torn_renewal_is_given_up(office: Office) -> None:
    number = office.issue()
    left = torn(office, number)
    ended = office.registry.renewals.give_up(CLERK, left.id)
    assert ended.state is RenewalState.GIVEN_UP
    assert statuses(office) == Counter([Status.REVOKED, Status.REVOKED])
    with pytest.raises(NothingToVoidError):
        office.registry.renewals.give_up(CLERK, left.id)
    with pytest.raises(ObjectNotFoundError):
        certificate(office)
    assert renew(office).id != left.id
    assert statuses(office) == Counter([Status.GOOD, Status.REVOKED, Status.REVOKED])


def died_after_activation(office: Office) -> str:
    """A card whose renewal's certificate is good, of which the registry has no record; its number."""
    number = office.issue()
    activate = office.pki.authority.activate_card

    def activate_and_die(serials: Sequence[int], actor: str, note: str) -> None:
        activate(serials, actor, note)
        raise ProcessDiedError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(office.pki.authority, "activate_card", activate_and_die)
        with pytest.raises(ProcessDiedError):
            renew(office)
    assert statuses(office) == Counter([Status.GOOD, Status.REVOKED])
    return number


def test_a_card_is_stolen_after_the_registry_died_at_activation(office: Office) -> None:
    number = died_after_activation(office)
    office.registry.lifecycle.revoke(CLERK, number, RevocationCause.STOLEN)
    assert statuses(office) == Counter([Status.REVOKED, Status.REVOKED])
    assert office.registry.renewals.open_on(number) == []
    assert [renewal.state for renewal in renewals(office)] == [RenewalState.GIVEN_UP]


def test_a_card_is_suspended_after_the_registry_died_at_activation(office: Office) -> None:
    number = died_after_activation(office)
    office.registry.lifecycle.suspend(CLERK, number)
    assert statuses(office) == Counter([Status.ON_HOLD, Status.REVOKED])
    office.registry.lifecycle.resume(CLERK, number)
    assert statuses(office) == Counter([Status.GOOD, Status.REVOKED])
    assert renew(office).state is RenewalState.FINISHED
    assert statuses(office) == Counter([Status.GOOD, Status.REVOKED])


def test_a_renewal_is_given_up_after_the_registry_died_at_activation(office: Office) -> None:
    number = died_after_activation(office)
    (left,) = office.registry.renewals.open_on(number)
    office.registry.renewals.give_up(CLERK, left.id)
    assert set(statuses(office)) == {Status.REVOKED}
    office.registry.lifecycle.suspend(CLERK, number)
    office.registry.lifecycle.resume(CLERK, number)
    assert set(statuses(office)) == {Status.REVOKED}


def test_what_is_issued_just_when_the_card_is_revoked_is_revoked(office: Office) -> None:
    number = office.issue()
    issue = office.pki.authority.issue

    def revoke_and_issue(request: CertificateRequest) -> IssuedCertificate:
        office.registry.lifecycle.revoke(CLERK, number, RevocationCause.STOLEN)
        return issue(request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(office.pki.authority, "issue", revoke_and_issue)
        with pytest.raises(NothingToVoidError):
            renew(office)
    assert statuses(office) == Counter([Status.REVOKED, Status.REVOKED])


def test_a_revoked_cards_renewal_is_given_up_at_once(office: Office) -> None:
    number = office.issue()
    torn(office, number)
    office.registry.lifecycle.revoke(CLERK, number, RevocationCause.LOST)
    assert office.registry.renewals.open_on(number) == []
    assert set(statuses(office)) == {Status.REVOKED}
    with pytest.raises(ForbiddenTransitionError):
        renew(office)


def test_a_renewal_begun_as_its_card_was_revoked_is_given_up_when_the_registry_opens(office: Office) -> None:
    number = office.issue()
    torn(office, number)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(office.registry.renewals, "end_on", lambda *_: None)
        office.registry.lifecycle.revoke(CLERK, number, RevocationCause.LOST)
    assert len(office.registry.renewals.open_on(number)) == 1
    office.registry.close()
    readers = Readers(office.reader.name)
    office.registry = open_registry(office.home, office.pki, office.register, readers, office.clock)
    assert office.registry.renewals.open_on(number) == []
    assert set(statuses(office)) == {Status.REVOKED}


def test_a_card_is_renewed_with_whatever_keys_a_rotation_left(office: Office) -> None:
    number = office.issue()
    assert rotate(office) == 2
    renew(office)
    office.insert(file_of(office, number), power_cut_after_writes=5)  # they are on the card, nobody heard
    with pytest.raises(TransportError):
        rotate(office)
    office.insert(file_of(office, number))
    assert set(office.card_state.isd.key_sets) == {3}
    renew(office)
    assert rotate(office) == 3
    assert rotate(office) == 4


def channel_versions(office: Office, number: str) -> tuple[int, int | None]:
    with office.registry.database.reading() as session:
        card = session.get_one(Card, number)
        return card.channel_version, card.pending_channel_version


def set_channel_versions(office: Office, number: str, recorded: int, pending: int | None) -> None:
    with office.registry.database.writing() as session:
        card = session.get_one(Card, number)
        card.channel_version, card.pending_channel_version = recorded, pending


def test_a_rotation_that_was_overtaken_records_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = office.issue()
    put = personalisation.rotate_channel_keys

    def put_late(domain: IssuerSecurityDomain, new: ChannelKeySet, replaced: int) -> None:
        put(domain, new, replaced)
        set_channel_versions(office, number, 2, 3)

    monkeypatch.setattr(personalisation, "rotate_channel_keys", put_late)
    with pytest.raises(OvertakenError):
        rotate(office)
    assert channel_versions(office, number) == (2, 3)


def test_the_last_version_of_channel_keys_is_not_followed_by_the_first(office: Office) -> None:
    number = office.issue()
    set_channel_versions(office, number, 127, None)
    with pytest.raises(KeyVersionsUsedUpError):
        rotate(office)
    assert channel_versions(office, number) == (127, None)


def test_a_request_that_was_overtaken_is_not_recorded(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.issue()
    sign = personalisation.sign_request

    def sign_late(piv: PivSession, plan: KeyPlan, key: PublicKey, pin: str, name: str) -> bytes:
        with office.registry.database.writing() as session:
            (renewal,) = session.scalars(select(Renewal))
            renewal.csr, renewal.state = b"theirs", RenewalState.REQUESTED.value
        return sign(piv, plan, key, pin, name)

    monkeypatch.setattr(personalisation, "sign_request", sign_late)
    with pytest.raises(OvertakenError):
        renew(office)
    assert [renewal.csr for renewal in renewals(office)] == [b"theirs"]


def refuse_issuing(office: Office, patch: pytest.MonkeyPatch) -> None:
    def refuse(request: CertificateRequest) -> IssuedCertificate:
        raise IssuerRevokedError(request.request_id, "revoked")

    patch.setattr(office.pki.authority, "issue", refuse)


def test_what_was_issued_is_revoked_though_the_authority_issues_no_more(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = torn(office, office.issue())
    refuse_issuing(office, monkeypatch)
    office.registry.renewals.give_up(CLERK, left.id)
    assert set(statuses(office)) == {Status.REVOKED}


def test_what_got_nothing_is_given_up(office: Office) -> None:
    number = office.issue()
    with pytest.MonkeyPatch.context() as patch:
        refuse_issuing(office, patch)
        with pytest.raises(IssuerRevokedError):
            renew(office)
    (left,) = office.registry.renewals.open_on(number)
    assert office.registry.renewals.give_up(CLERK, left.id).state is RenewalState.GIVEN_UP
    assert statuses(office) == Counter([Status.REVOKED])


@pytest.mark.parametrize("place", range(1, 8))
def test_what_a_torn_renewal_has_revoked_is_not_in_force_once_it_is_given_up(
    office: Office, place: int
) -> None:
    """Wherever the process died: before the old key gave way, after, and between authority and registry."""
    number = office.issue()
    with pytest.MonkeyPatch.context() as patch, suppress(ProcessDiedError):
        DyingRegistry(place).watch(office, patch)
        renew(office)
    for left in office.registry.renewals.open_on(number):
        office.registry.renewals.give_up(CLERK, left.id)
    with office.registry.database.reading() as session:
        in_force = {row.serial_number for row in session.get_one(Card, number).certificates_in_force}
        indexed = select(KeyProvenance.serial).where(KeyProvenance.superseded_at.is_(None))
        assert set(session.scalars(indexed)) == in_force
    assert {office.status(serial).status for serial in in_force} == {Status.GOOD}
    renew(office)
    assert statuses(office)[Status.GOOD] == 1


def test_who_can_not_be_asked_leaves_the_renewal_open(office: Office) -> None:
    number = office.issue()
    left = torn(office, number)

    def fail(_request_id: str) -> None:
        raise PkiError("no answer")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(office.pki.authority, "certificate", fail)
        with pytest.raises(PkiError):
            office.registry.renewals.give_up(CLERK, left.id)
        with pytest.raises(PkiError):
            office.registry.lifecycle.revoke(CLERK, number, RevocationCause.LOST)
    assert office.registry.renewals.open_on(number) == [left]
    assert statuses(office) == Counter([Status.ON_HOLD, Status.REVOKED])


def test_who_is_neither_clerk_nor_supervisor_changes_nothing(office: Office) -> None:
    left = torn(office, office.issue())
    registry, name = office.registry, office.reader.name
    works: list[Callable[[], object]] = [
        lambda: registry.renewals.renew(OUTSIDER, name, Profile.AUTHENTICATION, CITIZENS_PIN),
        lambda: registry.renewals.give_up(OUTSIDER, left.id),
        lambda: registry.channel_keys.rotate(OUTSIDER, name),
    ]
    for work in works:
        with pytest.raises(RoleRequiredError):
            work()
    assert registry.renewals.open_on(left.card_number) == [left]
    assert channel_versions(office, left.card_number) == (1, None)


@pytest.mark.parametrize("work", [renew, rotate])
def test_no_other_program_gets_the_card_in_between(
    office: Office, work: Callable[[Office], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    office.issue()
    exclusive, transmit = pcsc.PcscConnection.exclusive, pcsc.PcscConnection.transmit
    alone = False

    @contextmanager
    def watched(connection: pcsc.PcscConnection) -> Iterator[None]:
        nonlocal alone
        with exclusive(connection):
            alone = True
            yield
            alone = False

    def transmit_alone(connection: pcsc.PcscConnection, command: bytes) -> bytes:
        assert alone
        return transmit(connection, command)

    monkeypatch.setattr(pcsc.PcscConnection, "exclusive", watched)
    monkeypatch.setattr(pcsc.PcscConnection, "transmit", transmit_alone)
    work(office)


def test_a_card_that_is_suspended_at_the_last_moment_gets_nothing_good(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = office.issue()
    prove = personalisation.prove_keys

    def suspend_and_prove(piv: PivSession, proofs: Sequence[Proof], pin: str) -> None:
        office.registry.lifecycle.suspend(CLERK, number)
        prove(piv, proofs, pin)

    monkeypatch.setattr(personalisation, "prove_keys", suspend_and_prove)
    with pytest.raises(ForbiddenTransitionError):
        renew(office)
    assert statuses(office) == Counter([Status.ON_HOLD, Status.REVOKED])


def test_a_card_that_keeps_another_certificate_is_found_out(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.issue()
    put, old = PivSession.put_certificate, certificate(office)

    def put_another(piv: PivSession, slot: Slot, _der: bytes) -> None:
        put(piv, slot, old)

    monkeypatch.setattr(PivSession, "put_certificate", put_another)
    with pytest.raises(ReadBackError, match="certificate"):
        renew(office)
    assert statuses(office) == Counter([Status.ON_HOLD, Status.REVOKED])


def test_a_card_that_keeps_another_key_is_found_out(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.issue()
    put = PivSession.put_certificate

    def put_beside_another_key(piv: PivSession, slot: Slot, der: bytes) -> None:
        piv.generate_key(slot, Algorithm.ECC_P256)
        put(piv, slot, der)

    monkeypatch.setattr(PivSession, "put_certificate", put_beside_another_key)
    with pytest.raises(UnexpectedAnswerError):
        renew(office)
    assert statuses(office) == Counter([Status.ON_HOLD, Status.REVOKED])


def test_a_certificate_of_another_key_is_not_written(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.issue()
    issue, old = office.pki.authority.issue, certificate(office)
    monkeypatch.setattr(office.pki.authority, "issue", lambda request: replace(issue(request), der=old))
    with pytest.raises(ReadBackError, match="another key"):
        renew(office)
    with pytest.raises(ObjectNotFoundError):
        certificate(office)
    assert statuses(office) == Counter([Status.ON_HOLD, Status.REVOKED])


def test_the_commands(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    number = office.issue()
    passwords = json.loads((office.home.secrets / "operators.json").read_bytes())
    monkeypatch.setenv("HOVIAT_OPERATOR_PASSWORD", passwords["clerk-1"])
    monkeypatch.setenv("HOVIAT_PIN", CITIZENS_PIN)
    card = ("--reader", office.reader.name)

    def registry(*arguments: str) -> dict[str, object]:
        result = hoviat(office, *arguments)
        assert result.exit_code == 0, result.output
        printed = json.loads(result.stdout)
        assert isinstance(printed, dict)
        return printed

    renewed = registry("renew", "authentication", *card)
    assert (renewed["card_number"], renewed["state"]) == (number, "finished")
    assert registry("rotate-keys", *card) == {"key_version": 2}
    torn(office, number)
    assert registry("give-up", number)["state"] == "given_up"
    assert "no torn renewal" in hoviat(office, "give-up", number).stderr
    monkeypatch.setenv("HOVIAT_PIN", "99999999")
    assert hoviat(office, "renew", "signature", *card).exit_code == 1
    monkeypatch.setenv("HOVIAT_OPERATOR_PASSWORD", "wrong")
    assert "Wrong" in hoviat(office, "rotate-keys", *card).stderr.title()


def hoviat(office: Office, command: str, *arguments: str) -> Result:
    options = ("--operator", "clerk-1", "--json")
    return CliRunner().invoke(
        main, ["--home", str(office.home.root), "registry", command, *arguments, *options]
    )


def locked_while(office: Office, number: str) -> Callable[..., None]:
    """Activating, while nobody else can suspend or revoke the card."""
    activate = office.pki.authority.activate_card
    locking = select(Card.state).where(Card.card_number == number).with_for_update(nowait=True)

    def activate_locked(serials: Sequence[int], actor: str, note: str) -> None:
        with office.registry.database.engine.connect() as connection, pytest.raises(OperationalError):
            connection.execute(locking)
        activate(serials, actor, note)

    return activate_locked


@pytest.mark.slow
def test_on_postgresql(tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOVIAT_ISSUANCE_DATABASE", postgres_url)
    with open_office(tmp_path) as office:
        number = office.issue()
        left = torn(office, number)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(office.pki.authority, "activate_card", locked_while(office, number))
            assert renew(office).id == left.id
        assert rotate(office) == 2
        assert statuses(office) == Counter([Status.GOOD, Status.REVOKED])
        with office.registry.database.engine.connect() as connection:
            assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
