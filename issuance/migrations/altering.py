"""Altering tables that have rows, references and triggers, on both databases."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations

_TRIGGERS = sa.text(
    "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' "
    "AND (tbl_name = :table OR sql LIKE '%' || :table || '%') ORDER BY name"
)


@contextmanager
def altered(table: str, replaced: Collection[str] = ()) -> Iterator[BatchOperations]:
    """As Alembic's batch_alter_table, but CHECKs and triggers stay; CHECKs in `replaced` are dropped.

    SQLite copies the table, and Alembic's copy knows no CHECK; `pki.store.database.migrate` keeps references.
    The old table's triggers would go with it, and others that name it would stop the copy's renaming.
    """
    bind = op.get_bind()
    checks = {str(check["name"]): check["sqltext"] for check in sa.inspect(bind).get_check_constraints(table)}
    copied = bind.dialect.name == "sqlite"
    kept = tuple(
        sa.CheckConstraint(text, name=op.f(name))
        for name, text in checks.items()
        if copied and name not in replaced
    )
    triggers = bind.execute(_TRIGGERS, {"table": table}).all() if copied else []
    for name, _ in triggers:
        op.execute(f'DROP TRIGGER "{name}"')
    with op.batch_alter_table(table, table_args=kept) as batch:
        for name in replaced:
            batch.drop_constraint(op.f(name), type_="check")
        yield batch
    for _, statement in triggers:
        bind.exec_driver_sql(statement)
