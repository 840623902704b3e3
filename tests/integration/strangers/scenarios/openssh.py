"""OpenSSH."""

from tests.integration.strangers import clients
from tests.integration.strangers.bench import Client, Desk, scenario
from tests.integration.strangers.toycard import Kind

SSH_KEYGEN = Client("ssh-keygen", "openssh-client")


@scenario(
    SSH_KEYGEN, "gives the public keys (`-D`); 9A's is its certificate's", Kind.EC, Kind.RSA, Kind.RSA_3072
)
def gives_public_keys(desk: Desk) -> None:
    keys = clients.run("ssh-keygen", "-D", str(clients.pkcs11_module())).splitlines()
    assert len(keys) == 4
    public_key = clients.public_key(clients.read_certificate(desk.reader, "01", desk.folder))
    expected = clients.run("ssh-keygen", "-i", "-m", "PKCS8", "-f", str(public_key)).split()
    assert [*expected, "PIV", "AUTH", "pubkey"] == keys[0].split()
