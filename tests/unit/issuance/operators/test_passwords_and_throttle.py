"""Passwords stretched, guesses slowed, memory bounded."""

import secrets
from datetime import UTC, datetime, timedelta

import pytest

from issuance.errors import LoginThrottledError
from issuance.operators.passwords import hash_password, matches, unmatchable
from issuance.operators.throttle import MAX_KEYS, LoginThrottle

START = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


def test_only_the_password_matches() -> None:
    stored = hash_password("گذرواژه", secrets.token_bytes)
    assert matches("گذرواژه", stored)
    assert not matches("گذرواژ", stored)
    assert not matches("", stored)
    assert "گذرواژه" not in stored


def test_equal_passwords_are_stored_differently() -> None:
    assert hash_password("x", secrets.token_bytes) != hash_password("x", secrets.token_bytes)


def test_nobodys_password_matches_nothing() -> None:
    assert not matches("", unmatchable(secrets.token_bytes))


@pytest.mark.parametrize(
    "stored",
    ["", "$$$", "scrypt$32768$AAAA", "scrypt$x$AAAA$AAAA", "scrypt$32768$!$!", "plain$32768$AAAA$eA=="],
)
def test_a_damaged_hash_matches_nothing(stored: str) -> None:
    assert not matches("x", stored)


def test_the_fifth_failure_waits_and_the_wait_doubles() -> None:
    clock = Clock()
    throttle = LoginThrottle(clock)
    for _ in range(4):
        throttle.failed("key")
        throttle.check("key")
    waits = []
    for _ in range(3):
        throttle.failed("key")
        with pytest.raises(LoginThrottledError) as refused:
            throttle.check("key")
        waits.append(refused.value.wait_s)
        clock.now += timedelta(seconds=refused.value.wait_s)
        throttle.check("key")
    assert waits == sorted(waits)
    assert waits[2] > 3 * waits[0]


def test_waits_are_bounded() -> None:
    clock = Clock()
    throttle = LoginThrottle(clock)
    for _ in range(200):
        throttle.failed("key")
    with pytest.raises(LoginThrottledError) as refused:
        throttle.check("key")
    assert refused.value.wait_s <= 15 * 60 + 1


def test_success_forgets_and_others_are_not_touched() -> None:
    throttle = LoginThrottle(Clock())
    for _ in range(5):
        throttle.failed("key")
    throttle.check("another key")
    throttle.succeeded("key")
    throttle.check("key")


def test_memory_is_bounded() -> None:
    throttle = LoginThrottle(Clock())
    for number in range(MAX_KEYS + 10):
        throttle.failed(str(number))
    assert len(throttle._failures) == MAX_KEYS
