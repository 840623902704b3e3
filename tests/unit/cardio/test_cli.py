"""The card commands, as a citizen types them, with a simulated card in a reader of this process."""

import base64
import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_public_key

from cardio import sitelogin
from cardio.cli import card as card_command
from cardio.cli.objects import OBJECT_NAMES
from cardio.piv.objects import Chuid, ObjectId, PrintedInformation
from cardio.piv.session import PivSession
from cardio.piv.slots import Algorithm, PublicKey, Slot
from cardio.transport import pcsc
from cardio.webeid import signed_content
from simulators.card.blank import create_blank
from simulators.card.card import SimulatedCard
from simulators.card.file import CardFile
from simulators.readers.inprocess import InProcessReader

CARD_PAGE = (Path(__file__).parents[3] / "docs" / "card.md").read_text("utf-8")
TRANSPORT_PIN, PIN, PUK = "102938", "471100", "55667788"
GUID = UUID("12345678-9abc-4def-8123-456789abcdef")
Run = Callable[..., Result]


def _certificate(key: PublicKey, common_name: str) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key)
        .serial_number(0x4711)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2030, 1, 1, tzinfo=UTC))
        .sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
        .public_bytes(Encoding.DER)
    )


def _personalise(name: str, management_key: bytes) -> None:
    with pcsc.connect(name) as connection:
        session = PivSession(connection)
        session.authenticate_management(management_key)
        for slot, algorithm in (
            (Slot.AUTHENTICATION, Algorithm.ECC_P256),
            (Slot.SIGNATURE, Algorithm.ECC_P384),
        ):
            key = session.generate_key(slot, algorithm)
            session.put_certificate(slot, _certificate(key, f"سارا {slot:02X}"))
        session.put_object(ObjectId.CHUID, Chuid(GUID, date(2036, 11, 24)).encode())
        printed = PrintedInformation("SARA AHMADI", "CITIZEN", date(2036, 11, 24), "1", "IR")
        session.put_object(ObjectId.PRINTED_INFORMATION, printed.encode())


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[InProcessReader]:
    """A reader with a personalised card whose PIN is its holder's own."""
    path, key = tmp_path / "card.json", os.urandom(32)
    create_blank(path, 4711, TRANSPORT_PIN, PUK, key)
    with CardFile.open(path) as file, InProcessReader(f"CLI Reader {uuid4()}") as reader:
        reader.insert(SimulatedCard(file))
        _personalise(reader.name, key)
        yield reader


@pytest.fixture
def run(reader: InProcessReader) -> Run:
    """Runs a command with the reader named and the PIN in the environment, after the PIN was changed."""
    with pcsc.connect(reader.name) as connection:
        PivSession(connection).change_pin(TRANSPORT_PIN, PIN)

    def run_(command: str, *arguments: str, pin: str | None = PIN, typed: str | None = None) -> Result:
        words = [command, "--reader", reader.name, *arguments]
        return CliRunner().invoke(card_command, words, env={"HOVIAT_PIN": pin}, input=typed)

    return run_


def test_info(run: Run, reader: InProcessReader) -> None:
    result = run("info", "--json")
    facts = json.loads(result.stdout)
    assert facts["reader"] == reader.name
    assert (facts["serial"], facts["version"]) == (4711, "5.7.1")
    assert facts["pin"] == {"verified": False, "tries_left": 3}
    assert facts["chuid"] == {"guid": str(GUID), "expires": "2036-11-24"}
    assert facts["certificates"]["9A"]["subject"] == "CN=سارا 9A"
    assert facts["certificates"]["9A"]["serial"] == "4711"
    assert facts["certificates"]["9D"] is None


def test_info_for_people(run: Run) -> None:
    result = run("info")
    assert result.exit_code == 0
    assert "3 tries left" in result.stdout
    assert "CN=سارا 9C, until 2030" in result.stdout
    assert "Key 9E       no certificate" in result.stdout


def test_reading_a_certificate_and_an_object(run: Run, tmp_path: Path) -> None:
    pem = run("read", "signature-certificate").stdout
    assert x509.load_pem_x509_certificate(pem.encode()).subject.rfc4514_string() == "CN=سارا 9C"
    target = tmp_path / "chuid.bin"
    assert run("read", "chuid", "--output", str(target)).exit_code == 0
    assert Chuid.parse(target.read_bytes()).guid == GUID
    content = json.loads(run("read", "printed-information", "--json").stdout)["content"]
    assert PrintedInformation.parse(bytes.fromhex(content)).name == "SARA AHMADI"


