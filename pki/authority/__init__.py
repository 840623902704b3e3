"""Issuing and changing status: serial reserved → intent recorded → linted → signed → recorded."""

from pki.authority.values import CertificateRequest, IssuedCertificate, PersonSubject

__all__ = ["CertificateRequest", "IssuedCertificate", "PersonSubject"]
