"""Does a new certificate lead to a trust anchor? Asked before a card with it leaves the reader."""

from collections.abc import Iterable
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from issuance.production.errors import PathError
from issuance.production.work import PathCheck
from pki.bootstrap import Trust


def path_check(trust: Trust) -> PathCheck:
    """A check of leaf → intermediate → anchor: names, signatures and times; status is on hold by design."""

    def check(der: bytes, at: datetime) -> None:
        leaf = x509.load_der_x509_certificate(der)
        issuer = _issuer_of(leaf, trust.intermediates)
        anchor = _issuer_of(issuer, trust.anchors)
        for certificate in (leaf, issuer, anchor):
            if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
                raise PathError("a certificate of the path is not valid now")

    return check


def _issuer_of(certificate: x509.Certificate, candidates: Iterable[x509.Certificate]) -> x509.Certificate:
    for candidate in candidates:
        try:
            certificate.verify_directly_issued_by(candidate)
        except (ValueError, InvalidSignature):
            continue
        return candidate
    raise PathError("no trusted certificate issued it")