def test_a_certificate_in_a_file_is_der(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "certificate.der"
    assert run("read", "signature-certificate", "--output", str(target)).stdout == ""
    assert x509.load_der_x509_certificate(target.read_bytes()).serial_number == 0x4711


def test_every_object_is_named_in_help_and_documentation() -> None:
    shown = CliRunner().invoke(card_command, ["read", "--help"]).stdout.split()
    for name in OBJECT_NAMES:
        assert ObjectId[name.replace("-", "_").upper()]
        assert name in shown
        assert f"`{name}`" in CARD_PAGE


def test_help_of_trace_names_itself_once() -> None:
    result = CliRunner().invoke(card_command, ["trace", "--help"], prog_name="hoviat card")
    assert result.exit_code == 0
    assert result.stdout.startswith("Usage: hoviat card trace [OPTIONS] COMMAND")
    assert "  trace " not in result.stdout
    deeper = CliRunner().invoke(card_command, ["trace", "info", "--help"], prog_name="hoviat card")
    assert deeper.stdout.startswith("Usage: hoviat card trace info [OPTIONS]")


def test_an_absent_object_is_named(run: Run) -> None:
    result = run("read", "facial-image")
    assert result.exit_code == 1
    assert "the card has no facial image object" in result.stderr


@pytest.mark.parametrize(
    ("pin", "message"),
    [("000000", "wrong PIN; 2 tries left"), ("1234", "a PIN is 6 to 8 digits")],
)
def test_a_wrong_pin_names_the_cause(run: Run, pin: str, message: str) -> None:
    result = run("read", "printed-information", pin=pin)
    assert (result.exit_code, result.stdout) == (1, "")
    assert message in result.stderr
    assert pin not in result.output


def test_a_blocked_pin(run: Run) -> None:
    for _ in range(3):
        result = run("read", "printed-information", pin="000000")
    assert "the PIN is blocked" in result.stderr
    assert "blocked" in run("info").stdout


def test_sign(run: Run, tmp_path: Path) -> None:
    document = tmp_path / "document.txt"
    document.write_text("قرارداد", "utf-8")
    result = json.loads(run("sign", str(document), "--json").stdout)
    signature = Path(result["signature"]).read_bytes()
    key = load_pem_public_key(result["public_key"].encode())
    assert isinstance(key, ec.EllipticCurvePublicKey)
    key.verify(signature, document.read_bytes(), ec.ECDSA(hashes.SHA384()))
    again = run("sign", str(document))
    assert again.exit_code == 1
    assert "left alone" in again.stderr
    assert Path(result["signature"]).read_bytes() == signature
    assert run("sign", str(document), "--force").exit_code == 0
    assert Path(result["signature"]).read_bytes() != signature


def test_a_refused_signature_writes_nothing(run: Run, tmp_path: Path) -> None:
    document = tmp_path / "document.txt"
    document.write_text("x")
    assert run("sign", str(document), pin="000000").exit_code == 1
    assert list(tmp_path.glob("*.sig")) == []


def test_login_prints_a_token(run: Run) -> None:
    nonce = base64.b64encode(bytes(32)).decode()
    token = json.loads(run("login", "--origin", "https://site.example", "--nonce", nonce).stdout)
    assert (token["format"], token["algorithm"]) == ("web-eid:1.0", "ES256")
    key = x509.load_der_x509_certificate(base64.b64decode(token["unverifiedCertificate"])).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    raw = base64.b64decode(token["signature"])
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    key.verify(der, signed_content("https://site.example", nonce, hashes.SHA256()), ec.ECDSA(hashes.SHA256()))


def test_login_at_a_site(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def log_in(site: str, _cafile: Path | None, make_token: sitelogin.TokenMaker) -> dict[str, object]:
        assert make_token(site, "n" * 44)["format"] == "web-eid:1.0"
        return {"claims": {"given_name": "سارا"}, "receipt": {"code": "R-1"}}

    monkeypatch.setattr(sitelogin, "log_in", log_in)
    assert "given_name: سارا" in run("login", "--site", "https://site.example/").stdout
    answer = json.loads(run("login", "--site", "https://site.example", "--json").stdout)
    assert answer["receipt"]["code"] == "R-1"


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ([], 2),
        (["--origin", "https://site.example"], 2),
        (["--site", "https://site.example", "--nonce", "x"], 2),
        (["--origin", "http://site.example", "--nonce", "n" * 44], 1),
        (["--origin", "https://site.example", "--nonce", "short"], 1),
        (["--site", "http://site.example"], 1),
    ],
)
def test_login_with_the_wrong_arguments(run: Run, arguments: list[str], status: int) -> None:
    result = run("login", *arguments)
    assert (result.exit_code, result.stdout) == (status, "")
    assert result.stderr


def test_change_pin_asks_without_echo(run: Run) -> None:
    result = run("change-pin", pin=None, typed=f"{PIN}\n24681357\n24681357\n")
    assert result.exit_code == 0, result.output
    assert "24681357" not in result.output
    assert run("read", "printed-information", pin="24681357").exit_code == 0


