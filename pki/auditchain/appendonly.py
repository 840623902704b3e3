"""Tables that only grow: the database itself refuses to change or delete their rows.

Whoever owns the database can still drop a trigger; the chain and the checkpoints show what was done then.
"""

from collections.abc import Iterable

from sqlalchemy import Connection

_FUNCTION = "refuse_change"


def append_only(dialect: str, table: str) -> list[str]:
    """The statements that protect a table; for migrations. `table` is a plain name of ours.

    Raises ValueError for a database that isn't known here.
    """
    if dialect == "sqlite":
        return [_sqlite_trigger(table, operation) for operation in ("UPDATE", "DELETE")]
    if dialect == "postgresql":
        return [_POSTGRESQL_FUNCTION, _postgresql_trigger(table)]
    raise ValueError(f"no append-only tables on {dialect}")


def unprotected(dialect: str, table: str) -> list[str]:
    """The statements that take the protection away again; for downgrades, and for tests of tampering."""
    if dialect == "sqlite":
        return [f"DROP TRIGGER {table}_no_{operation}" for operation in ("update", "delete")]
    if dialect == "postgresql":
        return [f"DROP TRIGGER {table}_append_only ON {table}"]
    raise ValueError(f"no append-only tables on {dialect}")


def protect(connection: Connection, tables: Iterable[str]) -> None:
    """Runs `append_only` for each table."""
    for table in tables:
        for statement in append_only(connection.dialect.name, table):
            connection.exec_driver_sql(statement)


def _sqlite_trigger(table: str, operation: str) -> str:
    # REPLACE deletes, too: `create_database_engine` sets recursive_triggers, which makes it fire this.
    return (
        f"CREATE TRIGGER {table}_no_{operation.lower()} BEFORE {operation} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    )


_POSTGRESQL_FUNCTION = f"""
CREATE OR REPLACE FUNCTION {_FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS
'BEGIN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || '' is append-only''; END'
"""


def _postgresql_trigger(table: str) -> str:
    return (
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {_FUNCTION}()"
    )
