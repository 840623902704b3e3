"""An installation's own profile is what its authority issues by; an unreadable one issues nothing."""

from collections.abc import Callable
from datetime import timedelta
from importlib.resources import files

import pytest
from cryptography import x509

from pki.authority import CertificateRequest
from pki.bootstrap import open_pki
from pki.clock import Clock
from pki.errors import KeyNotAllowedError, ProfileError
from pki.home import Home

Requests = Callable[..., CertificateRequest]
OWN = (files("pki.profiles") / "data" / "authentication.toml").read_text("utf-8")


def replace_profile(home: Home, text: str) -> None:
    home.profiles.mkdir()
    (home.profiles / "authentication.toml").write_text(text, "utf-8")


def test_its_life_and_policy_are_issued(home: Home, clock: Clock, citizen_request: Requests) -> None:
    text = OWN.replace("years = 5", "years = 2").replace('"own-authentication"', '"2.16.364.1.2.3"')
    replace_profile(home, text)
    pki = open_pki(home, clock)
    try:
        issued = pki.authority.issue(citizen_request())
    finally:
        pki.close()
    certificate = x509.load_der_x509_certificate(issued.der)
    assert issued.not_after - issued.not_before < timedelta(days=366 * 2)
    policies = certificate.extensions.get_extension_for_class(x509.CertificatePolicies).value
    assert [item.policy_identifier.dotted_string for item in policies] == ["0.4.0.2042.1.2", "2.16.364.1.2.3"]


def test_its_keys_are_taken_and_no_others(home: Home, clock: Clock, citizen_request: Requests) -> None:
    replace_profile(home, OWN.replace('"secp256r1", ', ""))
    pki = open_pki(home, clock)
    try:
        with pytest.raises(KeyNotAllowedError):
            pki.authority.issue(citizen_request())
    finally:
        pki.close()


@pytest.mark.parametrize("text", ["life = ", OWN + "colour = 1", OWN.replace("clientAuth", "serverAuth")])
def test_an_unreadable_one_issues_nothing(
    home: Home, clock: Clock, citizen_request: Requests, text: str
) -> None:
    replace_profile(home, text)
    pki = open_pki(home, clock)
    try:
        with pytest.raises(ProfileError) as caught:
            pki.authority.issue(citizen_request())
    finally:
        pki.close()
    assert caught.value.file == "authentication.toml"
