"""A card of each honest profile, read back through cardio."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from cardio.errors import ObjectNotFoundError, TransportPinError
from cardio.globalplatform.registry import CardLifeCycle
from cardio.globalplatform.session import IssuerSecurityDomain
from cardio.piv.certificates import certificate_key
from cardio.piv.session import PivSession
from cardio.piv.slots import Slot, algorithm_of
from issuance.production.cardsecrets import KEY_VERSION, issuer_secrets
from issuance.production.pathcheck import path_check
from issuance.production.personalisation import CHANNEL_LEVEL, hash_for
from pki.profiles import Profile
from pki.profiles.names import PersonName, fold, read_person
from pki.profiles.tbs import subject_of
from pki.status.state import Status as CertificateStatus
from simulators.population.people import People
from simulators.population.register import SyntheticCivilRegister
from simulators.profiles.issuing import ProfileCard, ProfileIssuer, chance_of
from simulators.profiles.loading import load_profile, profile_names
from simulators.profiles.shape import Status
from tests.integration.profiles.conftest import session_with

HONEST = [name for name in profile_names() if not load_profile(name).hostile]
ACTIVATED = [name for name in HONEST if load_profile(name).status is not Status.UNDELIVERED]
CardOf = Callable[[str], ProfileCard]


def person_on(session: PivSession) -> PersonName:
    certificate = x509.load_der_x509_certificate(session.read_certificate(Slot.AUTHENTICATION))
    return read_person(subject_of(certificate))


@pytest.mark.parametrize("name", HONEST)
def test_the_holder_is_the_profiles(card_of: CardOf, name: str) -> None:
    card = card_of(name)
    holder = card.profile.holder
    with session_with(card) as session:
        person = person_on(session)
    assert person.given_name == (holder.given_name and fold("given_name", holder.given_name))
    assert person.surname == (holder.surname and fold("surname", holder.surname))
    if holder.foreign is None:
        assert person.identity == card.national_code
    else:
        assert card.national_code == ""
        assert not isinstance(person.identity, str)
        assert (person.identity.scheme, person.identity.country) == (
            holder.foreign.scheme,
            holder.foreign.country,
        )


@pytest.mark.parametrize("name", ACTIVATED)
def test_the_keys_are_the_profiles_and_sign(card_of: CardOf, name: str) -> None:
    card = card_of(name)
    with session_with(card) as session:
        for plan in card.profile.keys:
            key = session.public_key(plan.slot)
            assert algorithm_of(key) is plan.algorithm
            session.verify_pin(card.pin)
            session.sign(plan.slot, key, b"read back", hash_for(key))
        session.verify_pin(card.pin)
        printed = session.read_printed_information()
        assert printed.name == card.profile.holder.latin_name
        assert printed.card_serial == card.card_number
        assert session.read_chuid().expires == printed.expires


def test_a_child_has_no_signature_key(card_of: CardOf) -> None:
    with session_with(card_of("child")) as session, pytest.raises(ObjectNotFoundError):
        session.read_certificate(Slot.SIGNATURE)


@pytest.mark.parametrize(("name", "bits"), [("rsa2048", 2048), ("rsa3072", 3072)])
def test_rsa_lengths(card_of: CardOf, name: str, bits: int) -> None:
    for der in card_of(name).certificates.values():
        key = certificate_key(der)
        assert isinstance(key, rsa.RSAPublicKey)
        assert key.key_size == bits


def test_p384_logs_in(card_of: CardOf) -> None:
    key = certificate_key(card_of("p384").certificates[Slot.AUTHENTICATION])
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == "secp384r1"


def test_an_undelivered_card_has_its_transport_pin(card_of: CardOf) -> None:
    card = card_of("undelivered")
    with session_with(card) as session, pytest.raises(TransportPinError):
        session.verify_pin(card.pin)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("adult", CertificateStatus.GOOD),
        ("undelivered", CertificateStatus.ON_HOLD),
        ("suspended", CertificateStatus.ON_HOLD),
        ("revoked", CertificateStatus.REVOKED),
        ("revoked-superseded", CertificateStatus.REVOKED),
    ],
)
def test_the_status_is_the_profiles(
    card_of: CardOf, issuer: ProfileIssuer, name: str, status: CertificateStatus
) -> None:
    card = card_of(name)
    for der in card.certificates.values():
        serial = x509.load_der_x509_certificate(der).serial_number
        state = issuer.pki.status.state_of(serial)
        assert state.status is status
        assert card.profile.reason in (None, state.reason)


def test_an_expired_card_was_good_in_its_time(card_of: CardOf, issuer: ProfileIssuer) -> None:
    der = card_of("expired").certificates[Slot.AUTHENTICATION]
    certificate = x509.load_der_x509_certificate(der)
    assert certificate.not_valid_after_utc < datetime.now(UTC) - timedelta(days=300)
    check = path_check(issuer.earlier.trust)
    check(Profile.AUTHENTICATION, der, certificate.not_valid_before_utc + timedelta(days=1))
    assert not set(issuer.earlier.trust.anchors) & set(issuer.pki.trust.anchors)
    assert issuer.earlier.status.state_of(certificate.serial_number).status is CertificateStatus.GOOD


def test_the_card_is_secured_and_its_keys_are_the_issuers(card_of: CardOf, issuer: ProfileIssuer) -> None:
    card = card_of("adult")
    secrets = issuer_secrets(issuer.pki.master_keys["card"], int(card.file.stem))
    with session_with(card) as session:
        domain = IssuerSecurityDomain(session.channel.connection)
        domain.authenticate(secrets.channel_keys, CHANNEL_LEVEL)
        assert domain.card_life_cycle() is CardLifeCycle.SECURED
        assert domain.key_versions() == {KEY_VERSION}


def test_one_seed_gives_the_same_people_and_pins(issuer: ProfileIssuer) -> None:
    profile = load_profile("adult")
    first, second = (
        [issuer.issue(profile, chance) for _ in range(2)]
        for chance in (chance_of(profile, 9), chance_of(profile, 9))
    )
    assert [card.national_code for card in first] == [card.national_code for card in second]
    assert [card.pin for card in first] == [card.pin for card in second]
    assert first[0].national_code != first[1].national_code
    assert len({card.card_number for card in (*first, *second)}) == 4


def test_nobody_of_the_register_is_issued_to(card_of: CardOf) -> None:
    assert SyntheticCivilRegister(People(1)).find(card_of("adult").national_code) is None


def test_no_secret_shows(card_of: CardOf) -> None:
    card = card_of("adult")
    assert card.pin not in repr(card)
    assert card.puk not in repr(card)
