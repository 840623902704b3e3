"""Rows that no writer of ours can have written: each is refused by its name, and stops nothing else."""

import contextlib
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from hoviat import main as root
from pki.auditchain.verification import snapshot, verify_record
from pki.authority import CertificateRequest
from pki.authority.intentrows import NAMES, read_intents
from pki.authority.record import confirm_clock, recorded_time, refuse_clock_set_back
from pki.bootstrap import Pki, open_pki
from pki.errors import ClockSetBackError, KeyReusedError, PkiError, RequestConflictError, StoredValueError
from pki.home import Home
from pki.reconciliation import Reconciliation
from pki.reconciliation.spool import open_spool
from pki.status import RevocationReason
from pki.store.models import AUDIT

Requests = Callable[..., CertificateRequest]
ROW: dict[str, object] = {
    "request_id": "evil",
    "fingerprint": b"f",
    "serial": b"\x40" + b"\x01" * 15,
    "issuer": "citizen-auth-g1",
    "shard": 0,
    "profile": "authentication",
    "key_hash": b"k",
    "key_kind": "P-256",
    "provenance": None,
    "holder_hash": b"h",
    "salt": b"s",
    "tbs": b"0",
    "not_before": 1,
    "not_after": 2,
    "on_hold": False,
    "actor": "a",
    "created": 1,
    "outcome": "pending",
    "refused_by": None,
    "seal": b"x" * 32,
}
GARBAGE = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.binary(max_size=40),
    st.text(st.characters(codec="utf-8"), max_size=40),
    st.sampled_from([2**63 - 1, -(2**63), 99_999_999_999_999, b"\xff", "\x00", "x" * 500]),
)
_QUIET = (HealthCheck.function_scoped_fixture,)


def plant(pki: Pki, **values: object) -> str:
    """A pending intent that nobody sealed; its request's name."""
    row = {**ROW, "serial": b"\x40" + secrets.token_bytes(15), "request_id": secrets.token_hex(8), **values}
    with pki.engine.connect() as connection:
        if pki.engine.dialect.name == "sqlite":
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")  # a writer may leave them out
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        columns = ", ".join(row)
        connection.execute(
            text(f"INSERT INTO intents ({columns}) VALUES ({', '.join(':' + name for name in row)})"),  # noqa: S608
            row,
        )
        connection.commit()
    return str(row["request_id"])


def outcome(pki: Pki, request_id: str) -> tuple[str, str | None]:
    with Session(pki.engine) as session:
        found = read_intents(session, [request_id])[request_id]
        return found.outcome, found.refused_by


@settings(max_examples=150, deadline=None, suppress_health_check=_QUIET)
@given(st.sampled_from([name for name in NAMES if name != "outcome"]), GARBAGE)
def test_whatever_stands_in_an_intent_repair_goes_on(pki: Pki, name: str, value: object) -> None:
    with contextlib.suppress(DBAPIError):  # NULL where none may stand, or a number twice
        plant(pki, **{name: value})
    pki.authority.repair()
    with pki.engine.connect() as connection:
        left = connection.execute(
            text("SELECT count(*) FROM intents WHERE outcome = 'pending' AND issuer = 'citizen-auth-g1'")
        )
        assert left.scalar_one() == 0


@pytest.mark.parametrize(
    "values",
    [{"created": 2**63 - 1}, {"not_after": 99_999_999_999_999}, {"not_before": -(2**63)}, {"serial": b""}],
    ids=str,
)
def test_a_time_out_of_range_stops_nothing(
    either_pki: Pki, citizen_request: Requests, values: dict[str, Any]
) -> None:
    name = plant(either_pki, **values)
    assert either_pki.authority.repair() == 1
    assert outcome(either_pki, name) == ("refused", "seal")
    with pytest.raises(RequestConflictError):
        either_pki.authority.issue(citizen_request(name))
    either_pki.authority.issue(citizen_request())


@pytest.mark.parametrize("name", [b"\xff\x00", b"plain", 7], ids=str)
def test_a_row_that_nobody_can_name_is_refused_by_its_place(pki: Pki, name: object) -> None:
    plant(pki, request_id=name)
    pki.authority.repair()
    with Session(pki.engine) as session:
        query = "SELECT outcome, refused_by FROM intents WHERE refused_by IS NOT NULL"
        assert session.execute(text(query)).all() == [("refused", "seal")]
        verify_record(session, AUDIT)


def test_text_that_is_no_utf8_is_refused(pki: Pki) -> None:
    name = plant(pki)
    with pki.engine.begin() as connection:
        spoil = "UPDATE intents SET request_id = CAST(x'ff41' AS TEXT), actor = CAST(x'fe' AS TEXT)"
        connection.execute(text(f"{spoil} WHERE request_id = :name"), {"name": name})
    pki.authority.repair()
    with pki.engine.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM intents WHERE outcome = 'pending'")) == 0


def test_a_serial_that_was_taken_meanwhile_stops_no_other(pki: Pki, citizen_request: Requests) -> None:
    issuing = pki.authority._issuing
    torn = [pki.authority.order(citizen_request(name)) for name in ("one", "two")]
    one, two = issuing._reserve(torn)
    assert not isinstance(one, PkiError)
    assert not isinstance(two, PkiError)
    with pki.engine.begin() as connection:
        taken = "UPDATE certificates SET serial = :serial WHERE request_id = 'ds-g1'"
        connection.execute(
            text(
                "DELETE FROM certificate_bodies WHERE serial = (SELECT serial FROM certificates"
                " WHERE request_id = 'ds-g1')"
            )
        )
        connection.execute(text(taken), {"serial": one.serial.to_bytes(16)})
    assert pki.authority.repair() == 2
    assert outcome(pki, "one")[0] == "pending"
    assert outcome(pki, "two")[0] == "issued"


