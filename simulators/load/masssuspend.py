"""`hoviat bench mass-suspend`: the registry holds the keys of a chip batch, until CRLs and answers are right.

From the second person's confirmation: keys held at the authority and recorded in the registry with a message
to each holder, shard by shard; CRLs made; OCSP answers for all of them signed ahead. The action runs in a
process of its own, so that its peak memory is its own.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from secrets import token_bytes
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from sqlalchemy import func, select, text, update

from issuance.audit import Audit
from issuance.bootstrap import open_database
from issuance.database import Database
from issuance.massactions.running import MassRuns
from issuance.massactions.selection import KeySelection
from issuance.massactions.service import MassActions
from issuance.notices.models import Notice
from pki import home as homes
from pki.bootstrap import Pki, initialise, open_pki
from pki.hierarchy import partition_scope
from pki.home import DEFAULT_KEY_LOCATION, DEFAULT_PUBLIC_URL
from pki.massactions.delegated import DelegatedActions
from pki.status.crl.entries import encode_entries
from pki.status.crl.rows import listed, snapshot
from pki.status.crl.scope import CrlScope
from pki.status.ocsp.answerstore import KEY_BYTES
from pki.status.ocsp.forms import FORM_ID_BYTES
from pki.status.ocsp.preparing import Preparer
from pki.status.ocsp.record import read_record
from pki.status.ocsp.response import cert_status
from pki.status.state import Status
from pki.store.models import CertificateRow
from simulators.load.crisispopulation import BATCH, PEOPLE, ROLES, populate_crisis
from simulators.load.masscheck import BatchError, check_batch
from simulators.load.places import environment, postgres_database
from simulators.load.result import Result
from simulators.load.statusclient import StatusClient, StopWatch, ask_responder, peak_memory

_NAME = "mass-suspend"
_MEBIBYTE = 1024.0 * 1024.0
_READ_AT_ONCE = 5_000
_SIGNED = 5_000
_STALE_BATCHES = 2
"""Of a thousand answers each, made before: they have to give way."""


@dataclass(frozen=True)
class _Case:
    """One installation to measure."""

    postgres: bool
    certificates: int
    shards: int

    def __str__(self) -> str:
        place = "PostgreSQL" if self.postgres else "SQLite"
        return (
            f"{self.certificates:,} certificates, {place}, {self.shards:,} partition{'s' * (self.shards > 1)}"
        )


def measure(certificates: int, shards: int) -> Iterator[Result]:
    """On SQLite with one CRL and with many partitions of each CA, and on PostgreSQL."""
    yield from _measure(_Case(postgres=False, certificates=certificates, shards=1))
    yield from _measure(_Case(postgres=False, certificates=certificates, shards=shards))
    yield from _measure(_Case(postgres=True, certificates=certificates, shards=1))


def _measure(case: _Case) -> Iterator[Result]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hoviat-bench-")))
        if case.postgres and not _enter_postgres(stack):
            return
        root = folder / "home"
        initialise(homes.create(root, DEFAULT_PUBLIC_URL, DEFAULT_KEY_LOCATION, case.shards))
        with _opened(root) as (pki, database):
            populate_crisis(database, pki, case.certificates, pki.clock() - timedelta(days=1))
        done = _in_own_process(root)
        with _opened(root) as (pki, database):
            _check(pki, database, case)
            limit = _limit(pki, case)
    seconds = {name: float(value) for name, value in done.items() if name.endswith("_seconds")}
    proposed = seconds.pop("propose_seconds")
    steps = ", ".join(f"{name.removesuffix('_seconds')} {value:.2f}" for name, value in seconds.items())
    limit_is = "one bare UPDATE, CRL entries encoded and hashed, one signature an answer, alone"
    told = f"{case}: {steps} (before that propose {proposed:.2f})"
    yield Result(_NAME, told, sum(seconds.values()), "s", limit, limit_is, counts=True)
    memory, base = float(done["peak"]) / _MEBIBYTE, float(done["base"]) / _MEBIBYTE
    yield Result(
        _NAME, f"{case}: peak memory", memory, "MiB", base, "both services open before it", counts=True
    )


def _enter_postgres(stack: ExitStack) -> bool:
    """Two databases of one server: both services' variables are set."""
    for variable in ("HOVIAT_PKI_DATABASE", "HOVIAT_ISSUANCE_DATABASE"):
        url = stack.enter_context(postgres_database())
        if url is None:
            return False
        stack.enter_context(environment(**{variable: url}))
    return True


@contextmanager
def _opened(root: Path) -> Iterator[tuple[Pki, Database]]:
    home = homes.load(root)
    pki = open_pki(home)
    database = open_database(home, pki.master_keys)
    try:
        yield pki, database
    finally:
        database.close()
        pki.close()


def _in_own_process(root: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "simulators.load.masssuspend", str(root)]
    finished = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=os.environ)  # noqa: S603
    answer: dict[str, Any] = json.loads(finished.stdout)
    return answer


