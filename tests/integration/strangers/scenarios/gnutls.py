"""GnuTLS."""

from tests.integration.strangers import clients
from tests.integration.strangers.bench import Client, Desk, scenario
from tests.integration.strangers.toycard import Kind

P11TOOL = Client("GnuTLS p11tool", "gnutls-bin")
# Not 9D: GnuTLS asks OpenSC for a signature, and the certificate doesn't allow its key one.
_SIGNING_KEYS = ("01", "02", "04")


def _p11tool(desk: Desk, *options: str) -> str:
    module, pin = str(clients.pkcs11_module()), desk.card.pin
    return clients.run("p11tool", "--provider", module, "--login", "--set-pin", pin, *options)


@scenario(P11TOOL, "lists everything (`--list-all`)", Kind.EC, Kind.RSA)
def lists(desk: Desk) -> None:
    listing = _p11tool(desk, "--list-all", "pkcs11:manufacturer=piv_II")
    for label in (
        "PIV AUTH key",
        "SIGN key",
        "KEY MAN key",
        "CARD AUTH key",
        "Certificate for Card Authentication",
    ):
        assert f"Label: {label}" in listing


@scenario(P11TOOL, "signs with 9A, 9C and 9E (`--test-sign`)", Kind.EC, Kind.RSA, Kind.RSA_3072)
def signs(desk: Desk) -> None:
    for key in _SIGNING_KEYS:
        report = _p11tool(desk, "--test-sign", f"pkcs11:manufacturer=piv_II;id=%{key};type=private")
        assert report.count("... ok") == 3, report
