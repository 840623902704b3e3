"""What fresh answers are held against: the cryptography library's own builder, and the bare signature."""

import multiprocessing
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.x509 import ocsp

from simulators.load.ocsp.throwaway import make_throwaway

_CHECK_EACH = 100


def built_per_second(processes: int, seconds: float) -> float:
    """Answers with a nonce built and signed by OCSPResponseBuilder (P-256), in so many processes at once."""
    return _in_processes(_build, processes, seconds)


def signed_per_second(processes: int, seconds: float) -> float:
    """Bare P-256 signatures over as many bytes, in so many processes at once."""
    return _in_processes(_sign, processes, seconds)


def _in_processes(work: Callable[[float], float], processes: int, seconds: float) -> float:
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        return sum(pool.map(work, [seconds] * processes, chunksize=1))


def _build(seconds: float) -> float:
    throwaway, algorithm = make_throwaway(), SHA256()
    responder, above = throwaway.responder, throwaway.ca

    def once() -> None:
        now = datetime.now(UTC)
        builder = (
            ocsp.OCSPResponseBuilder()
            .add_response(
                responder,
                above,
                SHA1(),  # noqa: S303 - CertIDs are made of it (RFC 5019 §2.1.1)
                ocsp.OCSPCertStatus.GOOD,
                now,
                now + timedelta(hours=1),
                None,
                None,
            )
            .responder_id(ocsp.OCSPResponderEncoding.HASH, responder)
            .certificates([responder])
            .add_extension(x509.OCSPNonce(os.urandom(32)), critical=False)
        )
        builder.sign(throwaway.key, algorithm)

    return _rate(once, seconds)


def _sign(seconds: float) -> float:
    key, scheme, message = ec.generate_private_key(ec.SECP256R1()), ec.ECDSA(SHA256()), bytes(250)
    return _rate(lambda: key.sign(message, scheme), seconds)


def _rate(once: Callable[[], object], seconds: float) -> float:
    began = time.perf_counter()
    done = 0
    while (spent := time.perf_counter() - began) < seconds:
        for _ in range(_CHECK_EACH):
            once()
        done += _CHECK_EACH
    return done / spent
