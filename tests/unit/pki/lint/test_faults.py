"""Lint against faults of our own: changed bytes, changed extensions, and an encoder that errs."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pki import der, oids
from pki.errors import LintError
from pki.keys.kinds import KeyKind
from pki.lint import lint
from pki.profiles import Profile, extensions
from pki.profiles.definitions import DEFINITIONS
from tests.unit.pki.lint.surgery import extensions_of, flip_critical, with_extensions
from tests.unit.pki.profiles.samples import SERIAL, expectation, sample_tbs

# cryptography's reader warns of it before our rule refuses it: an authorityCertSerialNumber below zero.
pytestmark = pytest.mark.filterwarnings("ignore:Parsed a serial number which wasn't positive")

KIND = {
    profile: min(definition.keys, key=lambda kind: kind.value) for profile, definition in DEFINITIONS.items()
}
SAMPLES = {profile: sample_tbs(definition, KIND[profile]) for profile, definition in DEFINITIONS.items()}
EXTENSIONS = [
    (profile, place) for profile, tbs in SAMPLES.items() for place in range(len(extensions_of(tbs)))
]
_TIMES_BYTES = 34
FLIPS = (0x01, 0x10, 0x80)
"""A neighbour; a digit to a blank; another class of tag, or a long length."""


def refused(profile: Profile, tbs: bytes) -> bool:
    try:
        lint(tbs, expectation(DEFINITIONS[profile], KIND[profile]))
    except LintError:
        return True
    return False


def free_positions(profile: Profile) -> set[int]:
    """Where another byte may mean another lawful certificate: the serial, and the digits of the times."""
    tbs = SAMPLES[profile]
    serial = tbs.index(SERIAL.to_bytes(16, "big"))
    times = tbs.index(b"\x17\x0d26")
    return {*range(serial, serial + 16), *range(times, times + _TIMES_BYTES)}


@given(profile=st.sampled_from(Profile), position=st.integers(0), flip=st.integers(1, 255))
def test_a_changed_byte_passes_only_where_it_means_the_serial_or_a_time(
    profile: Profile, position: int, flip: int
) -> None:
    tbs = bytearray(SAMPLES[profile])
    position %= len(tbs)
    tbs[position] ^= flip
    assert refused(profile, bytes(tbs)) or position in free_positions(profile)


@pytest.mark.parametrize("profile", Profile)
def test_every_bit_outside_of_serial_and_times_counts(profile: Profile) -> None:
    free = free_positions(profile)
    for position in range(len(SAMPLES[profile])):
        for flip in FLIPS:
            tbs = bytearray(SAMPLES[profile])
            tbs[position] ^= flip
            assert position in free or refused(profile, bytes(tbs)), (position, flip)


@given(profile=st.sampled_from(Profile), data=st.binary(max_size=300))
def test_garbage_is_refused(profile: Profile, data: bytes) -> None:
    assert refused(profile, data)


@given(profile=st.sampled_from(Profile), cut=st.integers(1), more=st.binary(min_size=1, max_size=3))
def test_what_is_cut_or_continued_is_refused(profile: Profile, cut: int, more: bytes) -> None:
    tbs = SAMPLES[profile]
    assert refused(profile, tbs[: cut % len(tbs)])
    assert refused(profile, tbs + more)


@pytest.mark.parametrize(("profile", "place"), EXTENSIONS)
def test_each_extension_is_needed_once_in_its_place_as_it_is(profile: Profile, place: int) -> None:
    tbs = SAMPLES[profile]
    parts = list(extensions_of(tbs).values())
    one, others = parts[place], parts[:place] + parts[place + 1 :]
    assert refused(profile, with_extensions(tbs, others))
    assert refused(profile, with_extensions(tbs, [*parts, one]))
    assert refused(profile, with_extensions(tbs, [*others[:place], flip_critical(one), *others[place:]]))


@given(
    first=st.sampled_from(Profile),
    second=st.sampled_from(Profile),
)
def test_no_profile_passes_for_another(first: Profile, second: Profile) -> None:
    assert first is second or refused(second, SAMPLES[first])


Encoder = Callable[..., bytes]


def nothing(*_: object) -> bytes:
    return b""


def no_semantics(disclosure: str) -> bytes:
    parts = der.parse(der.parse(qc_statements(disclosure), der.SEQUENCE).children()[1].content, der.SEQUENCE)
    return der.extension(oids.QC_STATEMENTS, der.sequence(part.raw for part in parts.children()[1:]))


def swapped_usage(*_: object) -> bytes:
    return der.extension(oids.KEY_USAGE, bytes.fromhex("03020780"), critical=True)


qc_statements: Encoder = extensions._qualified_statements

ENCODER_FAULTS = [
    ("_qualified_statements", nothing, "qc_statements"),
    ("_qualified_statements", no_semantics, "qc_statements"),
    ("_key_usage", swapped_usage, "key_usage"),
    ("_key_usage", nothing, "key_usage"),
    ("_policies", nothing, "policies"),
    ("_crl_pointer", nothing, "crl_distribution_point"),
    ("_access", nothing, "authority_info_access"),
    ("_authority_key", nothing, "authority_key_identifier"),
]


@pytest.mark.parametrize(("encoder", "fault", "rule"), ENCODER_FAULTS)
def test_an_encoder_that_errs_is_found_by_a_rule_that_does_not_ask_it(
    monkeypatch: pytest.MonkeyPatch, encoder: str, fault: Encoder, rule: str
) -> None:
    """`canonical` would pass: the faulty encoder agrees with itself."""
    monkeypatch.setattr(extensions, encoder, fault)
    definition = replace(DEFINITIONS[Profile.SIGNATURE])  # another object has another template
    with pytest.raises(LintError) as caught:
        lint(sample_tbs(definition, KeyKind.P256), expectation(definition, KeyKind.P256))
    assert caught.value.rule == rule
