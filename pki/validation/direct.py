"""The fast path: issuing CAs validated once, then one signature check for each leaf."""

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509

from pki.der import DerError
from pki.profiles.tbs import issuer_of, subject_of
from pki.validation.errors import MalformedCertificateError, UntrustedIssuerError
from pki.validation.path import ANY_PURPOSE, ValidatedPath, validate
from pki.validation.policy import PathPolicy


class PinnedIssuers:
    """The CAs that issue to citizens, each pinned. The whole path is still checked at each leaf's moment.

    Only the choice of issuer is saved: by name among the pinned ones, nothing from the peer is ever followed.
    """

    def __init__(self, issuers: Sequence[x509.Certificate], anchors: Sequence[x509.Certificate]) -> None:
        self._issuers = {subject_of(issuer): issuer for issuer in issuers}
        self._anchors = tuple(anchors)

    def validate(
        self, leaf: x509.Certificate, at: datetime, policy: PathPolicy = ANY_PURPOSE
    ) -> ValidatedPath:
        """Raises UntrustedIssuerError, MalformedCertificateError, else what `validate` raises."""
        try:
            issuer = self._issuers.get(issuer_of(leaf))
        except DerError as error:
            raise MalformedCertificateError(0, "is not a version 3 certificate") from error
        if issuer is None:
            raise UntrustedIssuerError(0, "was issued by none of the pinned CAs")
        return validate((leaf, issuer), self._anchors, at, policy)
