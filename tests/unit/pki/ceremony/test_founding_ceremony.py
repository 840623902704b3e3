"""A whole hierarchy by officers: what they leave, who may not, and what an interruption does."""

import errno
import json
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from pki.auditchain import verify_table
from pki.auditchain.keeping import KeptNote
from pki.authority import Authority
from pki.bootstrap import open_engine, open_pki
from pki.ceremony import desk, office, record, steps
from pki.ceremony.founding import Foundry
from pki.errors import IssuerOfflineError
from pki.hierarchy import Role
from pki.home import HomeMissingError
from pki.keys.disk import write_new_file
from pki.status import RevocationReason
from pki.store.models import AuditEntry, KeyRow

from .conftest import OFFICERS, Site


def test_each_officer_has_one_share_of_their_own(site: Site) -> None:
    shares = {officer: site.share(officer).read_text() for officer in OFFICERS}
    assert len(set(shares.values())) == 3
    for officer in OFFICERS:
        assert stat.S_IMODE(site.share(officer).stat().st_mode) == 0o600
        assert len(shares[officer].split()) == 33


def test_the_roots_are_off_line_and_the_rest_is_served(site: Site, citizen_request: Any) -> None:
    assert {path.name for path in site.offline.iterdir()} == {"custody.json", "root-g1.pem", "csca-g1.pem"}
    keys = {path.name for path in (site.home / "keys").iterdir()}
    assert "card-g1.pem" in keys
    assert not keys & {"root-g1.pem", "csca-g1.pem"}
    shutil.rmtree(site.offline)
    pki = open_pki(site.opened())
    try:
        for name in ("root-g1", "csca-g1"):
            with pytest.raises(IssuerOfflineError):
                _ = pki.issuers[name].signer
            with pytest.raises(IssuerOfflineError):
                pki.crls.publish(name)
        issued = pki.authority.issue(citizen_request())
        pki.authority.revoke(issued.serial, RevocationReason.SUPERSEDED, "officer", "")
        assert {pki.crls.current(name).issuer for name in pki.crls.names} == set(pki.certificates)
        assert pki.documents.current().name == "ds-g1"
        assert pki.documents.master_list()
    finally:
        pki.close()


def test_no_key_store_of_a_running_system_opens_a_root(site: Site) -> None:
    pki = open_pki(site.opened())
    try:
        with Session(pki.engine) as session:
            uri = session.scalars(select(KeyRow.uri).where(KeyRow.name == "root-g1")).one()
        assert uri == "offline:root-g1"
        with pytest.raises(Exception, match="key URI"):
            pki.keys.open(uri)
    finally:
        pki.close()


def test_the_audit_names_the_officers_and_holds_the_transcript(site: Site) -> None:
    engine = open_engine(site.opened())
    with Session(engine) as session:
        verify_table(session, AuditEntry)
        entries = list(session.scalars(select(AuditEntry).order_by(AuditEntry.sequence)))
    engine.dispose()
    assert {entry.actor for entry in entries} == {"ceremony:alef+be+pe"}
    assert entries[0].action == record.OPENED
    assert entries[-1].action == record.CLOSED
    kept = KeptNote(site.opened().audit_note).read()
    assert kept is not None
    assert kept.size == len(entries)


def test_no_share_and_no_secret_is_shown(new_site: Site) -> None:
    result = new_site.run("ceremony", "found", *new_site.attended(*OFFICERS))
    assert result.exit_code == 0, result.output
    kept = b"".join(path.read_bytes() for path in new_site.home.rglob("*") if path.is_file())
    kept += b"".join(path.read_bytes() for path in new_site.offline.iterdir())
    for officer in OFFICERS:
        words = new_site.share(officer).read_text().split()
        for shown in (result.output, kept.decode("latin-1")):
            assert " ".join(words[4:8]) not in shown


ALONE: tuple[tuple[list[str], str], ...] = (
    (["--officer", "alef=A"], "not 1"),
    (["--officer", "alef=A", "--officer", "alef=B"], "twice"),
    (["--officer", "alef=A", "--officer", "be=B", "--threshold", "1"], "not 1"),
    (["--officer", "alef=A", "--officer", "be=B", "--threshold", "3"], "not 3"),
    ([], "not 0"),
    (["--officer", "Alef=A", "--officer", "be=B"], "label"),
    (["--officer", "alef", "--officer", "be=B"], "neither a terminal nor a share file"),
)


@pytest.mark.parametrize(("options", "cause"), ALONE, ids=[cause for _, cause in ALONE])
def test_it_refuses_to_run_alone(new_site: Site, options: list[str], cause: str) -> None:
    given = [option.replace("=", f"={new_site.folder}/") for option in options]
    result = new_site.run("ceremony", "found", "--offline", str(new_site.offline), *given)
    assert result.exit_code == 1, result.output
    assert cause in result.stderr
    assert not (new_site.home / "pki.sqlite3").exists()
    assert not list(new_site.offline.glob("*"))


@pytest.mark.parametrize(
    ("option", "cause"),
    [
        (("--shards", "0"), "shards"),
        (("--shards", "10001"), "shards"),
        (("--keys", "nowhere"), "key URI"),
        (("--keys", "pkcs11:token=x?module-path=/nothing.so"), "module"),
        (("--public-url", "ftp://x"), "URL"),
        (("--offline-keys", "file:x.pem"), "pkcs11"),
        (("--offline-keys", "x"), "key URI"),
    ],
)
def test_impossible_settings_make_nothing(new_site: Site, option: tuple[str, str], cause: str) -> None:
    error = new_site.refused("found", *option, officers=OFFICERS)
    assert cause in error
    assert not (new_site.home / "pki.sqlite3").exists()
    assert not new_site.share("alef").exists()


