"""The fast path: issuing CAs whose signatures are checked once, then one signature check for each leaf."""

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509

from pki.der import DerError
from pki.profiles.tbs import issuer_of, subject_of
from pki.validation.errors import MalformedCertificateError, UntrustedIssuerError
from pki.validation.path import (
    ANY_PURPOSE,
    ValidatedPath,
    anchor_of,
    check_each,
    check_issued_by,
    check_policies,
    check_purpose,
)
from pki.validation.policy import PathPolicy


class PinnedIssuers:
    """The CAs that issue to citizens, each directly below an anchor.

    Their signatures are checked here, once. Everything that depends on the moment or on the policy is
    checked for the whole path with each leaf. A peer chooses nothing but the leaf.
    """

    def __init__(self, issuers: Sequence[x509.Certificate], anchors: Sequence[x509.Certificate]) -> None:
        """Raises UntrustedIssuerError or BadSignatureError for a CA that no anchor issued."""
        self._above = {subject_of(issuer): (issuer, anchor_of(issuer, 1, anchors)) for issuer in issuers}

    def validate(
        self, leaf: x509.Certificate, at: datetime, policy: PathPolicy = ANY_PURPOSE
    ) -> ValidatedPath:
        """Raises UntrustedIssuerError, MalformedCertificateError, else what `validate` raises."""
        try:
            above = self._above.get(issuer_of(leaf))
        except DerError as error:
            raise MalformedCertificateError(0, "is not a version 3 certificate") from error
        if above is None:
            raise UntrustedIssuerError(0, "was issued by none of the pinned CAs")
        issuer, anchor = above
        check_issued_by(leaf, issuer, 0)
        check_each((leaf, issuer, anchor), at)
        check_policies((leaf, issuer, anchor), policy)
        check_purpose(leaf, policy)
        return ValidatedPath((leaf, issuer), anchor)
