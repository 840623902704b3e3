"""What can't be held is refused before it begins: no ceremony open, nothing written or handed out."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from pki import home as homes
from pki.authority.issuerseal import IssuerSeal
from pki.bootstrap import MASTER_KEY_NAMES, initialise, open_engine, open_key_store, open_pki
from pki.ceremony import custody, kinds, steps
from pki.ceremony.custody import NewCustody
from pki.ceremony.desk import CommandDesk
from pki.ceremony.errors import CeremonyPlanError, CustodyError
from pki.ceremony.founding import Foundry
from pki.ceremony.office import Attendance, NewHome, found_home, hold_in
from pki.clock import utc_now
from pki.errors import ClockSetBackError, ProfileError, WrongPassphraseError
from pki.hierarchy import Role
from pki.status import RevocationReason
from pki.store.models import AuditEntry, CeremonyRow, Issuer

from .conftest import OFFICERS, Site

_DATABASE_AT_WORK = ("-wal", "-shm")


def standing(folder: Path) -> dict[str, bytes]:
    """All files, and what the database says of ceremonies."""
    return {
        str(path.relative_to(folder)): b"" if "sqlite3" in path.name else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(_DATABASE_AT_WORK)
    }


def record(home: homes.Home) -> tuple[int, list[tuple[int, bool]]]:
    engine = open_engine(home)
    try:
        with Session(engine) as session:
            rows = session.execute(select(CeremonyRow.number, CeremonyRow.closed.is_(None))).all()
            last = session.scalars(select(AuditEntry.sequence).order_by(AuditEntry.sequence.desc())).first()
            return last or 0, [(row[0], row[1]) for row in rows]
    finally:
        engine.dispose()


@contextmanager
def nothing_changes(site: Site) -> Iterator[None]:
    """Files, audit entries and ceremonies are afterwards what they were."""
    before = standing(site.folder), record(site.opened())
    yield
    assert (standing(site.folder), record(site.opened())) == before


@pytest.fixture(scope="session")
def foreign_site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Another nation's hierarchy, with officers of the same labels."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HOVIAT_PASSPHRASE", "HOVIAT_PKI_DATABASE"):
            patch.delenv(name, raising=False)
        site = Site(tmp_path_factory.mktemp("foreign"))
        site.ceremony("found", officers=OFFICERS)
        site.ceremony("renew", "root")
    return site


def with_folder_of(site: Site, foreign: Site) -> None:
    """The officers bring the other hierarchy's disk, and their shares of it."""
    shutil.rmtree(site.offline)
    shutil.copytree(foreign.offline, site.offline)
    for officer in OFFICERS:
        shutil.copy(foreign.share(officer), site.share(officer))


WRONG: tuple[tuple[tuple[str, ...], str], ...] = (
    (("ca", "card", "--shards", "0"), "shards: must be 1 to"),
    (("ca", "card", "--shards", "10001"), "shards: must be 1 to"),
    (("ca", "card", "--shards", "-1"), "shards: must be 1 to"),
    (("cross", "card-g1", "root-g1"), "two generations"),
    (("cross", "root-g1", "root-g1"), "two generations"),
    (("cross", "root-g1", "csca-g1"), "two generations"),
    (("cross", "root-g1", "root-g7"), "there is no such CA"),
    (("cross", "../../etc", "root-g1"), "there is no such CA"),
    (("retire", "root-g1"), "newest of its role"),
    (("retire", "nothing"), "there is no such CA"),
    (("abandon",), "no ceremony was interrupted"),
    (("found", "--shards", "2"), "another number of shards"),
    (("found", "--public-url", "https://other.example"), "another public URL"),
    (("found",), "a hierarchy already"),
    (("crl", "--out", "/proc/nowhere"), "/proc/nowhere: can't be written"),
)


@pytest.mark.parametrize(("arguments", "cause"), WRONG, ids=[" ".join(given) for given, _ in WRONG])
def test_wrong_arguments_begin_nothing(site: Site, arguments: tuple[str, ...], cause: str) -> None:
    with nothing_changes(site):
        assert cause in site.refused(*arguments)


@pytest.mark.parametrize("kind", [("crl",), ("ca", "card"), ("renew", "root"), ("signers",)], ids=" ".join)
def test_another_hierarchys_folder_begins_nothing(
    site: Site, foreign_site: Site, kind: tuple[str, ...]
) -> None:
    with_folder_of(site, foreign_site)
    with nothing_changes(site):
        assert "holds the keys of another hierarchy" in site.refused(*kind)


