"""The servers that are measured, and the requests that they get."""

import base64
import os
import random
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import httpx
from cryptography.x509 import ocsp

from pki import der, oids
from pki.bootstrap import open_pki
from pki.home import load
from pki.status.ocsp.forms import plain_request
from simulators.load.ocsp.generator import LoadError, get
from simulators.load.ocsp.population import ISSUER, Population
from simulators.process import free_port, python_process

_CHECKED = 20
_NONCE_BYTES = 32
_READY_SECONDS = 60
_STORED_COUNT = 'hoviat_pki_ocsp_responses_total{source="stored",status="successful"}'
_MADE_COUNT = 'hoviat_pki_ocsp_responses_total{source="made",status="successful"}'


class ServerProcess:
    """A server's process, for as long as the block lasts; gives its port."""

    def __init__(self, arguments: Sequence[str], port: int) -> None:
        self._port = port
        self._process = python_process(arguments, port)

    def __enter__(self) -> int:
        self._process.__enter__()
        # Its workers may still be starting; the socket's queue holds the request until one is there.
        httpx.get(f"http://127.0.0.1:{self._port}/", trust_env=False, timeout=_READY_SECONDS)
        return self._port

    def __exit__(self, *error: object) -> None:
        self._process.__exit__(None, None, None)


class StatusService(ServerProcess):
    """`hoviat pki serve`, whose answers were looked at before they are counted."""

    def __init__(self, root: Path, population: Population, workers: int) -> None:
        port = free_port()
        command = ["-m", "hoviat", "--home", str(root), "pki", "serve", "--port", str(port)]
        super().__init__([*command, "--workers", str(workers)], port)
        self._root = root
        self._population = population

    def __enter__(self) -> int:
        port = super().__enter__()
        try:
            _wait_ready(port)
            self._check(port)
        except BaseException:
            self.__exit__()
            raise
        return port

    def _check(self, port: int) -> None:
        """Some answers, plain and with a nonce, say what the database says. Raises LoadError."""
        pki = open_pki(load(self._root))
        try:
            form = pki.ocsp.forms.of_issuer(ISSUER)[0]
            for serial in random.sample(self._population.asked, _CHECKED):
                request = plain_request(form, serial)
                for asked in (request, with_nonce(request)):
                    _check_answer(port, asked, serial, good=pki.status.state_of(serial).is_good)
        finally:
            pki.close()


def _check_answer(port: int, request: bytes, serial: int, *, good: bool) -> None:
    headers = {"Content-Type": "application/ocsp-request"}
    url = f"http://127.0.0.1:{port}/pki/ocsp"
    answer = ocsp.load_der_ocsp_response(
        httpx.post(url, content=request, headers=headers, trust_env=False).content
    )
    wanted = ocsp.OCSPCertStatus.GOOD if good else ocsp.OCSPCertStatus.REVOKED
    if answer.serial_number != serial or answer.certificate_status is not wanted:
        raise LoadError(f"the answer about {serial:x} is wrong")


def _wait_ready(port: int) -> None:
    """Until a worker gives out stored answers; each looks at the database before it does."""
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        if _metrics(port).get("hoviat_pki_ocsp_stored_answers_usable"):
            time.sleep(1.0)  # its sibling began at the same time
            return
        time.sleep(0.1)
    raise LoadError("the service does not give out stored answers")


def _metrics(port: int) -> dict[str, int]:
    text = httpx.get(f"http://127.0.0.1:{port}/pki/metrics", trust_env=False, timeout=30).text
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: int(value) for name, _, value in lines}


def answer_counts(port: int) -> tuple[int, int]:
    """Stored and made answers that the service has counted."""
    metrics = _metrics(port)
    return metrics.get(_STORED_COUNT, 0), metrics.get(_MADE_COUNT, 0)


def settled_counts(port: int) -> tuple[int, int]:
    """The counts after every worker has told its own, which it does each second."""
    time.sleep(2.5)
    return answer_counts(port)


def stored_request(request: bytes) -> bytes:
    """An HTTP GET of a plain request (RFC 6960 Appendix A.1)."""
    return get("/pki/ocsp/" + quote(base64.b64encode(request).decode(), safe=""))


def with_nonce(request: bytes) -> bytes:
    """A plain request, with a nonce of 32 octets added (RFC 9654)."""
    (to_be_signed,) = der.parse(request, der.SEQUENCE).children()
    nonce = der.extension(oids.OCSP_NONCE, der.octet_string(os.urandom(_NONCE_BYTES)))
    extensions = der.context(2, der.sequence((nonce,)))
    return der.sequence((der.sequence((to_be_signed.content, extensions)),))
