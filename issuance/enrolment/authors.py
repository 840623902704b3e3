"""Who had a hand in an application: opened, changed or submitted it, captured its portrait, saw its evidence.

They are never forgotten, whoever comes after them: none of them decides on it, here and in the database.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from issuance.enrolment.models import Application, ApplicationAuthor
from issuance.errors import OwnWorkError


def add_author(session: Session, application: Application, username: str) -> None:
    """Once for each person; in the transaction of what they did."""
    session.flush()  # a decision that is taken back goes first: the database refuses its author here
    if session.get(ApplicationAuthor, (application.id, username)) is None:
        session.add(ApplicationAuthor(application_id=application.id, username=username))


def require_no_author(session: Session, application: Application, username: str) -> None:
    """Raises OwnWorkError."""
    if session.get(ApplicationAuthor, (application.id, username)) is not None:
        raise OwnWorkError


def authors_of(session: Session, application_id: str) -> list[str]:
    """All of them, by name."""
    query = select(ApplicationAuthor.username).where(ApplicationAuthor.application_id == application_id)
    return list(session.scalars(query.order_by(ApplicationAuthor.username)))
