"""Triggers that refuse a change of a row, said once for both databases."""

from dataclasses import dataclass

from alembic import op


@dataclass(frozen=True)
class Guard:
    """Refuses `event` on rows of `table` where `condition` is true."""

    name: str
    table: str
    event: str
    """`INSERT`, `UPDATE`, `UPDATE OF a, b` or `DELETE`."""
    condition: str
    """SQL that both databases know, over OLD and NEW."""
    message: str

    def create(self) -> None:
        """For upgrades."""
        if op.get_bind().dialect.name == "sqlite":
            op.execute(
                f"CREATE TRIGGER {self.name} BEFORE {self.event} ON {self.table} WHEN {self.condition} "
                f"BEGIN SELECT RAISE(ABORT, '{self.message}'); END"
            )
            return
        kept = "OLD" if self.event == "DELETE" else "NEW"
        op.execute(
            f"CREATE FUNCTION {self.name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF {self.condition} THEN RAISE EXCEPTION '{self.message}'; END IF; RETURN {kept}; END $$"
        )
        op.execute(
            f"CREATE TRIGGER {self.name} BEFORE {self.event} ON {self.table} "
            f"FOR EACH ROW EXECUTE FUNCTION {self.name}()"
        )

    def drop(self) -> None:
        """For downgrades."""
        if op.get_bind().dialect.name == "sqlite":
            op.execute(f"DROP TRIGGER {self.name}")
            return
        op.execute(f"DROP TRIGGER {self.name} ON {self.table}")
        op.execute(f"DROP FUNCTION {self.name}()")


def keep_rows(table: str) -> None:
    """From now on no row of the table can be deleted: the product deletes none."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            f"CREATE TRIGGER {table}_kept BEFORE DELETE ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} keeps its rows'); END"
        )
        return
    op.execute(
        "CREATE OR REPLACE FUNCTION keep_rows() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || '' keeps its rows''; END'"
    )
    op.execute(
        f"CREATE TRIGGER {table}_kept BEFORE DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION keep_rows()"
    )


def release_rows(table: str) -> None:
    """Undoes `keep_rows`."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    op.execute(f"DROP TRIGGER {table}_kept" + ("" if sqlite else f" ON {table}"))
