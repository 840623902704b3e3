"""The migrations make exactly the tables that the models describe."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from pki.bootstrap import MIGRATIONS, Pki
from pki.store.database import migrate
from pki.store.models import Base


def test_models_and_migrations_agree(pki: Pki) -> None:
    with pki.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"render_as_batch": True})
        assert compare_metadata(context, Base.metadata) == []


def test_migrating_again_changes_nothing(pki: Pki) -> None:
    migrate(pki.engine, MIGRATIONS)
    assert pki.authority.repair() == 0
