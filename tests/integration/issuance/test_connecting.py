"""Whose word opens operators' accounts: two administrators say so at the machine, and it is on record."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from hoviat import main
from issuance.audit import AuditEntry
from issuance.verifiersite import CITIZENS_SITE, OPERATORS_SITE
from tests.integration.issuance.test_operator_cards import House, open_house

FILES = (OPERATORS_SITE, CITIZENS_SITE)
BOTH = ("administrator-1", "administrator-2")


def connect(house: House, verifier: str, who: tuple[str, ...], key: str | None = None, *more: str) -> Result:
    home = house.installation.home
    passwords = json.loads((home.secrets / "operators.json").read_bytes())
    known = [passwords.get(name.strip(), "wrong") for name in (*who, "", "")]
    secrets = {
        "HOVIAT_OPERATOR_PASSWORD": known[0],
        "HOVIAT_SECOND_OPERATOR_PASSWORD": known[1],
        "HOVIAT_VERIFIER_KEY": key or house.installation.verifier.services.renew_key("registry").api_key,
    }
    command = ["--home", str(home.root), "registry", "operator", "connect", "--verifier", verifier, *more]
    for name in who:
        command += ["--operator", name]
    return CliRunner().invoke(main, command, env=secrets)


def written(house: House) -> dict[str, bytes]:
    return {name: (house.installation.home.secrets / name).read_bytes() for name in FILES}


def entries(house: House) -> list[tuple[str, str, object]]:
    query = select(AuditEntry).where(AuditEntry.action == "verifier.connected")
    with house.installation.issuance.database.reading() as reading:
        return [(one.actor, one.subject, one.details) for one in reading.scalars(query)]


def verifier_of(house: House) -> str:
    return str(json.loads(written(house)[OPERATORS_SITE])["verifier"])


def test_two_administrators_connect_the_registry(tmp_path: Path) -> None:
    with open_house(tmp_path) as house:
        here, before = verifier_of(house), written(house)
        done = connect(house, here + "/", BOTH)
        assert done.exit_code == 0, done.output
        assert written(house)[OPERATORS_SITE] != before[OPERATORS_SITE]
        assert written(house)[CITIZENS_SITE] == before[CITIZENS_SITE]
        assert verifier_of(house) == here
        details = {"second": "administrator-2", "verifier": here}
        assert entries(house) == [("administrator-1", "site:verifier-site", details)]
        assert house.log_in(house.card("clerk-1")).status_code == 201
        assert (house.installation.home.secrets / OPERATORS_SITE).stat().st_mode & 0o077 == 0
        key = house.installation.verifier.services.renew_key("registry-citizens").api_key
        assert connect(house, here, BOTH, key, "--citizens").exit_code == 0
        assert entries(house)[1][1] == "site:verifier-citizens-site"


def test_who_and_what_does_not_connect_it(tmp_path: Path) -> None:
    with open_house(tmp_path) as house:
        here, before = verifier_of(house), written(house)
        tries: list[tuple[str, tuple[str, ...], str | None, str]] = [
            (here, (), None, "Missing option '--operator'"),
            (here, BOTH[:1], None, "two administrators"),
            (here, (*BOTH, "supervisor-1"), None, "two administrators"),
            (here, (BOTH[0], BOTH[0]), None, "two different people"),
            (here, (BOTH[0], f" {BOTH[0]} "), None, "two different people"),
            (here, (BOTH[0], "supervisor-1"), None, "only for: administrator"),
            (here, ("pki-officer-1", BOTH[1]), None, "only for: administrator"),
            (here, (BOTH[0], "nobody"), None, "user name"),
            (here, BOTH, "guessed", "no challenge for this key"),
            (here, BOTH, "\u06a9\u0644\u06cc\u062f", "no challenge for this key"),
            (here + "/elsewhere", BOTH, None, "no challenge for this key"),
            ("http://127.0.0.1:9/verifier", BOTH, None, "does not answer"),
            ("http://id.example.ir/verifier", BOTH, None, "begins with https://"),
            ("ftp://127.0.0.1/verifier", BOTH, None, "begins with https://"),
            ("https:///verifier", BOTH, None, "begins with https://"),
            ("http://127.0.0.1.example.ir", BOTH, None, "begins with https://"),
            ("http://[::1", BOTH, None, "begins with https://"),
        ]
        for verifier, who, key, why in tries:
            refused = connect(house, verifier, who, key)
            assert refused.exit_code in {1, 2}, (verifier, who, refused.output)
            assert why in refused.output, (verifier, who, refused.output)
            assert not isinstance(refused.exception, OSError | ValueError)
            assert (written(house), entries(house)) == (before, [])


def test_what_can_not_be_written_leaves_the_site_that_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_house(tmp_path) as house:
        before, here = written(house), verifier_of(house)
        monkeypatch.setattr("pki.home.Home.write_secret", _full)
        refused = connect(house, here, BOTH)
        assert (refused.exit_code, "No space left" in refused.output) == (1, True)
        assert written(house) == before
        assert len(entries(house)) == 1


def _full(*_: object) -> Path:
    raise OSError(28, "No space left on device")
