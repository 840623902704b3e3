"""A home that is lost and comes back repeats nothing and goes on; sets that are not whole bring nothing."""

import io
import json
import shutil
import tarfile
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import select
from sqlalchemy.orm import Session

import pki.bootstrap
from cardio.station.identity import StationKey
from issuance.approval.errors import BatchOverError
from issuance.approval.stepup import Proof
from issuance.audit import Audit, AuditEntry
from issuance.enrolment.models import Application
from issuance.errors import NotSignedInError, RoleRequiredError
from issuance.lifecycle.models import CardCertificate
from issuance.offices.models import FIRST_OFFICE
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.orders.errors import NotHeldError, NotReconciledError
from issuance.orders.models import Order
from issuance.orders.reconciling import Finding, Reconciling
from issuance.production.steps import ProductionState
from issuance.stations.errors import StationCodeError
from pki.auditchain.restoring import RESTORED
from pki.errors import OfficerLabelError
from pki.home import Home, load
from pki.store.models import CrlNumber
from simulators.installation.audit import RECORDS, verify_chains
from simulators.installation.backup import making
from simulators.installation.backup.databases import opened
from simulators.installation.backup.errors import (
    BackupDamagedError,
    BackupError,
    BackupLockedError,
    BackupPlaceError,
)
from simulators.installation.backup.making import MAGIC, make_backup
from simulators.installation.backup.restoring import check, restore
from tests.integration.issuance.office import (
    SUPERVISOR,
    Office,
    open_home,
    open_office,
)
from tests.integration.issuance.office import initialise as make_home
from verifier.bootstrap import initialise as make_verifier
from verifier.challenges.models import ChallengeKeyRow

OFFICERS, NOTE = ("officer-one", "officer-two"), "the disk is lost"
PASSPHRASE = b"a passphrase of this test"
ADMINISTRATOR = Actor("administrator-1", Role.ADMINISTRATOR)


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("founded") / "home"
    make_home(home)
    make_verifier(load(home))
    return home


@pytest.fixture
def office(tmp_path: Path, founded: Path) -> Iterator[Office]:
    with open_office(tmp_path, founded) as opened:
        yield opened


