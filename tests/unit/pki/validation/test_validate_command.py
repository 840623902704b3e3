"""`hoviat pki validate`: what it prints of one path, and JSON lines of many."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pki import cli
from pki.validation.batch import judge_line
from tests.unit.pki.validation.making import (
    DAY,
    NOW,
    Entry,
    ca,
    certify,
    make_crl,
    party,
    policies,
)
from tests.unit.pki.validation.test_ocsp_status import ANCHOR as OCSP_ANCHOR
from tests.unit.pki.validation.test_ocsp_status import PLAIN, REVOKED, answer

ROOT, ISSUING, LEAF = party("root"), party("issuing"), party("leaf")
A = "1.3.6.1.4.1.1"
ANCHOR = certify(ROOT, ROOT, *ca())
MIDDLE = certify(ISSUING, ROOT, *ca(), policies(A))
END = certify(LEAF, ISSUING, policies(A), serial=0xABC)
CRLS = [make_crl(ROOT), make_crl(ISSUING)]
REVOKING = [CRLS[0], make_crl(ISSUING, Entry(0xABC, 1))]
AT = NOW.isoformat()


def pem(raw: bytes, label: str = "CERTIFICATE") -> str:
    body = base64.encodebytes(raw).decode()
    return f"-----BEGIN {label}-----\n{body}-----END {label}-----\n"


def text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    files = {
        "root.pem": pem(ANCHOR).encode(),
        "root.cer": ANCHOR,
        "chain.pem": ("words before\n" + pem(END) + pem(MIDDLE)).encode(),
        "chain.cer": END + MIDDLE,
        "end.cer": END,
        "good.crl": pem(CRLS[0], "X509 CRL").encode() + pem(CRLS[1], "X509 CRL").encode(),
        "bad.crl": REVOKING[0] + REVOKING[1],
        "broken.pem": b"-----BEGIN CERTIFICATE-----\n@@@\n-----END CERTIFICATE-----\n",
        "empty": b"",
        "noise": b"\xff" * 40,
        "ocsp.pem": OCSP_ANCHOR,
        "plain.cer": PLAIN,
        "good.ors": answer(),
        "revoked.ors": answer(REVOKED),
    }
    for name, content in files.items():
        Path(name).write_bytes(content)
    return lambda *arguments, **more: CliRunner().invoke(cli.pki, ["validate", *arguments], **more)


def test_a_path_that_holds_is_told_step_by_step(run: Run) -> None:
    result = run("--trust", "root.pem", "--at", AT, "--crl", "good.crl", "chain.pem")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert len(lines) == 1 + 2 * 4 + 1
    assert "certificate 2" in lines[0]
    assert "not revoked" in lines[-2]
    assert "serial abc" in lines[-2]
    assert lines[-1] == f"valid; policies: {A}"


@pytest.mark.parametrize("chain", [["chain.pem"], ["chain.cer"], ["end.cer", "chain.cer", "root.cer"]])
@pytest.mark.parametrize("trust", ["root.pem", "root.cer"])
def test_pem_and_der_and_several_files(run: Run, chain: list[str], trust: str) -> None:
    assert run("--trust", trust, "--at", AT, *chain).exit_code == 0


def test_json_names_the_failure(run: Run) -> None:
    result = run("--trust", "root.pem", "--at", AT, "--crl", "bad.crl", "--json", "chain.pem")
    assert result.exit_code == 1
    data = json.loads(result.stdout)
    assert (data["ok"], data["error"], data["depth"], data["serial"]) == (False, "revoked", 0, "abc")
    assert data["rule"] == "RFC 5280 §6.1.3 (a)(3)"
    assert [step["check"] for step in data["steps"]][:3] == ["anchor", "time", "signature"]


@pytest.mark.parametrize(
    ("more", "error"),
    [
        (["--policy", A, "--explicit-policy"], None),
        (["--policy", "1.2.3", "--explicit-policy"], "policy"),
        (["--policy", "1.2.3"], None),
        (["--key-usage", "digital_signature"], "key-usage"),
        (["--purpose", "1.3.6.1.5.5.7.3.2"], "extended-key-usage"),
        (["--status", "crl"], "status-unknown"),
        (["--strict"], "profile"),
        (["--inhibit-any-policy", "--inhibit-policy-mapping", "--no-sha1"], None),
    ],
)
def test_options_reach_the_policy(run: Run, more: list[str], error: str | None) -> None:
    result = run("--trust", "root.pem", "--at", AT, "--json", *more, "chain.pem")
    assert json.loads(result.stdout)["error"] == error
    assert result.exit_code == (error is not None)


def test_ocsp_answers(run: Run) -> None:
    arguments = ["--trust", "ocsp.pem", "--at", AT, "--json", "plain.cer", "--ocsp"]
    assert json.loads(run(*arguments, "good.ors").stdout)["ok"]
    assert json.loads(run(*arguments, "revoked.ors").stdout)["error"] == "revoked"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["chain.pem"],
        ["--trust", "root.pem", "chain.pem"],
        ["--trust", "root.pem", "--at", "tomorrow", "chain.pem"],
        ["--trust", "root.pem", "--at", AT, "broken.pem"],
        ["--trust", "root.pem", "--at", AT, "empty"],
        ["--trust", "empty", "--at", AT, "chain.pem"],
        ["--trust", "root.pem", "--at", AT, "--crl", "noise", "chain.pem"],
        ["--trust", "root.pem", "--at", AT, "--ocsp", "noise", "chain.pem"],
        ["--trust", "root.pem", "--at", AT, "missing.pem"],
        ["--batch", "-", "chain.pem"],
    ],
)
def test_what_can_not_be_read_is_said_and_nothing_printed(run: Run, arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code in {1, 2}
    assert result.stdout == ""
    assert result.stderr.strip()


def test_noise_for_a_certificate_is_a_verdict(run: Run) -> None:
    result = run("--trust", "root.pem", "--at", AT, "--json", "noise")
    assert json.loads(result.stdout)["error"] == "malformed-certificate"
    assert result.exit_code == 1


def case(**members: object) -> dict[str, object]:
    return {"name": "n", "chain": [pem(END), text(MIDDLE)], "trust": [pem(ANCHOR)], "at": AT} | members


VERDICTS: list[tuple[dict[str, object], str | None]] = [
    ({}, None),
    ({"crls": []}, None),
    ({"crls": None}, None),
    ({"crls": [text(crl) for crl in CRLS]}, None),
    ({"crls": ["".join(pem(crl, "X509 CRL") for crl in CRLS)]}, None),
    ({"crls": [text(CRLS[1])]}, "status-unknown"),
    ({"crls": [text(crl) for crl in REVOKING]}, "revoked"),
    ({"crls": [text(b"\x30\x00")]}, "malformed-crl"),
    ({"at": (NOW + 2 * DAY).isoformat()}, "expired"),
    ({"at": "2026-11-24T12:00:00"}, None),
    ({"at": "2026-11-24T15:30:00+03:30"}, None),
    ({"trust": []}, "untrusted-issuer"),
    ({"chain": [text(b"\x30\x00")]}, "malformed-certificate"),
    ({"policies": [A], "explicit_policy": True}, None),
    ({"policies": ["1.2.3"], "explicit_policy": True}, "policy"),
    ({"policies": ["1.2.3"], "mapping_inhibited": True, "any_policy_inhibited": False}, None),
    ({"unknown": 1}, None),
]
MALFORMED = [
    "{",
    "[]",
    "7",
    "[" * 100_000,
    json.dumps(case(name=1)),
    json.dumps(case(at="noon")),
    json.dumps(case(at=None)),
    json.dumps(case(chain=[])),
    json.dumps(case(chain=None)),
    json.dumps(case(chain="x")),
    json.dumps(case(chain=[1])),
    json.dumps(case(chain=["@@@"])),
    json.dumps(case(chain=["-----BEGIN CERTIFICATE-----"])),
    json.dumps(case(trust={})),
    json.dumps(case(explicit_policy="yes")),
    json.dumps(case(policies=[1])),
    json.dumps(case(policies=["1.2.3"] * 1000)),
]


@pytest.mark.parametrize(("members", "error"), VERDICTS)
def test_a_line_comes_to_a_verdict(members: dict[str, object], error: str | None) -> None:
    verdict = judge_line(json.dumps(case(**members)))
    assert (verdict.name, verdict.error, verdict.processed) == ("n", error, True)
    assert json.loads(verdict.as_line()) == {"name": "n", "ok": error is None, "error": error}


@pytest.mark.parametrize("line", MALFORMED, ids=range(len(MALFORMED)))
def test_a_malformed_line_is_an_error_line(line: str) -> None:
    verdict = judge_line(line)
    assert verdict.error == "malformed-line"
    assert not verdict.processed


def lines_of(result: Result) -> list[Any]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_batch_from_a_file_and_from_standard_input(run: Run) -> None:
    lines = "\n".join([json.dumps(case(name="a")), "", json.dumps(case(name="b", trust=[]))]) + "\n"
    Path("cases.jsonl").write_text(lines)
    for result in (run("--batch", "cases.jsonl"), run("--batch", "-", input=lines)):
        assert result.exit_code == 0
        assert lines_of(result) == [
            {"name": "a", "ok": True, "error": None},
            {"name": "b", "ok": False, "error": "untrusted-issuer"},
        ]


def test_malformed_lines_do_not_stop_a_batch(run: Run) -> None:
    lines = "\n".join(
        ["{", json.dumps(case()), "\udcff".encode(errors="surrogatepass").decode(errors="replace")]
    )
    result = run("--batch", "-", input=lines)
    assert result.exit_code == 1
    assert [line["error"] for line in lines_of(result)] == ["malformed-line", None, "malformed-line"]
