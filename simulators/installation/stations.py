"""The stations' port beside the services of one process."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from issuance.stations.listener import Patience, listening
from issuance.stations.tls import hub_tls
from simulators.installation.server import listen
from simulators.installation.services import Installation


@contextmanager
def stations_served(
    installation: Installation, host: str = "127.0.0.1", port: int = 0, patience: Patience | None = None
) -> Iterator[str]:
    """Serves stations until the block ends; yields the address that they dial.

    The certificate is for the host of the public URL. Raises PortTakenError, PkiError.
    """
    registry = installation.issuance
    name = urlsplit(registry.public_url).hostname or host
    tls = hub_tls(installation.home, installation.pki, name)
    with (
        listen(host, port) as listener,
        listening(registry.stations, registry.hub, tls, listener, patience),
    ):
        shown = f"[{name}]" if ":" in name else name
        yield f"wss://{shown}:{listener.getsockname()[1]}"
