"""SIGKILL around every commit, signature and step of the kept note; the next process finds all in order."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pki import home as homes
from pki.auditchain.checkpoints import all_checkpoints
from pki.auditchain.keeping import KeptNote
from pki.auditchain.verification import Expectations, snapshot, verify_record
from pki.bootstrap import Pki, initialise, open_pki
from pki.der import DerError
from pki.home import Home
from pki.massactions.service import MassActions
from pki.massactions.values import State
from pki.profiles.tbs import read_tbs, tbs_of
from pki.reconciliation import Reconciliation
from pki.reconciliation.spool import open_spool
from pki.status import Status
from pki.store.database import create_database_engine
from pki.store.models import AUDIT, AuditEntry, CertificateBody, CertificateRow, Intent, Issuer
from tests.integration.pki.crashing import CARD, FILE_STEPS, PART_SIZE, SCENARIOS, requests_of

REPOSITORY = Path(__file__).parent.parent.parent.parent
KILLED = -9
SIGNATURES = {"issue": 1, "issue many": CARD, "checkpoint": 1}
COMMITS = {"issue": 2, "issue many": 2, "mass": 2 * CARD // PART_SIZE + 2}
FILES = {"checkpoint": FILE_STEPS}


@dataclass
class Machine:
    """A home, the process that crashes in it, and what was on record when it was last looked at."""

    home: Home
    log: Path
    process: "subprocess.Popen[str]"
    versions: dict[str, int] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    noted: int = 0
    """Entries that the kept note covered."""

    def crash(self, scenario: str, tag: str, moment: int) -> tuple[int, int]:
        """Exit code, and the moments lived through."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{scenario}\t{tag}\t{moment}\n")
        self.process.stdin.flush()
        code, _, lived = self.process.stdout.readline().partition(" ")
        return int(code), int(lived)

    def signed(self) -> list[bytes]:
        """Every certificate's bytes that any process signed here; CRLs and requests are others' matters."""
        messages = [bytes.fromhex(line) for line in self.log.read_text().split()]
        return [message for message in messages if is_certificate(message)]


def is_certificate(message: bytes) -> bool:
    try:
        read_tbs(message)
    except DerError:
        return False
    return True


@pytest.fixture(params=["sqlite", "postgresql"])
def machine(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Machine]:
    if request.param == "postgresql":
        monkeypatch.setenv("HOVIAT_PKI_DATABASE", request.getfixturevalue("postgres_url"))
    home = homes.create(tmp_path / "home")
    initialise(home)
    log = tmp_path / "signed"
    log.touch()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.integration.pki.crashing", str(home.root), str(log)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
    )
    try:
        yield Machine(home, log, process)
    finally:
        process.communicate(timeout=60)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_kill_at_any_moment_loses_nothing(machine: Machine, scenario: str) -> None:
    code, moments = machine.crash(scenario, "whole", 0)
    assert code == 0
    steps = COMMITS.get(scenario, 1) + SIGNATURES.get(scenario, 0) + FILES.get(scenario, 0)
    assert moments == 2 * (steps + reads(scenario))
    check(machine, scenario, "whole")
    for moment in range(1, moments + 1):
        tag = f"{moment}"
        assert machine.crash(scenario, tag, moment) == (KILLED, 0)
        check_before_repair(machine)
        check(machine, scenario, tag)
        assert machine.crash(scenario, tag, 0)[0] in {0, 1}  # the same again: done now, or said to be done
    check(machine, scenario, tag)


def reads(scenario: str) -> int:
    """Transactions of the steps themselves that only read or find all done."""
    return {"issue": 0, "issue many": 0, "mass": 1, "checkpoint": 0}.get(scenario, 2)


def check_before_repair(machine: Machine) -> None:
    """What was signed is on record, or its intent is, with the same bytes."""
    engine = create_database_engine(machine.home.database_url("pki"))
    try:
        with Session(engine) as session:
            pending = set(session.scalars(select(Intent.tbs).where(Intent.outcome == "pending")))
            recorded = {tbs_of(body) for body in session.scalars(select(CertificateBody.der))}
    finally:
        engine.dispose()
    assert set(machine.signed()) <= pending | recorded


