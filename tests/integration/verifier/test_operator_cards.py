"""The policy for the registry's own people: theirs are no citizens' cards, and no citizen's is theirs."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from pki.authority import CertificateRequest
from pki.authority.values import InstitutionSubject
from pki.home import create
from pki.keys.files import FileSigner
from pki.pkcs10 import create_csr
from pki.profiles import Profile
from pki.status.state import RevocationReason
from simulators.forge.tokens import ForgedCard
from tests.integration.verifier.test_verifier_with_real_pki import ORIGIN, World
from verifier.authentication.errors import CertificatePolicyError, IdentityError
from verifier.authentication.statuserrors import CertificateRevokedError


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(create(tmp_path / "home"))
    made.site = made.verifier.services.authenticate(
        made.verifier.services.register_site("registry", ORIGIN, "operator").api_key
    )
    yield made
    made.close()


def operator_card(world: World, name: str, profile: Profile = Profile.OPERATOR) -> tuple[ForgedCard, int]:
    key = ec.generate_private_key(ec.SECP256R1())
    csr = create_csr(FileSigner(key), "card")
    issued = world.pki.authority.issue(
        CertificateRequest(f"for-{name}", profile, InstitutionSubject(name), csr, "test")
    )
    return ForgedCard(key, issued.der), issued.serial


def test_an_operator_logs_in_by_staff_number_until_revoked(world: World) -> None:
    card, serial = operator_card(world, "supervisor-1")
    claims = world.login(card).identity.claims()
    assert claims["identity_code"] == "supervisor-1"
    assert "national_code" not in claims
    world.pki.authority.revoke(serial, RevocationReason.SUPERSEDED, "test", "another card")
    assert isinstance(world.error_of(card), CertificateRevokedError)


def test_a_citizens_card_is_no_operators(world: World) -> None:
    card, _ = world.issue(Profile.AUTHENTICATION)
    assert isinstance(world.error_of(card), CertificatePolicyError)


def test_an_operators_card_is_no_citizens(world: World) -> None:
    card, _ = operator_card(world, "clerk-1")
    world.site = world.verifier.services.authenticate(world.key)
    assert isinstance(world.error_of(card), CertificatePolicyError)


def test_a_stations_certificate_is_nobodys(world: World) -> None:
    card, _ = operator_card(world, "station-1", Profile.STATION)
    assert isinstance(world.error_of(card), CertificatePolicyError)


@pytest.mark.parametrize("name", ["Supervisor-1", "x", "1clerk", "clerk 1", "clerk_1", "c" * 33])
def test_names_that_no_account_can_have(world: World, name: str) -> None:
    card, _ = operator_card(world, name)
    assert isinstance(world.error_of(card), IdentityError)
