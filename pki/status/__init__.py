"""What is known of certificates after issue: the store, CRLs, OCSP."""

from pki.status.state import CertificateState, RevocationReason, Status

__all__ = ["CertificateState", "RevocationReason", "Status"]
