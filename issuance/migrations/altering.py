"""Altering tables that have rows and references, on both databases."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations


@contextmanager
def altered(table: str, replaced: Collection[str] = ()) -> Iterator[BatchOperations]:
    """As Alembic's batch_alter_table, but CHECK constraints stay; those in `replaced` are dropped.

    SQLite copies the table, and Alembic's copy knows no CHECK; `pki.store.database.migrate` keeps references.
    """
    bind = op.get_bind()
    checks = {str(check["name"]): check["sqltext"] for check in sa.inspect(bind).get_check_constraints(table)}
    copied = bind.dialect.name == "sqlite"
    kept = tuple(
        sa.CheckConstraint(text, name=op.f(name))
        for name, text in checks.items()
        if copied and name not in replaced
    )
    with op.batch_alter_table(table, table_args=kept) as batch:
        for name in () if copied else replaced:
            batch.drop_constraint(op.f(name), type_="check")
        yield batch
