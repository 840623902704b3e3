"""A process that is killed at a chosen moment: around a commit, a signature, a step of the kept note's file.

Run as `python -m tests.integration.pki.crashing HOME LOG`. Each line on stdin, `SCENARIO TAG MOMENT`, is done
by a fork of its own, which dies by SIGKILL at that moment (0: never); the answer on stdout is the fork's
exit code and the number of moments that it lived through. Nothing of the product knows of this: the kills
come from the engine's dialect, from the class of signers and from the calls that write files.
"""

import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import HashAlgorithm
from sqlalchemy.pool import PoolProxiedConnection

from pki import home as homes
from pki.authority import CertificateRequest, PersonSubject
from pki.bootstrap import Pki, open_pki
from pki.keys.files import FileSigner
from pki.massactions.selection import Selection, listed
from pki.massactions.service import MassActions
from pki.massactions.values import Kind, Terms
from pki.pkcs10 import create_csr
from pki.profiles import Profile
from pki.status import RevocationReason

FILE_CALLS = ("open", "fsync", "replace", "unlink")
"""Of the module os: what KeptNote's steps come down to."""
FILE_STEPS = 6
"""Of keeping a note: its temporary file opened, synced, renamed, unlinked in vain; its folder synced."""
CARD = 3
PART_SIZE = 2
_LIVED = 64
"""Exit codes above it tell moments."""


class CardKey(FileSigner):
    """A key on a card: its signatures are nobody's moments."""

    sign = FileSigner.sign


class Moments:
    """Counts the moments at which power could fail, and dies at one."""

    def __init__(self, log: Path) -> None:
        self.lived = 0
        self.die_at = 0
        self.armed = False
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._sync_log = partial(os.fsync, self._log)  # as it is now: what it syncs is nobody's moment

    def pass_one(self) -> None:
        if not self.armed:
            return
        self.lived += 1
        if self.lived == self.die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def note_signature(self, message: bytes) -> None:
        """On disk before anyone sees the signature."""
        os.write(self._log, message.hex().encode() + b"\n")
        self._sync_log()

    def watch_signers(self) -> None:
        moments, plain = self, FileSigner.sign

        def sign(self: FileSigner, message: bytes, algorithm: HashAlgorithm) -> bytes:
            moments.pass_one()
            signature = plain(self, message, algorithm)
            moments.note_signature(message)
            moments.pass_one()
            return signature

        FileSigner.sign = sign  # type: ignore[method-assign]

    def watch_files(self) -> None:
        """Before and after each call that writes a file."""
        for name in FILE_CALLS:
            setattr(os, name, self._around(getattr(os, name)))

    def _around(self, plain: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **words: object) -> object:
            self.pass_one()
            try:
                return plain(*arguments, **words)
            finally:
                self.pass_one()

        return call

    def watch_commits(self, pki: Pki) -> None:
        dialect = pki.engine.dialect
        plain = dialect.do_commit

        def commit(connection: PoolProxiedConnection) -> None:
            self.pass_one()
            plain(connection)
            self.pass_one()

        dialect.do_commit = commit  # type: ignore[method-assign, assignment]


def request_of(tag: str, number: int = 0) -> CertificateRequest:
    """The same tag and number make the same request, key and all, in every process."""
    scalar = int.from_bytes(sha256(f"{tag}-{number}".encode()).digest()[:31], "big") + 1
    key = ec.derive_private_key(scalar, ec.SECP256R1())
    profile = (Profile.AUTHENTICATION, Profile.SIGNATURE)[number % 2]
    person = PersonSubject("0012345679", "سارا", "محمدی")
    csr = create_csr(CardKey(key), "card")
    return CertificateRequest(f"{tag}-{number}", profile, person, csr, "tester", tag)


def requests_of(tag: str) -> list[CertificateRequest]:
    return [request_of(tag, number) for number in range(CARD)]


def issue_card(pki: Pki, tag: str) -> list[int]:
    """Serials of a card's certificates; issued once, whoever asks again."""
    issued = pki.authority.issue_many(requests_of(tag))
    return [result.serial for result in issued if not isinstance(result, Exception)]


