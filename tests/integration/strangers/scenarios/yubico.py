"""yubico-piv-tool. Debian's knows only a 3DES management key, hence the blank that has one."""

from pathlib import Path

from tests.integration.strangers import clients
from tests.integration.strangers.bench import Client, Desk, scenario
from tests.integration.strangers.toycard import SERIAL, Kind

PIV_TOOL = Client("yubico-piv-tool", "yubico-piv-tool")
OWN_PIN = "61527384"
NEXT_PIN = "27384950"
WRONG_PIN = "99999999"
WRONG_TRIES = 3
_ELLIPTIC, _RSA = "ec:P-256", "rsa:2048"


def _tool(desk: Desk, *options: str, exit_code: int = 0) -> str:
    return clients.run("yubico-piv-tool", "-r", desk.reader, *options, exit_code=exit_code)


def _as_issuer(desk: Desk, *options: str) -> str:
    return _tool(desk, f"--key={desk.card.management_key.hex()}", *options)


def _set_own_pin(desk: Desk) -> None:
    """Replaces the transport PIN, which does nothing else."""
    _tool(desk, "-a", "verify-pin", "-P", desk.card.pin, exit_code=1)
    _tool(desk, "-a", "change-pin", "-P", desk.card.pin, "-N", OWN_PIN)


def _try_key(desk: Desk, slot: str, test: str, certificate: Path) -> str:
    return _tool(desk, "-P", OWN_PIN, "-a", "verify-pin", "-a", test, "-s", slot, "-i", str(certificate))


@scenario(PIV_TOOL, "tells the status", Kind.EC, Kind.RSA)
def status(desk: Desk) -> None:
    told = clients.yubico_status(desk.reader)
    for expected in ("Version:\t5.7.1", f"Serial Number:\t{SERIAL}", "PIN tries left:\t3"):
        assert expected in told
    assert all(f"Slot {slot}:" in told for slot in ("9a", "9c", "9d", "9e"))


@scenario(
    PIV_TOOL, "generates a key, attests it, imports its certificate, tests a signature", Kind.BLANK_3DES
)
def generates(desk: Desk) -> None:
    _set_own_pin(desk)
    key, attestation, issuer = (desk.folder / name for name in ("key.pem", "attestation.pem", "f9.pem"))
    _as_issuer(desk, "-a", "generate", "-s", "9a", "-A", "ECCP256", "-o", str(key))
    _tool(desk, "-a", "attest", "-s", "9a", "-o", str(attestation))
    _tool(desk, "-a", "read-certificate", "-s", "f9", "-o", str(issuer))
    assert clients.verify_certificate(attestation, issuer).strip().endswith(": OK")
    assert clients.public_key(attestation).read_text() == key.read_text()
    # Its own selfsign-certificate fails with OpenSSL 3 before it asks the card.
    certificate = clients.certify(desk.folder, key)
    _as_issuer(desk, "-a", "import-certificate", "-s", "9a", "-i", str(certificate))
    assert "Successful ECDSA verification" in _try_key(desk, "9a", "test-signature", certificate)


@scenario(PIV_TOOL, "imports keys and certificates; tests a P-256 signature with 9C", Kind.BLANK_3DES)
def imports_elliptic(desk: Desk) -> None:
    certificate = _import(desk, "9c", _ELLIPTIC)
    assert "Successful ECDSA verification" in _try_key(desk, "9c", "test-signature", certificate)


@scenario(PIV_TOOL, "imports keys and certificates; tests RSA signature and decryption", Kind.BLANK_3DES)
def imports_rsa(desk: Desk) -> None:
    certificate = _import(desk, "9d", _RSA)
    assert "Successful RSA verification" in _try_key(desk, "9d", "test-signature", certificate)
    assert "Successfully performed RSA decryption" in _try_key(desk, "9d", "test-decipher", certificate)


def _import(desk: Desk, slot: str, algorithm: str) -> Path:
    _set_own_pin(desk)
    key, certificate = clients.new_key_and_certificate(desk.folder, slot, algorithm, "Imported")
    _as_issuer(desk, "-a", "import-key", "-s", slot, "-i", str(key))
    _as_issuer(desk, "-a", "import-certificate", "-s", slot, "-i", str(certificate))
    return certificate


@scenario(PIV_TOOL, "sets CHUID and CCC", Kind.BLANK_3DES)
def sets_objects(desk: Desk) -> None:
    _as_issuer(desk, "-a", "set-chuid", "-a", "set-ccc")
    assert "No data available" not in clients.yubico_status(desk.reader)


@scenario(PIV_TOOL, "changes and blocks the PIN, unblocks it with the PUK, changes the PUK", Kind.BLANK_3DES)
def unblocks(desk: Desk) -> None:
    _set_own_pin(desk)
    for _ in range(WRONG_TRIES):
        told = _tool(desk, "-a", "verify-pin", "-P", WRONG_PIN, exit_code=1)
    assert "blocked" in told
    assert "blocked" in _tool(desk, "-a", "verify-pin", "-P", OWN_PIN, exit_code=1)
    _tool(desk, "-a", "unblock-pin", "-P", desk.card.puk, "-N", NEXT_PIN)
    _tool(desk, "-a", "verify-pin", "-P", NEXT_PIN)
    _tool(desk, "-a", "change-puk", "-P", desk.card.puk, "-N", OWN_PIN)
    _tool(desk, "-a", "unblock-pin", "-P", OWN_PIN, "-N", NEXT_PIN)
