"""One of several processes at work on one database.

`HOME LOG MODE TAG COUNT [SERIAL…]`; says `ready`, and begins on a line of stdin.
"""

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from pki import home as homes
from pki.authority import IssuedCertificate
from pki.bootstrap import Pki, open_pki
from pki.errors import ForbiddenTransitionError, PreviewMismatchError
from pki.massactions.selection import Selection, listed
from pki.massactions.service import MassActions
from pki.massactions.values import Kind, Terms
from pki.status import RevocationReason
from tests.integration.pki.crashing import Moments, request_of, say

BATCH = 10


def issue(pki: Pki, tag: str, count: int, _serials: Sequence[int]) -> None:
    for number in range(count):
        show(pki.authority.issue(request_of(tag, number)))


def issue_batches(pki: Pki, tag: str, count: int, _serials: Sequence[int]) -> None:
    for start in range(0, count, BATCH):
        requests = [request_of(tag, number) for number in range(start, min(start + BATCH, count))]
        for result in pki.authority.issue_many(requests):
            if isinstance(result, Exception):
                raise result
            show(result)


def show(issued: IssuedCertificate) -> None:
    say(f"{issued.serial:x}", sha256(issued.der).hexdigest())


def revoke(pki: Pki, tag: str, _count: int, serials: Sequence[int]) -> None:
    for serial in serials:
        pki.authority.suspend(serial, tag, "")
        pki.authority.revoke(serial, RevocationReason.SUPERSEDED, tag, "")


def change_card(pki: Pki, tag: str, count: int, serials: Sequence[int]) -> None:
    """On hold and off, in the order given; others do the same in another order."""
    for _ in range(count):
        for change in (pki.authority.suspend_card, pki.authority.resume_card):
            try:
                change(serials, tag, "")
            except ForbiddenTransitionError:
                continue  # another process was faster


def publish(pki: Pki, tag: str, count: int, _serials: Sequence[int]) -> None:
    for _ in range(count):
        for name in ("citizen-sign-g1", "citizen-auth-g1"):
            pki.crls.publish(name, tag)


def issue_through_outages(pki: Pki, tag: str, count: int, _serials: Sequence[int]) -> None:
    """Says `lost` when the database is gone, and goes on with the same request after a line of stdin."""
    for number in range(count):
        while True:
            try:
                show(pki.authority.issue(request_of(tag, number)))
                break
            except SQLAlchemyError as error:
                say("lost", type(error).__name__)
                sys.stdin.readline()


def hold_and_release(pki: Pki, tag: str, count: int, serials: Sequence[int]) -> None:
    """Mass actions over the same certificates, in parts of one."""
    mass = MassActions(pki.engine, pki.clock, part_size=1)
    for _ in range(count):
        for kind in (Kind.HOLD, Kind.RELEASE):
            action = mass.propose(Selection(serials=listed(serials)), Terms(kind, tag), f"{tag}-a")
            mass.approve(action.number, f"{tag}-b", action.digest)
            with suppress(PreviewMismatchError):  # others held or released more in between
                for _ in mass.run(action.number, f"{tag}-b"):
                    pass


MODES: dict[str, Callable[[Pki, str, int, Sequence[int]], None]] = {
    "issue": issue,
    "batches": issue_batches,
    "revoke": revoke,
    "card": change_card,
    "publish": publish,
    "outages": issue_through_outages,
    "mass": hold_and_release,
}


def main() -> None:
    root, log, mode, tag, count, *serials = sys.argv[1:]
    moments = Moments(Path(log))
    moments.watch_signers()
    pki = open_pki(homes.load(Path(root)))
    say("ready")
    sys.stdin.readline()
    try:
        MODES[mode](pki, tag, int(count), [int(serial, 16) for serial in serials])
    finally:
        pki.close()


if __name__ == "__main__":
    main()
