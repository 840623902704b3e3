"""A whole PKI whose keys are on a PKCS#11 token."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy.orm import Session

from pki import home as homes
from pki.authority import CertificateRequest, PersonSubject
from pki.bootstrap import CHECKPOINT_KEY, initialise, open_pki
from pki.ceremony.plan import responder_key
from pki.errors import KeyMissingError, PinSourceError, TokenMissingError, WrongPinError
from pki.home import Home
from pki.keys.files import FileSigner
from pki.pkcs10 import create_csr
from pki.profiles import Profile
from pki.status.ocsp.retiring import retire_keys
from pki.store.models import KeyRow
from tests.softhsm import PIN, SoftHsm, intercepted


@pytest.fixture
def home(softhsm: SoftHsm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("HOVIAT_HSM_PIN", PIN)
    made = homes.create(tmp_path / "home", key_location=softhsm.location)
    initialise(made)
    return made


def test_it_issues_and_publishes_and_no_key_is_in_a_file(home: Home) -> None:
    assert list(home.keys.iterdir()) == []
    pki = open_pki(home)
    csr = create_csr(FileSigner.generate(ec.SECP256R1()), "card")
    person = PersonSubject("0012345679", "سارا", "محمدی")
    request = CertificateRequest("r", Profile.AUTHENTICATION, person, csr, actor="tester")
    issued = pki.authority.issue(request)
    issuers = {ca.facts.subject: ca for ca in pki.authority.issuers}
    certificate = x509.load_der_x509_certificate(issued.der)
    issuer = issuers[certificate.issuer.public_bytes()]
    certificate.verify_directly_issued_by(x509.load_der_x509_certificate(issuer.certificate or b""))
    for name in pki.crls.names:
        assert pki.crls.current(name).number
    for name in pki.keys.names():
        pki.keys.health(pki.keys.uri_of(name))
    assert len(pki.master_keys["card"].derive(b"9B", b"7", 32)) == 32
    pki.close()


def test_old_responders_keys_leave_the_token(home: Home) -> None:
    pki = open_pki(home)
    later = datetime.now(UTC) + timedelta(days=46)
    before = set(pki.keys.names())
    gone = retire_keys(pki.engine, pki.keys, pki.issuers, later)
    assert {responder_key(name) for name in pki.ocsp.maker.sources} == set(gone)
    assert set(pki.keys.names()) == before - set(gone)
    assert retire_keys(pki.engine, pki.keys, pki.issuers, later) == []
    pki.close()


def test_a_planted_row_takes_no_other_key_from_the_token(home: Home) -> None:
    pki = open_pki(home)
    before = set(pki.keys.names())
    with Session(pki.engine) as session, session.begin():
        for number, victim in enumerate(("root-g1", "csca-g1", "card-g1", CHECKPOINT_KEY), start=1):
            uri = session.get_one(KeyRow, victim).uri
            for name in (f"ocsp-x-g{number}-1", f"{responder_key('card-g1')}-{number}"):
                session.add(KeyRow(name=name, uri=uri, created=datetime(2020, 1, 1, tzinfo=UTC)))
    assert retire_keys(pki.engine, pki.keys, pki.issuers, datetime.now(UTC)) == []
    assert set(pki.keys.names()) == before
    pki.close()


def test_services_that_restart_with_a_wrong_pin_use_one_try(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOVIAT_HSM_PIN", "000000")
    with intercepted("C_Login") as login:
        for _ in range(5):
            with pytest.raises(WrongPinError):
                open_pki(home)
    assert login.calls == 1
    monkeypatch.setenv("HOVIAT_HSM_PIN", PIN)
    open_pki(home).close()


def test_without_pin_token_or_keys_nothing_opens(
    home: Home, softhsm: SoftHsm, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(expected: type[Exception], undo: Callable[[], None]) -> None:
        with pytest.raises(expected):
            open_pki(home)
        undo()

    monkeypatch.delenv("HOVIAT_HSM_PIN")
    refused(PinSourceError, lambda: monkeypatch.setenv("HOVIAT_HSM_PIN", PIN))
    softhsm.take_out()
    refused(TokenMissingError, softhsm.put_back)
    open_pki(home).close()
    softhsm.reset()
    refused(KeyMissingError, lambda: None)
