"""Certification requests (PKCS#10, RFC 2986): made with any `Signer`, taken only with proof of possession."""

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from pki import der
from pki.errors import MalformedCsrError, ProofOfPossessionError, WeakKeyError
from pki.keys.adapter import private_key_of
from pki.keys.algorithms import algorithm_for
from pki.keys.signer import MessageSigner, SignerPublicKey

MAX_CSR_BYTES = 8192
ACCEPTED_CURVES = (ec.SECP256R1, ec.SECP384R1)
ACCEPTED_RSA_BITS = frozenset({2048, 3072, 4096})
RSA_EXPONENT = 65537
_ACCEPTED_HASHES = (SHA256, SHA384, SHA512)


def create_csr(signer: MessageSigner, common_name: str) -> bytes:
    """A DER PKCS#10 request for the signer's key, signed by it."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    # The builders admit only SHA-2 names here; algorithm_for yields nothing else.
    hash_algorithm = SHA384() if algorithm_for(signer.public_key).hash.name == "sha384" else SHA256()
    return builder.sign(private_key_of(signer), hash_algorithm).public_bytes(Encoding.DER)


def verify_csr(csr: bytes) -> SignerPublicKey:
    """The request's key, once its holder has proved to hold it and the key is strong enough.

    Raises MalformedCsrError, WeakKeyError, ProofOfPossessionError.
    """
    if len(csr) > MAX_CSR_BYTES:
        raise MalformedCsrError(f"a request of more than {MAX_CSR_BYTES} bytes")
    try:
        request = x509.load_der_x509_csr(csr)
        key = request.public_key()
        signature_hash = request.signature_hash_algorithm
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise MalformedCsrError("not a PKCS#10 request") from error
    _require_whole_signature(csr)
    accepted = accept_key(key)
    if not isinstance(signature_hash, _ACCEPTED_HASHES):
        raise ProofOfPossessionError("the request is signed with a hash that is not accepted")
    if not request.is_signature_valid:
        raise ProofOfPossessionError("the request is not signed by the key it asks a certificate for")
    return accepted


def _require_whole_signature(csr: bytes) -> None:
    """A signature is whole octets. Readers overlook unused bits, and one request would have two encodings."""
    try:
        *_, signature = der.parse(csr, der.SEQUENCE).children()
    except der.DerError as error:
        raise MalformedCsrError("the request is not DER") from error
    if signature.tag != der.BIT_STRING or signature.content[:1] != b"\x00":
        raise MalformedCsrError("the request's signature is not whole octets")


def accept_key(key: object) -> SignerPublicKey:
    """The key, if its kind and size are among those any profile takes. Raises WeakKeyError."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        if not isinstance(key.curve, ACCEPTED_CURVES):
            raise WeakKeyError(f"curve {key.curve.name} is not accepted")
        return key
    if not isinstance(key, rsa.RSAPublicKey):
        raise WeakKeyError("only EC and RSA keys are accepted")
    if key.key_size not in ACCEPTED_RSA_BITS or key.public_numbers().e != RSA_EXPONENT:
        raise WeakKeyError(f"an RSA key of {key.key_size} bits, or its exponent, is not accepted")
    return key
