"""Strangers' OCSP clients and linters against the service's real processes (`hoviat pki serve`)."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from cryptography.x509 import ocsp as x509_ocsp

from pki.status import RevocationReason
from tests.integration.pki.statusservice import (
    CITIZEN,
    OCSP_TYPE,
    Service,
    answers,
    read,
    run,
    running_service,
    until,
)

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


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("ocsp")) as running:
        yield running


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

    def revalidated() -> bool:
        """Two workers may each sign a first answer; from the later one on both serve the same."""
        etag = service.get(request).headers["etag"]
        unchanged = service.get(request, **{"If-None-Match": etag})
        return (unchanged.status_code, unchanged.content) == (304, b"")

    until(revalidated)
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


@pytest.mark.parametrize("who", ["pki-refresher", "pki-worker"])
def test_children_that_are_killed_are_replaced(service: Service, who: str) -> None:
    serial, _ = service.certificate(f"killed-{who}")
    request = service.request(serial)
    assert read(service.get(request)).certificate_status is GOOD
    until(lambda: bool(service.named(who)))  # the other case's victim may have been replaced just now
    working = service.workers()
    os.kill(service.named(who)[0], signal.SIGKILL)
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
