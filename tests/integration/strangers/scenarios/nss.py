"""Mozilla's NSS, as browsers and mail programs use a card."""

from tests.integration.strangers import clients
from tests.integration.strangers.bench import Client, Desk, scenario
from tests.integration.strangers.toycard import CARD_NAME, Kind

NSS = Client("NSS modutil, certutil", "libnss3-tools")


@scenario(NSS, "takes OpenSC's module in, lists token, certificates and keys", Kind.EC, Kind.RSA)
def lists(desk: Desk) -> None:
    database = desk.folder / "nss"
    database.mkdir()
    pin = desk.folder / "pin"
    pin.write_text(f"{desk.card.pin}\n")
    where = ["-d", f"sql:{database}"]
    clients.run("certutil", "-N", *where, "--empty-password")
    directory = ["-dbdir", f"sql:{database}", "-force"]
    clients.run("modutil", *directory, "-add", "opensc", "-libfile", str(clients.pkcs11_module()))
    # Not by `modutil -list`, which takes the empty reader beside for an error.
    assert f"token: {CARD_NAME} 9A" in clients.run("certutil", "-U", *where)
    certificates = clients.run("certutil", "-L", *where, "-h", "all", "-f", str(pin))
    keys = clients.run("certutil", "-K", *where, "-h", "all", "-f", str(pin))
    for use in ("PIV Authentication", "Digital Signature", "Key Management", "Card Authentication"):
        # "u": NSS found the private key of this certificate.
        assert any(f"Certificate for {use}" in line and "u,u,u" in line for line in certificates.splitlines())
    assert all(name in keys for name in ("PIV AUTH key", "SIGN key", "KEY MAN key", "CARD AUTH key"))
