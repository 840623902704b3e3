"""The status store: one indexed read, and no good news by absence."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from pki.authority import CertificateRequest
from pki.authority.issuers import Issuers
from pki.bootstrap import Pki
from pki.errors import UnknownCertificateError
from pki.status import CertificateState, RevocationReason, Status
from pki.status.feed import StatusFeed
from pki.status.store import StatusStore
from pki.store.database import create_database_engine
from pki.store.models import Base
from tests.delivery import issue_delivered

CITIZEN, ROOT = "citizen-auth-g1", "root-g1"
Requests = Callable[..., CertificateRequest]


def test_a_certificate_is_found_by_its_issuer(pki: Pki, citizen_request: Requests) -> None:
    issued = issue_delivered(pki.authority, citizen_request())
    citizen = pki.trust.intermediates[0]
    expected = CertificateState(Status.GOOD, None, issued.not_before)
    assert pki.status.lookup(CITIZEN, issued.serial) == expected
    assert pki.status.lookup(citizen, issued.serial) == expected


def test_another_issuers_certificate_is_not_known(pki: Pki, citizen_request: Requests) -> None:
    issued = issue_delivered(pki.authority, citizen_request())
    assert pki.status.lookup(ROOT, issued.serial) is None
    assert pki.status.lookup(pki.trust.anchors[0], issued.serial) is None
    assert pki.status.lookup("nobody", issued.serial) is None


@pytest.mark.parametrize("serial", [0, 1, 2**126, 2**127, 2**400, -5])
def test_what_was_never_issued_is_not_known(pki: Pki, serial: int) -> None:
    assert pki.status.lookup(CITIZEN, serial) is None
    with pytest.raises(UnknownCertificateError):
        pki.status.state_of(serial)


def test_the_read_uses_the_index(pki: Pki) -> None:
    with pki.engine.connect() as connection:
        plan = connection.execute(
            text("EXPLAIN QUERY PLAN SELECT status FROM certificates WHERE serial = 'x'")
        ).all()
    assert "SEARCH" in str(plan)
    assert "SCAN" not in str(plan)


def test_postgresql_reads_the_same(postgres_url: str) -> None:
    engine = create_database_engine(postgres_url)
    try:
        Base.metadata.create_all(engine)
        with engine.begin() as connection:
            connection.exec_driver_sql("SET session_replication_role = replica")  # no rows that others need
            connection.execute(
                text(
                    "INSERT INTO certificates (serial, request_id, issuer, shard, profile, key_kind,"
                    " not_before, not_after, status, reason, since, activated, changed) VALUES (:serial, 'r',"
                    " 'card-g1', 0, 'card_authentication', 'secp256r1', 0, 9, 'revoked', 'superseded', 5,"
                    " true, 3)"
                ),
                {"serial": (1 << 121).to_bytes(16, "big")},
            )
        feed, store = StatusFeed(engine), StatusStore(engine, Issuers([]))
        revoked = CertificateState(
            Status.REVOKED, RevocationReason.SUPERSEDED, datetime.fromtimestamp(5, UTC)
        )
        assert store.states((7, 1 << 121)) == {1 << 121: ("card-g1", revoked)}
        assert feed.changed_since("card-g1", 2, 10) == {(1 << 121).to_bytes(16, "big"): 3}
        assert feed.changed_since("card-g1", 3, 10) == {}
        assert feed.changed_since("card-g1", 0, 0) is None
        assert feed.positions() == {}
        assert feed.issued("card-g1", 0, datetime.fromtimestamp(0, UTC), 5) == [1 << 121]
    finally:
        engine.dispose()


def test_a_database_that_fails_raises_its_one_kind_of_error(tmp_path: Path) -> None:
    engine = create_database_engine(f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    try:
        with pytest.raises(SQLAlchemyError):
            StatusStore(engine, Issuers([])).states((5,))
        with pytest.raises(SQLAlchemyError):
            StatusFeed(engine).positions()
    finally:
        engine.dispose()
