"""Batch runs and their readers. Whoever asks for a pause writes it here; the readers' threads see it."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from issuance.batchruns.states import BatchRunState, ReaderState
from issuance.database import Base, one_of
from issuance.identifiers import LENGTH as IDENTIFIER_LENGTH
from issuance.offices.models import OFFICE_CODE_LENGTH
from issuance.operators.models import USERNAME_LENGTH
from issuance.production.models import DETAIL_LENGTH, KIND_LENGTH, READER_LENGTH
from pki.store.database import UtcDateTime

_STATE_LENGTH = 16


class BatchRun(Base):
    """One batch, started by one operator at one office's readers."""

    __tablename__ = "batch_runs"
    __table_args__ = (CheckConstraint(one_of("state", [state.value for state in BatchRunState]), "state"),)

    id: Mapped[str] = mapped_column(String(IDENTIFIER_LENGTH), primary_key=True)
    office: Mapped[str] = mapped_column(String(OFFICE_CODE_LENGTH), ForeignKey("offices.code"), index=True)
    state: Mapped[str] = mapped_column(String(_STATE_LENGTH))
    version: Mapped[int] = mapped_column()
    started_by: Mapped[str] = mapped_column(String(USERNAME_LENGTH), ForeignKey("operators.username"))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime())
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    readers: Mapped[list["BatchReader"]] = relationship(order_by="BatchReader.reader")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads it from the class


class BatchReader(Base):
    """One reader of a batch run."""

    __tablename__ = "batch_run_readers"
    __table_args__ = (CheckConstraint(one_of("state", [state.value for state in ReaderState]), "state"),)

    batch_run_id: Mapped[str] = mapped_column(
        String(IDENTIFIER_LENGTH), ForeignKey("batch_runs.id"), primary_key=True
    )
    reader: Mapped[str] = mapped_column(String(READER_LENGTH), primary_key=True)
    state: Mapped[str] = mapped_column(String(_STATE_LENGTH))
    produced: Mapped[int] = mapped_column(default=0)
    production_id: Mapped[str | None] = mapped_column(String(IDENTIFIER_LENGTH), ForeignKey("productions.id"))
    """The last run at this reader."""
    failure_kind: Mapped[str | None] = mapped_column(String(KIND_LENGTH))
    failure_detail: Mapped[str | None] = mapped_column(String(DETAIL_LENGTH))
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime())
    """When its thread last said that it lives, half a minute apart at most."""
