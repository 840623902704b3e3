"""A service's database with nothing but a record in it, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import Engine

from pki.auditchain.note import CheckpointKey
from pki.keys.files import FileSigner
from pki.store.database import create_database_engine
from tests.unit.pki.auditchain.service import ORIGIN, create_tables


@pytest.fixture
def sqlite_engine(tmp_path: Path) -> Iterator[Engine]:
    yield from _prepared(f"sqlite:///{tmp_path / 'record.db'}")


@pytest.fixture
def postgres_engine(postgres_url: str) -> Iterator[Engine]:
    yield from _prepared(postgres_url)


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Both databases, one after the other."""
    prepared = request.getfixturevalue(f"{request.param}_engine")
    assert isinstance(prepared, Engine)
    return prepared


@pytest.fixture(scope="session")
def signer() -> FileSigner:
    return FileSigner(ec.generate_private_key(ec.SECP256R1()))


@pytest.fixture(scope="session")
def key(signer: FileSigner) -> CheckpointKey:
    assert isinstance(signer.public_key, ec.EllipticCurvePublicKey)
    return CheckpointKey(ORIGIN, signer.public_key)


def _prepared(url: str) -> Iterator[Engine]:
    engine = create_database_engine(url)
    try:
        create_tables(engine)
        yield engine
    finally:
        engine.dispose()