def test_the_transport_pin_must_be_changed_first(reader: InProcessReader) -> None:
    words = ["--reader", reader.name]
    environment = {"HOVIAT_PIN": TRANSPORT_PIN, "HOVIAT_NEW_PIN": PIN}
    runner = CliRunner(env=environment)
    refused = runner.invoke(card_command, ["read", "printed-information", *words])
    assert refused.exit_code == 1
    assert "change the PIN first" in refused.stderr
    assert runner.invoke(card_command, ["change-pin", *words]).exit_code == 0
    accepted = runner.invoke(card_command, ["read", "printed-information", *words], env={"HOVIAT_PIN": PIN})
    assert accepted.exit_code == 0


def test_traces_go_to_stderr_without_the_pin(run: Run, reader: InProcessReader) -> None:
    words = ["--trace", "read", "printed-information", "--reader", reader.name]
    result = CliRunner(env={"HOVIAT_PIN": PIN}).invoke(card_command, words)
    assert result.exit_code == 0
    assert "-> 00 20 00 80 [8 bytes]" in result.stderr
    assert PIN.encode().hex(" ") not in result.stderr
    assert "->" not in result.stdout
    assert run("info").exit_code == 0


def test_readers_are_named_in_full(reader: InProcessReader) -> None:
    for name in ("CLI Reader", "No Such Reader"):
        result = CliRunner().invoke(card_command, ["info", "--reader", name])
        assert result.exit_code == 1
        assert reader.name in result.stderr


def test_several_readers_and_none(
    monkeypatch: pytest.MonkeyPatch, reader: InProcessReader, tmp_path: Path
) -> None:
    path = tmp_path / "second.json"
    create_blank(path, 4712, TRANSPORT_PIN, PUK, os.urandom(32))
    with CardFile.open(path) as file, InProcessReader(f"Second Reader {uuid4()}") as second:
        monkeypatch.setattr(pcsc, "list_readers", lambda: [second.name, reader.name])
        assert CliRunner().invoke(card_command, ["info"]).exit_code == 0  # one of them holds a card
        second.insert(SimulatedCard(file))
        result = CliRunner().invoke(card_command, ["info"])
        assert result.exit_code == 1
        assert f"{second.name}, {reader.name}" in result.stderr
        reader.remove()
        second.remove()
        assert "several readers" in CliRunner().invoke(card_command, ["info"]).stderr
    monkeypatch.setattr(pcsc, "list_readers", list)
    assert "no reader is connected" in CliRunner().invoke(card_command, ["info"]).stderr


STEERING = "\x07\x1b\x7f\x9b\x9d\u202e\u2066\u2028\U000e0001"


def test_json_steers_no_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    claims = {f"name{STEERING}": f"سا\u200cرا 😀{STEERING}"}
    monkeypatch.setattr(sitelogin, "log_in", lambda *_: {"claims": claims})
    told = run("login", "--site", "https://site.example", "--json").stdout
    assert not set(STEERING) & set(told)
    assert "سا\u200cرا 😀" in told
    assert "\\u009b" in told
    assert json.loads(told) == {"claims": claims}


@pytest.fixture
def steering(tmp_path: Path) -> Iterator[InProcessReader]:
    """A reader whose name is made to steer a terminal."""
    create_blank(tmp_path / "other.json", 4712, TRANSPORT_PIN, PUK, os.urandom(32))
    name = f"Reader {uuid4()}{STEERING}"
    with CardFile.open(tmp_path / "other.json") as file, InProcessReader(name) as steering:
        steering.insert(SimulatedCard(file))
        yield steering


@pytest.mark.usefixtures("reader")
def test_readers_names_steer_no_terminal(steering: InProcessReader) -> None:
    for words in (["info", "--reader", steering.name], ["info"], ["info", "--reader", "none"]):
        result = CliRunner().invoke(card_command, words)
        assert not set(STEERING) & set(result.output), words
        assert steering.name[:20] in result.output
    told = CliRunner().invoke(card_command, ["info", "--json", "--reader", steering.name]).stdout
    assert json.loads(told)["reader"] == steering.name


def test_what_a_site_refuses_with_steers_no_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for error in (sitelogin.LoginRefusedError({"title": f"No{STEERING}!"}), OSError(f"No{STEERING}!")):

        def refuse(*_: object, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(sitelogin, "log_in", refuse)
        result = run("login", "--site", "https://site.example")
        assert (result.exit_code, result.stdout) == (1, "")
        assert not set(STEERING) & set(result.stderr)
        assert "No" in result.stderr


def test_an_empty_reader(run: Run, reader: InProcessReader) -> None:
    reader.remove()
    result = run("info")
    assert result.exit_code == 1
    assert "no card in the reader" in result.stderr


def test_a_file_that_cannot_be_written(run: Run, tmp_path: Path) -> None:
    result = run("read", "chuid", "--output", str(tmp_path / "absent" / "chuid.bin"))
    assert result.exit_code == 1
    assert "No such file" in result.stderr
