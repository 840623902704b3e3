"""PostgreSQL takes the same migrations, and ends with the tables of the models."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from pki.bootstrap import MIGRATIONS
from pki.store.database import create_database_engine, migrate
from pki.store.models import Base


def test_models_and_migrations_agree_on_postgresql(postgres_url: str) -> None:
    engine = create_database_engine(postgres_url)
    migrate(engine, MIGRATIONS)
    with engine.connect() as connection:
        assert connection.dialect.name == "postgresql"
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    engine.dispose()
