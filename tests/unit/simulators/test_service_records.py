"""The three services' databases: one kind of record in each, made by migrations, that nobody changes."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import Engine, MetaData
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

import issuance.audit
import issuance.database
import issuance.models
import pki.bootstrap
import pki.store.models
import verifier.audit
import verifier.bootstrap
from pki.auditchain import Event, Record, append_many
from pki.auditchain.appendonly import append_only, unprotected
from pki.auditchain.checkpoints import make_checkpoint
from pki.auditchain.verification import verify_record
from pki.keys.files import FileSigner
from pki.store.bulk import table_of
from pki.store.database import create_database_engine, migrate, newest_revision

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Service(NamedTuple):
    migrations: Path
    metadata: MetaData
    record: Record


SERVICES = {
    "pki": Service(pki.bootstrap.MIGRATIONS, pki.store.models.Base.metadata, pki.store.models.AUDIT),
    "issuance": Service(issuance.database.MIGRATIONS, issuance.models.Base.metadata, issuance.audit.AUDIT),
    "verifier": Service(
        verifier.bootstrap.MIGRATIONS, verifier.audit.AuditEntry.metadata, verifier.audit.AUDIT
    ),
}


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> Service:
    return SERVICES[request.param]


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(service: Service, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path / 'service.db'}" if sqlite else request.getfixturevalue("postgres_url")
    opened = create_database_engine(url)
    try:
        migrate(opened, service.migrations)
        yield opened
    finally:
        opened.dispose()


def test_models_and_migrations_agree(service: Service, engine: Engine) -> None:
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), service.metadata) == []


def test_revisions_are_one_line_by_number(service: Service) -> None:
    revisions = list(ScriptDirectory(str(service.migrations)).walk_revisions())
    assert newest_revision(service.migrations) == revisions[0].revision
    files = [Path(revision.path).name for revision in revisions]
    assert files == sorted(files, reverse=True)


def test_a_record_is_kept_checked_and_never_changed(service: Service, engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        events = [Event(NOW, "init", "started", f"n:{number}") for number in range(300)]
        append_many(session, service.record.entries, events)
        signer = FileSigner(ec.generate_private_key(ec.SECP256R1()))
        make_checkpoint(session, service.record, "hoviat.example/audit", signer, NOW)
    with Session(engine) as session:
        verified = verify_record(session, service.record)
    assert (verified.head.sequence, verified.covered) == (300, 300)
    for model in (service.record.entries, service.record.nodes, service.record.checkpoints):
        name = table_of(model).name
        with pytest.raises(DBAPIError, match=f"{name} is append-only"), engine.begin() as connection:
            connection.exec_driver_sql(f"DELETE FROM {name}")  # noqa: S608
        for statement in [*unprotected(engine.dialect.name, name), *append_only(engine.dialect.name, name)]:
            with engine.begin() as connection:
                connection.exec_driver_sql(statement)
