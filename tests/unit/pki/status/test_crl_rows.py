"""What full CRLs list is read out of an index alone, in the order of serials."""

from datetime import UTC, datetime
from typing import Any

import pytest

from pki.bootstrap import Pki
from pki.status.crl.rows import listed, snapshot
from pki.status.crl.scope import CrlScope

_EVER = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("shard", [None, 3])
def test_the_table_is_not_touched(pki: Pki, shard: int | None) -> None:
    statements: list[str] = []
    with snapshot(pki.engine) as connection:
        driver: Any = connection.connection.driver_connection
        driver.set_trace_callback(statements.append)
        assert list(listed(connection, CrlScope("citizen-auth-g1", shard), _EVER, 0)) == []
        driver.set_trace_callback(None)
        regular, _late = statements
        (step,) = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {regular}").all()
    assert "COVERING INDEX ix_certificates_listed" in step.detail  # and no sorting step beside it
