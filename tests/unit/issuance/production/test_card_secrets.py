"""Secrets by card: repeatable, separate for each purpose, owner, master key and serial, and never shown."""

from dataclasses import fields
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issuance.production.cardsecrets import (
    MANAGEMENT_KEY_BYTES,
    factory_secrets,
    issuer_channel_keys,
    issuer_secrets,
)
from pki.keys.masterkeys import FileMasterKey

KEY = FileMasterKey(bytes(range(32)))
SERIAL = 17_042_025
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


# SP 800-108r1, 4.1, with AES-256-CMAC: the key 00 01 … 1F, the label as written here, the context 01040A69
# (the serial). Made with OpenSSL: `openssl kdf -keylen 32 -kdfopt mac:CMAC -kdfopt cipher:AES-256-CBC -kdfopt
# hexkey:… -kdfopt hexsalt:LABEL -kdfopt hexinfo:CONTEXT -kdfopt mode:counter KBKDF`; 16 bytes for digits.
KNOWN_KEYS = {
    "hoviat issuer management-key v1": "450be6a0841c030672a8bf7eee66920ae5ac199903c75b89f7fc3d9b749b00e2",
    "hoviat factory management-key v1": "4fc566a852b160771e79fcb3675cfb366eb8ee15ea48b8f8fb838af37102a773",
    "SCP03 ENC v1": "ec6a3b0613a969614eb80329bbb64b463f56cf2bd17dce21402ede51d33317e3",
    "SCP03 MAC v1": "aeaa59aedadb981295aaf7a97a3578564d1edea5f68da2183ec3a1bdf3a127bd",
    "SCP03 DEK v1": "adebc8b4525c09bbb3ab594d95fe5e9c3fcd727a02a9fab022fa05f4842928fa",
    "SCP03 ENC v2": "c9680828ec5ebf01419dc51c61a7c64d3e8b5128f38597849b7d296e1aba54ed",
    "SCP03 ENC v255": "da1848b939b52d3bd9bb1f4e2561a4cd03d1fb059506d292945d4211cc698d3a",
}
KNOWN_DIGITS = {
    "hoviat issuer transport-pin v1": ("62c6b8bcec6e85e13d1b510575876f66", 8),
    "hoviat issuer puk v1": ("94c1530f4facfa66200971565b5d291f", 8),
    "hoviat issuer can v1": ("4e212f9b30471730be3cf0f719e8bee6", 6),
    "hoviat factory pin v1": ("bd083ac8e2d7048dfa6e2a78ba2cd7e8", 8),
    "hoviat factory puk v1": ("4cb0b5aa1fb6df14cb1033257e99b72d", 8),
}


class TestTrap7Derivation:
    """The label is purpose and version, the context the card's serial, against another implementation."""

    def test_trap_7_keys_are_the_known_answers(self) -> None:
        issuer, factory = issuer_secrets(KEY, SERIAL), factory_secrets(KEY, SERIAL)
        enc, mac, dek = issuer.channel_keys.keys
        derived = {
            "hoviat issuer management-key v1": issuer.management_key,
            "hoviat factory management-key v1": factory.management_key,
            "SCP03 ENC v1": enc,
            "SCP03 MAC v1": mac,
            "SCP03 DEK v1": dek,
            "SCP03 ENC v2": issuer_channel_keys(KEY, SERIAL, 2).enc,
            "SCP03 ENC v255": factory.channel_keys.enc,
        }
        assert {label: key.hex() for label, key in derived.items()} == KNOWN_KEYS

    def test_trap_7_digits_are_the_known_answers_in_decimal(self) -> None:
        issuer, factory = issuer_secrets(KEY, SERIAL), factory_secrets(KEY, SERIAL)
        derived = {
            "hoviat issuer transport-pin v1": issuer.transport_pin,
            "hoviat issuer puk v1": issuer.puk,
            "hoviat issuer can v1": issuer.can,
            "hoviat factory pin v1": factory.pin,
            "hoviat factory puk v1": factory.puk,
        }
        for label, digits in derived.items():
            octets, length = KNOWN_DIGITS[label]
            assert digits == str(int(octets, 16))[-length:], label

    @pytest.mark.parametrize("serial", [SERIAL + 1, SERIAL ^ 1 << 31, 0])
    def test_trap_7_another_serial_gives_another_key(self, serial: int) -> None:
        assert issuer_secrets(KEY, serial).management_key.hex() not in KNOWN_KEYS.values()


def test_pin_and_puk_never_ride_together() -> None:
    issuer = issuer_secrets(KEY, 7)
    values = [issuer.transport_pin, issuer.puk, issuer.can]
    assert all(first != second for first, second in combinations(values, 2))