@pytest.fixture(scope="module")
def whole(founded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set without secrets, for altering."""
    target = tmp_path_factory.mktemp("whole") / "set"
    make_backup(load(founded), target, None)
    return target


def serials(office: Office) -> set[str]:
    with office.registry.database.reading() as session:
        return set(session.scalars(select(CardCertificate.serial)))


def crl_numbers(home: Home) -> dict[str, int]:
    engine = pki.bootstrap.open_engine(home)
    with Session(engine) as session:
        numbers = {row.scope: row.number for row in session.scalars(select(CrlNumber))}
    engine.dispose()
    return numbers


def test_a_home_comes_back_goes_on_and_repeats_nothing(office: Office, tmp_path: Path) -> None:
    office.issue(0)
    waiting = office.approved(1)
    torn = office.approved(2)
    blank = office.blank()
    office.insert(blank, power_cut_after_writes=6)
    assert office.produce(torn).state is ProductionState.INTERRUPTED
    office.remove()

    made = make_backup(office.home, tmp_path / "set", PASSPHRASE)
    before = serials(office)

    lost = office.issue(3)  # what nobody will know of
    after = serials(office) - before
    for scope in crl_numbers(office.home):
        office.pki.crls.publish(scope)
    numbers = crl_numbers(office.home)
    office.remove()

    assert check(tmp_path / "set", PASSPHRASE).heads == made.heads
    back = restore(tmp_path / "set", tmp_path / "later" / "home", PASSPHRASE, OFFICERS, NOTE)
    assert (back.orders_held, back.runs_torn) == (1, 1)

    chains = verify_chains(load(tmp_path / "later" / "home"))
    assert chains == {name: int(head["sequence"]) + 1 for name, head in made.heads.items()}
    with open_home(tmp_path / "later" / "home") as again:
        assert serials(again) == before
        with again.registry.database.reading() as session:
            order = session.get_one(Order, waiting)
            assert order.lease_expires_at is not None
            assert order.lease_expires_at > datetime(2999, 1, 1, tzinfo=UTC)
        again.insert(again.blank())
        with pytest.raises(NotReconciledError):
            again.produce(waiting)
        reconciling = Reconciling(again.registry.database, Audit(again.clock))
        assert list(reconciling.held(SUPERVISOR)) == [waiting]
        reconciling.release(SUPERVISOR, waiting, Finding.NOT_MADE)
        with pytest.raises(NotHeldError):
            reconciling.release(SUPERVISOR, waiting, Finding.NOT_MADE)
        run = again.produce(waiting)
        assert run.state is ProductionState.PRODUCED, (run.failure_kind, run.failure_detail)
        fresh = serials(again) - before
        assert fresh
        assert not fresh & after
        view = again.registry.production.latest(torn)
        assert view is not None
        assert (view.state, view.failure_kind) == (ProductionState.INTERRUPTED, "restored")
        again.insert(again.home.cards / blank.name)
        assert again.produce(torn).state is ProductionState.PRODUCED
        assert lost not in {run.card_number, view.card_number}
        for scope, number in numbers.items():
            assert again.pki.crls.publish(scope).number > number
    assert verify_chains(load(tmp_path / "later" / "home"))["issuance"] > chains["issuance"]


def test_what_opened_something_before_opens_nothing_after(office: Office, tmp_path: Path) -> None:
    """Else who signed out, or used a code up, since the backup, would be in again."""
    registry, password = office.registry, _password(office.home, "supervisor-1")
    token = registry.operators.sign_in("supervisor-1", password, "here")
    registry.stations.add(ADMINISTRATOR, "qazvin-1", FIRST_OFFICE)
    code = registry.stations.create_code(ADMINISTRATOR, "qazvin-1").code
    application = office.enrol(0)
    with registry.database.reading() as session:
        version = session.get_one(Application, application).version
    batch = registry.batches.propose(SUPERVISOR, [(application, version)])
    make_backup(office.home, tmp_path / "set", PASSPHRASE)
    restore(tmp_path / "set", tmp_path / "later" / "home", PASSPHRASE, OFFICERS, NOTE)
    with open_home(tmp_path / "later" / "home") as again:
        registry = again.registry
        with pytest.raises(NotSignedInError):
            registry.operators.actor(token)
        with pytest.raises(StationCodeError):
            registry.stations.enrol(code, StationKey().request(), "here")
        with pytest.raises(BatchOverError):
            registry.batches.confirm(SUPERVISOR, batch.id, Proof(password, "here"))


def _password(home: Home, username: str) -> str:
    return str(json.loads((home.secrets / "operators.json").read_text())[username])


def test_a_backup_is_one_moment_of_a_registry_at_work(office: Office, tmp_path: Path) -> None:
    """Whoever writes meanwhile goes on, and is in it whole or not at all."""
    over, told = threading.Event(), list[str]()

    def work() -> None:
        number = 0
        while not over.is_set():
            application = office.enrol(number)
            office.registry.approval.approve(SUPERVISOR, application)
            told.append(application)
            number += 1

    writer = threading.Thread(target=work)
    writer.start()
    try:
        sets = [make_backup(office.home, tmp_path / f"set-{number}", None) for number in range(3)]
    finally:
        over.set()
        writer.join()
    assert told
    for number, manifest in enumerate(sets):
        assert check(tmp_path / f"set-{number}", None).heads == manifest.heads
    restored = restore(tmp_path / "set-2", tmp_path / "back", None, OFFICERS, NOTE)
    with opened(load(tmp_path / "back"), "issuance") as engine, Session(engine) as session:
        orders = set(session.scalars(select(Order.application_id)))
        approved = select(AuditEntry.subject).where(AuditEntry.action == "application.approve")
        assert {f"application:{order}" for order in orders} == set(session.scalars(approved))
    assert restored.orders_held == len(orders)


def test_who_answers_for_it_is_on_record_in_every_chain(whole: Path, founded: Path, tmp_path: Path) -> None:
    shutil.copytree(founded / "secrets", tmp_path / "secrets")
    restore(whole, tmp_path / "back", None, OFFICERS, NOTE)
    home = load(tmp_path / "back")
    for service, record in RECORDS.items():
        with opened(home, service) as engine, Session(engine) as session:
            newest = session.scalars(select(record.entries).order_by(record.entries.sequence.desc())).first()
            assert newest is not None
            assert (newest.action, newest.actor) == (RESTORED, "officers:officer-one+officer-two")
            assert newest.details["note"] == NOTE
    with opened(home, "verifier") as engine, Session(engine) as session:
        assert session.scalars(select(ChallengeKeyRow)).all() == []


@pytest.mark.parametrize(
    "officers", [(), ("officer-one",), ("officer-1", "officer-l"), ("Somebody Real", "b")]
)
def test_nobody_restores_alone(whole: Path, tmp_path: Path, officers: tuple[str, ...]) -> None:
    with pytest.raises(OfficerLabelError):
        restore(whole, tmp_path / "back", None, officers, NOTE)
    assert not (tmp_path / "back").exists()


def test_without_a_passphrase_no_secret_is_in_it(whole: Path, founded: Path) -> None:
    secret = (founded / "secrets" / "passphrase").read_bytes().strip()
    assert secret not in whole.read_bytes()
    with tarfile.open(fileobj=io.BytesIO(whole.read_bytes().removeprefix(MAGIC))) as tar:
        names = tar.getnames()
    assert names[-2:] == ["manifest.json", "manifest.sig"]
    assert not any(name.startswith("home/secrets") for name in names)
    assert {"databases/pki", "databases/issuance", "databases/verifier", "home/hoviat.toml"} <= set(names)


def test_nothing_takes_anothers_place(founded: Path, whole: Path, tmp_path: Path) -> None:
    before = whole.read_bytes()
    with pytest.raises(BackupPlaceError):
        make_backup(load(founded), whole, None)
    assert whole.read_bytes() == before
    with pytest.raises(BackupPlaceError):
        make_backup(load(founded), founded / "set", None)
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "file").write_text("mine")
    with pytest.raises(BackupPlaceError):
        restore(whole, tmp_path / "used", None, OFFICERS, NOTE)
    assert [path.name for path in tmp_path.iterdir()] == ["used"]


def test_a_backup_that_is_torn_leaves_nothing(
    founded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def torn(*_: object) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(making, "sign", torn)
    with pytest.raises(KeyboardInterrupt):
        make_backup(load(founded), tmp_path / "set", PASSPHRASE)
    assert list(tmp_path.iterdir()) == []
    assert not [path for path in founded.iterdir() if path.name.startswith(".backup-")]


def members(content: bytes) -> list[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(content.removeprefix(MAGIC))) as tar:
        return [(each.name, (tar.extractfile(each) or io.BytesIO()).read()) for each in tar]


def packed(parts: list[tuple[str, bytes]], kind: bytes = tarfile.REGTYPE) -> bytes:
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w") as tar:
        for name, content in parts:
            entry = tarfile.TarInfo(name)
            entry.size, entry.type = len(content), kind
            tar.addfile(entry, io.BytesIO(content))
    return MAGIC + output.getvalue()


Change = Callable[[list[tuple[str, bytes]]], bytes]


def altered(parts: list[tuple[str, bytes]], part: str) -> list[tuple[str, bytes]]:
    return [
        (name, content[:-1] + bytes((content[-1] ^ 1,)) if name == part else content)
        for name, content in parts
    ]


def without(parts: list[tuple[str, bytes]], part: str) -> list[tuple[str, bytes]]:
    return [(name, content) for name, content in parts if name != part]


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (lambda parts: packed(altered(parts, "databases/issuance")), "databases/issuance was altered"),
        (lambda parts: packed(altered(parts, "home/hoviat.toml")), "home/hoviat.toml was altered"),
        (lambda parts: packed(altered(parts, "manifest.json")), "manifest.json"),
        (lambda parts: packed(altered(parts, "manifest.sig")), "its signature does not hold"),
        (lambda parts: packed(without(parts, "databases/pki")), "databases/pki is missing"),
        (lambda parts: packed(without(parts, "manifest.sig")), "before its manifest"),
        (lambda parts: packed(parts[:-2]), "before its manifest"),
        (lambda parts: packed([("home/more", b"x"), *parts]), "home/more is not in the manifest"),
        (lambda parts: packed([*parts, ("home/late", b"x")]), "behind the manifest"),
        (lambda parts: packed([parts[0], *parts]), "no part that a backup has"),
        (lambda parts: packed([("home/../../x", b"x"), *parts]), "no part that a backup has"),
        (lambda parts: packed([("/etc/x", b"x"), *parts]), "no part that a backup has"),
        (lambda parts: packed([("databases/other", b"x"), *parts]), "no part that a backup has"),
        (lambda _: packed([("home/link", b"")], tarfile.SYMTYPE), "no part that a backup has"),
        (lambda parts: packed(parts)[:5_000], "incomplete"),
        (lambda _: b"", "no backup"),
        (lambda _: b"hoviat-backup-2\n", "no backup"),
        (lambda _: MAGIC + b"\xff" * 2_000, "incomplete"),
    ],
)
def test_what_is_not_whole_is_refused_with_its_cause(
    whole: Path, tmp_path: Path, change: Change, cause: str
) -> None:
    (tmp_path / "odd").write_bytes(change(members(whole.read_bytes())))
    with pytest.raises(BackupDamagedError) as refused:
        check(tmp_path / "odd", None)
    assert cause in str(refused.value)
    with pytest.raises(BackupDamagedError):
        restore(tmp_path / "odd", tmp_path / "back", None, OFFICERS, NOTE)
    assert [path.name for path in tmp_path.iterdir()] == ["odd"]


def test_an_encrypted_set_opens_by_its_passphrase_alone(founded: Path, tmp_path: Path) -> None:
    target = tmp_path / "set"
    make_backup(load(founded), target, PASSPHRASE)
    content = target.read_bytes()
    assert (founded / "secrets" / "passphrase").read_bytes().strip() not in content
    assert b"SQLite format" not in content
    check(target, PASSPHRASE)
    for wrong in (b"another", None):
        with pytest.raises(BackupLockedError):
            check(target, wrong)
    for place in (len(content) // 2, len(content) - 1):
        damaged = bytearray(content)
        damaged[place] ^= 1
        target.write_bytes(damaged)
        with pytest.raises(BackupError):
            check(target, PASSPHRASE)
    for end in (len(content) - 1, len(content) // 2, 65_536 + 300, 200):
        target.write_bytes(content[:end])
        with pytest.raises(BackupError):
            check(target, PASSPHRASE)


def test_only_the_key_that_was_noted_counts(whole: Path) -> None:
    manifest = check(whole, None)
    check(whole, None, manifest.public_key)
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    pem = other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    with pytest.raises(BackupDamagedError, match="another key"):
        check(whole, None, pem)


def test_only_supervisors_reconcile(office: Office) -> None:
    reconciling = Reconciling(office.registry.database, Audit(office.clock))
    for role in (Role.CLERK, Role.STOCK, Role.ADMINISTRATOR):
        with pytest.raises(RoleRequiredError):
            reconciling.held(Actor("somebody", role))
