"""`hoviat bench mass-revoke`: a chip batch on hold, from the proposal to the new CRL and OCSP answers.

The action runs in a process of its own, so that its peak memory is its own.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cryptography import x509
from sqlalchemy import text, update

from pki import home as homes
from pki.authority.issuers import IssuingCa
from pki.bootstrap import Pki, initialise, open_pki
from pki.hierarchy import Role, partition_scope
from pki.home import DEFAULT_KEY_LOCATION, DEFAULT_PUBLIC_URL
from pki.massactions.selection import Selection
from pki.massactions.service import MassActions
from pki.massactions.values import Kind, Terms
from pki.profiles import Profile
from pki.status.state import Hold, RevocationReason, Status
from pki.store.models import CertificateRow
from simulators.load.certificates import populate
from simulators.load.masscheck import check_batch
from simulators.load.places import environment, postgres_database
from simulators.load.result import Result
from simulators.load.statusclient import StatusClient, StopWatch, ask_responder, peak_memory

_NAME = "mass-revoke"
_BATCH = "bench-batch"
_DATABASE_VARIABLE = "HOVIAT_PKI_DATABASE"
_MEBIBYTE = 1024.0 * 1024.0


@dataclass(frozen=True)
class _Case:
    """One installation to measure."""

    postgres: bool
    certificates: int
    shards: int

    def __str__(self) -> str:
        place = "PostgreSQL" if self.postgres else "SQLite"
        return f"{self.certificates:,} on hold, {place}, {self.shards:,} partition{'s' * (self.shards > 1)}"


def measure(certificates: int, shards: int) -> Iterator[Result]:
    """A whole batch of cards on hold, end to end: one CRL on each database, and many partitions."""
    for postgres in (False, True):
        yield from _measure(_Case(postgres, certificates, shards=1))
    yield from _measure(_Case(postgres=False, certificates=certificates, shards=shards))


def _measure(case: _Case) -> Iterator[Result]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="hoviat-bench-")))
        if case.postgres:
            url = stack.enter_context(postgres_database())
            if url is None:
                return
            stack.enter_context(environment(**{_DATABASE_VARIABLE: url}))
        root = folder / "home"
        initialise(homes.create(root, DEFAULT_PUBLIC_URL, DEFAULT_KEY_LOCATION, case.shards))
        _populate(root, case.certificates)
        done = _in_own_process(root)
        _check_crls(root, case)
        bare = _bare_update(root)
    seconds = {name: float(value) for name, value in done.items() if name.endswith("_seconds")}
    steps = ", ".join(f"{name.removesuffix('_seconds')} {value:.2f}" for name, value in seconds.items())
    limit_is = "one bare UPDATE of the same rows"
    end_to_end = sum(seconds.values())
    yield Result(_NAME, f"{case}: {steps}", end_to_end, "s", bare, limit_is, counts=True)
    memory, base = float(done["peak"]) / _MEBIBYTE, float(done["base"]) / _MEBIBYTE
    yield Result(_NAME, f"{case}: peak memory", memory, "MiB", base, "the open PKI before it", counts=True)


def _populate(root: Path, certificates: int) -> None:
    pki = open_pki(homes.load(root))
    try:
        issuer, began = _issuer(pki), pki.clock() - timedelta(days=1)
        populate(pki.engine, issuer, Profile.AUTHENTICATION, certificates, began, _BATCH)
        if pki.engine.dialect.name == "postgresql":
            with pki.engine.begin() as connection:
                connection.execute(text("ANALYZE"))
    finally:
        pki.close()


def _issuer(pki: Pki) -> IssuingCa:
    return pki.issuers.current(Role.CITIZEN_AUTHENTICATION)


def _in_own_process(root: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "simulators.load.massrevoke", str(root)]
    finished = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=os.environ)  # noqa: S603
    answer: dict[str, Any] = json.loads(finished.stdout)
    return answer


def _check_crls(root: Path, case: _Case) -> None:
    """The CRLs that the certificates name hold exactly them. Not part of what is measured."""
    pki = open_pki(homes.load(root))
    try:
        name = _issuer(pki).name
        scopes = [name] if case.shards == 1 else [partition_scope(name, n) for n in range(case.shards)]
        published = (pki.crls.published(scope) for scope in scopes)
        issuer = x509.load_der_x509_certificate(pki.certificates[name])
        check_batch(pki.engine, _BATCH, (crl.read() for crl in published if crl is not None), issuer)
    finally:
        pki.close()


def _bare_update(root: Path) -> float:
    """Seconds that the database takes to change the same rows, good again before, in one statement."""
    pki = open_pki(homes.load(root))
    row = CertificateRow
    good = {"status": Status.GOOD.value, "reason": None, "held_by": None, "changed": 0}
    held = {
        "status": Status.ON_HOLD.value,
        "reason": RevocationReason.CERTIFICATE_HOLD.value,
        "held_by": Hold.OFFICER.value,
        "since": pki.clock(),
        "changed": 1,
    }
    try:
        with pki.engine.begin() as connection:
            connection.execute(update(row).where(row.provenance == _BATCH).values(good))
        if pki.engine.dialect.name == "postgresql":
            with pki.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("VACUUM ANALYZE certificates"))
        began = time.perf_counter()
        with pki.engine.begin() as connection:
            connection.execute(update(row).where(row.provenance == _BATCH).values(held))
        return time.perf_counter() - began
    finally:
        pki.close()


def _act(root: Path) -> dict[str, float]:
    """In the process of its own: seconds of each step, and bytes of memory before and at the peak."""
    pki = open_pki(homes.load(root))
    client = StatusClient(pki)
    issuer = _issuer(pki)
    pki.crls.publish_due()
    base = peak_memory()
    mass, clock = MassActions(pki.engine, pki.clock), StopWatch()
    action = mass.propose(
        Selection(provenances=frozenset({_BATCH})), Terms(Kind.HOLD, "weak chips"), "officer-a"
    )
    clock.lap("propose")
    mass.approve(action.number, "officer-b", action.digest)
    clock.lap("approve")
    *_, progress = mass.run(action.number, "officer-b")
    clock.lap("run")
    pki.crls.publish_due()
    clock.lap("crl")
    ask_responder(client, pki, issuer)
    clock.lap("ocsp")
    peak = peak_memory()
    if progress.moved != progress.total:
        raise RuntimeError(f"{progress.moved} of {progress.total} changed")
    pki.close()
    return {**clock.laps, "base": base, "peak": peak}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_act(Path(sys.argv[1]))))
