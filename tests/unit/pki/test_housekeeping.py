"""What is done by the clock while something serves: CRLs on schedule, checkpoints, and no end at a fault."""

import threading
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from pki import housekeeping
from pki.auditchain.checkpoints import Checkpointer, newest
from pki.bootstrap import Pki
from pki.status.publication import CrlPublisher
from pki.store.models import AUDIT

NAME = "citizen-auth-g1"
PATIENCE = 30


def test_due_crls_are_published_and_the_record_gets_a_checkpoint(
    pki: Pki, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = pki.crls.current(NAME).number
    clock.advance(hours=13)
    published, noted = (
        signalled(monkeypatch, CrlPublisher, "publish_due"),
        signalled(monkeypatch, Checkpointer, "make"),
    )
    with housekeeping.housekeeping(pki):
        assert published.wait(PATIENCE)
        assert noted.wait(PATIENCE)
    newer = pki.crls.published(NAME)
    assert newer is not None
    assert newer.number > before
    with Session(pki.engine) as session:
        assert newest(session, AUDIT) is not None


def test_a_fault_ends_nothing(pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = threading.Semaphore(0)

    def fail(_self: CrlPublisher, **_: Any) -> None:
        tries.release()
        raise OperationalError("secret statement", {}, Exception())

    monkeypatch.setattr(CrlPublisher, "publish_due", fail)
    monkeypatch.setattr(housekeeping, "CRL_PAUSE_SECONDS", 0.001)
    with housekeeping.housekeeping(pki):
        assert all(tries.acquire(timeout=PATIENCE) for _ in range(3))


def signalled(monkeypatch: pytest.MonkeyPatch, owner: type, name: str) -> threading.Event:
    """An event that is set when the method has returned."""
    done, method = threading.Event(), getattr(owner, name)

    def call(*arguments: Any, **options: Any) -> Any:
        result = method(*arguments, **options)
        done.set()
        return result

    monkeypatch.setattr(owner, name, call)
    return done
