"""Reading what a CRL lists, block by block, from one snapshot of the database.

The driver's own cursor is used: through the ORM and the column types, rows cost three times as much.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Select, literal, or_, select, text
from sqlalchemy.exc import OperationalError

from pki.status.crl.entries import EntryRow
from pki.status.crl.scope import CrlScope
from pki.store.database import read_only
from pki.store.models import CertificateRow

_BLOCK_ROWS = 512
"""They stay in the processor's caches until they are encoded."""
_COLUMNS = (
    CertificateRow.serial,
    CertificateRow.since,
    CertificateRow.reason,
    CertificateRow.invalidity_date,
)
# Word for word the conditions of the partial indexes, or SQLite doesn't use them.
_LISTED = text("reason IS NOT NULL")
_CHANGED = text("changed > 0")


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """A connection whose every read sees the same moment, while others write."""
    with read_only(engine).connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with connection.begin():
            yield connection


def listed(
    connection: Connection, scope: CrlScope, ended_before: datetime, version: int
) -> Iterator[list[EntryRow]]:
    """What a full CRL lists: held and revoked ones, without those that leave (§3.3).

    A certificate leaves when it has ended before `ended_before`, the moment of the last regular CRL, and has
    not changed since that CRL's status `version`: then it has stood there beyond its end.
    """
    stays = or_(CertificateRow.not_after >= ended_before, CertificateRow.changed > version)
    query = select(*_COLUMNS).where(*_in(scope), _LISTED, stays)
    order = (CertificateRow.issuer, CertificateRow.shard, CertificateRow.serial)
    yield from _stream(connection, query.order_by(*order))


def changed(connection: Connection, scope: CrlScope, version: int) -> Iterator[list[EntryRow]]:
    """What a delta lists: every certificate whose status has changed since the base's status `version`.

    Ended ones too: their notice stays until a full CRL has had it (§5.2.4). Those that are good again have
    no reason here and become removeFromCRL, even if the base never listed them: a later CRL may have.
    """
    query = select(*_COLUMNS).where(*_in(scope), CertificateRow.changed > version, _CHANGED)
    yield from _stream(connection, query.order_by(CertificateRow.changed))


def any_changed(connection: Connection, scope: CrlScope, version: int) -> bool:
    """Whether a certificate of the scope has changed since this status version."""
    query = select(literal(1)).where(*_in(scope), CertificateRow.changed > version, _CHANGED)
    return connection.scalar(query.limit(1)) is not None


def _in(scope: CrlScope) -> tuple[Any, ...]:
    issuer = CertificateRow.issuer == scope.issuer
    return (issuer,) if scope.shard is None else (issuer, CertificateRow.shard == scope.shard)


def _stream(
    connection: Connection, query: Select[int, datetime, str | None, datetime | None]
) -> Iterator[list[EntryRow]]:
    # Numbers and our own CAs' names, quoted by SQLAlchemy: no driver's ideas of parameters come in between.
    statement = str(query.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True}))
    with _plain_text(connection), closing(_cursor(connection)) as cursor:
        try:
            cursor.execute(statement)
            while rows := cursor.fetchmany(_BLOCK_ROWS):
                yield rows
        except connection.dialect.loaded_dbapi.Error as error:  # as SQLAlchemy's: it stops no other CRL
            raise OperationalError(statement, None, error) from error


@contextmanager
def _plain_text(connection: Connection) -> Iterator[None]:
    """Text decoded by SQLite's driver itself: our own way costs a sixth of the time of a CRL.

    A reason that is no UTF-8 is the driver's error then, and makes no CRL.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    raw: Any = connection.connection.dbapi_connection
    before, raw.text_factory = raw.text_factory, str
    try:
        yield
    finally:
        raw.text_factory = before


def _cursor(connection: Connection) -> Any:  # noqa: ANN401 - each driver has its own
    """On PostgreSQL one that stays on the server, or the driver would take all rows at once."""
    raw: Any = connection.connection.dbapi_connection
    return raw.cursor("crl", binary=True) if connection.dialect.name == "postgresql" else raw.cursor()
