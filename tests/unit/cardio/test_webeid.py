"""Web eID tokens: the signed content against real tokens, and what is refused before the PIN is used."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from cardio.errors import UnsupportedKeyError
from cardio.webeid import WebEidRequestError, create_token, require_origin, scheme_for, signed_content

HASHES = {"ES384": hashes.SHA384(), "RS256": hashes.SHA256()}
REAL_TOKENS = ("est-es384-valid", "be-es384-valid", "be-rs256-valid")


@pytest.fixture(scope="module")
def vectors(test_data: Path) -> dict[str, dict[str, Any]]:
    suite = json.loads((test_data / "webeid" / "vectors.json").read_text("utf-8"))
    return {vector["name"]: vector for vector in suite["vectors"]}


def _verify(token: dict[str, str], content: bytes) -> None:
    certificate = x509.load_der_x509_certificate(base64.b64decode(token["unverifiedCertificate"]))
    key, signature = certificate.public_key(), base64.b64decode(token["signature"])
    if isinstance(key, ec.EllipticCurvePublicKey):
        half = len(signature) // 2
        r, s = int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
        key.verify(encode_dss_signature(r, s), content, ec.ECDSA(HASHES[token["algorithm"]]))
    else:
        assert isinstance(key, rsa.RSAPublicKey)
        key.verify(signature, content, padding.PKCS1v15(), HASHES[token["algorithm"]])


@pytest.mark.parametrize("name", REAL_TOKENS)
def test_real_tokens_sign_this_content(vectors: dict[str, dict[str, Any]], name: str) -> None:
    vector = vectors[name]
    token = json.loads(vector["token"])
    origin, nonce, algorithm = vector["origin"], vector["nonce"], HASHES[token["algorithm"]]
    _verify(token, signed_content(origin, nonce, algorithm))
    for other in (
        signed_content(origin + "/", nonce, algorithm),
        signed_content(origin, nonce[:-1] + "0", algorithm),
        signed_content(nonce, origin, algorithm),
    ):
        with pytest.raises(InvalidSignature):
            _verify(token, other)


@pytest.mark.parametrize(
    ("curve", "name"), [(ec.SECP256R1(), "ES256"), (ec.SECP384R1(), "ES384")], ids=["P-256", "P-384"]
)
def test_the_scheme_follows_the_key(curve: ec.EllipticCurve, name: str) -> None:
    assert scheme_for(ec.generate_private_key(curve).public_key()).name == name


def test_other_keys_have_no_scheme() -> None:
    with pytest.raises(UnsupportedKeyError):
        scheme_for(ec.generate_private_key(ec.SECP521R1()).public_key())


@pytest.mark.parametrize("origin", ["https://ria.ee", "https://localhost:8443", "https://xn--mgb.ir"])
def test_origins(origin: str) -> None:
    require_origin(origin)


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "https://",
        "http://ria.ee",
        "HTTPS://ria.ee",
        "https://ria.ee/",
        "https://ria.ee/path",
        "https://ria.ee?x",
        "https://ria.ee#x",
        "https://user@ria.ee",
        "https://ria .ee",
        "https://ria.ee\n",
        "https://هویت.ir",
        "https://" + "a" * 248,
    ],
)
def test_what_is_no_origin(origin: str) -> None:
    with pytest.raises(WebEidRequestError):
        require_origin(origin)


@pytest.mark.parametrize("nonce", ["", "x" * 43, "x" * 129])
def test_nonces_have_a_length(nonce: str) -> None:
    class Untouched:
        """A session that must not be used."""

    with pytest.raises(WebEidRequestError):
        create_token(Untouched(), "123456", "https://ria.ee", nonce)  # type: ignore[arg-type]
