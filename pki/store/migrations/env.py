"""Alembic's entry: runs the revisions on the connection that the application opened."""

from alembic import context

from pki.store.massactions import MassActionRow

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=MassActionRow.metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
