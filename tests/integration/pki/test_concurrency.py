"""Several processes on one database at once: nothing twice, no lock-up, every certificate verifies."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pki import home as homes
from pki.auditchain import verify_table
from pki.bootstrap import Pki, initialise, open_pki
from pki.home import Home
from pki.profiles.tbs import tbs_of
from pki.store.models import AuditEntry, CertificateBody, CertificateRow, Intent
from tests.integration.pki.crashing import deliver_card
from tests.integration.pki.test_crashes import is_certificate
from tests.postgres import PostgresServer, running_server

REPOSITORY = Path(__file__).parent.parent.parent.parent
PATIENCE = 240
"""Seconds until a process counts as locked up; the machine is shared."""


@dataclass
class Site:
    """A home, and a log of all that was signed in it."""

    home: Home
    log: Path

    def worker(self, mode: str, tag: str, count: int, serials: Sequence[int] = ()) -> "subprocess.Popen[str]":
        """A process that waits for a line to begin."""
        arguments = [str(self.home.root), str(self.log), mode, tag, str(count)]
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.pki.working", *arguments, *(f"{s:x}" for s in serials)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", process.communicate()[1]
        return process


@pytest.fixture(params=["sqlite", "postgresql"])
def site(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    if request.param == "postgresql":
        monkeypatch.setenv("HOVIAT_PKI_DATABASE", request.getfixturevalue("postgres_url"))
    return new_site(tmp_path)


@pytest.fixture
def postgres_site(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setenv("HOVIAT_PKI_DATABASE", postgres_url)
    return new_site(tmp_path)


def new_site(folder: Path) -> Site:
    home = homes.create(folder / "home")
    initialise(home)
    log = folder / "signed"
    log.touch()
    return Site(home, log)


def finish(processes: "Sequence[subprocess.Popen[str]]") -> list[list[str]]:
    """Lets all begin; the lines that each printed. A lock-up or an error ends the test."""
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    printed = []
    try:
        for process in processes:
            output, errors = process.communicate(timeout=PATIENCE)
            assert process.returncode == 0, errors
            printed.append(output.splitlines())
    finally:
        for process in processes:
            process.kill()
    return printed


def check_books(site: Site, expected: int) -> None:
    opened = open_pki(site.home)
    try:
        with Session(opened.engine) as session:
            verify_table(session, AuditEntry)
            assert session.scalar(select(func.count()).where(Intent.outcome == "pending")) == 0
            held = CertificateRow.profile.in_(("authentication", "signature"))
            rows = session.scalars(select(CertificateRow).where(held)).all()
            assert len(rows) == len({row.request_id for row in rows}) == expected
            bodies = dict(session.execute(select(CertificateBody.serial, CertificateBody.der)).all())
            changed = [(row.issuer, row.changed) for row in rows if row.changed]
            assert all(row.serial in bodies for row in rows)
        check_signatures(opened, [bodies[row.serial] for row in rows])
        assert signed_in(site.log) <= {tbs_of(body) for body in bodies.values()}
        assert changed
    finally:
        opened.close()


def check_signatures(opened: Pki, bodies: Sequence[bytes]) -> None:
    above = [x509.load_der_x509_certificate(der) for der in opened.certificates.values()]
    by_name = {certificate.subject: certificate for certificate in above}
    for body in bodies:
        certificate = x509.load_der_x509_certificate(body)
        certificate.verify_directly_issued_by(by_name[certificate.issuer])


def signed_in(log: Path) -> set[bytes]:
    return {message for line in log.read_text().split() if is_certificate(message := bytes.fromhex(line))}


@pytest.mark.parametrize("pairs", [1, 2], ids=["two", "four"])
def test_processes_issue_different_requests_while_others_are_revoked(site: Site, pairs: int) -> None:
    opened = open_pki(site.home)
    serials = [serial for tag in "abcd" for serial in deliver_card(opened, tag)]
    opened.close()
    modes = ["issue", "batches"] * pairs
    workers = [site.worker(mode, f"tag{number}", 20) for number, mode in enumerate(modes)]
    finish([*workers, site.worker("revoke", "officer", 0, serials), site.worker("publish", "clerk", 5)])
    check_books(site, len(serials) + 20 * len(modes))


@pytest.mark.parametrize("pairs", [1, 2], ids=["two", "four"])
def test_processes_with_the_same_requests_get_the_same_certificates(site: Site, pairs: int) -> None:
    printed = finish([site.worker(mode, "same", 20) for mode in ["issue", "batches"] * pairs])
    assert len(printed[0]) == len(set(printed[0])) == 20
    assert all(lines == printed[0] for lines in printed)
    check_books(site, 20)


def test_cards_of_several_cas_are_changed_in_opposite_orders(postgres_site: Site) -> None:
    """Locks are taken in one order, whatever is asked for: a deadlock would be an error here."""
    opened = open_pki(postgres_site.home)
    serials = deliver_card(opened, "card") + deliver_card(opened, "other")
    opened.close()
    workers = [postgres_site.worker("card", "there", 30, serials)]
    workers += [postgres_site.worker("card", "back", 30, serials[::-1])]
    workers += [postgres_site.worker("publish", f"clerk{number}", 15) for number in range(2)]
    workers += [postgres_site.worker("mass", f"officer{number}", 2, serials) for number in range(2)]
    finish([*workers, postgres_site.worker("issue", "meanwhile", 20)])
    check_books(postgres_site, len(serials) + 20)


@pytest.fixture
def outage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Site, PostgresServer]]:
    """A site on a server of its own, which may be stopped."""
    with running_server(durable=True) as server, server.database() as url:
        monkeypatch.setenv("HOVIAT_PKI_DATABASE", url)
        yield new_site(tmp_path), server


def test_a_database_that_is_gone_and_back_loses_nothing(outage: tuple[Site, PostgresServer]) -> None:
    site, server = outage
    worker = site.worker("outages", "outage", 30)
    assert worker.stdin is not None
    assert worker.stdout is not None
    try:
        worker.stdin.write("go\n")
        worker.stdin.flush()
        issued = [worker.stdout.readline() for _ in range(3)]
        server.crash()
        lines: list[str] = []
        while not (lines and lines[-1].startswith("lost")):
            lines.append(worker.stdout.readline())
            assert lines[-1], "the worker ended"
        assert lines.pop() == "lost OperationalError\n"
        server.start()
        worker.stdin.write("back\n")
        worker.stdin.flush()
        issued += lines + list(worker.stdout)
        assert worker.wait(timeout=PATIENCE) == 0
    finally:
        worker.kill()
        worker.communicate()
    assert len(issued) == len(set(issued)) == 30
    check_books(site, 30)
