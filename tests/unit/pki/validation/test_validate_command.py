"""`hoviat pki validate`: what it prints of one path, and JSON lines of many."""

import base64
import io
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from pki import cli
from pki.validation import batch, inputs
from pki.validation.batch import judge_line, lines_in
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
    json.dumps(case(policies=["any"])),
    json.dumps(case(policies=["1..2"])),
    json.dumps(case(policies=[""])),
    json.dumps(case(chain=["\ud800"])),
    json.dumps(case(chain=["گواهی"])),
    json.dumps(case(chain=[None])),
    json.dumps(case(chain=[text(END)] * 600)),
    json.dumps(case(chain=[pem(END) * 300] * 2)),
    json.dumps(case(crls="")),
    json.dumps(case(crls=[{}])),
    json.dumps(case(name="n" * 5000)),
    json.dumps(case(name=["n"])),
    json.dumps(case(at="")),
    json.dumps(case(at=1.5)),
    json.dumps(case(at="2026-13-01T00:00:00Z")),
    json.dumps(case(at="2026-11-24T12:00:00+99:00")),
    json.dumps(case(at="0001-01-01T00:00:00+23:59")),
    json.dumps(case(at="9999-12-31T23:59:59-23:59")),
    json.dumps(case(at="٢٠٢٦-11-24")),
    json.dumps(case(mapping_inhibited=1)),
    json.dumps(case(any_policy_inhibited=[])),
    json.dumps(case())[:-1] + ', "trust": []}',
    '{"name": "n"}',
    "null",
    "NaN",
    '"text"',
    "[" * 1_000_000,
    '{"a":' * 1_000_000,
    '{"name": "n", "chain": ' + "[" * 1_000_000 + "]" * 1_000_000 + "}",
    '{"name": "n", "chain": [' + "0," * 1_000_000 + "0]}",
    "\0",
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


def test_a_malformed_line_says_whose_it_is_where_that_can_be_read() -> None:
    assert judge_line(json.dumps(case(name="mine", chain=[]))).name == "mine"
    assert judge_line(json.dumps(case(name="n" * 5000))).name is None


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_the_ends_of_the_calendar_are_moments(at: str) -> None:
    crls = [text(crl) for crl in CRLS]
    assert judge_line(json.dumps(case(at=at, crls=crls))).error in {"expired", "not-yet-valid"}


def test_bytes_that_are_no_text_are_one_bad_line_each(run: Run) -> None:
    good = json.dumps(case(name="good")).encode()
    lines = [b"\xff\xfe{", b"\xef\xbb\xbf" + good, b"\x00" * 100, good + b"\r", b" \t ", good]
    result = run("--batch", "-", input=b"\n".join(lines))
    assert result.exit_code == 1
    assert [line["error"] for line in lines_of(result)] == [
        "malformed-line",
        None,
        "malformed-line",
        None,
        None,
    ]


class Endless(io.RawIOBase):
    """One line that never ends, and then a good one."""

    def __init__(self, length: int, end: bytes) -> None:
        self._left, self._end = length, end
        self.most = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = min(len(buffer), self._left) if self._left else min(len(buffer), len(self._end))
        if self._left:
            buffer[:size] = b"x" * size
            self._left -= size
        else:
            buffer[:size], self._end = self._end[:size], self._end[size:]
        return size


def test_of_an_endless_line_no_more_than_the_bound_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "MAX_LINE", 1 << 16)
    stream = io.BufferedReader(Endless(50 << 20, b"\n" + json.dumps(case()).encode()))
    tracemalloc.start()
    try:
        verdicts = [judge_line(line) for line in lines_in(stream, 1 << 16)]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [verdict.error for verdict in verdicts] == ["malformed-line", None]
    assert peak < 2 << 20


@pytest.mark.parametrize("length", [0, 1, 63, 64, 65, 66, 127, 128, 129, 1000])
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_lines_are_cut_at_the_bound_and_nowhere_else(
    length: int, end: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "_PIECES", 8)
    found = list(lines_in(io.BytesIO(b"a\n" + b"x" * length + end + b"\nb"), 64))
    assert [line.strip()[:1] for line in found] == ([b"a", b"x", b"b"] if length else [b"a", b"b"])
    assert all(len(line) <= 65 for line in found)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(
    st.sampled_from(["name", "chain", "trust", "crls", "at", "policies", "explicit_policy", "x"]),
    JSON,
)
def test_whatever_stands_in_a_member_comes_to_a_line(member: str, value: object) -> None:
    verdict = judge_line(json.dumps(case(**{member: value})))
    assert set(json.loads(verdict.as_line())) == {"name", "ok", "error"}


@given(st.binary(max_size=200))
def test_any_bytes_come_to_a_line(line: bytes) -> None:
    assert not judge_line(line).processed


@pytest.mark.parametrize("option", ["--policy", "--purpose"])
@pytest.mark.parametrize("value", ["", "any", "1", "1.2.x", "1.2.3 ", "3.1", "1.02"])
def test_what_is_no_identifier_is_a_wrong_use(run: Run, option: str, value: str) -> None:
    result = run("--trust", "root.pem", "--at", AT, option, value, "chain.pem")
    assert result.exit_code == 2
    assert "not dotted" in result.stderr


def test_a_folder_of_anchors_stands_beside_single_ones(run: Run) -> None:
    folder = Path("anchors")
    folder.mkdir()
    for name, content in (("root.cer", ANCHOR), ("issuing.crt", MIDDLE), ("broken.pem", b"-----BEGIN ")):
        (folder / name).write_bytes(content)
    result = run("--anchors", "anchors", "--at", AT, "--json", "end.cer")
    assert result.exit_code == 0, result.output
    assert "'broken.pem' is not used" in result.stderr
    both = run("--anchors", "anchors", "--trust", "ocsp.pem", "--at", AT, "end.cer")
    assert both.exit_code == 0
    (folder / "root.cer").unlink()
    result = run("--anchors", "anchors", "--at", AT, "--json", "end.cer")
    assert json.loads(result.stdout)["error"] == "untrusted-issuer"
    assert run("--anchors", "nowhere", "--at", AT, "end.cer").exit_code == 2
    assert run("--batch", "-", "--anchors", "anchors").exit_code == 2


def test_a_file_without_end_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "MAX_FILE", 1 << 16)
    result = run("--trust", "root.pem", "--at", AT, "/dev/zero")
    assert result.exit_code == 1
    assert "is longer than" in result.stderr
