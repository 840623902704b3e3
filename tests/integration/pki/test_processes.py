"""Several processes on one database, and one that is killed in the middle."""

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pki import home as homes
from pki.auditchain import verify_table
from pki.bootstrap import initialise, open_pki
from pki.home import Home
from pki.store.models import AuditEntry, CertificateRow, Intent

WORKER = """
import os, signal, sys
from pathlib import Path
from cryptography.hazmat.primitives.asymmetric import ec
from pki import home
from pki.authority import CertificateRequest, PersonSubject
from pki.bootstrap import open_pki
from pki.keys.files import FileSigner
from pki.pkcs10 import create_csr
from pki.profiles import Profile

root, prefix, count, die_at = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
signed = 0
plain_sign = FileSigner.sign

def sign(self, message, algorithm):
    global signed
    signature = plain_sign(self, message, algorithm)
    signed += 1
    if signed == die_at:
        os.kill(os.getpid(), signal.SIGKILL)
    return signature

opened = open_pki(home.load(root))
person = PersonSubject("0012345679", "سارا", "محمدی")
requests = [
    CertificateRequest(f"{prefix}-{n}", Profile.AUTHENTICATION, person,
                       create_csr(FileSigner.generate(ec.SECP256R1()), "card"), prefix)
    for n in range(count)
]
print("ready", flush=True)
sys.stdin.readline()
FileSigner.sign = sign
for request in requests:
    opened.authority.issue(request)
opened.close()
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = homes.create(tmp_path / "home")
    initialise(made)
    return made


def worker(home: Home, prefix: str, count: int, die_at: int = 0) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(home.root), prefix, str(count), str(die_at)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def finish(processes: "list[subprocess.Popen[str]]") -> list[int]:
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    results = []
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert "Traceback" not in errors, errors
        results.append(process.returncode)
    return results


def check_books(home: Home, expected: int) -> None:
    """Every intent has its one certificate, no serial stands twice, and the audit chain holds."""
    opened = open_pki(home)
    try:
        with Session(opened.engine) as session:
            pending = session.scalar(select(func.count()).where(Intent.outcome == "pending"))
            certificates = session.scalars(
                select(CertificateRow).where(CertificateRow.profile == "authentication")
            ).all()
            issued = select(func.count()).where(AuditEntry.action == "certificate.issued")
            assert pending == 0
            assert len(certificates) == len({row.serial for row in certificates}) == expected
            assert session.scalar(issued) == session.scalar(select(func.count()).select_from(CertificateRow))
            verify_table(session, AuditEntry)
    finally:
        opened.close()


def test_two_processes_issue_at_once(home: Home) -> None:
    processes = [worker(home, prefix, 25) for prefix in ("east", "west")]
    assert finish(processes) == [0, 0]
    check_books(home, 50)


def test_two_processes_with_the_same_requests_issue_each_once(home: Home) -> None:
    """Each makes keys of its own, so whoever comes second is refused; nothing is issued twice."""
    first = worker(home, "same", 5)
    assert finish([first]) == [0]
    second = worker(home, "same", 5)
    assert second.stdin is not None
    _, errors = second.communicate("go\n", timeout=120)
    assert "RequestConflictError" in errors
    check_books(home, 5)


@pytest.mark.parametrize("die_at", [1, 4])
def test_a_process_killed_between_signing_and_recording_loses_nothing(home: Home, die_at: int) -> None:
    assert finish([worker(home, "killed", 6, die_at)]) == [-9]
    check_books(home, die_at)


def test_another_process_starts_while_the_first_is_issuing(home: Home) -> None:
    first = worker(home, "first", 30)
    assert first.stdin is not None
    first.stdin.write("go\n")
    first.stdin.flush()
    second = worker(home, "second", 10)  # its start repairs what it finds pending, the first's work too
    _, errors = first.communicate(timeout=120)
    assert first.returncode == 0, errors
    assert finish([second]) == [0]
    check_books(home, 40)
