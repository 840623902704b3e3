"""Runs the revisions on the connection that `Database.migrate` opened."""

from alembic import context

from issuance.models import Base

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Base.metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
