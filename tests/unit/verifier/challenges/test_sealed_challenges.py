"""Nonces under a MAC: whatever is changed, moved or invented is nobody's."""

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.authentication.errors import ChallengeError, ChallengeExpiredError, ChallengeUnknownError
from verifier.challenges.sealing import (
    LIFETIME,
    NONCE_LENGTH,
    RANDOM_BYTES,
    Challenge,
    day_of,
    opened,
    seal,
    take_apart,
)
from verifier.services.registry import RelyingSite

NOW = datetime(2026, 3, 20, 23, 58, 30, 123_000, tzinfo=UTC)
SITE = RelyingSite("a" * 16, "portal", "https://portal.example.ir", "national")
SECRET = bytes(range(32))
RANDOM = bytes(range(100, 100 + RANDOM_BYTES))
TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def answer(
    nonce: str, now: datetime = NOW, site: RelyingSite = SITE, secret: bytes = SECRET
) -> Challenge | ChallengeError:
    return opened(secret, site, nonce, take_apart(nonce, now), now)


@given(
    now=TIMES, random=st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES), late=st.integers(0, 299_999)
)
def test_what_was_sealed_is_known_again(now: datetime, random: bytes, late: int) -> None:
    challenge = seal(SECRET, SITE, now, random)
    assert len(challenge.nonce) == NONCE_LENGTH
    assert (
        answer(challenge.nonce, now + timedelta(milliseconds=late) - timedelta(milliseconds=1)) == challenge
    )


def test_it_holds_the_random_octets_as_they_came() -> None:
    assert base64.b64decode(seal(SECRET, SITE, NOW, RANDOM).nonce)[:RANDOM_BYTES] == RANDOM


@given(bit=st.integers(0, 54 * 8 - 1))
def test_not_one_bit_can_be_changed(bit: int) -> None:
    data = bytearray(base64.b64decode(seal(SECRET, SITE, NOW, RANDOM).nonce))
    data[bit // 8] ^= 1 << bit % 8
    assert isinstance(answer(base64.b64encode(data).decode()), ChallengeUnknownError)


@given(nonce=st.text(max_size=80) | st.binary(max_size=60).map(lambda data: base64.b64encode(data).decode()))
def test_what_others_invent_is_unknown(nonce: str) -> None:
    assert isinstance(answer(nonce), ChallengeUnknownError)


@pytest.mark.parametrize(
    "site",
    [
        replace(SITE, site_id="b" * 16),
        replace(SITE, origin="https://portal.example.i"),
        replace(SITE, origin="https://portal.example.ir:444"),
    ],
    ids=["another site", "a shorter origin", "another port"],
)
def test_it_is_this_sites_for_this_origin(site: RelyingSite) -> None:
    assert isinstance(answer(seal(SECRET, SITE, NOW, RANDOM).nonce, site=site), ChallengeUnknownError)


def test_under_another_days_key_it_is_unknown() -> None:
    assert isinstance(answer(seal(SECRET, SITE, NOW, RANDOM).nonce, secret=bytes(32)), ChallengeUnknownError)


def test_without_a_key_everything_is_unknown() -> None:
    nonce = seal(SECRET, SITE, NOW, RANDOM).nonce
    assert isinstance(opened(None, SITE, nonce, take_apart(nonce, NOW), NOW), ChallengeUnknownError)


@pytest.mark.parametrize(
    ("after", "outcome"),
    [
        (-LIFETIME, Challenge),  # a replica whose clock is ahead issued it
        (-LIFETIME - timedelta(milliseconds=1), ChallengeUnknownError),
        (LIFETIME, Challenge),
        (LIFETIME + timedelta(milliseconds=1), ChallengeExpiredError),
        (timedelta(days=1), ChallengeExpiredError),
        (timedelta(days=2), ChallengeUnknownError),
        (timedelta(days=-2), ChallengeUnknownError),
    ],
)
def test_its_time(after: timedelta, outcome: type) -> None:
    assert isinstance(answer(seal(SECRET, SITE, NOW, RANDOM).nonce, NOW + after), outcome)


def test_times_before_1970_and_far_ahead_are_no_error() -> None:
    for issued in (0, (1 << 48) - 1):
        data = RANDOM + issued.to_bytes(6, "big") + bytes(16)
        assert take_apart(base64.b64encode(data).decode(), NOW) is None


def test_base64_of_another_alphabet_or_with_padding_is_unknown() -> None:
    nonce = seal(SECRET, SITE, NOW, bytes([255]) * RANDOM_BYTES).nonce
    assert "/" in nonce
    for other in (nonce.replace("/", "_"), nonce[:-1] + "=", nonce + "\n", " " + nonce[1:], nonce.lower()):
        assert isinstance(answer(other), ChallengeUnknownError)


def test_days_begin_at_midnight_utc() -> None:
    midnight = datetime(2026, 3, 21, tzinfo=UTC)
    assert day_of(midnight) == day_of(midnight - timedelta(microseconds=1)) + 1
