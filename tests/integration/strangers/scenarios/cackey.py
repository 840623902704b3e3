"""CACKey, the PKCS#11 module for US government cards; it knows RSA-2048 keys only, without hashing."""

from pathlib import Path

from tests.integration.strangers import clients
from tests.integration.strangers.bench import Client, Desk, scenario
from tests.integration.strangers.toycard import Kind

CACKEY = Client("CACKey", "cackey")
MODULE = Path("/usr/lib/pkcs11/libcackey.so")
_KEYS = ("0001", "0002")  # 9A, 9C


def _pkcs11_tool(*options: str) -> str:
    if not MODULE.exists():
        raise FileNotFoundError(f"{MODULE}: install cackey")
    return clients.run("pkcs11-tool", "--module", str(MODULE), *options)


@scenario(CACKEY, "lists certificates and keys", Kind.RSA)
def lists(desk: Desk) -> None:
    listing = _pkcs11_tool("-O")
    for label in ("Authentication", "Signature", "Key Management"):
        assert listing.count(f"  {label}\n") == 3, f"certificate, public and private key of {desk.reader}"


@scenario(CACKEY, "signs with 9A and 9C; openssl recovers what was signed", Kind.RSA)
def signs(desk: Desk) -> None:
    letter, signature, der = desk.letter(), desk.folder / "signature", desk.folder / "certificate.der"
    pem = desk.folder / "certificate.pem"
    for key in _KEYS:
        files = ["--input-file", str(letter), "--output-file", str(signature)]
        _pkcs11_tool(
            "--login", "--pin", desk.card.pin, "--sign", "--mechanism", "RSA-PKCS", "--id", key, *files
        )
        _pkcs11_tool("--read-object", "--type", "cert", "--id", key, "--output-file", str(der))
        clients.run("openssl", "x509", "-inform", "DER", "-in", str(der), "-out", str(pem))
        recover = ["-verifyrecover", "-pubin", "-inkey", str(clients.public_key(pem)), "-in", str(signature)]
        assert clients.run("openssl", "pkeyutl", *recover) == letter.read_text()
