"""Keys that are told by their first bytes are those that the readers tell."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pki import der
from pki.validation.signatures import AlgorithmError, verifying_key
from pki.validation.usualkeys import usual_curve


def _spki(curve: ec.EllipticCurve) -> bytes:
    key = ec.generate_private_key(curve).public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1()])
def test_named_curves_are_told(curve: ec.EllipticCurve) -> None:
    spki = _spki(curve)
    assert usual_curve(spki) == curve.name
    key = verifying_key(spki)
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == curve.name


def test_others_have_to_be_read() -> None:
    spki = _spki(ec.SECP256R1())
    assert usual_curve(_spki(ec.SECP521R1())) is None
    for other in (b"", spki[:-1], spki + b"\0", spki.replace(der.bit_string(b"")[:1], b"\x04", 1)):
        assert usual_curve(other) is None
    hybrid = bytearray(spki)
    hybrid[-65] = 6  # SEC 1 of 1998 had a form with both coordinates and a parity
    assert usual_curve(bytes(hybrid)) is None


def test_a_point_beside_the_curve_is_refused_all_the_same() -> None:
    spki = bytearray(_spki(ec.SECP256R1()))
    spki[-1] ^= 1
    assert usual_curve(bytes(spki)) is not None
    with pytest.raises(AlgorithmError):
        verifying_key(bytes(spki))
