"""Java, through its SunPKCS11 provider."""

from pathlib import Path

from tests.integration.strangers import clients
from tests.integration.strangers.bench import Client, Desk, scenario
from tests.integration.strangers.toycard import Kind

KEYTOOL = Client("Java keytool", "openjdk-17-jre-headless")


def _keytool(desk: Desk, command: str, *options: str) -> str:
    configuration = desk.folder / "java.cfg"
    slot = int(clients.slot_of(desk.reader), 0)
    configuration.write_text(f"name=OpenSC\nlibrary={clients.pkcs11_module()}\nslot={slot}\n")
    store = ["-keystore", "NONE", "-storetype", "PKCS11", "-storepass", desk.card.pin]
    provider = ["-providerClass", "sun.security.pkcs11.SunPKCS11", "-providerArg", str(configuration)]
    return clients.run("keytool", command, *store, *provider, *options)


@scenario(KEYTOOL, "lists four private keys with their certificates (`-list`)", Kind.EC, Kind.RSA)
def lists(desk: Desk) -> None:
    assert _keytool(desk, "-list").count(", PrivateKeyEntry") == 4


@scenario(
    KEYTOOL,
    "signs a certificate request with 9A (`-certreq`); openssl verifies it",
    Kind.EC,
    Kind.RSA,
    Kind.RSA_3072,
)
def requests(desk: Desk) -> None:
    # Not with 9C: SunPKCS11 doesn't log in once more for a key that wants the PIN for every signature.
    request: Path = desk.folder / "request.pem"
    _keytool(desk, "-certreq", "-alias", "Certificate for PIV Authentication", "-file", str(request))
    verdict = clients.run("openssl", "req", "-in", str(request), "-verify", "-noout")
    assert "self-signature verify OK" in verdict
