"""OpenSSL through libp11's PKCS#11 engine. Not with 9C: the engine asks for its PIN on the terminal."""

from tests.integration.strangers import clients
from tests.integration.strangers.bench import Client, Desk, Package, scenario
from tests.integration.strangers.toycard import CARD_NAME, Kind

_ENGINE = Package("libp11", "libengine-pkcs11-openssl")
S_CLIENT = Client("openssl s_client", "openssl", helper=_ENGINE)
CMS = Client("openssl cms", "openssl", helper=_ENGINE)


@scenario(S_CLIENT, "logs in over TLS 1.3 with 9A", Kind.EC, Kind.RSA, Kind.RSA_3072)
def logs_in(desk: Desk) -> None:
    page = clients.tls_login(desk.reader, desk.card.pin, desk.card.ca_file, desk.folder)
    assert "New, TLSv1.3" in page
    assert "HTTP/1.0 200" in page
    assert f"{CARD_NAME} 9A" in page


@scenario(CMS, "signs a message with 9A (`-sign`) and verifies it", Kind.EC, Kind.RSA, Kind.RSA_3072)
def signs(desk: Desk) -> None:
    letter, message = desk.letter(), desk.folder / "letter.p7m"
    clients.cms_sign(desk.reader, desk.card.pin, letter, message)
    trust = ["-CAfile", str(desk.card.ca_file), "-purpose", "any"]
    verdict = clients.run("openssl", "cms", "-verify", "-inform", "DER", "-in", str(message), *trust)
    assert "Verification successful" in verdict
    assert letter.read_text().strip() in verdict
