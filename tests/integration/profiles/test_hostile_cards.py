"""A card of each hostile profile: cardio ends in a typed error, or reads on where nothing stops it."""

from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from cardio.errors import CardError, ObjectContentError, ObjectNotFoundError, UnexpectedAnswerError
from cardio.piv.objects import ObjectId
from cardio.piv.session import PivSession
from cardio.piv.slots import Slot
from issuance.production.pathcheck import path_check
from issuance.production.personalisation import Proof, prove_keys
from pki.clock import utc_now
from pki.errors import PkiError
from pki.profiles import Profile
from simulators.card.piv.state import MAX_OBJECT_LENGTH
from simulators.profiles.issuing import ProfileCard, ProfileIssuer
from simulators.profiles.loading import load_profile, profile_names
from tests.integration.profiles.conftest import session_with

HOSTILE = [name for name in profile_names() if load_profile(name).hostile]
CardOf = Callable[[str], ProfileCard]
READERS: dict[ObjectId, Callable[[PivSession], object]] = {
    ObjectId.AUTHENTICATION_CERTIFICATE: lambda session: session.public_key(Slot.AUTHENTICATION),
    ObjectId.SIGNATURE_CERTIFICATE: lambda session: session.public_key(Slot.SIGNATURE),
    ObjectId.CHUID: PivSession.read_chuid,
    ObjectId.CARD_CAPABILITY_CONTAINER: PivSession.read_ccc,
    ObjectId.PRINTED_INFORMATION: PivSession.read_printed_information,
}


def authentication_certificate(card: ProfileCard) -> bytes:
    with session_with(card) as session:
        return session.read_certificate(Slot.AUTHENTICATION)


@pytest.mark.parametrize("name", HOSTILE)
def test_every_object_is_read_or_refused_with_a_typed_error(card_of: CardOf, name: str) -> None:
    card = card_of(name)
    with session_with(card) as session:
        session.verify_pin(card.pin)
        for object_id, read in READERS.items():
            try:
                read(session)
            except CardError:
                assert object_id in card.profile.faults


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("hostile-truncated", ObjectContentError),
        ("hostile-overlong", ObjectContentError),
        ("hostile-trailing", ObjectContentError),
        ("hostile-garbage", ObjectContentError),
        ("hostile-missing", ObjectNotFoundError),
    ],
)
def test_each_object_of_a_broken_card_is_refused(card_of: CardOf, name: str, error: type[CardError]) -> None:
    card = card_of(name)
    with session_with(card) as session:
        session.verify_pin(card.pin)
        for read in READERS.values():
            with pytest.raises(error):
                read(session)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("hostile-gzip-bomb", ObjectContentError),
        ("hostile-not-der", UnexpectedAnswerError),
        ("hostile-nested", UnexpectedAnswerError),
    ],
)
def test_what_is_no_certificate_is_refused(card_of: CardOf, name: str, error: type[CardError]) -> None:
    with session_with(card_of(name)) as session, pytest.raises(error):
        session.public_key(Slot.AUTHENTICATION)


def test_a_compressed_certificate_is_the_genuine_one(card_of: CardOf) -> None:
    card = card_of("hostile-gzip")
    assert authentication_certificate(card) == card.certificates[Slot.AUTHENTICATION]


def test_objects_of_16_kb_are_read_whole(card_of: CardOf) -> None:
    with session_with(card_of("hostile-large")) as session:
        assert len(session.get_object(ObjectId.CHUID)) == MAX_OBJECT_LENGTH
        session.read_chuid()
        session.public_key(Slot.AUTHENTICATION)


def test_a_certificate_of_another_key_is_found_by_the_first_signature(
    card_of: CardOf, issuer: ProfileIssuer
) -> None:
    card = card_of("hostile-other-key")
    der = authentication_certificate(card)
    path_check(issuer.pki.trust)(Profile.AUTHENTICATION, der, utc_now())
    with session_with(card) as session:
        session.verify_pin(card.pin)
        with pytest.raises(UnexpectedAnswerError):
            session.sign(Slot.AUTHENTICATION, session.public_key(Slot.AUTHENTICATION), b"nonce", SHA256())


def test_a_certificate_of_an_unknown_ca_is_for_the_cards_key_and_has_no_path(
    card_of: CardOf, issuer: ProfileIssuer
) -> None:
    card = card_of("hostile-unknown-ca")
    der = authentication_certificate(card)
    with session_with(card) as session:
        prove_keys(session, [Proof(Slot.AUTHENTICATION, der, b"nonce")], card.pin)
    with pytest.raises(PkiError):
        path_check(issuer.pki.trust)(Profile.AUTHENTICATION, der, utc_now())


def test_a_signature_certificate_in_9a_is_not_for_logging_in(card_of: CardOf, issuer: ProfileIssuer) -> None:
    der = authentication_certificate(card_of("hostile-no-client-auth"))
    with pytest.raises(x509.ExtensionNotFound):
        x509.load_der_x509_certificate(der).extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    with pytest.raises(PkiError):
        path_check(issuer.pki.trust)(Profile.AUTHENTICATION, der, utc_now())


def test_another_cards_chuid(card_of: CardOf) -> None:
    card = card_of("hostile-other-chuid")
    with session_with(card) as session:
        other = session.read_chuid()
        session.verify_pin(card.pin)
        assert other.expires == session.read_printed_information().expires
    with session_with(card_of("adult")) as session:
        assert session.read_chuid().guid.version == 5
    assert other.guid.version == 4
