"""A station stands in an office by the office's code, where it had a text of somebody's own.

Where there is one office, all stand there. Else a text that is an office's name becomes its code; any other
that is no code stays, and leads to no office: nobody can use that station until it is added anew.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    bind = op.get_bind()
    offices = bind.execute(sa.text("SELECT code, persian_name, latin_name FROM offices ORDER BY code")).all()
    if len(offices) == 1:
        bind.execute(sa.text("UPDATE stations SET office = :code"), {"code": offices[0].code})
        return
    named = sa.text(
        "UPDATE stations SET office = :code WHERE office IN (:persian, :latin) "
        "AND office NOT IN (SELECT code FROM offices)"
    )
    for code, persian, latin in offices:
        bind.execute(named, {"code": code, "persian": persian, "latin": latin})


def downgrade() -> None:
    """A code is a text, too."""
