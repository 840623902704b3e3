"""Wrong tries at tracking codes, counted for all processes."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from issuance.database import Base
from pki.store.database import UtcDateTime


class StatusTries(Base):
    """How often codes of a bucket were asked for with what did not belong to them, since a moment.

    Codes share a fixed number of buckets, so the table is bounded whatever is asked.
    """

    __tablename__ = "status_tries"

    bucket: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    since: Mapped[datetime] = mapped_column(UtcDateTime())
    wrong: Mapped[int]
