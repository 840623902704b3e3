"""The declarative base of the verifier's tables."""

from sqlalchemy.orm import DeclarativeBase

from pki.store.database import new_metadata


class Base(DeclarativeBase):
    """All tables of the verifier's own database."""

    metadata = new_metadata()
