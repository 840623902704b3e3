"""Shares: any of enough officers, never fewer; and nothing that says what the secret is."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pki.ceremony.errors import OfficersError
from pki.ceremony.officers import actor_of, require_officers, require_threshold
from pki.ceremony.sealing import seal, unseal
from pki.ceremony.shares import SharesError, check_value, check_words, combine, digest, normal, split

SECRET = bytes(range(32))


@given(st.binary(min_size=32, max_size=32), st.integers(2, 4), st.integers(0, 3))
def test_any_enough_shares_give_the_secret_back(secret: bytes, threshold: int, more: int) -> None:
    shares = split(secret, threshold, threshold + more)
    for chosen in combinations(shares, threshold):
        assert combine(chosen) == secret


def test_too_few_doubled_or_foreign_shares_give_nothing() -> None:
    one, _two, _three = split(SECRET, 2, 3)
    foreign, _ = split(SECRET, 2, 2)
    for wrong in ([], [one], [one, one], [one, foreign]):
        with pytest.raises(SharesError):
            combine(wrong)


@pytest.mark.parametrize(
    "spoil", [lambda w: w[:-1], lambda w: w[1:], lambda w: [*w[:-1], w[0]], lambda _: ["x"]]
)
def test_a_mistyped_share_is_none_and_its_words_are_not_repeated(spoil: object) -> None:
    share, _ = split(SECRET, 2, 2)
    words = share.split()
    assert callable(spoil)
    with pytest.raises(SharesError) as caught:
        check_words(" ".join(spoil(words)))
    assert not set(words) & set(str(caught.value).split())
    assert caught.value.__cause__ is None


def test_a_share_is_the_same_however_it_is_typed() -> None:
    share, _ = split(SECRET, 2, 2)
    check_words(share.upper())
    assert digest(f"  {share.upper()} \n".replace(" ", "  ")) == digest(share)
    assert normal(share) == share


def test_check_values_tell_secrets_apart() -> None:
    assert check_value(SECRET) != check_value(SECRET[::-1])
    assert SECRET.hex() not in check_value(SECRET)


def test_a_sealed_pin_opens_with_its_secret_alone() -> None:
    sealed = seal("471100", SECRET)
    assert unseal(sealed, SECRET) == "471100"
    assert sealed != seal("471100", SECRET)
    for wrong in ((sealed, SECRET[::-1]), (sealed[:-2] + "00", SECRET), ("zz", SECRET), ("", SECRET)):
        with pytest.raises(OfficersError):
            unseal(*wrong)


@pytest.mark.parametrize(
    "names",
    [
        [],
        ["alef"],
        ["alef", "alef"],
        ["alef", ""],
        ["alef", "Be"],
        ["alef", "b e"],
        ["alef", "-b"],
        ["alef", "b" * 17],
        [f"o{number}" for number in range(8)],
    ],
)
def test_nobody_holds_a_ceremony_alone(names: list[str]) -> None:
    with pytest.raises(OfficersError):
        require_officers(names)


@pytest.mark.parametrize(("threshold", "count"), [(1, 3), (0, 2), (-1, 2), (4, 3)])
def test_no_threshold_lets_one_alone(threshold: int, count: int) -> None:
    with pytest.raises(OfficersError):
        require_threshold(threshold, count)


def test_seven_long_labels_fit_the_audit() -> None:
    names = require_officers([f"{number}".rjust(16, "o") for number in range(7)])
    assert len(actor_of(names)) <= 128
