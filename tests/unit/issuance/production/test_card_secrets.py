"""Secrets by card: repeatable, separate for each purpose, owner, master key and serial, and never shown."""

from dataclasses import fields
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from issuance.production.cardsecrets import MANAGEMENT_KEY_BYTES, factory_secrets, issuer_secrets
from pki.keys.masterkeys import FileMasterKey

KEY = FileMasterKey(bytes(range(32)))
SERIALS = st.integers(0, 2**32 - 1)


@given(SERIALS)
def test_form_and_repeatability(serial: int) -> None:
    issuer = issuer_secrets(KEY, serial)
    assert issuer == issuer_secrets(KEY, serial)
    assert len(issuer.management_key) == MANAGEMENT_KEY_BYTES
    for digits, length in ((issuer.transport_pin, 8), (issuer.puk, 8), (issuer.can, 6)):
        assert len(digits) == length
        assert digits.isdigit()


def test_nothing_repeats_between_cards_owners_and_purposes() -> None:
    seen = []
    for serial in range(50):
        factory, issuer = factory_secrets(KEY, serial), issuer_secrets(KEY, serial)
        seen += [factory.pin, factory.puk, issuer.transport_pin, issuer.puk]
        seen += [factory.management_key.hex(), issuer.management_key.hex()]
    assert len(set(seen)) == len(seen)


def test_another_master_key_gives_other_secrets() -> None:
    first, second = issuer_secrets(KEY, 7), issuer_secrets(FileMasterKey(bytes(32)), 7)
    assert all(getattr(first, field.name) != getattr(second, field.name) for field in fields(first))


def test_no_secret_shows_in_a_repr() -> None:
    for secrets in (factory_secrets(KEY, 7), issuer_secrets(KEY, 7)):
        shown = repr(secrets)
        for field in fields(secrets):
            assert str(getattr(secrets, field.name)) not in shown


def test_pin_and_puk_never_ride_together() -> None:
    issuer = issuer_secrets(KEY, 7)
    values = [issuer.transport_pin, issuer.puk, issuer.can]
    assert all(first != second for first, second in combinations(values, 2))
