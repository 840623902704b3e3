"""Generations, cross certificates, retirement: enough officers with their own shares, or nothing at all."""

import asyncio
import base64
import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy.orm import Session

from pki.app import create_app
from pki.auditchain import verify_table
from pki.authority.orders import make_order
from pki.bootstrap import Pki, open_engine, open_pki
from pki.ceremony import kinds, steps
from pki.ceremony.custody import NewCustody
from pki.ceremony.desk import CommandDesk
from pki.ceremony.errors import CeremonyPlanError, TranscriptError
from pki.ceremony.office import Attendance, hold_in
from pki.ceremony.transcript import verify_transcript
from pki.hierarchy import Role
from pki.keys.files import FileSigner
from pki.profiles import Profile
from pki.status.ocsp.renewal import SUBJECT
from pki.store.models import AuditEntry
from pki.validation import ValidationError, validate
from tests.delivery import issue_delivered

from .conftest import OFFICERS, Site

OPENSSL = shutil.which("openssl") or "openssl"


def openssl(*arguments: str | Path, where: Path) -> subprocess.CompletedProcess[str]:
    command = [OPENSSL, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=where)


def entries(site: Site) -> int:
    engine = open_engine(site.opened())
    try:
        with Session(engine) as session:
            return verify_table(session, AuditEntry).sequence
    finally:
        engine.dispose()


def swapped(site: Site) -> None:
    one, two = site.share("alef").read_text(), site.share("be").read_text()
    site.share("alef").write_text(two)
    site.share("be").write_text(one)


def copied(site: Site) -> None:
    site.share("be").write_text(site.share("alef").read_text())


def mistyped(site: Site) -> None:
    site.share("be").write_text(site.share("be").read_text().replace(" ", " academic ", 1))


def lost(site: Site) -> None:
    site.share("be").unlink()


def binary(site: Site) -> None:
    site.share("be").write_bytes(b"\xff" * 2000)


@pytest.mark.parametrize(
    ("spoil", "cause"),
    [
        (swapped, "officer alef: this is not the share"),
        (copied, "officer be: this is not the share"),
        (mistyped, "officer be: is no share"),
        (lost, "officer be: be.share: there is no such key"),
        (binary, "officer be: be.share"),
    ],
)
def test_a_wrong_share_stops_everything(site: Site, spoil: Any, cause: str) -> None:
    before = entries(site)
    spoil(site)
    assert cause in site.refused("renew", "root")
    assert entries(site) == before
    assert {path.name for path in site.offline.iterdir()} == {"custody.json", "root-g1.pem", "csca-g1.pem"}


