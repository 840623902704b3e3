"""A renewal keeps the end of the certificate that it asks for: what is decreed later changes no request."""

import sqlalchemy as sa

from issuance.migrations.altering import altered
from pki.store.database import UtcDateTime

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_TABLE = "renewals"
_COLUMN = "ends_at"


def upgrade() -> None:
    with altered(_TABLE) as renewals:
        renewals.add_column(sa.Column(_COLUMN, UtcDateTime(), nullable=True))


def downgrade() -> None:
    with altered(_TABLE) as renewals:
        renewals.drop_column(_COLUMN)
