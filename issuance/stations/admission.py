"""What a certificate has to say so that it can be a station's; its path was checked by TLS."""

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.x509.oid import NameOID

from issuance.stations.errors import StationNotAdmittedError
from pki.oids import HOVIAT_STATION_POLICY


@dataclass(frozen=True)
class StationCertificate:
    """What a station's certificate says."""

    station: str
    serial: int
    ends_at: datetime

    @staticmethod
    def read(der: bytes) -> "StationCertificate":
        """Raises StationNotAdmittedError for any other certificate."""
        try:
            certificate = x509.load_der_x509_certificate(der)
            policies = certificate.extensions.get_extension_for_class(x509.CertificatePolicies).value
            (name,) = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        except (ValueError, x509.ExtensionNotFound) as error:
            raise StationNotAdmittedError("no station's certificate") from error
        if HOVIAT_STATION_POLICY not in {policy.policy_identifier.dotted_string for policy in policies}:
            raise StationNotAdmittedError("no station's certificate")
        return StationCertificate(str(name.value), certificate.serial_number, certificate.not_valid_after_utc)
