"""What a database can't hold is the sender's fault; a database that does not answer is nobody's."""

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DataError, OperationalError, SQLAlchemyError
from sqlalchemy.orm.exc import StaleDataError

from issuance.operators.models import Operator
from issuance.web.problems import STATUSES, refusal
from tests.depot import Depot


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (DataError("INSERT", {}, ValueError()), 422, "value-not-storable"),
        (OperationalError("INSERT", {}, ValueError()), 503, "database-unavailable"),
        (SQLAlchemyError(), 503, "database-unavailable"),
        (StaleDataError(), 409, "changed-meanwhile"),
    ],
)
def test_each_failure_has_its_kind(error: Exception, status: int, kind: str) -> None:
    told = refusal(error)
    assert (told.status, told.kind, told.detail) == (status, kind, None)
    assert told.status in STATUSES


def test_a_nul_is_refused_or_kept_and_never_an_outage(depot: Depot) -> None:
    """PostgreSQL's text holds none, SQLite's does."""
    with depot.database.reading() as session:
        asked = select(Operator).where(Operator.username == "\0")
        if depot.database.engine.dialect.name == "sqlite":
            assert session.scalar(asked) is None
            return
        with pytest.raises(DataError) as refused:
            session.scalar(asked)
        assert refusal(refused.value).status == 422
