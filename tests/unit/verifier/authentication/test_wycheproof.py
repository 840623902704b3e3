"""Wycheproof against the signatures of Web eID tokens: R ‖ S, PKCS #1 v1.5 and PSS."""

from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from tests.wycheproof import Case, cases, octets
from verifier.authentication.algorithms import SignatureAlgorithm, _verify_ecdsa, _verify_rsa
from verifier.authentication.errors import SignatureError

# The message of a token is two digests, of origin and nonce; Wycheproof's messages go one step below that.


def verify(algorithm: SignatureAlgorithm, case: Case) -> None:
    key = load_der_public_key(octets(case, "publicKeyDer"))
    if isinstance(key, ec.EllipticCurvePublicKey):
        _verify_ecdsa(algorithm, key, octets(case, "sig"), octets(case, "msg"))
    else:
        assert isinstance(key, rsa.RSAPublicKey)
        _verify_rsa(algorithm, key, octets(case, "sig"), octets(case, "msg"))


@pytest.mark.parametrize(
    ("name", "algorithm"),
    [
        ("ecdsa_secp256r1_sha256_p1363", SignatureAlgorithm.ES256),
        ("ecdsa_secp384r1_sha384_p1363", SignatureAlgorithm.ES384),
        ("rsa_signature_2048_sha256", SignatureAlgorithm.RS256),
        ("rsa_pss_2048_sha256_mgf1_32", SignatureAlgorithm.PS256),
    ],
)
def test_signatures(name: str, algorithm: SignatureAlgorithm, test_data: Path) -> None:
    seen = set()
    for case in cases(test_data, name):
        seen.add(case["result"])
        if case["result"] == "valid":
            verify(algorithm, case)
        else:
            with pytest.raises((InvalidSignature, SignatureError, ValueError)):
                verify(algorithm, case)
    assert seen >= {"valid", "invalid"}