def deliver_card(pki: Pki, tag: str) -> list[int]:
    """A new card's serials, in its holder's hands."""
    serials = issue_card(pki, tag)
    pki.authority.activate_card(serials, "clerk", "")
    return serials


def _nothing(pki: Pki, tag: str) -> None:
    """No preparation."""


def _delivered(pki: Pki, tag: str) -> None:
    deliver_card(pki, tag)


def _undelivered(pki: Pki, tag: str) -> None:
    issue_card(pki, tag)


def _held(pki: Pki, tag: str) -> None:
    pki.authority.suspend_card(deliver_card(pki, tag), "clerk", "")


def _issue(pki: Pki, tag: str) -> None:
    pki.authority.issue(request_of(tag))


def _issue_many(pki: Pki, tag: str) -> None:
    issue_card(pki, tag)


def _revoke(pki: Pki, tag: str) -> None:
    pki.authority.revoke(issue_card(pki, tag)[0], RevocationReason.KEY_COMPROMISE, "clerk", "")


def _hold(pki: Pki, tag: str) -> None:
    pki.authority.suspend_card(issue_card(pki, tag), "clerk", "")


def _resume(pki: Pki, tag: str) -> None:
    pki.authority.resume_card(issue_card(pki, tag), "clerk", "")


def _activate(pki: Pki, tag: str) -> None:
    pki.authority.activate_card(issue_card(pki, tag), "clerk", "")


def _approved(pki: Pki, tag: str) -> None:
    """A mass action of five certificates, in parts of two."""
    mass = MassActions(pki.engine, pki.clock, PART_SIZE)
    if any(action.terms.note == tag for action in mass.actions()):
        return
    serials = deliver_card(pki, tag) + deliver_card(pki, f"{tag}x")
    action = mass.propose(Selection(serials=listed(serials)), Terms(Kind.HOLD, tag), "officer-a")
    mass.approve(action.number, "officer-b", action.digest)


def _run(pki: Pki, tag: str) -> None:
    mass = MassActions(pki.engine, pki.clock, PART_SIZE)
    (action,) = [action for action in mass.actions() if action.terms.note == tag]
    for _ in mass.run(action.number, "officer-b"):
        pass


def _grown(pki: Pki, tag: str) -> None:
    """All is covered but a card and what was done to it: always as many entries."""
    pki.checkpointer.make()
    _held(pki, tag)


def _checkpoint(pki: Pki, _tag: str) -> None:
    """As the product makes it: on a signing clock that is checked, with the note in the home."""
    pki.checkpointer.make()


Step = Callable[[Pki, str], None]
SCENARIOS: dict[str, tuple[Step, Step]] = {
    "issue": (_nothing, _issue),
    "issue many": (_nothing, _issue_many),
    "revoke": (_delivered, _revoke),
    "hold": (_delivered, _hold),
    "resume": (_held, _resume),
    "activate": (_undelivered, _activate),
    "mass": (_approved, _run),
    "checkpoint": (_grown, _checkpoint),
}


def act(root: Path, log: Path, scenario: str, tag: str, die_at: int) -> int:
    """Prepares unharmed, then acts; returns the moments it lived through."""
    moments = Moments(log)
    moments.watch_signers()
    pki = open_pki(homes.load(root), lambda: datetime.now(UTC))
    moments.watch_commits(pki)
    moments.watch_files()
    prepare, step = SCENARIOS[scenario]
    prepare(pki, tag)
    moments.armed, moments.die_at = True, die_at
    step(pki, tag)
    return moments.lived


def say(*words: object) -> None:
    """A line of words on stdout, at once."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def main() -> None:
    root, log = Path(sys.argv[1]), Path(sys.argv[2])
    open_pki(homes.load(root)).close()  # forks inherit the stretched passphrase
    for line in sys.stdin:
        scenario, tag, moment = line.rstrip("\n").split("\t")
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = _LIVED + act(root, log, scenario, tag, int(moment))
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        say(code if code < _LIVED else 0, max(code - _LIVED, 0))


if __name__ == "__main__":
    main()
