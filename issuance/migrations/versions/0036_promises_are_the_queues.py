"""Applications have no promised date of their own: it was read by nobody; the queue promises (`promises`)."""

import sqlalchemy as sa

from issuance.migrations.altering import altered

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with altered("applications") as rows:
        rows.drop_column("promised_on")


def downgrade() -> None:
    with altered("applications") as rows:
        rows.add_column(sa.Column("promised_on", sa.Date()))
