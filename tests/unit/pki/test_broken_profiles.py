"""A profile file that can't be used stops the issue of its own certificates, and nothing else."""

import asyncio
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import httpx
import pytest
from click.testing import CliRunner, Result

from pki import cli, serving
from pki.app import StatusApp, create_app
from pki.authority import CertificateRequest
from pki.bootstrap import initialise, open_pki
from pki.ceremony.founding import Foundry
from pki.errors import PkiError, ProfileError
from pki.home import Home, create
from pki.profiles import Profile
from pki.status.state import RevocationReason, Status
from tests.delivery import issue_delivered

FAULTS: dict[str, bytes] = {
    "no TOML": b"\xff\xfe",
    "a wrong field": b'title = "x"\npurpose = "x"\nissued_by = ["nobody"]\n',
    "empty": b"",
    "endless": b"#" * 100_000,
}


def spoil(home: Home, profile: Profile, fault: bytes) -> Path:
    home.profiles.mkdir(exist_ok=True)
    file = home.profiles / f"{profile.value}.toml"
    file.write_bytes(fault)
    return file


def command(home: Home, *arguments: str) -> Result:
    @click.group()
    @click.option("--home", type=click.Path(path_type=Path))
    def root(home: Path) -> None: ...

    root.add_command(cli.pki)
    return CliRunner().invoke(root, ["--home", str(home.root), "pki", *arguments])


def fetch(app: StatusApp, path: str) -> httpx.Response:
    async def get() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://pki") as client:
            return await client.get(path)

    return asyncio.run(get())


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_all_but_issuing_goes_on(
    home: Home, clock: Any, citizen_request: Callable[..., CertificateRequest], fault: bytes
) -> None:
    pki = open_pki(home, clock)
    first, second = (issue_delivered(pki.authority, citizen_request(name)) for name in ("one", "two"))
    pki.close()
    file = spoil(home, Profile.AUTHENTICATION, fault)
    pki = open_pki(home, clock)
    try:
        pki.authority.revoke(first.serial, RevocationReason.KEY_COMPROMISE, "officer", "")
        pki.authority.suspend(second.serial, "officer", "")
        pki.authority.resume(second.serial, "officer", "")
        pki.crls.publish("citizen-auth-g1")
        assert pki.status.states({first.serial})[first.serial][1].status is Status.REVOKED
        with pytest.raises(ProfileError, match=file.name):
            issue_delivered(pki.authority, citizen_request("three"))
        issue_delivered(pki.authority, citizen_request("four", Profile.SIGNATURE))
        assert pki.authority.certificate("one") == first
    finally:
        pki.close()


def test_the_error_names_file_and_field(
    home: Home, clock: Any, citizen_request: Callable[..., CertificateRequest]
) -> None:
    spoil(home, Profile.AUTHENTICATION, FAULTS["a wrong field"])
    pki = open_pki(home, clock)
    try:
        results = pki.authority.issue_many([citizen_request("a"), citizen_request("b", Profile.SIGNATURE)])
        assert isinstance(results[0], ProfileError)
        assert (results[0].file, results[0].field) == ("authentication.toml", "issued_by")
        assert not isinstance(results[1], PkiError)
    finally:
        pki.close()


def test_commands_run(home: Home, clock: Any, citizen_request: Callable[..., CertificateRequest]) -> None:
    pki = open_pki(home, clock)
    issued = pki.authority.issue(citizen_request())
    pki.close()
    for profile in Profile:
        spoil(home, profile, b"broken")
    serial = f"{issued.serial:032x}"
    for arguments in (
        ("revoke", serial, "--reason", "keyCompromise"),
        ("crl", "--help"),
        ("list", "--json"),
        ("show", serial),
        ("audit", "verify"),
    ):
        result = command(home, *arguments)
        assert result.exit_code == 0, (arguments, result.output)


def test_a_profile_mended_while_it_runs_issues_again(
    home: Home, clock: Any, citizen_request: Callable[..., CertificateRequest]
) -> None:
    file = spoil(home, Profile.AUTHENTICATION, b"broken")
    pki = open_pki(home, clock)
    try:
        with pytest.raises(ProfileError):
            pki.authority.issue(citizen_request())
        file.unlink()
        pki.authority.issue(citizen_request())
    finally:
        pki.close()


def test_an_intent_that_waits_for_its_profile_stops_no_start_and_no_other(
    home: Home,
    clock: Any,
    citizen_request: Callable[..., CertificateRequest],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Killed between intent and signature; then the profile broke; later it is mended."""
    pki = open_pki(home, clock)
    with monkeypatch.context() as patch:
        patch.setattr("pki.authority.issuing.sign_all", _power_cut)
        with pytest.raises(KeyboardInterrupt):
            pki.authority.issue(citizen_request("waits"))
    pki.close()
    file = spoil(home, Profile.AUTHENTICATION, b"broken")
    pki = open_pki(home, clock)
    assert pki.authority.certificate("waits") is None
    pki.close()
    file.unlink()
    pki = open_pki(home, clock)
    try:
        assert pki.authority.certificate("waits") is not None
    finally:
        pki.close()


def _power_cut(*_: object) -> None:
    raise KeyboardInterrupt


def test_what_serves_warns_and_says_so(home: Home, clock: Any, caplog: pytest.LogCaptureFixture) -> None:
    spoil(home, Profile.OCSP_RESPONDER, b"broken")
    spoil(home, Profile.SEAL, FAULTS["a wrong field"])
    serving.check(home)
    pki = open_pki(home, clock)
    try:
        with caplog.at_level(logging.WARNING):
            app = create_app(pki)
        assert "ocsp_responder.toml" in caplog.text
        assert "seal.toml: issued_by" in caplog.text
        assert "hoviat_pki_profiles_unusable 2" in fetch(app, "/metrics").text
        assert fetch(app, "/crl/card-g1.crl").status_code == 200
    finally:
        pki.close()


def health(pki: Any) -> httpx.Response:
    return fetch(create_app(pki), "/healthz")


def test_health_is_degraded_while_all_is_answered(home: Home, clock: Any) -> None:
    file = spoil(home, Profile.SEAL, b"broken")
    pki = open_pki(home, clock)
    try:
        answer = health(pki)
        assert answer.status_code == 200
        assert answer.json()["status"] == "degraded"
        told = answer.json()["checks"]
        assert (told.pop("profiles"), set(told.values())) == ("degraded", {"ok"})
        assert "seal.toml" not in json.dumps(answer.json())
        file.unlink()
        assert health(pki).json()["status"] == "ok"
    finally:
        pki.close()


def test_init_warns_of_what_it_does_not_need(
    tmp_path: Path, clock: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interrupted `init` whose home got a broken file meanwhile."""
    home = create(tmp_path / "home")
    spoil(home, Profile.SEAL, b"broken")
    with monkeypatch.context() as patch:
        patch.setattr(Foundry, "certify", _power_cut)
        with pytest.raises(KeyboardInterrupt):
            initialise(home, clock)
    assert "seal.toml" in caplog.text
    file = spoil(home, Profile.ISSUING_CA, b"broken")
    with pytest.raises(ProfileError, match=r"issuing_ca\.toml"):
        initialise(home, clock)
    file.unlink()
    initialise(home, clock)
    open_pki(home, clock).close()
