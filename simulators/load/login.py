"""`hoviat bench login`: full HTTP logins on one worker, against framework and cryptography in series."""

import base64
import hashlib
import http.client
import itertools
import json
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from pki.authority import CertificateRequest, PersonSubject
from pki.keys.files import FileSigner
from pki.pkcs10 import create_csr
from pki.profiles import Profile
from simulators.installation.services import Installation, initialise, open_installation
from simulators.load.result import Result
from simulators.process import free_port, python_process
from verifier.authentication.token import WebEidToken
from verifier.authentication.trust import PinnedTrust
from verifier.authentication.verification import TokenVerifier
from verifier.bootstrap import NATIONAL_POLICY

_NAME = "login"
_ORIGIN = "https://bench.invalid"
_CARDS = 100
_CLIENTS = 8
_GOAL = 0.60
_COORDINATE_BYTES = 32


@dataclass(frozen=True)
class SoftwareCard:
    """A card's authentication key and certificate, without the card: tokens must cost little."""

    key: ec.EllipticCurvePrivateKey
    certificate: str

    def token(self, nonce: str) -> dict[str, str]:
        """A Web eID 1.0 token for the bench's origin."""
        message = hashlib.sha256(_ORIGIN.encode()).digest() + hashlib.sha256(nonce.encode()).digest()
        r, s = decode_dss_signature(self.key.sign(message, ec.ECDSA(hashes.SHA256())))
        signature = r.to_bytes(_COORDINATE_BYTES, "big") + s.to_bytes(_COORDINATE_BYTES, "big")
        return {
            "unverifiedCertificate": self.certificate,
            "algorithm": "ES256",
            "signature": base64.b64encode(signature).decode(),
            "format": "web-eid:1.0",
            "appVersion": "https://web-eid.eu/web-eid-app/releases/2.9.0+0",
        }


def measure(seconds: float) -> Iterator[Result]:
    """Measures for about `seconds` each: the framework, the cryptography, the whole."""
    with tempfile.TemporaryDirectory(prefix="hoviat-bench-") as folder:
        root = Path(folder) / "home"
        initialise(root)
        with open_installation(root) as installation:
            cards = [_card(installation, number) for number in range(_CARDS)]
            key = installation.verifier.services.register_site("bench", _ORIGIN).api_key
            cryptography = _tokens_per_second(installation, cards, seconds / 2)
        framework = _constant_posts_per_second(cards, seconds)
        logins = _logins_per_second(root, cards, key, seconds)
    ceiling = 1 / (1 / framework + 1 / cryptography)
    limit_is = f"framework {framework:,.0f}/s and token cryptography {cryptography:,.0f}/s in series"
    yield Result(_NAME, "P-256, SQLite, 1 worker", logins, "logins/s", ceiling, limit_is, _GOAL)


def _card(installation: Installation, number: int) -> SoftwareCard:
    person = installation.people.person(number)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = PersonSubject(person.national_code, person.given_name.persian, person.surname.persian)
    csr = create_csr(FileSigner(key), "bench")
    request = CertificateRequest(f"bench-{number}", Profile.AUTHENTICATION, subject, csr, actor="bench")
    authority = installation.pki.authority
    issued = authority.issue(request)
    authority.activate(issued.serial, "bench", "delivered")
    return SoftwareCard(key, base64.b64encode(issued.der).decode())


def _tokens_per_second(installation: Installation, cards: list[SoftwareCard], seconds: float) -> float:
    trust = PinnedTrust(installation.pki.trust.anchors, installation.pki.trust.intermediates)
    verifier = TokenVerifier(NATIONAL_POLICY, trust, status=None)
    nonce = "A" * 44
    tokens = [WebEidToken.from_json_value(dict(card.token(nonce))) for card in cards]
    now = datetime.now(UTC)
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        for token in tokens:
            verifier.verify(token, _ORIGIN, nonce, now)
        done += len(tokens)
    return done / (time.perf_counter() - began)


def _constant_posts_per_second(cards: list[SoftwareCard], seconds: float) -> float:
    port = free_port()
    body = json.dumps({"token": cards[0].token("A" * 44), "nonce": "A" * 44})
    with python_process(["-m", "simulators.load.constant", str(port)], port):
        return _rate(port, seconds, lambda client, _: client.post("/v1/authentications", body))


def _logins_per_second(root: Path, cards: list[SoftwareCard], key: str, seconds: float) -> float:
    port = free_port()

    def log_in(client: "_Client", number: int) -> None:
        nonce = client.post("/verifier/v1/challenges", "{}")["nonce"]
        token = cards[number % len(cards)].token(str(nonce))
        client.post("/verifier/v1/authentications", json.dumps({"token": token, "nonce": nonce}))

    server = ["-m", "hoviat", "--home", str(root), "serve", "--port", str(port)]
    with python_process(server, port):
        return _rate(port, seconds, log_in, key)


class _Client:
    """One kept-alive connection."""

    def __init__(self, port: int, key: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}

    def post(self, path: str, body: str) -> dict[str, object]:
        """Posts JSON; anything but 2xx ends the benchmark."""
        self._connection.request("POST", path, body, self._headers)
        response = self._connection.getresponse()
        content = response.read()
        if response.status not in {200, 201}:
            raise RuntimeError(f"{path} answered {response.status}: {content[:200]!r}")
        answer: dict[str, object] = json.loads(content)
        return answer


def _rate(port: int, seconds: float, work: Callable[[_Client, int], object], key: str = "") -> float:
    """Completed pieces of work per second, by _CLIENTS parallel connections; any failure is raised."""
    numbers, failures = itertools.count(), []
    counts = [0] * _CLIENTS
    deadline = time.perf_counter() + seconds

    def run(index: int) -> None:
        client = _Client(port, key)
        try:
            while time.perf_counter() < deadline:
                work(client, next(numbers))
                counts[index] += 1
        except (OSError, RuntimeError, http.client.HTTPException) as error:
            failures.append(error)

    began = time.perf_counter()
    threads = [threading.Thread(target=run, args=(index,)) for index in range(_CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return sum(counts) / (time.perf_counter() - began)