def test_a_key_that_a_row_gives_to_no_profile_is_in_use(pki: Pki, citizen_request: Requests) -> None:
    request = citizen_request()
    plant(pki, key_hash=pki.authority.order(request).key_hash, profile="no such profile", outcome="issued")
    with pytest.raises(KeyReusedError):
        pki.authority.issue(request)


def test_a_certificates_row_that_cannot_be_read_is_a_typed_error(pki: Pki, citizen_request: Requests) -> None:
    serial = pki.authority.issue(citizen_request()).serial
    with pki.engine.begin() as connection:
        connection.execute(text("UPDATE certificates SET not_after = 'x' WHERE request_id = 'request-1'"))
    with pytest.raises(StoredValueError):
        pki.authority.revoke(serial, RevocationReason.SUPERSEDED, "tester", "")
    with pytest.raises(StoredValueError):
        pki.authority.certificate("request-1")


def entry(pki: Pki, **values: object) -> None:
    with pki.engine.begin() as connection:
        last = connection.execute(text("SELECT max(sequence) FROM audit")).scalar_one()
        row = {
            "sequence": last + 1,
            "time": 1,
            "actor": "a",
            "action": "certificate.suspended",
            "subject": "40" * 16,
            "details": "{}",
            "previous_hash": bytes(32),
            "hash": bytes(32),
            **values,
        }
        columns = ", ".join(row)
        connection.execute(
            text(f"INSERT INTO audit ({columns}) VALUES ({', '.join(':' + name for name in row)})"),  # noqa: S608
            row,
        )


@pytest.mark.parametrize("time", [2**63 - 1, 2**62], ids=str)
def test_a_time_on_record_that_is_none_waits_for_an_officer(
    either_pki: Pki, citizen_request: Requests, time: int
) -> None:
    entry(either_pki, time=time, action="planted")
    with Session(either_pki.engine) as session, session.begin():
        assert recorded_time(session).time == datetime.max.replace(tzinfo=UTC)
        with pytest.raises(ClockSetBackError):
            refuse_clock_set_back(session, either_pki.clock())
        confirm_clock(session, either_pki.clock(), "officer-1", "looked into it")
        refuse_clock_set_back(session, either_pki.clock())
    either_pki.authority.issue(citizen_request())


@settings(max_examples=150, deadline=None, suppress_health_check=_QUIET)
@given(
    st.sampled_from(["time", "actor", "action", "subject", "details", "previous_hash", "hash"]),
    st.one_of(
        GARBAGE, st.sampled_from(["[]", "[" * 950 + "]" * 950, "[" * 9000, "1", '{"a":1e9}', "9" * 5000])
    ),
    st.sampled_from(["certificate.suspended", "mass.proposed", "mass.hold", "certificate.issued", "other"]),
)
def test_whatever_stands_in_the_log_is_a_typed_error(pki: Pki, name: str, value: object, action: str) -> None:
    """In one transaction, which is rolled back: reading the time, appending, verifying, replaying."""
    with Session(pki.engine) as session:
        last = session.execute(text("SELECT max(sequence) FROM audit")).scalar_one()
        row = {"sequence": last + 1, "time": 1, "actor": "a", "action": action, "subject": "mass-1"}
        row |= {"details": "{}", "previous_hash": bytes(32), "hash": bytes(32), name: value}
        columns = ", ".join(row)
        with contextlib.suppress(DBAPIError):
            values = ", ".join(":" + column for column in row)
            session.execute(text(f"INSERT INTO audit ({columns}) VALUES ({values})"), row)  # noqa: S608
            recorded_time(session)
            with contextlib.suppress(PkiError):
                confirm_clock(session, pki.clock(), "officer-1", "")
            with open_spool() as spool, pytest.raises(PkiError):
                verify_record(session, AUDIT, watch=Reconciliation(session, spool).watch)
        session.rollback()


def test_a_sequence_without_a_next_is_a_typed_error(pki: Pki) -> None:
    entry(pki, sequence=2**63 - 1)
    with Session(pki.engine) as session, pytest.raises(PkiError):
        confirm_clock(session, pki.clock(), "officer-1", "")
    with Session(snapshot(pki.engine)) as session, pytest.raises(PkiError):
        verify_record(session, AUDIT)


def test_no_command_ends_in_a_traceback(home: Home, pki: Pki, citizen_request: Requests) -> None:
    serial = pki.authority.issue(citizen_request()).serial
    plant(pki, request_id=b"\xff", created=2**63 - 1)
    plant(pki, not_after="x", seal="x")
    entry(pki, time="zzz", details="[]", action="planted")
    commands = [
        ["clock"],
        ["list"],
        ["revoke", f"{serial:032x}", "--reason", "superseded", "--note", "x"],
        ["audit", "verify"],
        ["clock", "--confirm", "officer-1", "--note", "x"],
        ["mass", "list"],
        ["audit", "checkpoint"],
        ["list"],
    ]
    for command in commands:
        result = CliRunner().invoke(root, ["--home", str(home.root), "pki", *command])
        assert result.exception is None or isinstance(result.exception, SystemExit), (command, result.output)
    open_pki(home).close()
    assert not pki.status.state_of(serial).is_good
