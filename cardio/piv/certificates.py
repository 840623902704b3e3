"""What the terminal reads out of a card's certificates; a card may hold any bytes under that name."""

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from cardio.errors import UnexpectedAnswerError, UnsupportedKeyError
from cardio.piv.slots import PublicKey

# What `x509` raises for odd certificates, when it loads them or when a field is looked at.
UNREADABLE = (ValueError, TypeError, x509.InvalidVersion)


def certificate_key(der: bytes) -> PublicKey:
    """The public key in a certificate.

    :raises UnexpectedAnswerError: no X.509 certificate
    :raises UnsupportedKeyError: a key of no kind used here
    """
    try:
        key = x509.load_der_x509_certificate(der).public_key()
    except UNREADABLE as error:
        raise UnexpectedAnswerError("the certificate on the card can't be read") from error
    except UnsupportedAlgorithm as error:
        raise UnsupportedKeyError(f"the certificate's key: {error}") from error
    if not isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
        raise UnsupportedKeyError("the certificate's key is neither EC nor RSA")
    return key
