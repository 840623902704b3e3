"""The command as a process of its own: killed between its steps, and with officers at a real terminal."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from pki.auditchain import verify_table
from pki.bootstrap import open_pki
from pki.store.models import AuditEntry

from .conftest import OFFICERS, Site

REPOSITORY = Path(__file__).parents[4]
KILLED_AT = """
import os, signal, sys
import hoviat
from pki.authority import Authority
from pki.ceremony import record, steps
from pki.ceremony.founding import Foundry

owners = {"execute": Authority, "make_service_key": Foundry, "publish_crls": steps, "close": record}
owner = owners[sys.argv[1]]
real, calls = getattr(owner, sys.argv[1]), []

def killed(*arguments, **options):
    calls.append(1)
    if len(calls) > int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments, **options)

setattr(owner, sys.argv[1], killed)
hoviat.main(sys.argv[3:])
"""


def environment() -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HOVIAT_")}
    return {**clean, "PYTHONPATH": str(REPOSITORY), "TERM": "xterm"}


@pytest.mark.parametrize(
    ("step", "count"),
    [("execute", 0), ("execute", 5), ("make_service_key", 3), ("publish_crls", 1), ("close", 0)],
)
def test_a_killed_ceremony_goes_on(new_site: Site, step: str, count: int) -> None:
    arguments = ["--home", str(new_site.home), "pki", "ceremony", "found", *new_site.attended(*OFFICERS)]
    result = subprocess.run(
        [sys.executable, "-c", KILLED_AT, step, str(count), *arguments],
        env=environment(),
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert result.returncode == -signal.SIGKILL, result.stderr
    assert result.stdout == b""
    summary = new_site.ceremony("found", officers=("alef", "pe"))
    assert sum(item["what"] == "certificate" for item in summary["created"]) == 9
    pki = open_pki(new_site.opened())
    try:
        with Session(pki.engine) as session:
            verify_table(session, AuditEntry)
            actions = [entry.action for entry in session.query(AuditEntry)]
        assert actions.count("certificate.issued") == 9
        assert actions.count("ceremony.closed") == 1
    finally:
        pki.close()


class Terminal:
    """A pseudo-terminal with a command at it."""

    def __init__(self, arguments: list[str]) -> None:
        own, other = pty.openpty()
        self._own = own
        self.seen = b""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "hoviat", *arguments],
            stdin=other,
            stdout=other,
            stderr=other,
            env=environment(),
            cwd=REPOSITORY,
            start_new_session=True,
        )
        os.close(other)

    def until(self, text: bytes) -> bytes:
        """What came up to and with `text`; nothing of it is seen again."""
        while text not in self.seen:
            ready, _, _ = select.select([self._own], [], [], 120)
            assert ready, self.seen
            self.seen += os.read(self._own, 65536)
        before, found, self.seen = self.seen.partition(text)
        return before + found

    def type(self, text: str) -> None:
        os.write(self._own, text.encode() + b"\n")

    def end(self) -> int:
        code = self._process.wait(120)
        os.close(self._own)
        return code


def test_officers_sit_down_at_the_terminal_one_by_one(new_site: Site) -> None:
    names = ("one", "two")
    officers = [f"--officer={name}" for name in names]
    offline = ["--offline", str(new_site.offline)]
    terminal = Terminal(["--home", str(new_site.home), "pki", "ceremony", "found", *offline, *officers])
    shares = {}
    for name in names:
        terminal.until(f"Officer {name} alone, press Enter".encode())
        terminal.type("")
        shown = terminal.until(b"Write the words down, then press Enter").decode()
        words = dict(re.findall(r"(\d+) ([a-z]+)", shown))
        shares[name] = " ".join(words[str(number)] for number in range(1, 34))
        terminal.type("")
    terminal.until(b"Officer one, type your share: ")
    terminal.type(shares["one"].replace(" ", "x", 1))
    assert b"a word is missing or mistyped" in terminal.until(b"mistyped")
    for name in names:
        assert shares[name].encode() not in terminal.until(f"Officer {name}, type your share: ".encode())
        terminal.type(shares[name])
    printed = terminal.until(b"ceremony-1-found.json.sig\r\n").decode()
    assert terminal.end() == 0
    for share in shares.values():
        assert share not in printed
    for name, share in shares.items():
        new_site.share(name).write_text(share)
    assert "one.share is open to others" in new_site.refused("crl", officers=names)
    for name in names:
        new_site.share(name).chmod(0o600)
    done = new_site.ceremony("crl", officers=names)
    assert json.loads(Path(done["transcript"]).read_text())["officers"]["present"] == list(names)


def test_a_share_typed_wrong_three_times_voids_it(new_site: Site) -> None:
    officers = [f"--officer=one={new_site.share('one')}", "--officer=two"]
    offline = ["--offline", str(new_site.offline)]
    terminal = Terminal(["--home", str(new_site.home), "pki", "ceremony", "found", *offline, *officers])
    terminal.until(b"Officer two alone, press Enter")
    terminal.type("")
    terminal.until(b"Write the words down, then press Enter")
    terminal.type("")
    for _ in range(3):
        terminal.until(b"Officer two, type your share: ")
        terminal.type("academic acid acne")
    terminal.until(b"officer two: no share was typed in 3 tries")
    assert terminal.end() == 1
    assert list(new_site.folder.iterdir()) == []
