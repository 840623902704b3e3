"""A CA with a database and a folder, made in milliseconds: what CRLs need and nothing else."""

import itertools
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import Engine, insert, update
from sqlalchemy.orm import Session

from pki.authority import Authority
from pki.authority.intents import new_serial
from pki.authority.issuers import Issuers, IssuingCa, uncertified_ca
from pki.authority.seal import SEAL_BYTES, IntentSeal
from pki.hierarchy import parse_issuer_name, shard_of
from pki.keys.files import FileSigner
from pki.profiles.extensions import PublicAddresses
from pki.profiles.names import encode_ca
from pki.profiles.tbs import Validity
from pki.status.publication import CrlPublisher
from pki.store.database import create_database_engine
from pki.store.models import Base, CertificateRow, Intent, Issuer, KeyRow

ADDRESSES = PublicAddresses("http://pki.example.invalid")
NAME = "citizen-auth-g1"
START = datetime(2026, 11, 24, 12, tzinfo=UTC)
_YEARS = timedelta(days=366 * 60)
_numbers = itertools.count()


class LabClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)


class Lab:
    """A CA, its certificates as rows, and its publisher."""

    def __init__(self, engine: Engine, folder: Path, ca: IssuingCa) -> None:
        self.engine = engine
        self.folder = folder
        self.clock = LabClock()
        self.ca = ca
        issuers = Issuers([ca])
        self.authority = Authority(
            engine, issuers, ADDRESSES, IntentSeal(secrets.token_bytes(SEAL_BYTES)), self.clock
        )
        self.crls = CrlPublisher(engine, issuers, ADDRESSES, folder, self.clock)

    def add(
        self, count: int = 1, *, on_hold: bool = False, life: timedelta = timedelta(days=365)
    ) -> list[int]:
        """New certificates' serials, good or on their first hold."""
        rows = [self._row(on_hold=on_hold, life=life) for _ in range(count)]
        with Session(self.engine) as session, session.begin():
            if on_hold:
                version = Issuer.status_version + 1
                session.execute(update(Issuer).values(status_version=version))
                held = session.get_one(Issuer, self.ca.name).status_version
                rows = [{**row, "changed": held} for row in rows]
            session.execute(insert(Intent), [_intent(row) for row in rows])
            session.execute(insert(CertificateRow), rows)
        return [int(str(row["serial"])) for row in rows]

    def _row(self, *, on_hold: bool, life: timedelta) -> dict[str, object]:
        serial, now = new_serial(), self.clock().replace(microsecond=0)
        return {
            "serial": serial,
            "request_id": f"request-{next(_numbers)}",
            "issuer": self.ca.name,
            "profile": "authentication",
            "shard": shard_of(serial, self.ca.shards),
            "key_kind": "P-256",
            "provenance": None,
            "not_before": now,
            "not_after": now + life,
            "status": "on_hold" if on_hold else "good",
            "reason": "certificateHold" if on_hold else None,
            "since": now,
            "invalidity_date": None,
            "held_by": "delivery" if on_hold else None,
            "held_under": None,
            "activated": not on_hold,
            "changed": 0,
        }


def _intent(row: dict[str, object]) -> dict[str, object]:
    return {
        **{name: row[name] for name in ("request_id", "serial", "issuer", "shard", "profile", "key_kind")},
        **{name: row[name] for name in ("provenance", "not_before", "not_after")},
        "fingerprint": bytes(32),
        "key_hash": secrets.token_bytes(32),
        "holder_hash": bytes(32),
        "salt": bytes(32),
        "tbs": None,
        "on_hold": row["status"] == "on_hold",
        "actor": "tester",
        "created": row["not_before"],
        "outcome": "issued",
        "refused_by": None,
    }


@contextmanager
def open_lab(folder: Path, *, name: str = NAME, shards: int = 1, url: str | None = None) -> Iterator[Lab]:
    """A lab in a new folder; the database is SQLite unless `url` says otherwise."""
    engine = create_database_engine(url or f"sqlite:///{folder / 'pki.sqlite3'}")
    Base.metadata.create_all(engine)
    role, generation = parse_issuer_name(name)
    signer = FileSigner.generate(ec.SECP256R1())
    subject = encode_ca(role, generation)
    validity = Validity(START - timedelta(days=1), START + _YEARS)
    # Its own certificate plays no part; that it has one makes it the CA that issues.
    ca = replace(uncertified_ca(name, signer, subject, validity, shards), certificate=b"")
    with Session(engine) as session, session.begin():
        session.add(KeyRow(name=name, uri=f"file:{name}", created=START))
        session.flush()
        session.add(
            Issuer(
                name=name,
                role=role.value,
                generation=generation,
                subject=subject,
                key=name,
                online=True,
                certificate=None,
                shards=shards,
                status_version=0,
            )
        )
    try:
        yield Lab(engine, folder / "crl", ca)
    finally:
        engine.dispose()
