"""The migrations make exactly the tables that the models describe."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from pki.bootstrap import MIGRATIONS, Pki, migrate_home
from pki.errors import DatabaseVersionError
from pki.home import Home, HomeMissingError
from pki.store.database import create_database_engine, is_current, migrate
from pki.store.models import Base


def test_models_and_migrations_agree(pki: Pki) -> None:
    with pki.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"render_as_batch": True})
        assert compare_metadata(context, Base.metadata) == []


def test_migrating_again_changes_nothing(pki: Pki) -> None:
    migrate(pki.engine, MIGRATIONS)
    assert pki.authority.repair() == 0


def test_what_is_current(pki: Pki) -> None:
    assert is_current(pki.engine, MIGRATIONS)
    with pki.engine.begin() as connection:
        connection.execute(text("DELETE FROM alembic_version"))
    assert not is_current(pki.engine, MIGRATIONS)
    assert not is_current(create_database_engine("sqlite://"), MIGRATIONS)


def test_a_later_version_s_database_is_refused(pki: Pki, home: Home) -> None:
    with pki.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseVersionError):
        migrate(pki.engine, MIGRATIONS)
    with pytest.raises(HomeMissingError, match="can't read"):
        migrate_home(pki.engine, home)
