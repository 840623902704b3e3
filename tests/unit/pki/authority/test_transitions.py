"""Status: a hold goes back or on, revoked is final, and every change is in the audit and on the next CRL."""

from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pki.authority import CertificateRequest
from pki.bootstrap import Pki
from pki.errors import (
    AlreadyInStateError,
    ForbiddenReasonError,
    ForbiddenTransitionError,
    NotActivatedError,
    StatusError,
    UnknownCertificateError,
)
from pki.status import RevocationReason, Status
from pki.store.models import AuditEntry
from tests.delivery import issue_delivered

CITIZEN = "citizen-auth-g1"
Requests = Callable[..., CertificateRequest]
STOLEN = RevocationReason.KEY_COMPROMISE


def status_of(pki: Pki, serial: int) -> Status:
    return pki.status.state_of(serial).status


def entries(pki: Pki) -> int:
    with Session(pki.engine) as session:
        return session.scalar(select(func.count()).select_from(AuditEntry)) or 0


def listed(pki: Pki) -> set[int]:
    crl = x509.load_der_x509_crl(pki.crls.current(CITIZEN).read())
    return {entry.serial_number for entry in crl}


def test_a_card_on_hold_goes_live(pki: Pki, citizen_request: Requests) -> None:
    serial = pki.authority.issue(citizen_request()).serial
    assert status_of(pki, serial) is Status.ON_HOLD
    assert serial in listed(pki)
    pki.authority.activate(serial, "clerk-1", "delivered")
    assert pki.status.state_of(serial).is_good
    assert serial not in listed(pki)


def test_only_delivery_ends_the_first_hold(pki: Pki, citizen_request: Requests) -> None:
    serial = pki.authority.issue(citizen_request()).serial
    with pytest.raises(NotActivatedError):
        pki.authority.resume(serial, "clerk-1", "in a hurry")
    assert status_of(pki, serial) is Status.ON_HOLD


def test_delivery_does_not_end_a_later_hold(pki: Pki, citizen_request: Requests) -> None:
    serial = pki.authority.issue(citizen_request()).serial
    pki.authority.activate(serial, "clerk-1", "delivered")
    pki.authority.suspend(serial, "clerk-1", "mislaid")
    with pytest.raises(ForbiddenTransitionError):
        pki.authority.activate(serial, "clerk-1", "delivered")
    assert status_of(pki, serial) is Status.ON_HOLD
    pki.authority.resume(serial, "clerk-1", "found")
    assert pki.status.state_of(serial).is_good


def test_a_card_revoked_before_delivery_never_goes_live(pki: Pki, citizen_request: Requests) -> None:
    serial = pki.authority.issue(citizen_request()).serial
    pki.authority.revoke(serial, STOLEN, "clerk-1", "")
    with pytest.raises(ForbiddenTransitionError):
        pki.authority.activate(serial, "clerk-1", "delivered")


def test_a_cards_certificates_go_live_together_or_not_at_all(pki: Pki, citizen_request: Requests) -> None:
    one, other = (pki.authority.issue(citizen_request(name)).serial for name in "ab")
    pki.authority.revoke(other, STOLEN, "officer", "")
    with pytest.raises(ForbiddenTransitionError):
        pki.authority.activate_card([one, other], "clerk-1", "delivered")
    assert status_of(pki, one) is Status.ON_HOLD


def test_a_card_is_held_though_one_certificate_was_revoked(pki: Pki, citizen_request: Requests) -> None:
    one, other = (issue_delivered(pki.authority, citizen_request(name)).serial for name in "ab")
    pki.authority.revoke(one, STOLEN, "officer", "")
    pki.authority.suspend_card([one, other], "clerk-1", "lost")
    assert (status_of(pki, one), status_of(pki, other)) == (Status.REVOKED, Status.ON_HOLD)
    with pytest.raises(ForbiddenTransitionError):
        pki.authority.resume_card([other, one], "clerk-1", "found")
    assert status_of(pki, other) is Status.ON_HOLD


def test_revoked_is_final(pki: Pki, citizen_request: Requests) -> None:
    serial = issue_delivered(pki.authority, citizen_request()).serial
    pki.authority.revoke(serial, STOLEN, "clerk-1", "")
    for change in (pki.authority.suspend, pki.authority.resume):
        with pytest.raises(ForbiddenTransitionError) as caught:
            change(serial, "clerk-1", "")
        assert caught.value.current == "revoked"
    assert pki.status.state_of(serial).reason is STOLEN
    assert serial in listed(pki)


def test_repeating_a_change_is_told_apart_from_a_forbidden_one(pki: Pki, citizen_request: Requests) -> None:
    serial = issue_delivered(pki.authority, citizen_request()).serial
    with pytest.raises(AlreadyInStateError):
        pki.authority.resume(serial, "clerk-1", "")
    pki.authority.revoke(serial, STOLEN, "clerk-1", "")
    with pytest.raises(AlreadyInStateError):
        pki.authority.revoke(serial, RevocationReason.SUPERSEDED, "clerk-1", "")
    assert pki.status.state_of(serial).reason is STOLEN


@pytest.mark.parametrize("reason", [RevocationReason.CERTIFICATE_HOLD, RevocationReason.REMOVE_FROM_CRL])
def test_a_hold_is_no_reason_to_revoke(pki: Pki, citizen_request: Requests, reason: RevocationReason) -> None:
    serial = issue_delivered(pki.authority, citizen_request()).serial
    with pytest.raises(ForbiddenReasonError):
        pki.authority.revoke(serial, reason, "clerk-1", "")
    assert pki.status.state_of(serial).is_good


@pytest.mark.parametrize("serial", [0, 1, 2**126, 2**159])
def test_what_was_never_issued_has_no_status_to_change(pki: Pki, serial: int) -> None:
    before = entries(pki)
    with pytest.raises(UnknownCertificateError):
        pki.authority.suspend(serial, "clerk-1", "")
    assert entries(pki) == before


def test_a_refused_change_changes_nothing(pki: Pki, citizen_request: Requests) -> None:
    serial = issue_delivered(pki.authority, citizen_request()).serial
    crl, before = pki.crls.current(CITIZEN).number, entries(pki)
    with pytest.raises(StatusError):
        pki.authority.resume(serial, "clerk-1", "")
    assert (pki.crls.current(CITIZEN).number, entries(pki)) == (crl, before)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from(["suspend", "resume", "revoke"]), max_size=6))
def test_no_sequence_of_changes_leaves_the_model(
    pki: Pki, citizen_request: Requests, steps: list[str], request: Any
) -> None:
    numbers = request.node.__dict__.setdefault("_numbers", iter(range(10_000)))
    serial = issue_delivered(pki.authority, citizen_request(f"walk-{next(numbers)}")).serial
    allowed = {
        ("good", "suspend"): "on_hold",
        ("on_hold", "resume"): "good",
        ("good", "revoke"): "revoked",
        ("on_hold", "revoke"): "revoked",
    }
    state = "good"
    for step in steps:
        before = entries(pki)
        following = allowed.get((state, step))
        try:
            if step == "revoke":
                pki.authority.revoke(serial, STOLEN, "clerk-1", "")
            else:
                getattr(pki.authority, step)(serial, "clerk-1", "")
        except ForbiddenTransitionError:
            assert following is None
        else:
            assert following is not None
            state = following
        assert status_of(pki, serial).value == state
        assert entries(pki) == before + (following is not None)
