"""An approval is sealed: what nobody approved, or not so, becomes no card (ADR 46)."""

import sqlalchemy as sa
from alembic import op

from issuance.migrations.altering import altered
from issuance.migrations.encrypting import Values, rewrite
from pki.store.encrypted import ColumnCipher

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_TABLE = "applications"
_COLUMN = "approval_seal"
_APPROVED = "state IN ('approved', 'in_production', 'inspection', 'ready')"
_SEALED = ("id", "kind", "cause", "replaces", "office", "decided_by", "seal")
_SEAL_OF_PERSON = sa.text("SELECT seal FROM citizens WHERE national_code = :code")


def upgrade() -> None:
    with altered(_TABLE) as rows:
        rows.add_column(sa.Column(_COLUMN, sa.String(length=64), server_default="", nullable=False))
    rewrite(_TABLE, ["id"], ["national_code", *_SEALED], _sealed, only=_APPROVED)
    with altered(_TABLE) as rows:
        rows.alter_column(_COLUMN, existing_type=sa.String(length=64), server_default=None)


def downgrade() -> None:
    with altered(_TABLE) as rows:
        rows.drop_column(_COLUMN)


def _sealed(cipher: ColumnCipher, row: Values) -> Values:
    person = op.get_bind().execute(_SEAL_OF_PERSON, {"code": row["national_code"]}).scalar_one()
    values = [*(row[name] or "" for name in _SEALED), person]
    return {_COLUMN: cipher.seal("approvals", [value.encode() for value in values])}