def test_a_share_of_another_ceremony_is_refused(site: Site, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = Site(tmp_path_factory.mktemp("other"))
    other.ceremony("found", officers=OFFICERS)
    site.share("be").write_bytes(other.share("be").read_bytes())
    assert "officer be: this is not the share" in site.refused("crl")


@pytest.mark.parametrize(
    ("officers", "cause"),
    [(("alef",), "not 1"), (("alef", "alef"), "twice"), (("alef", "stranger"), "stranger holds no share")],
)
def test_too_few_or_strangers_are_refused(site: Site, officers: tuple[str, ...], cause: str) -> None:
    site.share("stranger").write_bytes(site.share("pe").read_bytes())
    assert cause in site.refused("ca", "card", officers=officers)


def test_three_of_three_means_three(new_site: Site) -> None:
    new_site.ceremony("found", "--threshold", "3", officers=OFFICERS)
    assert "3 officers are needed, 2 are present" in new_site.refused("crl")
    assert new_site.ceremony("crl", officers=OFFICERS)["kind"] == "crl"


@pytest.mark.parametrize("text", [b"{", b"[]", b"{}", b"[" * 5000, b'{"version":1}', b"\xff"])
def test_a_damaged_custody_is_named(site: Site, text: bytes) -> None:
    (site.offline / "custody.json").write_bytes(text)
    assert "custody.json is" in site.refused("crl")


def test_a_custody_that_lets_one_officer_alone_is_damaged(site: Site) -> None:
    path = site.offline / "custody.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "threshold": 1}))
    assert "custody.json is damaged" in site.refused("crl")


@pytest.mark.parametrize(
    "change",
    [
        lambda data: {**data, "keys": "pkcs11:token=mine"},
        lambda data: {**data, "pin": "00" * 40},
        lambda data: {**data, "shares": {**data["shares"], "stranger": "0" * 64}},
        lambda data: {**data, "shares": {name: data["shares"][name] for name in ("be", "pe")}},
        lambda data: {**data, "mac": "0" * 64},
        lambda data: {**data, "mac": "\ud800é"},
        lambda data: {name: value for name, value in data.items() if name != "mac"},
    ],
    ids=["place", "PIN", "one more", "one fewer", "MAC", "no hexadecimal", "no MAC"],
)
def test_a_custody_that_somebody_changed_opens_nothing(
    site: Site, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    path = site.offline / "custody.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    assert "was changed since the officers made it" in site.refused("crl", officers=("be", "pe"))


def test_another_threshold_in_the_custody_opens_nothing(site: Site) -> None:
    path = site.offline / "custody.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "threshold": 3}))
    assert "the shares are too few" in site.refused("crl", officers=OFFICERS)


def test_an_unknown_folder_is_named(site: Site) -> None:
    shutil.rmtree(site.offline)
    assert "holds no keys of a ceremony" in site.refused("crl")


def test_a_missing_root_key_is_named_and_the_ceremony_goes_on_when_it_is_back(site: Site) -> None:
    (site.offline / "root-g1.pem").rename(site.folder / "away")
    assert "root-g1.pem: there is no such key" in site.refused("renew", "root")
    (site.folder / "away").rename(site.offline / "root-g1.pem")
    assert site.ceremony("renew", "root")["kind"] == "renew"


def test_a_new_issuing_ca_issues_from_then_on(site: Site, citizen_request: Any) -> None:
    pki = open_pki(site.opened())
    old = issue_delivered(pki.authority, citizen_request("before"))
    pki.close()
    site.ceremony("ca", "citizen-auth", "--shards", "4")
    pki = open_pki(site.opened())
    try:
        new = issue_delivered(pki.authority, citizen_request("after"))
        assert "citizen-auth-g2-p000" in str(x509.load_der_x509_certificate(new.der).extensions)
        names = {"citizen-auth-g1", "citizen-auth-g2"}
        for name in names:
            assert x509.load_der_x509_crl(pki.crls.current(name).read()).next_update_utc
        for der in (old.der, new.der):
            leaf = x509.load_der_x509_certificate(der)
            moment = datetime.now(UTC)
            validate([leaf, *pki.trust.intermediates], pki.trust.anchors, moment)
    finally:
        pki.close()


def chain_certificates(pki: Pki) -> dict[str, x509.Certificate]:
    return {name: x509.load_der_x509_certificate(der) for name, der in pki.published.items()}


@pytest.fixture
def rolled(site: Site, citizen_request: Any) -> Any:
    """Two roots, two authentication CAs; a certificate of before and one of after."""
    pki = open_pki(site.opened())
    before = issue_delivered(pki.authority, citizen_request("before"))
    pki.close()
    site.ceremony("renew", "root")
    site.ceremony("ca", "citizen-auth", officers=("be", "pe"))
    pki = open_pki(site.opened())
    try:
        after = issue_delivered(pki.authority, citizen_request("after"))
        yield pki, before, after
    finally:
        pki.close()


def test_paths_hold_across_root_generations_both_ways(rolled: Any) -> None:
    pki, before, after = rolled
    known = chain_certificates(pki)
    bag = [certificate for name, certificate in known.items() if name not in {"root-g1", "root-g2"}]
    for issued in (before, after):
        leaf = x509.load_der_x509_certificate(issued.der)
        for anchor in ("root-g1", "root-g2"):
            for moment in (after.not_before, issued.not_after):  # the later root must be there
                validate([leaf, *bag], [known[anchor]], moment)
            for wrong in (issued.not_before - timedelta(seconds=1), issued.not_after + timedelta(seconds=1)):
                with pytest.raises(ValidationError):
                    validate([leaf, *bag], [known[anchor]], wrong)


def test_openssl_follows_cross_certificates(rolled: Any, tmp_path: Path) -> None:
    pki, before, after = rolled
    known = chain_certificates(pki)
    links = b"".join(
        known[name].public_bytes(Encoding.PEM)
        for name in known
        if not name.startswith("root-g") or "-by-" in name
    )
    (tmp_path / "bag.pem").write_bytes(links)
    for name, issued in (("before", before), ("after", after)):
        pem = x509.load_der_x509_certificate(issued.der).public_bytes(Encoding.PEM)
        (tmp_path / f"{name}.pem").write_bytes(pem)
        at = str(int((issued.not_before + timedelta(hours=1)).timestamp()))
        for anchor in ("root-g1", "root-g2"):
            (tmp_path / "root.pem").write_bytes(known[anchor].public_bytes(Encoding.PEM))
            result = openssl(
                *("verify", "-x509_strict", "-attime", at, "-CAfile", "root.pem", "-no-CApath"),
                *("-untrusted", "bag.pem", f"{name}.pem"),
                where=tmp_path,
            )
            assert result.returncode == 0, (anchor, name, result.stderr)


def test_cross_certificates_are_published_under_their_names(rolled: Any) -> None:
    known = chain_certificates(rolled[0])
    assert {"root-g1-by-root-g2", "root-g2-by-root-g1"} <= set(known)
    for name, above in (("root-g1", "root-g2"), ("root-g2", "root-g1")):
        crossed = known[f"{name}-by-{above}"]
        crossed.verify_directly_issued_by(known[above])
        assert crossed.public_key() == known[name].public_key()


def test_cross_certificates_are_served(rolled: Any) -> None:
    pki = rolled[0]

    async def fetch(name: str) -> httpx.Response:
        transport = httpx.ASGITransport(create_app(pki))
        async with httpx.AsyncClient(transport=transport, base_url="http://pki") as client:
            return await client.get(f"/ca/{name}.cer")

    for name in ("root-g2", "root-g1-by-root-g2", "root-g2-by-root-g1"):
        answer = asyncio.run(fetch(name))
        assert (answer.status_code, answer.content) == (200, pki.published[name])
    assert asyncio.run(fetch("root-g1-by-root-g1")).status_code == 404


def test_a_csca_is_followed_by_a_linked_one(site: Site) -> None:
    site.ceremony("renew", "csca")
    pki = open_pki(site.opened())
    try:
        known = chain_certificates(pki)
        link = known["csca-g2-by-csca-g1"]
        link.verify_directly_issued_by(known["csca-g1"])
        assert link.public_key() == known["csca-g2"].public_key()
        assert "csca-g1-by-csca-g2" not in known
        assert link.subject == known["csca-g1"].subject
    finally:
        pki.close()


def test_a_cross_certificate_needs_two_generations_of_a_root(site: Site) -> None:
    assert "there is no such CA" in site.refused("cross", "root-g1", "root-g7")
    assert "two generations" in site.refused("cross", "card-g1", "root-g1")


def test_signers_follow_one_another(site: Site) -> None:
    created = site.ceremony("signers")["created"]
    assert {"ds-g2", "mls-g2", "masterlist"} <= {item["name"] for item in created}
    pki = open_pki(site.opened())
    try:
        assert pki.documents.current().name == "ds-g2"
    finally:
        pki.close()


def answer_for(site: Site, name: str) -> None:
    """A responder's certificate, which keeps no CA from retiring."""
    pki = open_pki(site.opened())
    try:
        order = make_order(
            "responder",
            Profile.OCSP_RESPONDER,
            issuer=pki.issuers[name],
            subject=SUBJECT,
            key=FileSigner.generate(ec.SECP256R1()).public_key,
            actor="tester",
        )
        pki.authority.execute(order)
    finally:
        pki.close()


def test_a_ca_retires_when_all_it_issued_has_ended(site: Site) -> None:
    assert "is the newest of its role" in site.refused("retire", "service-g1")
    assert "there is no such CA" in site.refused("retire", "service-g9")
    site.ceremony("ca", "service")
    answer_for(site, "service-g1")
    done = site.ceremony("retire", "service-g1")
    (ended,) = [item for item in done["created"] if item["what"] == "retirement"]
    assert (ended["name"], ended["destroy_key"]) == ("service-g1", "service-g1")
    states = {ca["name"]: ca for ca in site.show()["cas"]}
    assert states["service-g1"]["key"] == "retired"
    assert states["service-g1"]["crl_next_update"].startswith("9999-12-31")
    (site.home / "keys" / "service-g1.pem").unlink()
    pki = open_pki(site.opened())
    try:
        assert pki.crls.current("service-g1").next_update == steps.NEVER
        assert pki.issuers.current(Role.SERVICE).name == "service-g2"
    finally:
        pki.close()


def test_a_retired_cas_partitions_have_their_last_crls_too(site: Site) -> None:
    site.ceremony("ca", "card", "--shards", "2")
    site.ceremony("ca", "card")
    done = site.ceremony("retire", "card-g2")
    last = {item["name"] for item in done["created"] if item.get("next_update", "").startswith("9999")}
    assert last == {"card-g2", "card-g2-p0000", "card-g2-p0001"}
    pki = open_pki(site.opened())
    try:
        assert {pki.crls.current(name).next_update for name in last} == {steps.NEVER}
    finally:
        pki.close()


def test_a_ca_with_living_certificates_does_not_retire(site: Site, citizen_request: Any) -> None:
    pki = open_pki(site.opened())
    issue_delivered(pki.authority, citizen_request())
    pki.close()
    site.ceremony("ca", "citizen-auth")
    assert "1 certificates of citizen-auth-g1 have not ended yet" in site.refused("retire", "citizen-auth-g1")
    site.ceremony("crl")  # a plan that is refused opens no ceremony


def test_while_one_is_interrupted_no_other_begins(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(steps, "publish_crls", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        site.run("ceremony", "renew", "root", *site.attended())
    assert site.show()["interrupted"] == {"number": 2, "kind": "renew"}
    assert "ceremony 2 (renew) was interrupted" in site.refused("crl")
    assert "ceremony 2 (renew) was interrupted" in site.refused("renew", "csca")
    done = site.ceremony("renew", "root", officers=("alef", "pe"))
    names = [item["name"] for item in done["created"] if item["what"] == "certificate"]
    assert names == ["root-g2", "root-g2-by-root-g1", "root-g1-by-root-g2"]
    assert site.show()["interrupted"] is None
    assert [ca["name"] for ca in site.show()["cas"] if ca["name"].startswith("root")] == [
        "root-g1",
        "root-g2",
    ]


def test_one_that_can_t_go_on_is_abandoned_on_record(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no ceremony was interrupted" in site.refused("abandon")
    with monkeypatch.context() as patch:
        patch.setattr(steps, "cross", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        site.run("ceremony", "renew", "root", *site.attended())
    done = site.ceremony("abandon")
    text = json.loads(Path(done["transcript"]).read_text())
    assert (text["kind"], text["outcome"]) == ("renew", "abandoned")
    assert {"what": "issuer.certified", "name": "root-g2"} in text["created"]
    assert site.run("ceremony", "verify", done["transcript"]).exit_code == 0
    again = site.ceremony("cross", "root-g2", "root-g1")
    assert again["created"][0]["name"] == "root-g2-by-root-g1"


def test_openssl_verifies_a_transcript_by_the_command_in_it(site: Site, tmp_path: Path) -> None:
    done = site.ceremony("renew", "root", "--out", str(tmp_path / "out"))
    text = json.loads(Path(done["transcript"]).read_text())
    root = base64.b64decode(text["signed_by"]["certificate"])
    folder = tmp_path / "out"
    (folder / "root-g1.pem").write_bytes(x509.load_der_x509_certificate(root).public_bytes(Encoding.PEM))
    for line in text["verify_with"]:
        result = subprocess.run(line, shell=True, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S602
        assert result.returncode == 0, result.stderr
    assert "Verified OK" in result.stdout
    text_file = Path(done["transcript"])
    text_file.write_bytes(text_file.read_bytes().replace(b'"alef"', b'"nobody"'))
    result = subprocess.run(line, shell=True, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S602
    assert result.returncode != 0


def test_a_transcript_says_who_when_and_what(site: Site) -> None:
    done = site.ceremony("renew", "root")
    text = json.loads(Path(done["transcript"]).read_text())
    assert text["officers"] == {"present": ["alef", "be"], "share_holders": list(OFFICERS), "needed": 2}
    assert text["signed_by"]["name"] == "root-g1"
    assert text["audit_chain"]["before"]["sequence"] < text["audit_chain"]["after"]["sequence"]
    (root, *_rest) = text["created"]
    assert {"serial", "sha256", "public_key", "signature_algorithm", "profile", "subject"} <= set(root)
    shown = site.run("ceremony", "verify", done["transcript"], "--json")
    assert json.loads(shown.stdout) == text


@pytest.mark.parametrize("spoil", ["text", "signature", "no signature", "long"])
def test_a_tampered_transcript_is_refused(site: Site, spoil: str) -> None:
    path = Path(site.ceremony("crl")["transcript"])
    signature = path.with_name(path.name + ".sig")
    if spoil == "text":
        path.write_bytes(path.read_bytes().replace(b'"crl"', b'"ca"', 1))
    elif spoil == "signature":
        signature.write_bytes(bytes(len(signature.read_bytes())))
    elif spoil == "long":
        path.write_bytes(path.read_bytes() + b" " * 2**21)
    else:
        signature.unlink()
    result = site.run("ceremony", "verify", str(path))
    assert result.exit_code == 1
    assert "Error" in result.stderr


def test_a_transcript_of_another_authority_is_refused(
    site: Site, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = Site(tmp_path_factory.mktemp("other"))
    path = other.ceremony("found", officers=OFFICERS)["transcript"]
    assert "not signed by a root of this authority" in site.run("ceremony", "verify", path).stderr
    root = other.folder / "root.pem"
    pki = open_pki(other.opened())
    root.write_bytes(chain_certificates(pki)["root-g1"].public_bytes(Encoding.PEM))
    pki.close()
    assert site.run("ceremony", "verify", path, "--trust", str(root)).exit_code == 0


def test_no_root_means_no_transcript() -> None:
    with pytest.raises(TranscriptError):
        verify_transcript(b"{}", b"", [])


def test_an_embedded_home_takes_its_next_roots_off_line(home: Any, tmp_path: Path, clock: Any) -> None:
    """`hoviat init` leaves the first ones on line; a ceremony moves on from there."""
    files = {name: tmp_path / name for name in ("alef", "be")}
    there = Attendance(tmp_path / "offline", tuple(files), CommandDesk(files), NewCustody())
    signed = hold_in(home, there, kinds.renew(Role.ROOT), clock)
    assert json.loads(signed.text)["signed_by"]["name"] == "root-g1"
    reopened = open_pki(home, clock)
    try:
        assert reopened.issuers["root-g2"].key is None
        assert reopened.issuers["root-g1"].key is not None
        clock.advance(days=1)
        reopened.crls.current("root-g2")
    finally:
        reopened.close()
    with pytest.raises(CeremonyPlanError):
        hold_in(home, there, kinds.retire("root-g2"), clock)
