"""Wycheproof against what the terminal computes: checks of a card's signatures, and AES-CMAC."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from cardio.errors import UnexpectedAnswerError
from cardio.globalplatform.keys import AES_KEY_BYTES
from cardio.globalplatform.scp03 import KeyedCmac
from cardio.piv.signing import check_signature
from tests.wycheproof import cases, octets


@pytest.mark.parametrize(
    ("name", "algorithm"),
    [
        ("ecdsa_secp256r1_sha256", hashes.SHA256()),
        ("ecdsa_secp384r1_sha384", hashes.SHA384()),
        ("rsa_signature_2048_sha256", hashes.SHA256()),
    ],
)
def test_signatures(name: str, algorithm: hashes.HashAlgorithm, test_data: Path) -> None:
    seen = set()
    for case in cases(test_data, name):
        key = load_der_public_key(octets(case, "publicKeyDer"))
        assert isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey)
        message, signature = octets(case, "msg"), octets(case, "sig")
        seen.add(case["result"])
        if case["result"] == "valid":
            check_signature(key, signature, message, algorithm)
        else:
            # The "acceptable" one is PKCS #1 v1.5 without the NULL that RFC 8017, section 9.2, wants.
            with pytest.raises(UnexpectedAnswerError):
                check_signature(key, signature, message, algorithm)
    assert seen >= {"valid", "invalid"}


def test_macs(test_data: Path) -> None:
    counted = {"valid": 0, "invalid": 0}
    for case in cases(test_data, "aes_cmac"):
        if len(octets(case, "key")) in AES_KEY_BYTES:
            is_right = KeyedCmac(octets(case, "key")).of(octets(case, "msg")) == octets(case, "tag")
            assert is_right == (case["result"] == "valid"), case["tcId"]
            counted[case["result"]] += 1
    assert all(counted.values())
