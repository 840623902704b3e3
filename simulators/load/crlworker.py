"""Publishes one CRL for `bench crl` and prints what it took, in a process of its own."""

import hashlib
import itertools
import json
import re
import statistics
import sys
import time
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import Engine, text

from pki.authority.issuers import Issuers, uncertified_ca
from pki.hierarchy import Role
from pki.keys.files import FileSigner
from pki.profiles.extensions import PublicAddresses
from pki.profiles.names import encode_ca
from pki.profiles.tbs import Validity
from pki.status.crl.entries import EntryRow, encode_entries
from pki.status.crl.rows import listed, snapshot
from pki.status.crl.scope import CrlScope
from pki.status.publication import CrlPublisher, PublishedCrl
from pki.store.database import create_database_engine
from simulators.load.crlpopulation import ISSUER, NOW, database_of

_ADDRESSES = PublicAddresses("http://bench.invalid")
_SAMPLE_BLOCKS = 50
_REPEATS = 5
_STATUS = Path("/proc/self/status")
_FORGET_PEAK = Path("/proc/self/clear_refs")


def main(root: Path, what: str, shards: int) -> None:
    """`what`: full, delta or shard."""
    engine = create_database_engine(f"sqlite:///{database_of(root)}")
    crls = _publisher(engine, root, shards)
    sample = _sample(engine)
    crls.publish(f"{ISSUER}-p0000")  # what is made once in a process is made now
    limit = _entries_per_second(sample)
    _FORGET_PEAK.write_text("5", encoding="ascii")  # proc(5): the peak starts again from here
    before = _peak_kilobytes()
    began, worked = time.perf_counter(), time.process_time()
    crl = _publish(crls, engine, what)
    elapsed, seconds = time.perf_counter() - began, time.process_time() - worked
    peak = (_peak_kilobytes() - before) / 1000
    if what == "delta":  # its base came first
        elapsed, seconds, crl = _timed_again(crls, crl)
    limit = (limit + _entries_per_second(sample)) / 2  # other programs' load may have changed meanwhile
    measured = {"entries": crl.entries, "size": crl.size, "elapsed": elapsed, "seconds": seconds}
    print(json.dumps({**measured, "peak_megabytes": peak, "limit_per_second": limit}))  # noqa: T201


def _publisher(engine: Engine, root: Path, shards: int) -> CrlPublisher:
    validity = Validity(NOW - timedelta(days=3650), NOW + timedelta(days=3650))
    subject = encode_ca(Role.CITIZEN_AUTHENTICATION, 1)
    ca = uncertified_ca(ISSUER, FileSigner.generate(ec.SECP256R1()), subject, validity, shards)
    return CrlPublisher(engine, Issuers([ca]), _ADDRESSES, root / "crl", lambda: NOW)


def _publish(crls: CrlPublisher, engine: Engine, what: str) -> PublishedCrl:
    if what == "full":
        return crls.publish(ISSUER)
    if what == "shard":
        return crls.publish(f"{ISSUER}-p0007")
    with engine.begin() as connection:
        connection.execute(text("UPDATE issuers SET status_version = 2"))
    return crls.publish(f"{ISSUER}-delta")


def _timed_again(crls: CrlPublisher, crl: PublishedCrl) -> tuple[float, float, PublishedCrl]:
    began, worked = time.perf_counter(), time.process_time()
    again = crls.publish(crl.name)
    return time.perf_counter() - began, time.process_time() - worked, again


def _sample(engine: Engine) -> list[list[EntryRow]]:
    with snapshot(engine) as connection:
        blocks = listed(connection, CrlScope(ISSUER), NOW - timedelta(days=3650), 0)
        return list(itertools.islice(blocks, _SAMPLE_BLOCKS))


def _entries_per_second(blocks: list[list[EntryRow]]) -> float:
    """Encoding and hashing rows that are in memory already: the middle one of several passes."""
    count = sum(map(len, blocks))
    return count / statistics.median(_seconds_of(blocks) for _ in range(_REPEATS))


def _seconds_of(blocks: Iterable[list[EntryRow]]) -> float:
    digest = hashlib.sha256()
    began = time.process_time()
    for rows in blocks:
        digest.update(encode_entries(rows))
    digest.digest()
    return time.process_time() - began


def _peak_kilobytes() -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text(encoding="ascii"))
    if found is None:
        raise RuntimeError("this kernel does not tell the peak of memory")
    return int(found[1])


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