def check(machine: Machine, scenario: str, tag: str) -> None:
    """A fresh start repairs; then the books are complete."""
    opened = open_pki(machine.home)
    try:
        check_books(machine, opened)
        check_versions(machine, opened)
        check_card(opened, scenario, tag)
        if scenario == "checkpoint":
            check_note(machine, opened)
    finally:
        opened.close()


def check_note(machine: Machine, opened: Pki) -> None:
    """It is whole, the log begins with what it covers, and the next checkpoint goes on from it."""
    kept = KeptNote(machine.home.audit_note)
    noted = kept.read()
    assert noted is not None
    assert noted.size >= machine.noted
    known = Expectations(checkpoints=(noted,), keys=(opened.checkpointer.key,))
    with Session(snapshot(opened.engine)) as session:
        verified = verify_record(session, AUDIT, known)
        newest = list(all_checkpoints(session, AUDIT))[-1].checkpoint.size
    assert newest <= noted.size <= verified.head.sequence  # kept before the commit, never after
    made = opened.checkpointer.make().checkpoint
    assert kept.read() == made
    assert made.size == verified.head.sequence
    machine.noted = made.size


def check_books(machine: Machine, opened: Pki) -> None:
    with Session(snapshot(opened.engine)) as session, open_spool() as spool:
        replay = Reconciliation(session, spool)
        verify_record(session, AUDIT, watch=replay.watch)
        assert list(replay.differences()) == []
    with Session(opened.engine) as session:
        assert session.scalar(select(func.count()).where(Intent.outcome == "pending")) == 0
        recorded = [tbs_of(body) for body in session.scalars(select(CertificateBody.der))]
        issued = session.scalar(select(func.count()).where(AuditEntry.action == "certificate.issued"))
        assert issued == session.scalar(select(func.count()).select_from(CertificateRow)) == len(recorded)
    signed = set(machine.signed())
    assert signed <= set(recorded), "something was signed that is not on record"
    assert len({read_tbs(tbs).serial for tbs in signed}) == len(signed), "a serial stands twice"


def check_versions(machine: Machine, opened: Pki) -> None:
    with Session(opened.engine) as session:
        versions = {row.name: row.status_version for row in session.scalars(select(Issuer))}
        newest = select(CertificateRow.issuer, func.max(CertificateRow.changed))
        for issuer, changed in session.execute(newest.group_by(CertificateRow.issuer)):
            assert changed <= versions[issuer]
    assert all(versions[name] >= version for name, version in machine.versions.items())
    machine.versions = versions
    for name in ("citizen-auth-g1", "citizen-sign-g1"):
        crl = x509.load_der_x509_crl(opened.crls.current(name).read())
        number = crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        assert number >= machine.numbers.get(name, 0)
        machine.numbers[name] = number
        with Session(opened.engine) as session:
            listed = select(CertificateRow.serial).where(
                CertificateRow.issuer == name, CertificateRow.status != Status.GOOD.value
            )
            assert {entry.serial_number for entry in crl} == set(session.scalars(listed))


def check_card(opened: Pki, scenario: str, tag: str) -> None:
    """All of a card's certificates changed, or none; a mass action stands where its parts say."""
    if scenario == "mass":
        mass = MassActions(opened.engine, opened.clock, PART_SIZE)
        (action,) = [action for action in mass.actions() if action.terms.note == tag]
        mass.check(action.number)
        progress = mass.progress(action.number)
        assert progress.moved == progress.done <= progress.total == 2 * CARD
        assert (progress.done == progress.total) or action.state is not State.DONE
    elif scenario in {"hold", "resume", "activate"}:
        issued = [opened.authority.certificate(request.request_id) for request in requests_of(tag)]
        statuses = {opened.status.state_of(one.serial).status for one in issued if one is not None}
        assert len(statuses) == 1
