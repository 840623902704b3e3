"""Issuing and changing status: serial reserved → intent recorded → linted → signed → recorded."""

from pki.authority.authority import Authority
from pki.authority.values import CertificateRequest, IssuedCertificate, PersonSubject

__all__ = ["Authority", "CertificateRequest", "IssuedCertificate", "PersonSubject"]
