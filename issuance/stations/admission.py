"""What a certificate has to say so that it can be a station's; its path was checked by TLS."""

from cryptography import x509
from cryptography.x509.oid import NameOID

from issuance.stations.errors import StationNotAdmittedError
from pki.oids import HOVIAT_STATION_POLICY


def station_certificate(der: bytes) -> tuple[str, str]:
    """Name and serial (hexadecimal) of a station's certificate. Raises StationNotAdmittedError for others."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        policies = certificate.extensions.get_extension_for_class(x509.CertificatePolicies).value
        (name,) = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except (ValueError, x509.ExtensionNotFound) as error:
        raise StationNotAdmittedError("no station's certificate") from error
    if HOVIAT_STATION_POLICY not in {policy.policy_identifier.dotted_string for policy in policies}:
        raise StationNotAdmittedError("no station's certificate")
    return str(name.value), f"{certificate.serial_number:x}"
