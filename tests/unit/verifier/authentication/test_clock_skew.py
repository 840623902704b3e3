"""Our clock off by ten minutes, a second or an instant, around the ends of each certificate's life."""

from datetime import datetime, timedelta

import pytest

from simulators.forge.certificates import NOW, POLICY_OID, make_authority
from simulators.forge.tokens import NONCE, ORIGIN, Forge, ForgedCard
from verifier.authentication.errors import (
    CertificateExpiredError,
    CertificateNotYetValidError,
    IssuerUntrustedError,
)
from verifier.authentication.policy import national_policy
from verifier.authentication.token import WebEidToken
from verifier.authentication.trust import PinnedTrust
from verifier.authentication.verification import TokenVerifier

FORGE = Forge.create()
POLICY = national_policy(frozenset({POLICY_OID}))
_SKEW = timedelta(minutes=10)
_SECOND, _INSTANT = timedelta(seconds=1), timedelta(microseconds=1)
_OF_NOT_BEFORE = {
    -_SKEW: False,
    -_SECOND: False,
    -_INSTANT: False,
    timedelta(0): True,
    _INSTANT: True,
    _SKEW: True,
}
_OF_NOT_AFTER = {
    -_SKEW: True,
    -_INSTANT: True,
    timedelta(0): True,
    _SECOND - _INSTANT: True,  # the second that notAfter names is the certificate's last
    _SECOND: False,
    _SKEW: False,
}


def _holds(trust: PinnedTrust, card: ForgedCard, at: datetime) -> bool:
    try:
        TokenVerifier(POLICY, trust, None).check(WebEidToken.parse(card.text()), ORIGIN, NONCE, at)
    except (CertificateNotYetValidError, CertificateExpiredError, IssuerUntrustedError):
        return False
    return True


@pytest.mark.parametrize("whose", ["card", "issuer", "root"])
@pytest.mark.parametrize(("off", "good"), _OF_NOT_BEFORE.items(), ids=str)
def test_clock_off_around_not_before(whose: str, off: timedelta, *, good: bool) -> None:
    """No grace: a clock that is ten minutes off is the operator's to set right."""
    usual = FORGE.spec.not_before
    times = {who: NOW if who == whose else usual for who in ("card", "issuer", "root")}
    root = make_authority("Root", path_length=None, not_before=times["root"])
    authority = make_authority("CA", root, not_before=times["issuer"])
    card = FORGE.card(issuer=authority, not_before=times["card"])
    assert _holds(PinnedTrust([root.certificate], [authority.certificate]), card, NOW + off) is good


@pytest.mark.parametrize("whose", ["card", "issuer", "root"])
@pytest.mark.parametrize(("off", "good"), _OF_NOT_AFTER.items(), ids=str)
def test_clock_off_around_not_after(whose: str, off: timedelta, *, good: bool) -> None:
    usual = FORGE.spec.not_after
    times = {who: NOW if who == whose else usual for who in ("card", "issuer", "root")}
    root = make_authority("Root", path_length=None, not_after=times["root"])
    authority = make_authority("CA", root, not_after=times["issuer"])
    card = FORGE.card(issuer=authority, not_after=times["card"])
    assert _holds(PinnedTrust([root.certificate], [authority.certificate]), card, NOW + off) is good