def test_another_hierarchys_folder_founds_none(new_site: Site, foreign_site: Site) -> None:
    """Its root would otherwise be taken for one that an interruption left."""
    shutil.copytree(foreign_site.offline, new_site.offline)
    for officer in OFFICERS:
        shutil.copy(foreign_site.share(officer), new_site.share(officer))
    assert "holds keys already, and none of this hierarchy" in new_site.refused("found")
    assert record(new_site.opened()) == (0, [])


def test_an_interrupted_founding_goes_on_with_its_own_folder_alone(
    new_site: Site, foreign_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Foundry, "certify", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        new_site.run("ceremony", "found", *new_site.attended(*OFFICERS))
    own = new_site.folder / "own"
    shutil.copytree(new_site.offline, own)
    for officer in OFFICERS:
        shutil.copy(new_site.share(officer), own)
    with_folder_of(new_site, foreign_site)
    with nothing_changes(new_site):
        assert "is not the folder that ceremony 1 began with" in new_site.refused("found")
    shutil.rmtree(new_site.offline)
    with nothing_changes(new_site):  # no new folder either
        assert "holds no keys of a ceremony" in new_site.refused("found")
    shutil.copytree(own, new_site.offline)
    for officer in OFFICERS:
        shutil.copy(own / f"{officer}.share", new_site.share(officer))
    new_site.ceremony("found")


def test_a_mistyped_folder_is_not_made(site: Site) -> None:
    with nothing_changes(site):
        options = site.attended()[2:]
        elsewhere = str(site.folder / "ofline")
        result = site.run("ceremony", "renew", "root", "--offline", elsewhere, *options)
        assert result.exit_code == 1
        assert "holds no keys of a ceremony" in result.stderr
    assert not (site.folder / "ofline").exists()


def test_a_transcript_is_never_overwritten(site: Site) -> None:
    folder = site.folder / "out"
    folder.mkdir()
    (folder / "ceremony-2-crl.json.sig").write_text("another home's")
    with nothing_changes(site):
        assert "exists; choose another folder" in site.refused("crl", "--out", str(folder))
    site.ceremony("crl", "--out", str(site.folder / "free"))


def test_a_transcript_is_written_again_beside_itself(site: Site) -> None:
    done = site.ceremony("crl")
    out = str(Path(done["transcript"]).parent)
    assert site.run("ceremony", "transcript", "2", "--out", out).exit_code == 0
    Path(done["transcript"]).write_text("changed")
    assert site.run("ceremony", "transcript", "2", "--out", out).exit_code == 1
    assert Path(done["transcript"]).read_text() == "changed"


def test_a_retired_ca_neither_retires_again_nor_certifies(site: Site) -> None:
    site.ceremony("ca", "service")
    site.ceremony("retire", "service-g1")
    with nothing_changes(site):
        assert "service-g1 is retired" in site.refused("retire", "service-g1")
    site.ceremony("renew", "csca")
    with nothing_changes(site):
        assert "csca-g2-by-csca-g1 is there already" in site.refused("cross", "csca-g2", "csca-g1")


@pytest.mark.parametrize("present", [True, False])
def test_shares_that_can_t_be_handed_over_make_nothing(new_site: Site, *, present: bool) -> None:
    blocked = new_site.folder / "blocked"
    blocked.write_text("") if present else None
    options = [f"--officer={name}={new_site.share(name)}" for name in OFFICERS[:2]]
    last = blocked if present else blocked / "deep"
    arguments = ["--offline", str(new_site.offline), *options, f"--officer=last={last}"]
    if not present:
        blocked.write_text("a file is no folder")
    before = standing(new_site.folder)
    result = new_site.run("ceremony", "found", *arguments)
    assert result.exit_code == 1, result.output
    assert "officer last" in result.stderr
    assert standing(new_site.folder) == before
    assert not new_site.home.exists()
    assert not new_site.offline.exists()


@pytest.mark.parametrize(
    ("place", "cause"),
    [
        (lambda site, _: site.offline / "share", "beside what it opens"),
        (lambda site, _: site.home / "share", "beside what it opens"),
        (lambda site, _: site.offline / ".." / "offline" / "share", "beside what it opens"),
        (lambda site, other: site.folder / "home" / ".." / f"{other}.share", "another officer's file"),
        (lambda site, other: site.share(other), "another officer's file"),
    ],
)
def test_shares_are_apart(new_site: Site, place: Callable[[Site, str], Path], cause: str) -> None:
    options = [f"--officer=alef={new_site.share('alef')}", f"--officer=be={place(new_site, 'alef')}"]
    result = new_site.run("ceremony", "found", "--offline", str(new_site.offline), *options)
    assert result.exit_code == 1
    assert cause in result.stderr
    assert list(new_site.folder.iterdir()) == []


def test_a_share_that_breaks_off_is_taken_back(new_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise CustodyError(new_site.offline, "can't be created: No space left on device")

    monkeypatch.setattr(custody, "_write", full)
    assert "No space left" in new_site.refused("found", officers=OFFICERS)
    assert list(new_site.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("profile", "kind"),
    [
        ("root_ca", ("renew", "root")),
        ("cross_ca", ("renew", "root")),
        ("issuing_ca", ("ca", "card")),
        ("document_signer", ("signers",)),
        ("csca_link", ("renew", "csca")),
    ],
)
@pytest.mark.parametrize("fault", ["broken", "other keys"])
def test_a_profile_that_won_t_do_begins_nothing(
    site: Site, profile: str, kind: tuple[str, ...], fault: str
) -> None:
    file = homes.load(site.home).profiles / f"{profile}.toml"
    file.parent.mkdir()
    packaged = (Path(steps.__file__).parents[1] / "profiles" / "data" / file.name).read_text()
    lines = [line for line in packaged.splitlines() if not line.startswith("keys")]
    content = "title = 1\n" if fault == "broken" else 'keys = ["rsa4096"]\n' + "\n".join(lines)
    file.write_text(content)
    with nothing_changes(site):
        error = site.refused(*kind)
    assert (file.name if fault == "broken" else f"{profile.replace('_', '-')}") in error.replace(
        "_", "-"
    ) or (file.name in error)
    site.ceremony("crl")  # which needs none of them


def test_a_generation_that_was_begun_otherwise_is_named(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Foundry, "certify", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        site.run("ceremony", "ca", "card", "--shards", "4", *site.attended())
    site.ceremony("abandon")
    with nothing_changes(site):
        assert "card-g2 was begun with 4 partitions" in site.refused("ca", "card", "--shards", "8")
    site.ceremony("ca", "card", "--shards", "4")


def attendance(folder: Path, **files: Path) -> Attendance:
    return Attendance(folder, tuple(files), CommandDesk(files), NewCustody())


def test_an_embedded_home_makes_no_folder_for_what_is_refused(home: Any, tmp_path: Path, clock: Any) -> None:
    there = attendance(tmp_path / "offline", alef=tmp_path / "alef", be=tmp_path / "be")
    (home.root / "profiles").mkdir()
    (home.root / "profiles" / "csca.toml").write_text("title = 1\n")
    with pytest.raises(ProfileError, match=r"csca\.toml"):
        hold_in(home, there, kinds.renew(Role.CSCA), clock)
    assert not any((tmp_path / name).exists() for name in ("offline", "alef", "be"))
    for ceremony in (kinds.crl(), kinds.found(1)):
        with pytest.raises((CeremonyPlanError, CustodyError)):
            hold_in(home, Attendance(there.offline, there.officers, there.desk), ceremony, clock)
    assert record(home)[1] == []


def test_a_root_that_has_ended_certifies_nothing(home: Any, tmp_path: Path, clock: Any) -> None:
    there = attendance(tmp_path / "offline", alef=tmp_path / "alef", be=tmp_path / "be")
    before = record(home)
    clock.now += timedelta(days=366 * 26)
    for ceremony in (kinds.renew(Role.ROOT), kinds.next_ca(Role.CARD)):
        with pytest.raises(CeremonyPlanError, match="is not valid now"):
            hold_in(home, there, ceremony, clock)
    assert record(home) == before
    assert not there.offline.exists()


def test_a_clock_set_back_hands_no_share_out(home: Any, tmp_path: Path, clock: Any) -> None:
    there = attendance(tmp_path / "offline", alef=tmp_path / "alef", be=tmp_path / "be")
    before = record(home)
    clock.now -= timedelta(days=1)
    with pytest.raises(ClockSetBackError):
        hold_in(home, there, kinds.renew(Role.ROOT), clock)
    assert record(home) == before
    assert not any((tmp_path / name).exists() for name in ("offline", "alef", "be"))


def test_a_wrong_passphrase_hands_no_share_out(
    home: Any, tmp_path: Path, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = attendance(tmp_path / "offline", alef=tmp_path / "alef", be=tmp_path / "be")
    before = record(home)
    monkeypatch.setenv("HOVIAT_PASSPHRASE", "another one")
    with pytest.raises(WrongPassphraseError):
        hold_in(home, there, kinds.renew(Role.ROOT), clock)
    assert record(home) == before
    assert not any((tmp_path / name).exists() for name in ("offline", "alef", "be"))


def test_a_revoked_ca_certifies_nothing(home: Any, tmp_path: Path, clock: Any) -> None:
    pki = open_pki(home, clock)
    serial = pki.issuers["csca-g1"].serial
    assert serial is not None
    pki.authority.revoke(serial, RevocationReason.CA_COMPROMISE, "officer", "")
    pki.close()
    there = attendance(tmp_path / "offline", alef=tmp_path / "alef", be=tmp_path / "be")
    before = record(home)
    with pytest.raises(CeremonyPlanError, match="csca-g1 is revoked"):
        hold_in(home, there, kinds.renew(Role.CSCA), clock)
    assert record(home) == before
    assert not there.offline.exists()


def test_the_last_generation_has_no_next(home: Any, tmp_path: Path, clock: Any) -> None:
    engine, keys = open_engine(home), open_key_store(home)
    with Session(engine) as session, session.begin():
        row = session.get_one(Issuer, "card-g1")
        last = Issuer(
            **{
                column.name: getattr(row, column.name)
                for column in Issuer.__table__.columns
                if column.name not in {"name", "generation"}
            },
            name="card-g999",
            generation=999,
        )
        last.seal = IssuerSeal.of(keys.open_master_keys(MASTER_KEY_NAMES)).seal(last)
        session.add(last)
    engine.dispose()
    keys.close()
    there = attendance(tmp_path / "offline", alef=tmp_path / "alef", be=tmp_path / "be")
    before = record(home)
    with pytest.raises(Exception, match="card-g1000"):
        hold_in(home, there, kinds.next_ca(Role.CARD), clock)
    assert record(home) == before


def test_the_home_of_another_command_is_not_gone_on_with(
    new_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Foundry, "register", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        new_site.run("ceremony", "found", "--shards", "4", *new_site.attended(*OFFICERS))
    with nothing_changes(new_site):
        assert "another number of shards" in new_site.refused("found")
        assert "ceremony 1 (found) was interrupted" in new_site.refused("crl")
    done = new_site.ceremony("found", "--shards", "4")
    assert json.loads(Path(done["transcript"]).read_text())["plan"]["shards"] == 4


def test_what_init_began_no_ceremony_founds(tmp_path: Path) -> None:
    home = homes.create(tmp_path / "home")
    there = attendance(tmp_path / "offline", alef=tmp_path / "alef", be=tmp_path / "be")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Foundry, "certify", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            initialise(home, utc_now)
    new = NewHome(home.public_url, home.key_location, home.shards)
    with pytest.raises(CeremonyPlanError, match="roots are on line"):
        found_home(home.root, new, there)
    assert not there.offline.exists()


def test_a_home_that_is_none_holds_no_ceremony(tmp_path: Path) -> None:
    home = homes.create(tmp_path / "home")
    there = attendance(tmp_path / "offline", alef=tmp_path / "alef", be=tmp_path / "be")
    with pytest.raises(homes.HomeMissingError):
        hold_in(home, there, kinds.renew(Role.ROOT))
    assert not there.offline.exists()
    assert not (home.root / "crl").exists()


def test_a_used_database_founds_no_second_home(
    site: Site, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOVIAT_PKI_DATABASE", f"sqlite:///{site.home / 'pki.sqlite3'}")
    other = Site(tmp_path_factory.mktemp("second"))
    assert "HOVIAT_PKI_DATABASE names is used" in other.refused("found", officers=OFFICERS)
    assert list(other.folder.iterdir()) == []


def test_a_pki_opens_as_before_after_all_refusals(site: Site) -> None:
    for arguments, _ in WRONG:
        site.refused(*arguments)
    open_pki(site.opened()).close()
    site.ceremony("ca", "card")
