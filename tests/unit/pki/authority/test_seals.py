"""Who writes to the database alone can't have anything signed: intents bear a seal."""

import secrets
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.orm import Session

from pki.auditchain import verify_table
from pki.authority import CertificateRequest, PersonSubject
from pki.authority.intentrows import RecordedIntent, read_intents
from pki.authority.seal import SEAL_BYTES, SEALING_MASTER_KEY, IntentSeal
from pki.bootstrap import MASTER_KEY_NAMES, Pki
from pki.errors import IntentAlteredError, KeyStoreError, RequestRefusedError
from pki.keys.files import FileSigner
from pki.keys.store import KeyStore
from pki.store.models import AuditEntry, CertificateRow, Intent
from tests.softhsm import SoftHsm

Requests = Callable[..., CertificateRequest]
MOMENT = datetime(2026, 11, 24, 12, tzinfo=UTC)
INTENT = RecordedIntent(
    request_id="request-1",
    fingerprint=b"f" * 32,
    serial=1 << 126,
    issuer="citizen-auth-g1",
    shard=3,
    profile="authentication",
    key_hash=b"k" * 32,
    key_kind="P-256",
    provenance="batch-7",
    holder_hash=b"h" * 32,
    salt=b"s" * 32,
    tbs=b"tbs",
    not_before=MOMENT,
    not_after=MOMENT + timedelta(days=3650),
    on_hold=True,
    actor="clerk-1",
    created=MOMENT,
    outcome="pending",
    refused_by=None,
)
SEAL = IntentSeal(bytes(range(SEAL_BYTES)))
SEALED = replace(INTENT, seal=SEAL.seal(INTENT))
UNSEALED_FIELDS = {"outcome", "refused_by", "seal"}
OTHERWISE: dict[str, Any] = {
    "request_id": "request-2",
    "fingerprint": b"g" * 32,
    "serial": (1 << 126) + 1,
    "issuer": "citizen-auth-g2",
    "shard": 4,
    "profile": "signature",
    "key_hash": b"l" * 32,
    "key_kind": "P-384",
    "provenance": None,
    "holder_hash": b"i" * 32,
    "salt": b"t" * 32,
    "tbs": b"other",
    "not_before": MOMENT + timedelta(seconds=1),
    "not_after": MOMENT + timedelta(days=3651),
    "on_hold": False,
    "actor": "clerk-2",
    "created": MOMENT - timedelta(seconds=1),
}


def test_what_was_recorded_is_taken() -> None:
    SEAL.verify(SEALED)
    SEAL.verify(replace(SEALED, outcome="refused", refused_by="serial"))
    SEAL.verify(replace(SEALED, created=MOMENT + timedelta(microseconds=5)))  # the table holds seconds


def test_every_field_that_a_repair_relies_on_is_sealed() -> None:
    assert set(OTHERWISE) == {field.name for field in fields(RecordedIntent)} - UNSEALED_FIELDS


@pytest.mark.parametrize("name", OTHERWISE)
def test_another_value_is_refused(name: str) -> None:
    with pytest.raises(IntentAlteredError) as caught:
        SEAL.verify(replace(SEALED, **{name: OTHERWISE[name]}))
    assert caught.value.rule == "seal"


@pytest.mark.parametrize(
    "changed",
    [
        {"seal": None},
        {"seal": b""},
        {"seal": bytes(SEAL_BYTES)},
        {"issuer": "citizen-auth-g1a", "profile": "uthentication"},  # a letter that moved over
        {"provenance": ""},
        {"serial": -1},
        {"serial": 1 << 200},
        {"shard": 1 << 40},
        {"fingerprint": None},
        {"request_id": "\ud800"},
        {"not_before": datetime(2026, 11, 24, 12)},  # noqa: DTZ001 - naive on purpose
    ],
)
def test_no_row_of_any_kind_passes(changed: dict[str, Any]) -> None:
    with pytest.raises(IntentAlteredError):
        SEAL.verify(replace(SEALED, **changed))
    if changed != {"provenance": ""}:
        return
    empty = replace(INTENT, provenance="")
    SEAL.verify(replace(empty, seal=SEAL.seal(empty)))


