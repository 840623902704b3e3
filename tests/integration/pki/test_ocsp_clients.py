"""Strangers' OCSP clients and linters against the service's real processes (`hoviat pki serve`)."""

import base64
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
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
from pki.status import RevocationReason
from pki.status.ocsp.forms import plain_request

CITIZEN = "citizen-auth-g1"
OCSP_TYPE = {"Content-Type": "application/ocsp-request"}
POST_HEAD = b"\r\n".join(
    (
        b"POST /pki/ocsp HTTP/1.1",
        b"Host: x",
        b"Content-Type: application/ocsp-request",
        b"Content-Length: %d",
        b"\r\n",
    )
)
PUBLISHED_DELAY = 60
GOOD, REVOKED = x509_ocsp.OCSPCertStatus.GOOD, x509_ocsp.OCSPCertStatus.REVOKED


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
        request = CertificateRequest(name, profile, person, csr, on_hold=False, actor="tester")
        issued = self.pki.authority.issue(request)
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
        """The pids of the service's own children, the eldest first."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return sorted(int(child) for child in children if b"spawn_main" in _command(child))

    def stored_count(self) -> int:
        text = httpx.get(f"{self.url}/metrics", trust_env=False, timeout=30).text
        return sum(int(line.split()[-1]) for line in text.splitlines() if 'source="stored"' in line)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("ocsp")
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


@pytest.mark.parametrize("nonce", ["-nonce", "-no_nonce"])
def test_openssl_asks(service: Service, nonce: str) -> None:
    serial, leaf = service.certificate(f"openssl{nonce}")
    trust = ("-CAfile", service.ca("root-g1"), "-issuer", service.ca(CITIZEN))
    command = ("openssl", "ocsp", nonce, *trust, "-cert", leaf, "-url", f"{service.url}/pki/ocsp")
    good = run(*command)
    assert "Response verify OK" in good.stderr, good.stderr
    assert f"{leaf}: good" in good.stdout
    service.pki.authority.revoke(serial, RevocationReason.KEY_COMPROMISE, "tester", "")
    until(lambda: "keyCompromise" in run(*command).stdout, PUBLISHED_DELAY)


def test_gnutls_asks_and_verifies(service: Service) -> None:
    serial, leaf = service.certificate("gnutls")
    issuer, out = service.ca(CITIZEN), service.folder / "gnutls.der"
    ask = ("ocsptool", f"--ask={service.url}/pki/ocsp", "--load-issuer", issuer, "--load-cert", leaf)
    asked = run(*ask, "--outfile", out)
    assert asked.returncode == 0, asked.stdout + asked.stderr
    assert "Verifying OCSP Response: Success" in asked.stdout + asked.stderr
    answer = service.folder / "answer.der"
    answer.write_bytes(service.post(service.request(serial)).content)
    verified = run(
        "ocsptool", "--verify-response", "--load-trust", issuer, "--load-response", answer, "--inder"
    )
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_answers_are_stored_and_cached(service: Service) -> None:
    serial, _ = service.certificate("stored")
    request = service.request(serial)
    before = service.stored_count()
    until(lambda: read(service.get(request)).certificate_status is GOOD and service.stored_count() > before)
    answer = service.get(request)
    assert answer.headers["cache-control"] == "max-age=40, public, no-transform, must-revalidate"
    assert {"etag", "last-modified", "expires"} <= set(answer.headers)
    unchanged = service.get(request, **{"If-None-Match": answer.headers["etag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    posted = service.post(request)
    assert posted.headers["cache-control"] == "no-store"
    assert "etag" not in posted.headers


def test_a_revocation_reaches_every_worker_within_the_delay(service: Service) -> None:
    serial, _ = service.certificate("delay")
    request = service.request(serial)
    for _ in range(3):
        assert read(service.get(request)).certificate_status is GOOD
        time.sleep(0.5)
    service.pki.authority.revoke(serial, RevocationReason.SUPERSEDED, "tester", "")
    until(lambda: read(service.get(request)).certificate_status is REVOKED, PUBLISHED_DELAY)
    # From then on, whichever worker answers.
    until(lambda: all(read(service.get(request)).certificate_status is REVOKED for _ in range(8)), 20)


def test_what_was_unknown_is_known_once_it_is_issued(service: Service) -> None:
    unknown = service.get(service.request(12345))
    assert read(unknown).certificate_status is x509_ocsp.OCSPCertStatus.UNKNOWN
    assert unknown.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("who", ["refresher", "worker"])
def test_children_that_are_killed_are_replaced(service: Service, who: str) -> None:
    serial, _ = service.certificate(f"killed-{who}")
    request = service.request(serial)
    assert read(service.get(request)).certificate_status is GOOD
    working = service.workers()
    victim = working[-1] if who == "refresher" else working[0]  # the refresher was started last
    os.kill(victim, signal.SIGKILL)
    service.pki.authority.revoke(serial, RevocationReason.SUPERSEDED, "tester", "")
    until(lambda: _is_revoked(service, request), PUBLISHED_DELAY)
    until(lambda: len(service.workers()) == len(working), 60)
    until(lambda: answers(service.url))


def _is_revoked(service: Service, request: bytes) -> bool:
    try:
        return read(service.get(request)).certificate_status is REVOKED
    except httpx.TransportError:
        return False  # a connection that the killed worker had


def _resident(service: Service) -> int:
    """Octets of memory that the workers hold."""
    pages = [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in service.workers()]
    return sum(pages) * os.sysconf("SC_PAGE_SIZE")


def test_garbage_in_bulk_is_answered_and_leaves_nothing(service: Service) -> None:
    serial, _ = service.certificate("garbage")
    bodies = [b"", b"\x30", bytes(4096), b"\x30\x80" + bytes(90), service.request(serial)[:-1]]
    url = f"{service.url}/pki/ocsp"

    def send(number: int) -> set[tuple[int, bytes]]:
        with httpx.Client(trust_env=False, timeout=60) as client:
            return {_send_garbage(client, url, bodies[index % 5]) for index in range(number)}

    def send_all(count: int) -> set[tuple[int, bytes]]:
        with ThreadPoolExecutor(16) as pool:
            return set().union(*pool.map(send, [count // 16] * 16))

    sizes = []
    for _ in range(3):
        assert send_all(4_000) == {(200, b"\x30\x03\x0a\x01\x01")}
        sizes.append(_resident(service))
    # A worker that an earlier test had replaced may still be growing up; what leaks grows each time.
    assert min(sizes[1] - sizes[0], sizes[2] - sizes[1]) < 5_000_000
    assert read(service.post(service.request(serial))).certificate_status is GOOD


def _send_garbage(client: httpx.Client, url: str, body: bytes) -> tuple[int, bytes]:
    answer = client.post(url, content=body, headers=OCSP_TYPE)
    return answer.status_code, answer.content


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /pki/ocsp/AAAA HTTP/1.1\r\nHost: x\r\n",
        POST_HEAD % 80 + b"0",
    ],
    ids=["nothing", "half a head", "half a body"],
)
def test_slow_clients_are_let_go(service: Service, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", service.port), timeout=60) as connection:
        connection.sendall(sent)
        answer = b""
        while chunk := connection.recv(4096):
            answer += chunk
    assert answer == b"" or answer.startswith(b"HTTP/1.1 408")


def test_endless_heads_and_bodies_are_cut_off(service: Service) -> None:
    for opening in (b"GET /pki/ocsp/", POST_HEAD % 100_000_000):
        with socket.create_connection(("127.0.0.1", service.port), timeout=60) as connection:
            connection.sendall(opening)
            with pytest.raises(OSError, match=r"."):
                _pour(connection)


def _pour(connection: socket.socket) -> None:
    """Sends 100 MB, unless somebody stops it."""
    for _ in range(1_600):
        connection.sendall(b"A" * 65_536)


def test_many_idle_connections_do_not_keep_others_out(service: Service) -> None:
    serial, _ = service.certificate("idle")
    idle = [socket.create_connection(("127.0.0.1", service.port), timeout=60) for _ in range(300)]
    try:
        assert read(service.post(service.request(serial))).certificate_status is GOOD
    finally:
        for connection in idle:
            connection.close()


def test_no_route_gives_a_citizens_certificate(service: Service) -> None:
    serial, _ = service.certificate("private")
    for path in (f"/pki/ca/{serial:032x}.cer", f"/pki/certificates/{serial:032x}", f"/pki/{serial:032x}.cer"):
        assert httpx.get(service.url + path, trust_env=False).status_code == 404
