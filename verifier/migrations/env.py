"""Alembic's entry: runs the revisions on the connection that the application opened."""

from alembic import context

import verifier.audit
import verifier.challenges.models
import verifier.receipts.models  # noqa: F401 - imported for their tables
from verifier.store.base import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
