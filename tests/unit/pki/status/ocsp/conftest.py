"""Certificates to ask about, and the stored answers of a process under a clock that nobody sets."""

from collections.abc import Callable
from typing import Any

import pytest

from pki.authority import CertificateRequest, IssuedCertificate
from pki.bootstrap import Pki
from pki.status.ocsp.composing import ReadyAnswer
from pki.status.ocsp.forms import plain_request
from pki.status.ocsp.prepared import PreparedAnswers

CITIZEN = "citizen-auth-g1"
_COMMON = 1 << 120
"""Serials from here on have 16 octets, the length that is recognised without parsing."""


class Seconds:
    """A monotonic clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Worker:
    """What one process of the service does, step by step."""

    def __init__(self, pki: Pki) -> None:
        self.pki = pki
        self.seconds = Seconds()
        self.prepared = PreparedAnswers(
            pki.ocsp, pki.status, pki.answers, pki.feed, pki.signing_clock, self.seconds
        )

    def request(self, serial: int, form: int = 0) -> bytes:
        return plain_request(self.pki.ocsp.forms.of_issuer(CITIZEN)[form], serial)

    def find(self, serial: int, form: int = 0) -> ReadyAnswer | None:
        return self.ask(self.request(serial, form))

    def ask(self, request: bytes) -> ReadyAnswer | None:
        self.seconds.now += 0.06  # longer than a snapshot of the store is kept
        return self.prepared.find(request, int(self.pki.clock().timestamp()))

    def make_and_keep(self, serial: int, form: int = 0) -> None:
        stored = self.pki.ocsp.answer(self.request(serial, form)).stored
        assert stored is not None
        self.prepared.keep(stored)

    def follow(self) -> bool:
        return self.prepared.follow()

    def store(self, serial: int, form: int = 0) -> ReadyAnswer:
        """Makes an answer, stores it, finds it."""
        self.follow()
        self.make_and_keep(serial, form)
        assert self.follow()
        found = self.find(serial, form)
        assert found is not None
        return found


@pytest.fixture
def worker(pki: Pki) -> Worker:
    return Worker(pki)


@pytest.fixture
def issue(pki: Pki, citizen_request: Callable[..., CertificateRequest]) -> Callable[..., IssuedCertificate]:
    """Issues certificates whose serials have 16 octets, until there is one."""
    numbers = iter(range(10_000))

    def make(*, delivered: bool = True, **arguments: Any) -> IssuedCertificate:
        while True:
            issued = pki.authority.issue(citizen_request(f"answered-{next(numbers)}", **arguments))
            if issued.serial >= _COMMON:
                break
        if delivered:
            pki.authority.activate(issued.serial, "clerk-1", "delivered")
        return issued

    return make
