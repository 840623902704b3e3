"""Pass phrases for the telephone; decrees that extend the validity of cards."""

import sqlalchemy as sa
from alembic import op

from pki.auditchain.appendonly import append_only, unprotected
from pki.store.database import UtcDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_EXTENSIONS = "card_extensions"


def upgrade() -> None:
    _create_pass_phrases()
    _create_decrees()
    _create_extensions()
    op.create_index(
        "ix_card_certificates_card_number_not_after", "card_certificates", ["card_number", "not_after"]
    )
    for statement in append_only(op.get_bind().dialect.name, _EXTENSIONS):
        op.execute(statement)


def downgrade() -> None:
    for statement in unprotected(op.get_bind().dialect.name, _EXTENSIONS):
        op.execute(statement)
    op.drop_index("ix_card_certificates_card_number_not_after", "card_certificates")
    for table in (_EXTENSIONS, "decrees", "pass_phrases"):
        op.drop_table(table)


def _create_pass_phrases() -> None:
    op.create_table(
        "pass_phrases",
        sa.Column("card_number", sa.String(length=10), nullable=False),
        sa.Column("phrase_hash", sa.LargeBinary(), nullable=False),
        sa.Column("wrong", sa.Integer(), nullable=False),
        sa.Column("locked_at", UtcDateTime(), nullable=True),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.Column("agreed_by", sa.String(length=64), nullable=False),
        sa.Column("agreed_at", UtcDateTime(), nullable=False),
        sa.Column("check_id", sa.String(length=16), nullable=False),
        sa.CheckConstraint("wrong >= 0", name=op.f("ck_pass_phrases_wrong")),
        sa.CheckConstraint("locked_at IS NULL OR wrong > 0", name=op.f("ck_pass_phrases_locked")),
        sa.ForeignKeyConstraint(
            ["agreed_by"], ["operators.username"], name=op.f("fk_pass_phrases_agreed_by")
        ),
        sa.ForeignKeyConstraint(
            ["card_number"], ["cards.card_number"], name=op.f("fk_pass_phrases_card_number")
        ),
        sa.ForeignKeyConstraint(["check_id"], ["identity_checks.id"], name=op.f("fk_pass_phrases_check_id")),
        sa.PrimaryKeyConstraint("card_number", name=op.f("pk_pass_phrases")),
    )


def _create_decrees() -> None:
    op.create_table(
        "decrees",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("number", sa.String(length=40), nullable=False),
        sa.Column("decreed_on", sa.Date(), nullable=False),
        sa.Column("expires_from", sa.Date(), nullable=False),
        sa.Column("expires_to", sa.Date(), nullable=False),
        sa.Column("office", sa.String(length=8), nullable=True),
        sa.Column("born_from", sa.Date(), nullable=True),
        sa.Column("born_to", sa.Date(), nullable=True),
        sa.Column("extended_to", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("cards", sa.Integer(), nullable=True),
        sa.Column("proposed_by", sa.String(length=64), nullable=False),
        sa.Column("proposed_at", UtcDateTime(), nullable=False),
        sa.Column("decided_by", sa.String(length=64), nullable=True),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("state IN ('in_force', 'proposed', 'rejected')", name=op.f("ck_decrees_state")),
        sa.CheckConstraint("(state = 'proposed') = (decided_by IS NULL)", name=op.f("ck_decrees_decided_by")),
        sa.CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name=op.f("ck_decrees_decided_at")),
        sa.CheckConstraint("decided_by <> proposed_by", name=op.f("ck_decrees_two_people")),
        sa.CheckConstraint("(state = 'in_force') = (cards IS NOT NULL)", name=op.f("ck_decrees_cards")),
        sa.CheckConstraint(
            "expires_from <= expires_to AND expires_to < extended_to", name=op.f("ck_decrees_later")
        ),
        sa.CheckConstraint(
            "(born_from IS NULL) = (born_to IS NULL) AND born_from <= born_to", name=op.f("ck_decrees_born")
        ),
        sa.ForeignKeyConstraint(["decided_by"], ["operators.username"], name=op.f("fk_decrees_decided_by")),
        sa.ForeignKeyConstraint(["office"], ["offices.code"], name=op.f("fk_decrees_office")),
        sa.ForeignKeyConstraint(["proposed_by"], ["operators.username"], name=op.f("fk_decrees_proposed_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decrees")),
        sa.UniqueConstraint("number", name=op.f("uq_decrees_number")),
    )
    op.create_index("ix_decrees_state_decided_at", "decrees", ["state", "decided_at"], unique=False)


def _create_extensions() -> None:
    op.create_table(
        _EXTENSIONS,
        sa.Column("card_number", sa.String(length=10), nullable=False),
        sa.Column("decree_id", sa.String(length=16), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["card_number"], ["cards.card_number"], name=op.f("fk_card_extensions_card_number")
        ),
        sa.ForeignKeyConstraint(["decree_id"], ["decrees.id"], name=op.f("fk_card_extensions_decree_id")),
        sa.PrimaryKeyConstraint("card_number", "decree_id", name=op.f("pk_card_extensions")),
    )
    op.create_index(op.f("ix_card_extensions_decree_id"), _EXTENSIONS, ["decree_id"], unique=False)
