"""A publisher is killed at each step, and publishers race: what is served holds, and numbers only rise."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy.orm import Session

from pki import home as homes
from pki.auditchain import verify_table
from pki.authority import CertificateRequest, PersonSubject
from pki.bootstrap import Pki, initialise, open_pki
from pki.home import Home
from pki.keys.files import FileSigner
from pki.pkcs10 import create_csr
from pki.profiles import Profile
from pki.status import RevocationReason
from pki.store.models import AuditEntry
from tests.delivery import issue_delivered

NAME = "citizen-auth-g1"
DELTA = f"{NAME}-delta"

WORKER = """
import json, os, signal, sys
from pathlib import Path
from pki import home
from pki.bootstrap import open_pki
from pki.status import publication
from pki.status.crl import folder, making, record, writing

root, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
opened = open_pki(home.load(root))

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def dies_before(owner, attribute):
    setattr(owner, attribute, lambda *arguments, **words: die())

def dies_after(owner, attribute):
    plain = getattr(owner, attribute)
    def then_die(*arguments, **words):
        plain(*arguments, **words)
        die()
    setattr(owner, attribute, then_die)

signer_class = type(opened.issuers["citizen-auth-g1"].signer)
STEPS = {
    "before the number": lambda: dies_before(making.record, "reserve_number"),
    "after the number": lambda: dies_before(making.CrlMaker, "_write"),
    "entries half written": lambda: dies_before(writing, "encode_entries"),
    "entries written": lambda: dies_before(writing, "_around"),
    "before signing": lambda: dies_before(signer_class, "sign_digest"),
    "after signing": lambda: dies_after(signer_class, "sign_digest"),
    "file written": lambda: dies_after(writing, "_write_whole"),
    "before the name": lambda: dies_before(folder.CrlFolder, "keep"),
    "after the name": lambda: dies_after(folder.CrlFolder, "keep"),
    "before the commit": lambda: dies_after(making.record, "record"),
    "after the commit": lambda: dies_before(folder.Draft, "discard"),
    "never": lambda: None,
}

def publish(step):
    STEPS[step]()
    return [opened.crls.publish(name).number for _ in range(count)]

print("ready", flush=True)
for line in sys.stdin:
    child = os.fork()  # opening a home takes long: it is done once, and a child dies
    if child == 0:
        opened.engine.dispose(close=False)  # the parent's connections are not the child's
        print(json.dumps(publish(line.strip())), flush=True)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
"""
STEPS = [
    "before the number",
    "after the number",
    "entries half written",
    "entries written",
    "before signing",
    "after signing",
    "file written",
    "before the name",
    "after the name",
    "before the commit",
    "after the commit",
]


@pytest.fixture(params=["sqlite", "postgresql"])
def home(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    if request.param == "postgresql":
        monkeypatch.setenv("HOVIAT_PKI_DATABASE", request.getfixturevalue("postgres_url"))
    made = homes.create(tmp_path / "home")
    initialise(made)
    return made


@pytest.fixture
def pki(home: Home) -> Iterator[Pki]:
    """With one revoked certificate, so that there is an entry to be written."""
    opened = open_pki(home)
    csr = create_csr(FileSigner.generate(ec.SECP256R1()), "card")
    person = PersonSubject("0012345679", "سارا", "محمدی")
    request = CertificateRequest("one", Profile.AUTHENTICATION, person, csr, "tester")
    serial = issue_delivered(opened.authority, request).serial
    opened.crls.publish(NAME)
    opened.authority.revoke(serial, RevocationReason.SUPERSEDED, "tester", "")
    yield opened
    opened.close()


class Worker:
    """A process that publishes, by children that may die on the way."""

    def __init__(self, home: Home, name: str, count: int = 1) -> None:
        command = [sys.executable, "-c", WORKER, str(home.root), name, str(count)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        assert self._line() == "ready"

    def begin(self, step: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(step + "\n")
        self.process.stdin.flush()

    def exit_code(self) -> int:
        """That of the child, which printed nothing."""
        return int(self._line())

    def numbers(self) -> list[int]:
        """What a child that lived has published."""
        found: list[int] = json.loads(self._line())
        assert self.exit_code() == 0
        return found

    def end(self) -> None:
        _, errors = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, errors

    def _line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline().rstrip("\n")
        assert line, self.process.communicate(timeout=60)[1]
        return line


def check_served(pki: Pki, name: str) -> int:
    """What is served verifies; returns its number."""
    crl = pki.crls.published(name)
    assert crl is not None
    parsed = x509.load_der_x509_crl(crl.read())
    key = x509.load_der_x509_certificate(pki.certificates[NAME]).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert parsed.is_signature_valid(key)
    number = parsed.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    assert number == crl.number
    return number


def check_folder(pki: Pki, home: Home) -> None:
    """Nothing half made, and each published number has its file."""
    pki.crls.clean()
    assert list((home.crls / "incoming").iterdir()) == []
    editions = {crl.path for crl in pki.crls.history([*pki.crls.names, DELTA], 1000)}
    assert {path for path in home.crls.rglob("*.crl") if path.is_file()} == editions
    with Session(pki.engine) as session:
        verify_table(session, AuditEntry)


@pytest.mark.parametrize("name", [NAME, DELTA])
def test_killed_at_any_step_nothing_is_lost_or_used_twice(pki: Pki, home: Home, name: str) -> None:
    numbers = [pki.crls.publish(name).number]
    worker = Worker(home, name)
    for step in STEPS:
        worker.begin(step)
        assert worker.exit_code() == -signal.SIGKILL, step
        served = check_served(pki, name)
        assert (served > numbers[-1]) == (step == "after the commit"), step
        numbers += [served] if served > numbers[-1] else []
        check_folder(pki, home)
        numbers.append(pki.crls.publish(name).number)
        assert check_served(pki, name) == numbers[-1]
    worker.end()
    assert numbers == sorted(set(numbers))


def test_publishers_at_once_neither_repeat_nor_go_back(pki: Pki, home: Home) -> None:
    workers = [Worker(home, name, 10) for name in (NAME, NAME, DELTA)]
    for worker in workers:
        worker.begin("never")
    published = []
    for worker in workers:
        numbers = worker.numbers()
        assert numbers == sorted(set(numbers))
        published += numbers
        worker.end()
    assert len(published) == len(set(published)) == 30
    assert {crl.number for crl in pki.crls.history([NAME, DELTA], 100)} >= set(published)
    check_folder(pki, home)
    check_served(pki, NAME)
