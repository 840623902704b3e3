"""Alembic revisions of the authority's database."""
