"""OpenSC's own programs."""

from pathlib import Path

import pytest

from simulators.card.card import ATR
from tests.integration.strangers import clients
from tests.integration.strangers.bench import Client, Desk, scenario
from tests.integration.strangers.toycard import CARD_NAME, Kind

OPENSC_TOOL = Client("opensc-tool", "opensc")
PKCS15_TOOL = Client("pkcs15-tool", "opensc")
PKCS11_TOOL = Client("pkcs11-tool", "opensc-pkcs11")
PIV_TOOL = Client("piv-tool", "opensc")

KEY_MANAGEMENT = "03"  # 9D
KINDS = (Kind.EC, Kind.RSA, Kind.RSA_3072)
SIGNATURES = {
    Kind.EC: (("01", "ECDSA-SHA256", "sha256"), ("02", "ECDSA-SHA384", "sha384")),
    **dict.fromkeys(
        (Kind.RSA, Kind.RSA_3072),
        (("01", "SHA256-RSA-PKCS", "sha256"), ("02", "SHA256-RSA-PKCS", "sha256")),
    ),
}


@scenario(OPENSC_TOOL, "reads the ATR", Kind.EC)
def atr(desk: Desk) -> None:
    assert bytes.fromhex(clients.atr(desk.reader).replace(":", "")) == ATR


@scenario(PKCS15_TOOL, "lists PINs, keys and certificates (`-D`)", Kind.EC, Kind.RSA)
def dump(desk: Desk) -> None:
    listing = clients.dump(desk.reader)
    for name in ("PIV AUTH key", "SIGN key", "KEY MAN key", "Certificate for PIV Authentication", "PIV PUK"):
        assert name in listing


@scenario(PKCS11_TOOL, "lists slots, mechanisms and objects (`-L -O -M`)", *KINDS)
def lists(desk: Desk) -> None:
    listing = clients.pkcs11(desk.reader, "-L", "-O", "-M")
    keys = {
        Kind.EC: ("EC_POINT 256 bits", "EC_POINT 384 bits"),
        Kind.RSA: ("RSA 2048 bits",),
        Kind.RSA_3072: ("RSA 3072 bits",),
    }
    for expected in (desk.reader, "ECDSA-SHA384", "SHA256-RSA-PKCS", *keys[desk.card.kind]):
        assert expected in listing


@scenario(PKCS11_TOOL, "signs with 9A and 9C; openssl verifies, and refuses a changed file", *KINDS)
def signs(desk: Desk) -> None:
    for key, mechanism, hash_name in SIGNATURES[desk.card.kind]:
        letter = desk.letter()
        signature = clients.sign(desk.reader, desk.card.pin, key, mechanism, letter)
        certificate = clients.read_certificate(desk.reader, key, desk.folder)
        assert "Verified OK" in clients.verify_signature(certificate, hash_name, signature, letter)
        letter.write_text("A letter that was changed.\n")
        with pytest.raises(AssertionError, match="Verification failure"):
            clients.verify_signature(certificate, hash_name, signature, letter)


@scenario(PKCS11_TOOL, "tells a wrong PIN (`CKR_PIN_INCORRECT`); the right one then works", Kind.EC)
def wrong_pin(desk: Desk) -> None:
    wrong = f"{(int(desk.card.pin) + 1) % 10**8:08}"
    with pytest.raises(AssertionError, match="CKR_PIN_INCORRECT"):
        clients.sign(desk.reader, wrong, "01", "ECDSA-SHA256", desk.letter())
    clients.sign(desk.reader, desk.card.pin, "01", "ECDSA-SHA256", desk.letter())


@scenario(PKCS11_TOOL, "passes its own test without a failure (`--login --test`)", *KINDS)
def self_test(desk: Desk) -> None:
    assert "No errors" in clients.self_test(desk.reader, desk.card.pin)


