"""Who can write the database alone gets no key destroyed that is in use."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from pki.bootstrap import CHECKPOINT_KEY, Pki
from pki.home import Home
from pki.status.ocsp.renewal import period_of
from pki.status.ocsp.retiring import retire_keys
from pki.store.models import AuditEntry, KeyRow

from .conftest import CITIZEN

FIRST = f"ocsp-{CITIZEN}"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def insert(pki: Pki, name: str, uri: str, created: datetime = LONG_AGO) -> None:
    with Session(pki.engine) as session, session.begin():
        session.add(KeyRow(name=name, uri=uri, created=created))


def uri_of(pki: Pki, name: str) -> str:
    with Session(pki.engine) as session:
        return session.get_one(KeyRow, name).uri


def retire(pki: Pki, now: datetime) -> list[str]:
    before = set(pki.keys.names())
    gone = retire_keys(pki.engine, pki.keys, pki.issuers, now)
    assert before - set(pki.keys.names()) <= set(gone)
    return gone


@pytest.mark.parametrize("name", ["ocsp-x-g1-1", "ocsp-x-g1", f"{FIRST}-1", f"{FIRST}-1-1", "ocsp-root-g1-1"])
@pytest.mark.parametrize("victim", ["root-g1", "csca-g1", CITIZEN, CHECKPOINT_KEY])
def test_a_planted_row_names_another_key(pki: Pki, clock: Any, name: str, victim: str) -> None:
    insert(pki, name, uri_of(pki, victim))
    assert retire(pki, clock()) == []
    assert pki.keys.exists(victim)
    with Session(pki.engine) as session:
        assert session.scalars(select(AuditEntry).where(AuditEntry.action == "key.destroyed")).all() == []


@pytest.mark.parametrize(
    "name", [f"{FIRST}-01", f"{FIRST}-1-0", f"{FIRST}-1-1-1", f"{FIRST}-١", f"{FIRST}-1\n"]
)
def test_a_name_that_no_responder_has(pki: Pki, clock: Any, name: str) -> None:
    insert(pki, name, "file:x")
    assert retire(pki, clock()) == []


def test_a_date_that_was_set_back_ends_no_responder(pki: Pki, clock: Any) -> None:
    with Session(pki.engine) as session, session.begin():
        session.get_one(KeyRow, FIRST).created = LONG_AGO
    assert retire(pki, clock()) == []


def test_a_row_alone_replaces_no_responder(pki: Pki, clock: Any) -> None:
    name = f"{FIRST}-{period_of(clock())}-999"
    insert(pki, name, pki.keys.uri_of(name), clock())
    assert FIRST not in retire(pki, clock())
    assert pki.keys.exists(FIRST)


def test_one_whose_row_or_whose_key_another_one_uses(pki: Pki, clock: Any) -> None:
    pki.ocsp.maker.sources[CITIZEN]()
    insert(pki, "other", pki.keys.uri_of(FIRST))
    assert FIRST not in retire(pki, clock().replace(year=2031))
    assert pki.keys.exists(FIRST)


def test_a_file_of_a_responders_name_that_holds_a_cas_key(pki: Pki, home: Home, clock: Any) -> None:
    name = f"{FIRST}-1"
    folder = home.keys
    (folder / f"{name}.pem").write_bytes((folder / f"{CITIZEN}.pem").read_bytes())
    insert(pki, name, pki.keys.uri_of(name))
    assert retire(pki, clock()) == []
    assert pki.keys.exists(name)
