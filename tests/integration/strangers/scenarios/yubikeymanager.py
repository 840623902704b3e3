"""Yubico's ykman, and its library yubikit for what the command doesn't offer."""

import subprocess
import sys
from pathlib import Path

from tests.integration.strangers import clients
from tests.integration.strangers.bench import Client, Desk, scenario
from tests.integration.strangers.scenarios.yubico import NEXT_PIN, OWN_PIN, WRONG_PIN, WRONG_TRIES
from tests.integration.strangers.toycard import Kind

YKMAN = Client("ykman", "yubikey-manager", from_pypi=True)
YUBIKIT = Client("yubikit", "yubikey-manager", from_pypi=True)
SECURITY_DOMAIN_HOST = "tests.integration.strangers.scp03host"


def _ykman(desk: Desk, *options: str, exit_code: int = 0) -> str:
    program = Path(sys.executable).with_name("ykman")
    return clients.run(str(program), "-r", desk.reader, *options, exit_code=exit_code)


def _piv(desk: Desk, *options: str, exit_code: int = 0) -> str:
    return _ykman(desk, "piv", *options, exit_code=exit_code)


def _set_own_pin(desk: Desk) -> None:
    _piv(desk, "access", "change-pin", "-P", desk.card.pin, "-n", OWN_PIN)


def _issuer(desk: Desk) -> tuple[str, ...]:
    return "-m", desk.card.management_key.hex(), "-P", OWN_PIN


@scenario(YKMAN, "tells card and certificates (`piv info`)", Kind.EC, Kind.RSA, Kind.RSA_3072)
def info(desk: Desk) -> None:
    told = _piv(desk, "info")
    assert "PIV version:              5.7.1" in told
    assert "PIN tries remaining:      3/3" in told
    assert all(f"Slot {slot} " in told for slot in ("9A", "9C", "9D", "9E"))


@scenario(YKMAN, "generates, attests and certifies a key, signs a certificate request", Kind.BLANK)
def generates(desk: Desk) -> None:
    _set_own_pin(desk)
    key, attestation, request = (
        str(desk.folder / name) for name in ("key.pem", "attestation.pem", "request.pem")
    )
    _piv(desk, "keys", "generate", *_issuer(desk), "-a", "ECCP256", "9a", key)
    _piv(desk, "keys", "attest", "9a", attestation)
    assert clients.public_key(Path(attestation)).read_text() == Path(key).read_text()
    _piv(desk, "certificates", "generate", *_issuer(desk), "-s", "CN=Generated", "9a", key)
    _piv(desk, "certificates", "request", "-P", OWN_PIN, "-s", "CN=Requested", "9a", key, request)
    verdict = clients.run("openssl", "req", "-in", request, "-verify", "-noout")
    assert "self-signature verify OK" in verdict
    assert "CN=Generated" in _piv(desk, "info")


@scenario(YKMAN, "generates and certifies an RSA-3072 key", Kind.BLANK)
def generates_rsa_3072(desk: Desk) -> None:
    _set_own_pin(desk)
    key = str(desk.folder / "key.pem")
    _piv(desk, "keys", "generate", *_issuer(desk), "-a", "RSA3072", "9c", key)
    _piv(desk, "certificates", "generate", *_issuer(desk), "-s", "CN=Generated", "9c", key)
    told = _piv(desk, "info")
    assert "RSA3072" in told
    assert "CN=Generated" in told


@scenario(YKMAN, "imports and moves a key", Kind.BLANK)
def imports(desk: Desk) -> None:
    _set_own_pin(desk)
    key, certificate = clients.new_key_and_certificate(desk.folder, "imported", "rsa:2048", "Imported")
    _piv(desk, "keys", "import", *_issuer(desk), "9d", str(key))
    # --verify signs with the card's key and checks that with the certificate.
    _piv(desk, "certificates", "import", *_issuer(desk), "--verify", "9d", str(certificate))
    assert "IMPORTED" in _piv(desk, "keys", "info", "9d")
    _piv(desk, "keys", "move", *_issuer(desk), "9d", "82")
    assert "RSA2048" in _piv(desk, "keys", "info", "82")


@scenario(YKMAN, "changes and blocks the PIN, unblocks it with the PUK, changes the PUK", Kind.BLANK)
def unblocks(desk: Desk) -> None:
    _set_own_pin(desk)
    for _ in range(WRONG_TRIES):
        told = _piv(desk, "access", "change-pin", "-P", WRONG_PIN, "-n", NEXT_PIN, exit_code=1)
    assert "PIN is blocked" in told
    _piv(desk, "access", "unblock-pin", "-p", desk.card.puk, "-n", NEXT_PIN)
    _piv(desk, "access", "change-puk", "-p", desk.card.puk, "-n", OWN_PIN)
    assert "PIN tries remaining:      3/3" in _piv(desk, "info")


@scenario(YKMAN, "changes the management key (AES-256 to AES-192 and back)", Kind.BLANK)
def changes_management_key(desk: Desk) -> None:
    old, new = desk.card.management_key.hex(), bytes(range(24)).hex()
    for current, algorithm, wanted in ((old, "AES192", new), (new, "AES256", old)):
        change = ["-m", current, "-a", algorithm, "-n", wanted, "--force"]
        _piv(desk, "access", "change-management-key", *change)


@scenario(YKMAN, "tells the security domain's keys (`sd info`)", Kind.BLANK)
def security_domain(desk: Desk) -> None:
    assert "SCP03" in _ykman(desk, "sd", "info")


@scenario(YKMAN, "changes the PIN and generates a key through SCP03 (`--scp`)", Kind.BLANK)
def generates_through_scp03(desk: Desk) -> None:
    keys = desk.card.channel_keys
    channel = ["--scp", ":".join(key.hex() for key in (keys.enc, keys.mac, keys.dek))]
    change = ["access", "change-pin", "-P", desk.card.pin, "-n", OWN_PIN]
    _ykman(desk, *channel, "piv", *change)
    key = desk.folder / "key.pem"
    _ykman(desk, *channel, "piv", "keys", "generate", *_issuer(desk), "-a", "ECCP384", "9c", str(key))
    assert "BEGIN PUBLIC KEY" in key.read_text()


@scenario(YUBIKIT, "reads the domain's data, rotates and deletes its keys through SCP03", Kind.BLANK)
def rotates(desk: Desk) -> None:
    keys = desk.card.channel_keys
    secret = "".join(key.hex() for key in (keys.enc, keys.mac, keys.dek))
    host = [sys.executable, "-m", SECURITY_DOMAIN_HOST, desk.reader]
    report = subprocess.run(
        host, input=secret, capture_output=True, text=True, timeout=clients.TIMEOUT_S, check=False
    )
    assert report.returncode == 0, report.stderr
