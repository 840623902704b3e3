"""Signing ahead, making anew at half-life, and the command that does it."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256, HashAlgorithm
from cryptography.x509 import ocsp

from pki.authority import IssuedCertificate
from pki.errors import KeyCheckError, TokenUnavailableError
from pki.keys.files import FileSigner
from pki.status import RevocationReason
from pki.status.ocsp.preparing import Preparer

from .conftest import CITIZEN, Worker

Issue = Callable[..., IssuedCertificate]


def step_through(preparer: Preparer) -> int:
    """One pass over the store."""
    return sum(preparer.step(1.0) for _ in range(3))


def test_prepare_makes_what_is_not_there(worker: Worker, issue: Issue) -> None:
    serials = [issue().serial for _ in range(3)]
    worker.pki.authority.revoke(serials[0], RevocationReason.SUPERSEDED, "tester", "")
    preparer = Preparer(worker.pki)
    preparer.renew_responders()
    made = sum(preparer.prepare(CITIZEN))
    assert made >= 3  # and the responder's own certificate
    assert sum(preparer.prepare(CITIZEN)) == 0
    worker.follow()
    for serial in serials:
        answer = worker.find(serial)
        assert answer is not None
        status = ocsp.load_der_ocsp_response(answer.body).certificate_status
        assert (status is ocsp.OCSPCertStatus.REVOKED) == (serial == serials[0])


def test_answers_are_made_anew_at_half_of_their_life(worker: Worker, issue: Issue, clock: Any) -> None:
    serial = issue().serial
    old = worker.store(serial)
    preparer = Preparer(worker.pki)
    clock.advance(hours=1, minutes=59)
    assert step_through(preparer) == 0
    clock.advance(minutes=2)
    assert step_through(preparer) == 1
    worker.follow()
    new = worker.find(serial)
    assert new is not None
    assert new.etag != old.etag
    assert sum(preparer.prepare(CITIZEN)) >= 1


def test_a_change_during_preparing_is_not_lost(
    worker: Worker, issue: Issue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The certificate is revoked after its state was read and before its answer is stored."""
    serial = issue().serial
    preparer = Preparer(worker.pki)
    plain = worker.pki.ocsp.maker.stored

    def revoke_first(*arguments: Any) -> Any:
        made = plain(*arguments)
        if arguments[1] == serial:
            worker.pki.authority.revoke(serial, RevocationReason.KEY_COMPROMISE, "tester", "")
            Worker(worker.pki).follow()
        return made

    monkeypatch.setattr(worker.pki.ocsp.maker, "stored", revoke_first)
    list(preparer.prepare(CITIZEN))
    monkeypatch.undo()
    worker.follow()
    assert worker.find(serial) is None


def test_records_of_no_form_are_swept_out(worker: Worker, issue: Issue) -> None:
    worker.store(issue().serial)
    with worker.pki.answers.adding() as adding:
        adding.put({b"x" * 24: bytes(30), b"short": bytes(30)}, worker.pki.feed.head())
    step_through(Preparer(worker.pki))
    assert worker.pki.answers.count() == 1


def test_without_a_key_nothing_is_made(worker: Worker, issue: Issue, monkeypatch: pytest.MonkeyPatch) -> None:
    issue()

    def fail(*_: object) -> None:
        raise TokenUnavailableError("token", "is gone")

    monkeypatch.setattr(worker.pki.ocsp.maker, "stored", fail)
    with pytest.raises(TokenUnavailableError):
        list(Preparer(worker.pki).prepare(CITIZEN))
    assert worker.pki.answers.count() == 0


@pytest.fixture
def faulty(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """The responder's key errs at every other signature."""
    worker.follow()  # responders are made before
    count, plain = itertools.count(1), FileSigner.sign

    def sign(signer: FileSigner, message: bytes, algorithm: HashAlgorithm) -> bytes:
        return plain(signer, message + bytes(next(count) % 2), algorithm)

    monkeypatch.setattr(FileSigner, "sign", sign)


def test_a_signature_that_does_not_verify_is_not_stored(
    worker: Worker, issue: Issue, request: pytest.FixtureRequest
) -> None:
    serials = [issue().serial for _ in range(4)]
    request.getfixturevalue("faulty")
    with pytest.raises(KeyCheckError):
        list(Preparer(worker.pki).prepare(CITIZEN))
    worker.follow()
    stored = [answer for answer in map(worker.find, serials) if answer is not None]
    assert 1 <= len(stored) < len(serials)
    for answer in stored:
        check_signature(answer.body)


def test_what_was_made_at_demand_is_verified_before_others_get_it(
    worker: Worker, issue: Issue, request: pytest.FixtureRequest
) -> None:
    serials = [issue().serial for _ in range(4)]
    request.getfixturevalue("faulty")
    for serial in serials:
        worker.make_and_keep(serial)
    worker.follow()
    stored = [answer for answer in map(worker.find, serials) if answer is not None]
    assert len(stored) == 2
    for answer in stored:
        check_signature(answer.body)


def check_signature(body: bytes) -> None:
    response = ocsp.load_der_ocsp_response(body)
    key = response.certificates[0].public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    key.verify(response.signature, response.tbs_response_bytes, ec.ECDSA(SHA256()))
