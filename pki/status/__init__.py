"""What is known of certificates after issue: the store, CRLs, OCSP."""

from pki.status.state import CertificateState, Hold, RevocationReason, Status

__all__ = ["CertificateState", "Hold", "RevocationReason", "Status"]
