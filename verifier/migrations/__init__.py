"""Alembic revisions of the verifier's database."""
