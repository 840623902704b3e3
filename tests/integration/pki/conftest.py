"""A PKI with the status service on a real loopback port, for strangers' clients."""

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from starlette.applications import Starlette
from starlette.routing import Mount

from pki import home as homes
from pki.app import create_app
from pki.authority import CertificateRequest, PersonSubject
from pki.bootstrap import Pki, initialise, open_pki
from pki.export import write_public_files
from pki.keys.files import FileSigner
from pki.pkcs10 import create_csr
from pki.profiles import Profile


@dataclass(frozen=True)
class Served:
    """An open PKI and the address at which its certificates say it is."""

    pki: Pki
    url: str
    folder: Path

    def certificate(
        self,
        request_id: str,
        profile: Profile = Profile.AUTHENTICATION,
        subject: PersonSubject | None = None,
        *,
        delivered: bool = True,
    ) -> tuple[int, Path]:
        """A new certificate's serial and its PEM file."""
        csr = create_csr(FileSigner.generate(ec.SECP256R1()), "card")
        person = subject or PersonSubject("0012345679", "سارا", "محمدی")
        request = CertificateRequest(request_id, profile, person, csr, "tester")
        issued = self.pki.authority.issue(request)
        if delivered:
            self.pki.authority.activate(issued.serial, "tester", "delivered")
        path = self.folder / f"{request_id}.pem"
        path.write_bytes(x509.load_der_x509_certificate(issued.der).public_bytes(Encoding.PEM))
        return issued.serial, path

    def export(self) -> Path:
        """Fresh certificates and CRLs as files."""
        write_public_files(self.pki, self.folder)
        return self.folder


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        home = homes.create(tmp_path / "home", url)
        initialise(home)
        pki = open_pki(home)
        stop = serve(pki, listener)
        try:
            (tmp_path / "out").mkdir()
            yield Served(pki, url, tmp_path / "out")
        finally:
            stop()
            pki.close()


def serve(pki: Pki, listener: socket.socket) -> Callable[[], None]:
    started = threading.Event()
    server = uvicorn.Server(
        uvicorn.Config(Starlette(routes=[Mount("/pki", create_app(pki))]), log_level="error")
    )
    startup = server.startup

    async def announce(sockets: list[socket.socket] | None = None) -> None:
        await startup(sockets)
        started.set()

    server.startup = announce  # type: ignore[method-assign]
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    assert started.wait(timeout=20), "the status service did not start"

    def stop() -> None:
        server.should_exit = True
        thread.join(timeout=20)

    return stop
