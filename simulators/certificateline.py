"""A certificate as the lines of `hoviat sim issue` tell of it."""

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_certificate

from cardio.piv.slots import Slot


def described(slot: Slot, der: bytes) -> dict[str, str]:
    """Slot, serial and PEM."""
    certificate = load_der_x509_certificate(der)
    return {
        "slot": f"{slot:02X}",
        "serial": f"{certificate.serial_number:x}",
        "pem": certificate.public_bytes(Encoding.PEM).decode(),
    }
