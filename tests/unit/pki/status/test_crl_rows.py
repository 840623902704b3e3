"""What CRLs list, and whether anything in a partition changed, is read out of an index alone."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection

from pki.bootstrap import Pki
from pki.status.crl.rows import any_changed, listed, snapshot
from pki.status.crl.scope import CrlScope

_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_LATER = datetime(2030, 1, 1, tzinfo=UTC)


def plan(pki: Pki, read: Callable[[Connection], object]) -> list[str]:
    """The steps of the one statement that `read` runs."""
    statements: list[str] = []
    with snapshot(pki.engine) as connection:
        driver: Any = connection.connection.driver_connection
        driver.set_trace_callback(statements.append)
        read(connection)
        driver.set_trace_callback(None)
        (statement,) = statements
        return [step.detail for step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}").all()]


@pytest.mark.parametrize("shard", [None, 3])
@pytest.mark.parametrize("ended_before", [_EVER, _LATER])
def test_what_is_listed(pki: Pki, shard: int | None, ended_before: datetime) -> None:
    """Of a partition, its own entries alone, however much changed in the others; no sorting step."""
    scope = CrlScope("citizen-auth-g1", shard)
    (step,) = plan(pki, lambda connection: list(listed(connection, scope, ended_before, 1)))
    assert "COVERING INDEX ix_certificates_listed" in step
    assert ("(issuer=? AND shard=?)" if shard else "(issuer=?)") in step


@pytest.mark.parametrize("shard", [None, 3])
def test_whether_anything_changed(pki: Pki, shard: int | None) -> None:
    scope = CrlScope("citizen-auth-g1", shard)
    (step,) = plan(pki, lambda connection: any_changed(connection, scope, 1))
    index = (
        "ix_certificates_changed_within (issuer=? AND shard=? AND changed>?)"
        if shard
        else "ix_certificates_changed (issuer=? AND changed>?)"
    )
    assert f"COVERING INDEX {index}" in step