def _act(root: Path) -> dict[str, float]:
    """In the process of its own: seconds of each step, and bytes of memory before and at the peak."""
    with _opened(root) as (pki, database):
        client, preparer = StatusClient(pki), Preparer(pki)
        issuers = [pki.issuers.current(role) for role in ROLES]
        pki.crls.publish_due()
        for issuer in issuers:
            for _ in zip(range(_STALE_BATCHES), preparer.prepare(issuer.name), strict=False):
                pass
        actions = MassActions(database, Audit(pki.clock), pki.clock, token_bytes)
        runs = MassRuns(database, Audit(pki.clock), DelegatedActions(pki.engine, pki.clock), pki.clock)
        base, clock = peak_memory(), StopWatch()
        first, second = PEOPLE
        action = actions.propose(first, KeySelection(body_batches=frozenset({BATCH})), "weak chips")
        clock.lap("propose")
        actions.confirm(second, action.id)
        clock.lap("confirm")
        *_, progress = runs.run(second, action.id)
        clock.lap("hold")
        pki.crls.publish_due()
        clock.lap("crl")
        for issuer in issuers:
            for _ in preparer.prepare(issuer.name):
                pass
        clock.lap("ocsp")
        for issuer in issuers:
            ask_responder(client, pki, issuer)
        if progress.held != progress.keys:
            raise BatchError(f"{progress.held} of {progress.keys} are held")
        return {**clock.laps, "base": base, "peak": peak_memory()}


def _check(pki: Pki, database: Database, case: _Case) -> None:
    """CRLs, stored answers and messages are exactly what they must be. Not part of what is measured."""
    for role in ROLES:
        name = pki.issuers.current(role).name
        scopes = [name] if case.shards == 1 else [partition_scope(name, n) for n in range(case.shards)]
        published = (pki.crls.published(scope) for scope in scopes)
        issuer = x509.load_der_x509_certificate(pki.certificates[name])
        crls = (crl.read() for crl in published if crl is not None)
        check_batch(pki.engine, f"{BATCH}-{role.value}", crls, issuer)
    right = _right_answers(pki)
    if right != case.certificates:
        raise BatchError(f"{right:,} stored OCSP answers say what is on record, of {case.certificates:,}")
    with database.reading() as session:
        told = session.scalar(select(func.count()).select_from(Notice)) or 0
    if told != case.certificates // len(ROLES):
        raise BatchError(f"{told:,} holders are to be told")


def _right_answers(pki: Pki) -> int:
    """Stored answers of held certificates that say what the database says of them."""
    forms = {
        form.form_id: form
        for role in ROLES
        for form in pki.ocsp.forms.of_issuer(pki.issuers.current(role).name)
    }
    right, key = 0, b""
    while found := pki.answers.after(key, _READ_AT_ONCE):
        key = found[-1][0]
        answers = [
            read_record(form, int.from_bytes(place[FORM_ID_BYTES:KEY_BYTES], "big"), record)
            for place, record in found
            if (form := forms.get(place[:FORM_ID_BYTES])) is not None
        ]
        states = pki.status.states({answer.serial for answer in answers})
        for answer in answers:
            _, state = states[answer.serial]
            right += state.status is Status.ON_HOLD and cert_status(state) == answer.status
    return right


def _limit(pki: Pki, case: _Case) -> float:
    """Seconds for what can't be left out, each done alone."""
    return _bare_update(pki) + _encoding(pki, case) + _signing(case)


def _bare_update(pki: Pki) -> float:
    """The same rows, good again before, changed in one statement."""
    row, batch = CertificateRow, CertificateRow.provenance.like(f"{BATCH}-%")
    good = {"status": "good", "reason": None, "held_by": None, "changed": 0}
    held = {
        "status": "on_hold",
        "reason": "certificateHold",
        "held_by": "officer",
        "since": pki.clock(),
        "changed": 1,
    }
    with pki.engine.begin() as connection:
        connection.execute(update(row).where(batch).values(good))
    if pki.engine.dialect.name == "postgresql":
        with pki.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE certificates"))
    began = time.perf_counter()
    with pki.engine.begin() as connection:
        connection.execute(update(row).where(batch).values(held))
    return time.perf_counter() - began


def _encoding(pki: Pki, case: _Case) -> float:
    """The CRLs' entries, from memory, a block at a time."""
    spent, digest = 0.0, hashlib.sha256()
    with snapshot(pki.engine) as connection:
        for role in ROLES:
            issuer = pki.issuers.current(role)
            for shard in range(case.shards) if case.shards > 1 else (None,):
                for rows in listed(connection, CrlScope(issuer.name, shard), pki.clock(), 0):
                    began = time.perf_counter()
                    digest.update(encode_entries(rows))
                    spent += time.perf_counter() - began
    return spent


def _signing(case: _Case) -> float:
    """Bare P-256 signatures over as many octets, some of them measured."""
    key, scheme, message = ec.generate_private_key(ec.SECP256R1()), ec.ECDSA(SHA256()), bytes(250)
    began = time.perf_counter()
    for _ in range(_SIGNED):
        key.sign(message, scheme)
    return (time.perf_counter() - began) / _SIGNED * case.certificates


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_act(Path(sys.argv[1]))))
