"""The status store: one indexed read, and no good news by absence."""

from collections.abc import Callable

import pytest
from sqlalchemy import text

from pki.authority import CertificateRequest
from pki.bootstrap import Pki
from pki.errors import UnknownCertificateError
from pki.status import CertificateState, Status

CITIZEN, ROOT = "citizen-auth-g1", "root-g1"
Requests = Callable[..., CertificateRequest]


def test_a_certificate_is_found_by_its_issuer(pki: Pki, citizen_request: Requests) -> None:
    issued = pki.authority.issue(citizen_request())
    citizen = pki.trust.intermediates[0]
    expected = CertificateState(Status.GOOD, None, issued.not_before)
    assert pki.status.lookup(CITIZEN, issued.serial) == expected
    assert pki.status.lookup(citizen, issued.serial) == expected


def test_another_issuers_certificate_is_not_known(pki: Pki, citizen_request: Requests) -> None:
    issued = pki.authority.issue(citizen_request())
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
