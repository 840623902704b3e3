"""`hoviat pki serve` as real processes, and the PKI that it serves opened beside it."""

import base64
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp as x509_ocsp

from pki import home as homes
from pki.authority import CertificateRequest, PersonSubject
from pki.bootstrap import Pki, initialise, open_pki
from pki.keys.files import FileSigner
from pki.pkcs10 import create_csr
from pki.profiles import Profile
from pki.status.ocsp.forms import plain_request
from tests.delivery import issue_delivered

CITIZEN = "citizen-auth-g1"
OCSP_TYPE = {"Content-Type": "application/ocsp-request"}


@dataclass(frozen=True)
class Service:
    """The running service, and the PKI that it serves, opened beside it."""

    pki: Pki
    url: str
    port: int
    folder: Path
    process: "subprocess.Popen[bytes]"

    def certificate(self, name: str, profile: Profile = Profile.AUTHENTICATION) -> tuple[int, Path]:
        csr = create_csr(FileSigner.generate(ec.SECP256R1()), "card")
        person = PersonSubject("0012345679", "سارا", "محمدی")
        request = CertificateRequest(name, profile, person, csr, actor="tester")
        issued = issue_delivered(self.pki.authority, request)
        path = self.folder / f"{name}.pem"
        path.write_bytes(x509.load_der_x509_certificate(issued.der).public_bytes(Encoding.PEM))
        return issued.serial, path

    def ca(self, name: str) -> Path:
        path = self.folder / f"{name}.ca.pem"
        certificate = x509.load_der_x509_certificate(self.pki.certificates[name])
        path.write_bytes(certificate.public_bytes(Encoding.PEM))
        return path

    def request(self, serial: int, form: int = 0) -> bytes:
        return plain_request(self.pki.ocsp.forms.of_issuer(CITIZEN)[form], serial)

    def get(self, request: bytes, **headers: str) -> httpx.Response:
        path = quote(base64.b64encode(request).decode(), safe="")
        return httpx.get(f"{self.url}/pki/ocsp/{path}", headers=headers, trust_env=False, timeout=30)

    def post(self, request: bytes) -> httpx.Response:
        url = f"{self.url}/pki/ocsp"
        return httpx.post(url, content=request, headers=OCSP_TYPE, trust_env=False, timeout=30)

    def workers(self) -> list[int]:
        """The pids of the service's own children."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return sorted(int(child) for child in children if b"spawn_main" in _command(child))

    def named(self, name: str) -> list[int]:
        """Those of them that show this name, or a number after it."""
        return [pid for pid in self.workers() if Path(f"/proc/{pid}/comm").read_text().startswith(name)]

    def stored_count(self) -> int:
        text = httpx.get(f"{self.url}/metrics", trust_env=False, timeout=30).text
        return sum(int(line.split()[-1]) for line in text.splitlines() if 'source="stored"' in line)


@contextmanager
def running_service(folder: Path) -> Iterator[Service]:
    """A new home in the folder, served until the context ends."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    home = homes.create(folder / "home", url)
    initialise(home)
    command = [sys.executable, "-m", "hoviat", "--home", str(home.root), "pki", "serve", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    pki = open_pki(home)
    try:
        until(lambda: answers(url))
        yield Service(pki, url, port, folder, process)
    finally:
        pki.close()
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def _command(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Waits for another process."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.1)


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/pki/healthz", trust_env=False, timeout=30).status_code == 200
    except httpx.TransportError:
        return False


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [shutil.which(str(command[0])) or str(command[0]), *map(str, command[1:])],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def read(response: httpx.Response) -> x509_ocsp.OCSPResponse:
    assert response.status_code == 200, response.text
    return x509_ocsp.load_der_ocsp_response(response.content)
