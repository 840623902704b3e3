"""Audit entries name nobody; a certificate's own record shows whom one is about."""

from collections.abc import Callable

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from pki.auditchain.errors import CommitmentError
from pki.authority import CertificateRequest, PersonSubject
from pki.authority.holders import HOLDER, open_holder
from pki.bootstrap import Pki
from pki.errors import UnknownCertificateError
from pki.store.models import AuditEntry, CertificateBody, Intent

Requests = Callable[..., CertificateRequest]


def test_the_record_opens_its_entry(pki: Pki, citizen_request: Requests) -> None:
    issued = pki.authority.issue(citizen_request())
    with Session(pki.engine) as session:
        sequence = open_holder(session, issued.serial)
        entry = session.get_one(AuditEntry, sequence)
        assert entry.subject == f"{issued.serial:032x}"


def test_two_entries_of_one_person_have_nothing_in_common(pki: Pki, citizen_request: Requests) -> None:
    pki.authority.issue_many([citizen_request("one"), citizen_request("two")])
    with Session(pki.engine) as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "certificate.issued")).all()
    commitments = [entry.details[HOLDER] for entry in entries]
    assert len(set(commitments)) == len(commitments)


def test_another_persons_record_does_not_open_it(pki: Pki, citizen_request: Requests) -> None:
    mine = pki.authority.issue(citizen_request("one"))
    person = PersonSubject("0084575948", "زهرا", "محمدی")
    theirs = pki.authority.issue(citizen_request("two", subject=person))
    with Session(pki.engine) as session, session.begin():
        swap = update(CertificateBody).where(CertificateBody.serial == mine.serial)
        session.execute(swap.values(der=theirs.der))
    with Session(pki.engine) as session, pytest.raises(CommitmentError):
        open_holder(session, mine.serial)


def test_without_its_salt_an_entry_says_nothing(pki: Pki, citizen_request: Requests) -> None:
    issued = pki.authority.issue(citizen_request("one"))
    with Session(pki.engine) as session, session.begin():
        session.execute(update(Intent).where(Intent.request_id == "one").values(salt=bytes(32)))
    with Session(pki.engine) as session, pytest.raises(CommitmentError):
        open_holder(session, issued.serial)


@pytest.mark.parametrize("serial", [-1, 0, 1, 2**126, 2**127])
def test_unknown_serials_open_nothing(pki: Pki, serial: int) -> None:
    with Session(pki.engine) as session, pytest.raises(UnknownCertificateError):
        open_holder(session, serial)
