"""Opening and making a PKI: complete, repeatable after an interruption, closed to a wrong passphrase."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from pki import bootstrap
from pki import home as homes
from pki.auditchain import verify_table
from pki.authority import Authority
from pki.bootstrap import Pki, initialise, open_engine, open_pki
from pki.errors import KeyMismatchError, KeyStoreError, WrongPassphraseError
from pki.home import Home, HomeMissingError
from pki.store.models import AuditEntry


def test_the_audit_of_a_new_pki_holds(pki: Pki) -> None:
    with Session(pki.engine) as session:
        head = verify_table(session, AuditEntry)
        actions = [entry.action for entry in session.query(AuditEntry).order_by(AuditEntry.sequence)]
    assert head.sequence == len(actions)
    assert actions.count("certificate.issued") == 9  # seven CAs, two signers
    assert actions.count("crl.published") == 7


def test_both_master_keys_are_there(pki: Pki) -> None:
    card, factory = (pki.master_keys[name].derive(b"l", b"c", 16) for name in ("card", "factory"))
    assert card != factory


def test_opening_twice_changes_nothing(home: Home, pki: Pki, clock: Any) -> None:
    again = open_pki(home, clock)
    try:
        assert again.certificates == pki.certificates
        assert again.crls.current("card-g1").number == pki.crls.current("card-g1").number
    finally:
        again.close()


def test_a_wrong_passphrase_opens_nothing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOVIAT_PASSPHRASE", "wrong")
    with pytest.raises(WrongPassphraseError):
        open_pki(home)


@pytest.mark.parametrize("name", ["root-g1.pem", "card-g1.pem", "masterkeys.json"])
def test_a_missing_key_file_is_named(home: Home, name: str) -> None:
    (home.keys / name).unlink()
    with pytest.raises(KeyStoreError) as caught:
        open_pki(home)
    assert caught.value.place == home.keys / name


def test_another_keys_file_is_refused(home: Home) -> None:
    shutil.copy(home.keys / "ocsp-card-g1.pem", home.keys / "card-g1.pem")
    with pytest.raises(KeyMismatchError, match="card-g1"):
        open_pki(home)


@pytest.mark.parametrize("survived", [0, 1, 2, 6])
def test_an_interrupted_ceremony_is_completed(
    tmp_path: Path, clock: Any, monkeypatch: pytest.MonkeyPatch, survived: int
) -> None:
    home = homes.create(tmp_path / "home")
    execute = Authority.execute
    done: list[Any] = []

    def interrupted(self: Authority, order: Any) -> Any:
        if len(done) == survived:
            raise KeyboardInterrupt
        done.append(order)
        return execute(self, order)

    with monkeypatch.context() as patch:
        patch.setattr(Authority, "execute", interrupted)
        with pytest.raises(KeyboardInterrupt):
            initialise(home, clock)
    with pytest.raises(HomeMissingError):
        open_pki(home, clock)
    clock.advance(hours=1)
    initialise(home, clock)
    opened = open_pki(home, clock)
    try:
        opened.trust.intermediates[0].verify_directly_issued_by(opened.trust.anchors[0])
    finally:
        opened.close()


def test_a_home_without_a_pki_is_told_so(tmp_path: Path) -> None:
    home = homes.create(tmp_path / "home")
    with pytest.raises(HomeMissingError):
        open_engine(home)
    with pytest.raises(HomeMissingError):
        open_pki(home)


def test_nothing_secret_is_shown(pki: Pki, home: Home) -> None:
    shown = repr(pki) + repr(bootstrap.Trust((), ()))
    assert home.passphrase().decode() not in shown
    assert "PRIVATE" not in shown
