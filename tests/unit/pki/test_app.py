"""The status service over HTTP: what is served, how long it may be cached, and what is refused."""

import asyncio
import base64
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from httpx import ASGITransport, AsyncClient, Response
from sqlalchemy.exc import OperationalError

from pki.app import create_app
from pki.authority import CertificateRequest
from pki.bootstrap import Pki
from pki.errors import TokenUnavailableError
from pki.health import HELD_SECONDS, HealthChecks
from pki.keys.files import FileSigner
from tests.delivery import issue_delivered

Requests = Callable[..., CertificateRequest]
Send = Callable[..., Response]


@pytest.fixture
def send(pki: Pki) -> Send:
    app = create_app(pki)

    async def once(method: str, path: str, **arguments: Any) -> Response:
        async with AsyncClient(transport=ASGITransport(app), base_url="http://pki") as client:
            return await client.request(method, path, **arguments)

    def run(method: str, path: str, **arguments: Any) -> Response:
        return asyncio.run(once(method, path, **arguments))

    return run


@pytest.fixture
def question(pki: Pki, citizen_request: Requests) -> bytes:
    leaf = x509.load_der_x509_certificate(issue_delivered(pki.authority, citizen_request()).der)
    builder = ocsp.OCSPRequestBuilder().add_certificate(leaf, pki.trust.intermediates[0], SHA256())
    return builder.build().public_bytes(Encoding.DER)


def post(send: Send, body: bytes, media_type: str = "application/ocsp-request") -> Response:
    return send("POST", "/ocsp", content=body, headers={"Content-Type": media_type})


@pytest.mark.parametrize("name", ["root-g1", "citizen-auth-g1", "csca-g1"])
def test_ca_certificates_and_crls_are_served(pki: Pki, send: Send, name: str) -> None:
    certificate = send("GET", f"/ca/{name}.cer")
    assert certificate.content == pki.certificates[name]
    assert certificate.headers["content-type"] == "application/pkix-cert"
    crl = send("GET", f"/crl/{name}.crl")
    assert crl.content == pki.crls.current(name).read()
    assert crl.headers["content-type"] == "application/pkix-crl"
    assert crl.headers["cache-control"] == "public, max-age=60, no-transform"


def test_ocsp_by_post(send: Send, question: bytes) -> None:
    response = post(send, question)
    assert response.headers["content-type"] == "application/ocsp-response"
    assert response.headers["cache-control"] == "no-store"
    assert ocsp.load_der_ocsp_response(response.content).certificate_status is ocsp.OCSPCertStatus.GOOD


def test_ocsp_by_get_may_be_cached(send: Send, question: bytes) -> None:
    response = send("GET", "/ocsp/" + quote(base64.b64encode(question).decode(), safe=""))
    assert ocsp.load_der_ocsp_response(response.content).certificate_status is ocsp.OCSPCertStatus.GOOD
    assert response.headers["cache-control"] == "max-age=40, public, no-transform, must-revalidate"


@pytest.mark.parametrize("path", ["/ocsp/", "/ocsp/!!!", "/ocsp/AAAA", "/ocsp/" + "A" * 9000])
def test_garbage_by_get_is_malformed(send: Send, path: str) -> None:
    response = send("GET", path)
    assert response.content == b"\x30\x03\x0a\x01\x01"
    assert response.headers["cache-control"] == "no-store"


def test_requests_beyond_the_bounds_are_refused(send: Send, question: bytes) -> None:
    assert post(send, bytes(5000)).status_code == 413
    refused = post(send, question, "text/plain")
    assert refused.status_code == 415
    assert refused.json()["type"] == "urn:hoviat:problem:ocsp-media-type"


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/crl/nobody.crl", 404, "unknown-crl"),
        ("GET", "/ca/nobody.cer", 404, "unknown-ca"),
        ("GET", "/ca/..%2f..%2fkeys%2froot.cer", 404, "not-found"),
        ("GET", "/nothing", 404, "not-found"),
        ("DELETE", "/ocsp", 405, "method-not-allowed"),
    ],
)
def test_refusals_are_problem_documents(send: Send, method: str, path: str, status: int, kind: str) -> None:
    response = send(method, path)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"] == f"urn:hoviat:problem:{kind}"


def break_the_database(pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OperationalError("SELECT secret", {}, OSError("down"))

    monkeypatch.setattr(pki.status, "states", refuse)
    monkeypatch.setattr(pki.feed, "positions", refuse)
    monkeypatch.setattr(pki.crls, "overdue", refuse)


def test_without_a_database_nothing_is_good(
    pki: Pki, send: Send, question: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_the_database(pki, monkeypatch)
    assert post(send, question).content == b"\x30\x03\x0a\x01\x02"  # internalError
    health = send("GET", "/healthz")
    assert health.status_code == 503
    assert "secret" not in health.text


def test_a_responder_past_renewal_says_nothing_good(send: Send, question: bytes, clock: Any) -> None:
    clock.advance(days=366 * 12)  # its CA has ended
    assert post(send, question).content == b"\x30\x03\x0a\x01\x02"


def test_health_signs_seldom_however_often_it_is_asked(pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    signed, now, plain = [], [0.0], FileSigner.sign

    def sign(self: FileSigner, message: bytes, algorithm: Any) -> bytes:
        signed.append(self)
        return plain(self, message, algorithm)

    checks = HealthChecks(pki, lambda: now[0])
    assert checks.failing() == {}  # responders are made
    monkeypatch.setattr(FileSigner, "sign", sign)
    now[0] += HELD_SECONDS
    for _ in range(20):
        assert checks.failing() == {}
    assert len(signed) == len(pki.ocsp.maker.sources)

    def fail(*_: object) -> bytes:
        raise TokenUnavailableError("token", "is gone")

    monkeypatch.setattr(FileSigner, "sign", fail)
    assert checks.failing() == {}
    now[0] += HELD_SECONDS
    assert [type(error) for error in checks.failing().values()] == [TokenUnavailableError]
    monkeypatch.setattr(FileSigner, "sign", plain)
    now[0] += HELD_SECONDS
    assert checks.failing() == {}


def test_health_metrics_and_disclosure(send: Send, question: bytes) -> None:
    assert send("GET", "/healthz").json()["status"] == "ok"
    post(send, question)
    post(send, b"")
    text = send("GET", "/metrics").text
    assert 'hoviat_pki_ocsp_responses_total{source="made",status="successful"} 1' in text
    assert 'hoviat_pki_ocsp_responses_total{source="made",status="malformed_request"} 1' in text
    assert text.count("# TYPE hoviat_pki_ocsp_responses_total counter") == 1
    assert "Relying parties" in send("GET", "/pds-en.txt").text
    assert "authentication: 0.4.0.2042.1.2" in send("GET", "/policy.txt").text
    listed = send("GET", "/").text.split()
    assert {"policy.txt", "ca/csca-g1.cer", "crl/csca-g1.crl"} <= set(listed)
    assert all(
        send("GET", f"/{path}").status_code == 200
        for path in listed
        if path.endswith((".cer", ".crl", ".txt"))
    )
