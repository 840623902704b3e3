"""Does a new certificate lead to a trust anchor, and may it do its work? Asked before it leaves."""

from datetime import datetime

from cryptography import x509

from issuance.production.work import PathCheck
from pki.bootstrap import Trust
from pki.profiles import Profile
from pki.validation.direct import PinnedIssuers
from pki.validation.policy import PathPolicy

_POLICIES = {
    Profile.AUTHENTICATION: PathPolicy(key_usage="digital_signature"),
    Profile.SIGNATURE: PathPolicy(key_usage="content_commitment"),
}


def path_check(trust: Trust) -> PathCheck:
    """The check that every relying party makes, but for status: that is on hold by design."""
    issuers = PinnedIssuers(trust.intermediates, trust.anchors)

    def check(profile: Profile, der: bytes, at: datetime) -> None:
        issuers.validate(x509.load_der_x509_certificate(der), at, _POLICIES[profile])

    return check