def test_another_installations_seal_is_refused() -> None:
    with pytest.raises(IntentAlteredError):
        IntentSeal(secrets.token_bytes(SEAL_BYTES)).verify(SEALED)


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_key_has_one_length(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        IntentSeal(bytes(length))


def test_a_seal_shows_no_key() -> None:
    assert repr(SEAL) == "IntentSeal(…)"


def test_a_token_seals_after_it_was_opened_again(tmp_path: Path, softhsm: SoftHsm) -> None:
    def opened() -> KeyStore:
        return KeyStore.from_settings(tmp_path, softhsm.location, bytes, softhsm.pin)

    keys = opened()
    seal = IntentSeal.of(keys.create_master_keys(MASTER_KEY_NAMES)).seal(INTENT)
    keys.close()
    keys = opened()
    IntentSeal.of(keys.open_master_keys((SEALING_MASTER_KEY,))).verify(replace(INTENT, seal=seal))
    keys.close()


@pytest.fixture
def tear(monkeypatch: pytest.MonkeyPatch) -> Callable[[Pki, CertificateRequest], None]:
    """Leaves a request's intent pending, as a failing key does."""

    def fail(*_arguments: object) -> bytes:
        raise KeyStoreError("token", "has gone")

    def torn(pki: Pki, request: CertificateRequest) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(FileSigner, "sign", fail)
            with pytest.raises(KeyStoreError):
                pki.authority.issue(request)

    return torn


def last_entry(pki: Pki) -> AuditEntry:
    with Session(pki.engine, expire_on_commit=False) as session:
        verify_table(session, AuditEntry)
        return session.scalars(select(AuditEntry).order_by(AuditEntry.sequence.desc()).limit(1)).one()


def forge(pki: Pki, request_id: str, **values: object) -> None:
    with Session(pki.engine) as session, session.begin():
        session.execute(update(Intent).where(Intent.request_id == request_id).values(**values))


@pytest.mark.parametrize("values", [{"on_hold": False}, {"seal": None}], ids=["content", "no seal"])
def test_a_changed_intent_is_refused_and_the_others_go_on(
    either_pki: Pki, citizen_request: Requests, tear: Callable[..., None], values: dict[str, Any]
) -> None:
    mine = citizen_request("mine")
    for request in (mine, citizen_request("theirs")):
        tear(either_pki, request)
    forge(either_pki, "mine", actor="<b>nobody</b>", **values)
    assert either_pki.authority.repair() == 2
    assert either_pki.authority.certificate("mine") is None
    assert either_pki.authority.certificate("theirs") is not None
    entry = last_entry(either_pki)
    assert (entry.actor, entry.action, entry.subject) == ("authority", "certificate.refused", "intent")
    assert entry.details == {"rule": "seal", "request": "mine"}
    assert either_pki.authority.repair() == 0
    with pytest.raises(RequestRefusedError) as caught:
        either_pki.authority.issue(mine)
    assert caught.value.rule == "seal"


def test_a_changed_intent_is_not_gone_on_with_by_its_own_request(
    either_pki: Pki, citizen_request: Requests, tear: Callable[..., None]
) -> None:
    mine, other = citizen_request("mine"), citizen_request("other")
    tear(either_pki, mine)
    forge(either_pki, "mine", not_after=either_pki.clock().replace(microsecond=0) + timedelta(days=36500))
    altered, issued = either_pki.authority.issue_many([mine, other])
    assert isinstance(altered, IntentAlteredError)
    assert either_pki.authority.certificate("other") == issued
    assert last_entry(either_pki).details["rule"] == "seal"


def test_a_planted_intent_is_refused_at_the_next_start(either_pki: Pki, citizen_request: Requests) -> None:
    either_pki.authority.issue(citizen_request("mine"))
    with Session(either_pki.engine) as session, session.begin():
        known = read_intents(session, ["mine"])["mine"]
        der = session.execute(
            text("SELECT der FROM certificate_bodies WHERE serial = :serial"),
            {"serial": known.serial.to_bytes(16)},
        ).scalar_one()
        planted = vars(known) | {
            "request_id": "planted",
            "serial": known.serial ^ 1,
            "tbs": bytes(der),
            "outcome": "pending",
            "profile": "no such profile",
        }
        session.execute(insert(Intent).values(**planted))
    assert either_pki.authority.repair() == 1
    assert either_pki.authority.certificate("planted") is None
    with Session(either_pki.engine) as session:
        assert read_intents(session, ["planted"])["planted"].refused_by == "seal"


def test_another_intents_seal_does_not_serve(
    either_pki: Pki, citizen_request: Requests, tear: Callable[..., None]
) -> None:
    person = PersonSubject("0084575948", "زهرا", "محمدی")
    for request in (citizen_request("mine"), citizen_request("theirs", subject=person)):
        tear(either_pki, request)
    with Session(either_pki.engine) as session:
        theirs = read_intents(session, ["theirs"])["theirs"]
    names = ("tbs", "key_hash", "holder_hash", "fingerprint", "salt", "seal")
    forge(either_pki, "mine", **{name: getattr(theirs, name) for name in names})
    assert either_pki.authority.repair() == 2
    assert either_pki.authority.certificate("mine") is None
    assert either_pki.authority.certificate("theirs") is not None


def test_an_issued_intent_that_is_set_back_is_not_signed_again(
    either_pki: Pki, citizen_request: Requests, tear: Callable[..., None]
) -> None:
    request = citizen_request("mine")
    tear(either_pki, request)
    with Session(either_pki.engine) as session:
        tbs = read_intents(session, ["mine"])["mine"].tbs
    issued = either_pki.authority.issue(request)
    forge(either_pki, "mine", outcome="pending", tbs=tbs)  # its seal holds
    assert either_pki.authority.repair() == 0
    assert either_pki.authority.issue(request) == issued
    with Session(either_pki.engine) as session:
        serials = session.scalars(
            select(CertificateRow.serial).where(CertificateRow.request_id == "mine")
        ).all()
    assert serials == [issued.serial]
