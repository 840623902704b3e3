"""Altering tables that have rows, references and triggers, on both databases."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations

_TRIGGERS = sa.text(
    "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' "
    "AND (tbl_name = :table OR sql LIKE '%' || :table || '%') ORDER BY name"
)
_ALONE = {"resolve_fks": False}
"""A table is read without those that it refers to, and those that they refer to: that took longest of all."""


@contextmanager
def altered(
    table: str, replaced: Collection[str] = (), reflected: "Sequence[sa.Column[Any]]" = ()
) -> Iterator[BatchOperations]:
    """As Alembic's batch_alter_table, but triggers stay, and the CHECKs in `replaced` are dropped first.

    SQLite copies the table, with constraints that have names; `pki.store.database.migrate` keeps references.
    The old table's triggers would go with it, and others that name it would stop the copy's renaming.
    `reflected`: columns as the copy is to see them, where it must not cast what they hold.
    """
    bind = op.get_bind()
    copied = bind.dialect.name == "sqlite"
    triggers = bind.execute(_TRIGGERS, {"table": table}).all() if copied else []
    for name, _ in triggers:
        op.execute(f'DROP TRIGGER "{name}"')
    with op.batch_alter_table(table, reflect_args=tuple(reflected), reflect_kwargs=_ALONE) as batch:
        for name in replaced:
            batch.drop_constraint(op.f(name), type_="check")
        yield batch
    for _, statement in triggers:
        bind.exec_driver_sql(statement)
