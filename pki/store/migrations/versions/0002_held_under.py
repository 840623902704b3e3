"""The hold under an officer's: a lost card's certificate stays on hold when the officer's is lifted."""

from alembic import op

revision = "h0002"
down_revision = "h0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Written out, because Alembic would copy the whole table on SQLite to add the constraint.
    op.execute(
        "ALTER TABLE certificates ADD COLUMN held_under VARCHAR(16) "
        "CONSTRAINT ck_certificates_held_under CHECK (held_under IS NULL OR held_by IS NOT NULL)"
    )


def downgrade() -> None:
    op.execute("ALTER TABLE certificates DROP COLUMN held_under")
