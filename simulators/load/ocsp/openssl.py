"""`openssl ocsp -index`, the responder that comes with every system, with a throw-away CA of its own."""

import itertools
import multiprocessing
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import ocsp

from simulators.load.ocsp.generator import LoadError
from simulators.load.ocsp.throwaway import make_throwaway
from simulators.process import free_port

_START_SECONDS = 300
"""It reads its whole index first."""
_READY = b"waiting for OCSP client connections"
_THREADS = 8


class OpensslResponder:
    """Files of a responder below `folder`, and requests for its certificates."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        throwaway = make_throwaway()
        self._ca, responder, key = throwaway.ca, throwaway.responder, throwaway.key
        (folder / "ca.pem").write_bytes(self._ca.public_bytes(Encoding.PEM))
        (folder / "responder.pem").write_bytes(responder.public_bytes(Encoding.PEM))
        (folder / "responder.key").write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )

    def write_index(self, serials: Iterator[int]) -> None:
        """Its database: one line of text a certificate, all of them valid."""
        end = (datetime.now(UTC) + timedelta(days=1000)).strftime("%y%m%d%H%M%SZ")
        with (self._folder / "index.txt").open("w", encoding="ascii") as index:
            (self._folder / "index.txt.attr").write_text("unique_subject = no\n", encoding="ascii")
            index.writelines(f"V\t{end}\t\t{serial:032X}\tunknown\t/CN=x\n" for serial in serials)

    def requests(self, serials: Sequence[int]) -> list[bytes]:
        """A request for each, in DER: the same shape, with this CA's hashes."""
        first = ocsp.OCSPRequestBuilder().add_certificate(self._ca, self._ca, SHA1()).build()  # noqa: S303
        name, key = first.issuer_name_hash, first.issuer_key_hash
        builder = ocsp.OCSPRequestBuilder()
        return [
            builder.add_certificate_by_hash(name, key, serial, SHA1())  # noqa: S303
            .build()
            .public_bytes(Encoding.DER)
            for serial in serials
        ]

    @contextmanager
    def serving(self) -> Iterator[int]:
        """Runs it, one process as it comes; yields its port."""
        port = free_port()
        files = ("index.txt", "ca.pem", "responder.pem", "responder.key")
        index, ca, responder, key = (str(self._folder / name) for name in files)
        command = [shutil.which("openssl") or "openssl", "ocsp", "-port", str(port), "-index", index]
        command += ["-CA", ca, "-rsigner", responder, "-rkey", key, "-nmin", "60"]
        # It is not probed: a connection that closes without a request stops it for good (OpenSSL 3.0).
        with (self._folder / "openssl.log").open("w+b") as log:
            process = subprocess.Popen(  # noqa: S603
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
            try:
                _wait_ready(process, Path(log.name))
                yield port
            finally:
                process.terminate()
                process.wait()


def _wait_ready(process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if _READY in log.read_bytes():
            return
        time.sleep(0.1)
    raise LoadError(f"openssl ocsp does not start: {log.read_text(errors='replace')[-300:]}")


def one_by_one_rate(port: int, requests: Sequence[bytes], seconds: float) -> float:
    """Answers per second, a connection for each, by a process of its own with a few threads.

    wrk can't be used: it probes its server by an empty connection.
    """
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_hammer, (port, requests, seconds))


def _hammer(port: int, requests: Sequence[bytes], seconds: float) -> float:
    deadline = time.perf_counter() + seconds
    counts = [0] * _THREADS

    def run(index: int) -> None:
        for request in itertools.cycle(requests[index::_THREADS]):
            if time.perf_counter() >= deadline:
                return
            counts[index] += _ask(port, request)

    threads = [threading.Thread(target=run, args=(index,)) for index in range(_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


def _ask(port: int, request: bytes) -> int:
    with socket.create_connection(("127.0.0.1", port), timeout=_START_SECONDS) as connection:
        connection.sendall(request)
        answer = bytearray()
        while chunk := connection.recv(4096):
            answer += chunk
    if not answer.startswith(b"HTTP/1.0 200"):
        raise LoadError("openssl ocsp refuses")
    return 1