def test_the_off_line_folder_lies_elsewhere(new_site: Site) -> None:
    inside = new_site.home / "offline"
    options = [f"--officer={name}={new_site.share(name)}" for name in OFFICERS]
    result = new_site.run("ceremony", "found", "--offline", str(inside), *options)
    assert result.exit_code == 1
    assert "outside the home" in result.stderr


def test_a_used_folder_is_refused(new_site: Site) -> None:
    new_site.offline.mkdir()
    (new_site.offline / "file").write_text("x")
    assert "is not empty" in new_site.refused("found", officers=OFFICERS)


def test_a_founded_home_is_not_founded_again(site: Site) -> None:
    assert "a hierarchy already" in site.refused("found")


class PowerCutError(BaseException):
    """The process ends here."""


def cuts(patch: pytest.MonkeyPatch, owner: Any, name: str, after: int) -> None:
    """The `after`-th call of it is not made: the power fails."""
    real = getattr(owner, name)
    calls: list[int] = []

    def failing(*arguments: Any, **options: Any) -> Any:
        if len(calls) == after:
            raise PowerCutError
        calls.append(1)
        return real(*arguments, **options)

    patch.setattr(owner, name, failing)


STEPS: tuple[tuple[Any, str, int], ...] = (
    *((Authority, "execute", count) for count in (0, 1, 6, 8)),
    *((Foundry, "register", count) for count in (0, 3)),
    *((Foundry, "make_service_key", count) for count in (0, 6)),
    (steps, "publish_crls", 0),
    (steps, "publish_crls", 1),
    (record, "close", 0),
)


@pytest.mark.parametrize("cut", STEPS, ids=[f"{name} {count}" for _, name, count in STEPS])
def test_an_interrupted_founding_goes_on(
    new_site: Site, monkeypatch: pytest.MonkeyPatch, cut: tuple[Any, str, int]
) -> None:
    with monkeypatch.context() as patch:
        cuts(patch, *cut)
        with pytest.raises(PowerCutError):
            new_site.run("ceremony", "found", *new_site.attended(*OFFICERS))
    if (new_site.home / "pki.sqlite3").exists() and cut[1] != "close" and cut[2:] != (1,):
        with pytest.raises(HomeMissingError):
            open_pki(new_site.opened())
    assert "1 are present" not in new_site.refused("found", officers=("alef",))
    summary = new_site.ceremony("found", officers=("be", "pe"))
    names = [item["name"] for item in summary["created"] if item["what"] == "certificate"]
    assert len(names) == len(set(names)) == 9
    pki = open_pki(new_site.opened())
    try:
        assert {ca.name for ca in pki.issuers if ca.key is None} == {"root-g1", "csca-g1"}
        with Session(pki.engine) as session:
            verify_table(session, AuditEntry)
            issued = session.scalars(
                select(AuditEntry).where(AuditEntry.action == "certificate.issued")
            ).all()
        assert len(issued) == 9
        assert len(list(pki.issuers.generations(Role.ROOT))) == 1
    finally:
        pki.close()


@pytest.mark.parametrize("handed", [0, 1, 2])
def test_before_all_shares_are_proved_a_ceremony_is_void(
    new_site: Site, monkeypatch: pytest.MonkeyPatch, handed: int
) -> None:
    """What was handed out opens nothing, and is not taken for the next ceremony's."""
    with monkeypatch.context() as patch:
        real = write_new_file
        calls: list[int] = []

        def failing(path: Path, content: bytes) -> None:
            if len(calls) == handed:
                raise PowerCutError
            calls.append(1)
            real(path, content)

        patch.setattr(desk, "write_new_file", failing)
        with pytest.raises(PowerCutError):
            new_site.run("ceremony", "found", *new_site.attended(*OFFICERS))
    assert list(new_site.offline.iterdir()) == []
    if handed:
        assert "remove it if it is left" in new_site.refused("found", officers=OFFICERS)
    for officer in OFFICERS:
        new_site.share(officer).unlink(missing_ok=True)
    new_site.ceremony("found", officers=OFFICERS)


def test_a_folder_that_can_t_be_written_is_named(new_site: Site) -> None:
    new_site.folder.joinpath("blocked").write_text("x")
    options = [f"--officer={name}={new_site.share(name)}" for name in OFFICERS]
    folder = str(new_site.folder / "blocked" / "offline")
    result = new_site.run("ceremony", "found", "--offline", folder, *options)
    assert result.exit_code == 1
    assert "can't be used" in result.stderr


def test_a_transcript_that_can_t_be_written_is_not_lost(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(office, "write_transcript", full)
        error = site.refused("crl")
    assert "ceremony transcript 2 --out DIR" in error
    result = site.run("ceremony", "transcript", "2", "--out", str(site.folder / "again"), "--json")
    assert json.loads(result.stdout)["kind"] == "crl"
    assert len(list((site.folder / "again").iterdir())) == 2


def test_it_founds_and_goes_on_in_postgresql(
    new_site: Site, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOVIAT_PKI_DATABASE", postgres_url)
    with monkeypatch.context() as patch:
        cuts(patch, record, "close", 0)
        with pytest.raises(PowerCutError):
            new_site.run("ceremony", "found", *new_site.attended(*OFFICERS))
    new_site.ceremony("found", officers=("alef", "pe"))
    done = new_site.ceremony("renew", "root")
    assert new_site.run("ceremony", "verify", done["transcript"]).exit_code == 0
    assert not (new_site.home / "pki.sqlite3").exists()
