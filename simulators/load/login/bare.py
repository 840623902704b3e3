"""The limits of `bench login`: a token's cryptography alone, and the framework alone."""

import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from simulators.load.login.cards import ORIGIN, SoftwareCard
from simulators.load.login.loader import Orders, send
from simulators.process import free_port, python_process
from verifier.authentication.algorithms import SignatureAlgorithm, signed_message

_NONCE = "A" * 44
_Signed = tuple[bytes, bytes, str]
"""A certificate, a signature over bench origin and nonce, and its algorithm."""


def cryptography_rate(cards: Sequence[SoftwareCard], issuer: bytes, seconds: float, processes: int) -> float:
    """Tokens per second of so many processes at once.

    A token's cryptography is its certificate parsed, the issuer's signature on it checked, and its own.
    """
    signed = [(card.certificate, card.signature(_NONCE), card.curve.algorithm) for card in cards]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        rates = pool.map(_verify_rate, *zip(*[(signed, issuer, seconds)] * processes, strict=True))
        return sum(rates)


def _verify_rate(signed: Sequence[_Signed], issuer: bytes, seconds: float) -> float:
    key = x509.load_der_x509_certificate(issuer)
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        for certificate, signature, algorithm in signed:
            _verify(certificate, key, signature, SignatureAlgorithm(algorithm))
        done += len(signed)
    return done / (time.perf_counter() - began)


def _verify(
    certificate: bytes, issuer: x509.Certificate, signature: bytes, algorithm: SignatureAlgorithm
) -> None:
    leaf = x509.load_der_x509_certificate(certificate)
    leaf.verify_directly_issued_by(issuer)
    half = len(signature) // 2
    r, s = int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
    key = leaf.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise TypeError("the benchmark's keys are EC keys")
    message = signed_message(algorithm, ORIGIN, _NONCE)
    key.verify(encode_dss_signature(r, s), message, ec.ECDSA(algorithm.digest.algorithm))


def framework_rate(bodies: Sequence[bytes], workers: int, connections: int) -> float:
    """Answers per second of the same server with a FastAPI application that reads JSON and does nothing."""
    port = free_port()
    command = ["-m", "simulators.load.login.constant", str(port), str(workers)]
    requests = [post("/v1/authentications", body) for body in bodies]
    with python_process(command, port):
        send(Orders(port, requests[: len(requests) // 4], connections)).require(200)  # its workers begin
        outcome = send(Orders(port, requests, connections)).require(200)
    return len(requests) / outcome.seconds


def post(path: str, body: bytes, key: str = "") -> bytes:
    """A whole HTTP request."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {key}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