@scenario(PKCS11_TOOL, "agrees on a secret with 9D (`--derive`), the same as openssl's", Kind.EC, Kind.EC_384)
def agrees(desk: Desk) -> None:
    certificate = clients.read_certificate(desk.reader, KEY_MANAGEMENT, desk.folder)
    key, point, theirs, ours = (desk.folder / name for name in ("peer.key", "peer.der", "theirs", "ours"))
    curve = {Kind.EC: "P-256", Kind.EC_384: "P-384"}[desk.card.kind]
    clients.run(
        "openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{curve}", "-out", str(key)
    )
    clients.run("openssl", "pkey", "-in", str(key), "-pubout", "-outform", "DER", "-out", str(point))
    files = ["--input-file", str(point), "--output-file", str(theirs)]
    derive = ["--derive", "--mechanism", "ECDH1-COFACTOR-DERIVE", "--id", KEY_MANAGEMENT]
    clients.pkcs11(desk.reader, "--login", "--pin", desk.card.pin, *derive, *files)
    peer = ["-inkey", str(key), "-peerkey", str(clients.public_key(certificate)), "-out", str(ours)]
    clients.run("openssl", "pkeyutl", "-derive", *peer)
    assert theirs.read_bytes() == ours.read_bytes()


@scenario(PKCS11_TOOL, "decrypts with 9D (`--decrypt`) what openssl encrypted", Kind.RSA, Kind.RSA_3072)
def decrypts(desk: Desk) -> None:
    certificate = clients.read_certificate(desk.reader, KEY_MANAGEMENT, desk.folder)
    letter, encrypted, decrypted = desk.letter(), desk.folder / "encrypted", desk.folder / "decrypted"
    files = ["-in", str(letter), "-out", str(encrypted)]
    clients.run(
        "openssl", "pkeyutl", "-encrypt", "-pubin", "-inkey", str(clients.public_key(certificate)), *files
    )
    files = ["--input-file", str(encrypted), "--output-file", str(decrypted)]
    decrypt = ["--decrypt", "--mechanism", "RSA-PKCS", "--id", KEY_MANAGEMENT]
    clients.pkcs11(desk.reader, "--login", "--pin", desk.card.pin, *decrypt, *files)
    assert decrypted.read_text() == letter.read_text()


@scenario(
    PKCS15_TOOL, "reads the certificates, as pkcs11-tool does; openssl verifies them", Kind.EC, Kind.RSA
)
def certificates(desk: Desk) -> None:
    for key in ("01", "02"):
        for read in (clients.read_certificate, clients.read_certificate_pkcs15):
            certificate = read(desk.reader, key, desk.folder)
            assert clients.verify_certificate(certificate, desk.card.ca_file).strip().endswith(": OK")


@scenario(PIV_TOOL, "names the card and sends a command", Kind.EC)
def raw_command(desk: Desk) -> None:
    answer = clients.run("piv-tool", "-r", desk.reader, "-n", "-s", "00:CB:3F:FF:03:5C:01:7E:00")
    assert "Personal Identity Verification Card" in answer
    assert "SW1=0x90, SW2=0x00" in answer


@scenario(PIV_TOOL, "authenticates with 9B and writes a certificate (`-A M:9B:0C -C 9A`)", Kind.BLANK)
def writes_certificate(desk: Desk) -> None:
    key = desk.folder / "management.key"
    key.write_text(desk.card.management_key.hex(":"))
    certificate = _foreign_certificate(desk.folder)
    options = ["-A", "M:9B:0C", "-C", "9A", "-i", str(certificate)]
    # It exits with the number of bytes written: what counts is what can be read afterwards.
    clients.run("piv-tool", "-r", desk.reader, *options, exit_code=None, PIV_EXT_AUTH_KEY=str(key))
    read = clients.read_certificate_pkcs15(desk.reader, "01", desk.folder)
    assert read.read_bytes() == certificate.read_bytes()


def _foreign_certificate(folder: Path) -> Path:
    _, certificate = clients.new_key_and_certificate(folder, "foreign", "ec:P-256", CARD_NAME)
    return certificate
