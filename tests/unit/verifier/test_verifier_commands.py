"""`hoviat token verify` and `hoviat service`."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.serialization import Encoding

from pki.auditchain import append
from pki.home import create
from pki.oids import HOVIAT_AUTHENTICATION_POLICY
from simulators.forge.certificates import NOW
from simulators.forge.tokens import NONCE, ORIGIN, Forge
from verifier import bootstrap
from verifier.audit import AuditEntry
from verifier.bootstrap import open_database
from verifier.cli import service, token
from verifier.cli import verifier as verifier_commands
from verifier.explaining import MAXIMUM_LINE_BYTES

FORGE = Forge.create()
CARD = FORGE.card(issuer=FORGE.root, policies=[HOVIAT_AUTHENTICATION_POLICY])
ROOT_PEM = FORGE.root.certificate.public_bytes(Encoding.PEM).decode()
AT = NOW.isoformat()


@click.group()
@click.option("--home", type=click.Path(path_type=Path))
def root(home: Path | None) -> None:
    """The front door in small."""


root.add_command(service)
root.add_command(token)
root.add_command(verifier_commands)


def run(*arguments: str, text: str | bytes | None = None) -> Result:
    return CliRunner().invoke(root, list(arguments), input=text)


@pytest.fixture
def trust(tmp_path: Path) -> str:
    path = tmp_path / "root.pem"
    path.write_text(ROOT_PEM)
    return str(path)


def verify(
    text: str | bytes, trust: str, *more: str, nonce: str = NONCE, at: str = AT, policy: str = "national"
) -> Result:
    options = ["--policy", policy, "--trust", trust, "--origin", ORIGIN, "--nonce", nonce, "--at", at]
    return run("token", "verify", *options, "--status", "none", *more, "-", text=text)


def test_good_token_is_explained(trust: str) -> None:
    result = verify(CARD.text(), trust)
    assert result.exit_code == 0
    assert result.output.count("passed") == 7
    assert "8  left out" in result.output
    assert "0499370899" not in result.output


def test_refused_token_is_explained(trust: str) -> None:
    result = verify(CARD.text(), trust, nonce="x" * 44)
    assert result.exit_code == 1
    assert "7  FAILED" in result.output
    assert "The signature is not valid" in result.output


def test_json_output(trust: str) -> None:
    result = verify(CARD.text(), trust, "--json", at="2036-01-01T00:00:00Z")
    assert result.exit_code == 1
    answer = json.loads(result.output)
    assert (answer["error"], answer["step"]) == ("urn:hoviat:problem:certificate-expired", 6)


def test_steps_not_reached_are_named(trust: str) -> None:
    result = verify("{}", trust)
    assert result.output.count("not reached") == 6


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"at": "yesterday"}, "ISO 8601"),
        ({"at": "2026-03-21T12:00:00"}, "offset"),
        ({"policy": "lenient"}, "known: national, operator, webeid"),
    ],
)
def test_unclear_questions_name_their_cause(trust: str, changes: dict[str, str], cause: str) -> None:
    result = verify(CARD.text(), trust, **changes)
    assert result.exit_code == 1
    assert cause in result.output


def test_unreadable_anchor(tmp_path: Path) -> None:
    path = tmp_path / "broken.pem"
    path.write_text("no certificate")
    result = verify(CARD.text(), str(path))
    assert result.exit_code == 1
    assert "not a PEM certificate" in result.output


def test_missing_options() -> None:
    assert run("token", "verify", "-", text="{}").exit_code == 2


def line(name: str, **changes: object) -> str:
    members: dict[str, object] = {
        "name": name,
        "token": CARD.text(),
        "nonce": NONCE,
        "origin": ORIGIN,
        "at": AT,
        "trust": [ROOT_PEM],
        "policy": "national",
    }
    return json.dumps({**members, **changes})


def test_batch_answers_line_by_line() -> None:
    lines = [
        line("good"),
        line("object", token=CARD.token()),
        line("nonce", nonce="x"),
        line("trust", trust=[]),
        line("garbage", token="x"),
    ]
    result = run("token", "verify", "--batch", "-", text="\n".join(lines) + "\n\n")
    assert result.exit_code == 0
    answers = [json.loads(text) for text in result.output.splitlines()]
    prefix = "urn:hoviat:problem:"
    assert answers == [
        {"name": "good", "ok": True, "error": None, "step": None},
        {"name": "object", "ok": True, "error": None, "step": None},
        {"name": "nonce", "ok": False, "error": prefix + "signature-invalid", "step": 7},
        {"name": "trust", "ok": False, "error": prefix + "certificate-untrusted", "step": 6},
        {"name": "garbage", "ok": False, "error": prefix + "token-malformed", "step": 1},
    ]


@pytest.mark.parametrize(
    "bad",
    [
        "{",
        "[]",
        '{"name": 5}',
        line("x", at="never"),
        line("x", at=None),
        line("x", trust="x"),
        line("x", trust=[5]),
        line("x", trust=["x"]),
        line("x", policy="lenient"),
        line("x", nonce=None),
        "[" * 5000,
    ],
)
def test_batch_goes_on_after_a_line_that_is_no_question(bad: str) -> None:
    result = run("token", "verify", "--batch", "-", text=f"{bad}\n{line('good')}\n")
    assert result.exit_code == 1
    first, second = (json.loads(text) for text in result.stdout.splitlines())
    assert first["error"] == "urn:hoviat:problem:request-malformed"
    assert first["detail"]
    assert second["ok"] is True


@pytest.mark.parametrize(
    ("bad", "detail"),
    [
        (b'{"name": "\xff"}', "a line is not UTF-8"),
        (b'{"name": "' + b"x" * MAXIMUM_LINE_BYTES + b'"}', "a line has at most 1000000 bytes"),
    ],
    ids=["not-utf-8", "too-long"],
)
def test_batch_goes_on_after_bytes_that_are_no_line(bad: bytes, detail: str) -> None:
    result = run("token", "verify", "--batch", "-", text=bad + b"\n" + line("good").encode())
    assert result.exit_code == 1
    first, second = (json.loads(text) for text in result.stdout.splitlines())
    assert (first["name"], first["detail"]) == (None, detail)
    assert second["ok"] is True


def test_a_token_that_is_no_text(trust: str) -> None:
    result = verify(b"\xe3(" + CARD.text().encode(), trust)
    assert result.exit_code == 1
    assert "the token is not UTF-8: invalid continuation byte at byte 0" in result.output


def test_a_token_that_is_much_too_long_is_called_so(trust: str) -> None:
    for padding in ("x", "\u06cc", "\U0001f600"):
        text = json.dumps({**CARD.token(), "appVersion": padding * 500_000}, ensure_ascii=False)
        assert "longer than its format allows" in verify(text, trust).output


def test_service_add_and_list(tmp_path: Path) -> None:
    home = create(tmp_path / "home")
    bootstrap.initialise(home)
    folder = ["--home", str(home.root)]
    added = run(*folder, "service", "add", "پورتال", "--origin", "https://portal.example.ir")
    assert added.exit_code == 0
    key = added.stdout.strip()
    assert len(key) == 60
    listed = run(*folder, "service", "list", "--json")
    assert json.loads(listed.output) == {
        "site_id": key.partition(".")[0],
        "name": "پورتال",
        "origin": "https://portal.example.ir",
        "policy": "national",
    }
    renewed = run(*folder, "service", "renew-key", "پورتال", "--json")
    assert json.loads(renewed.output)["api_key"] != key


def test_service_add_under_a_policy(tmp_path: Path) -> None:
    home = create(tmp_path / "home")
    bootstrap.initialise(home)
    folder = ["--home", str(home.root)]
    foreign = run(*folder, "service", "add", "x", "--origin", ORIGIN, "--policy", "webeid")
    assert foreign.exit_code == 0
    assert json.loads(run(*folder, "service", "list", "--json").output)["policy"] == "webeid"
    unknown = run(*folder, "service", "add", "y", "--origin", ORIGIN, "--policy", "lenient")
    assert unknown.exit_code == 1
    assert "unknown policy 'lenient'; known: national, operator, webeid" in unknown.output


def test_service_add_refusals_name_their_cause(tmp_path: Path) -> None:
    home = create(tmp_path / "home")
    bootstrap.initialise(home)
    folder = ["--home", str(home.root)]
    for origin, cause in (
        ("http://x.ir", "https://"),
        ("https://x.ir/", "no path"),
        ("https://X.ir", "lower-case"),
    ):
        result = run(*folder, "service", "add", "x", "--origin", origin)
        assert result.exit_code == 1
        assert cause in result.output
    assert run(*folder, "service", "list").output == ""


def test_service_in_a_home_that_is_none(tmp_path: Path) -> None:
    result = run("--home", str(tmp_path), "service", "list")
    assert result.exit_code == 1
    assert "hoviat init" in result.output


def test_a_clock_behind_the_record_and_an_officer_who_knows_better(tmp_path: Path) -> None:
    home = create(tmp_path / "home")
    bootstrap.initialise(home)
    command = ("--home", str(home.root), "verifier", "clock", "--json")
    assert json.loads(run(*command).output) == {"behind_seconds": 0}
    assert "nothing to confirm" in run(*command, "--confirm", "officer-1").output
    database = open_database(home)
    later = datetime.now(UTC) + timedelta(days=1)
    with database.write() as session:
        append(session, AuditEntry, time=later, actor="a", action="site.look", subject="s")
    database.close()
    behind = run(*command)
    assert behind.exit_code == 1
    assert json.loads(behind.output)["behind_seconds"] > 0
    nobody = run(*command, "--confirm", "Somebody Else")
    assert nobody.exit_code == 1
    assert "label" in nobody.output
    assert run(*command).exit_code == 1
    assert json.loads(run(*command, "--confirm", "officer-1").output) == {"behind_seconds": 0}
    assert run(*command).exit_code == 0
