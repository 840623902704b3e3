"""Receipt codes as people write them, and advice for every failure there is."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.authentication.errors import LoginRefusedError
from verifier.authentication.steps import Step
from verifier.receipts.advice import ACCEPTED, ADVICE, STEP_NAMES, TITLES
from verifier.receipts.codes import ReceiptCodeError, new_code, normalise


def of_their_own_kind(failure: type[LoginRefusedError]) -> Iterator[type[LoginRefusedError]]:
    if "kind" in vars(failure) or not failure.__subclasses__():
        yield failure
    for subclass in failure.__subclasses__():
        yield from of_their_own_kind(subclass)


FAILURES = sorted(of_their_own_kind(LoginRefusedError), key=lambda kind: (kind.step, kind.kind))


def test_kinds_are_unique_and_every_one_has_words() -> None:
    kinds = [failure.kind for failure in FAILURES]
    assert len(kinds) == len(set(kinds))
    assert set(ADVICE) == set(TITLES) == {*kinds, ACCEPTED}
    assert set(STEP_NAMES) == {step.name for step in Step}


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.kind)
def test_each_failure_is_told_in_both_languages(failure: type[LoginRefusedError]) -> None:
    assert TITLES[failure.kind].en == failure.title
    for words in (ADVICE[failure.kind], TITLES[failure.kind]):
        assert words.en.isascii()
        assert any("\u0600" <= character <= "\u06ff" for character in words.fa)


def test_every_step_can_fail() -> None:
    assert {failure.step for failure in FAILURES} == set(Step)


@given(st.binary(min_size=8, max_size=8))
def test_codes_are_ten_unmistakable_characters(random: bytes) -> None:
    code = new_code(lambda _count: random)
    assert len(code) == 10
    assert not set(code) & set("ILOU")
    assert normalise(code) == code
    assert normalise(f" {code[:5].lower()}-{code[5:]} ") == code


@pytest.mark.parametrize(
    ("written", "meant"),
    [("ooooo-iIlL1", "0000011111"), ("۰۱۲۳۴ABCDE", "01234ABCDE"), ("٠١٢٣٤abcde", "01234ABCDE")],
)
def test_lookalikes_and_persian_digits(written: str, meant: str) -> None:
    assert normalise(written) == meant


@pytest.mark.parametrize(
    "text", ["", "123456789", "12345678901", "U234567890", "12345\u200c67890", "1" * 1000]
)
def test_what_is_no_code(text: str) -> None:
    with pytest.raises(ReceiptCodeError):
        normalise(text)
