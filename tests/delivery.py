"""Certificates that are good: issued, and their card handed over."""

from pki.authority.authority import Authority
from pki.authority.values import CertificateRequest, IssuedCertificate


def issue_delivered(authority: Authority, request: CertificateRequest) -> IssuedCertificate:
    """The certificate for a request, of a card that was delivered."""
    issued = authority.issue(request)
    authority.activate(issued.serial, "clerk-1", "delivered")
    return issued
