"""Finding a path among certificates in any order, with many of a name, in bounded work."""

import random
from itertools import pairwise

import pytest

from pki.validation import PathPolicy, PinnedIssuers, ValidationError, validate
from pki.validation.errors import (
    BadSignatureError,
    ExpiredError,
    MalformedCertificateError,
    PathLengthExceededError,
    SearchLimitError,
    UntrustedIssuerError,
)
from pki.validation.search import MAX_SIGNATURES
from tests.unit.pki.validation.making import DAY, NOW, Party, authority_key, ca, certify, party, subject_key

ROOT, MIDDLE, LEAF = party("root"), party("middle"), party("leaf")
ANCHOR = certify(ROOT, ROOT, *ca())
ISSUING = certify(MIDDLE, ROOT, *ca())
END = certify(LEAF, MIDDLE)


def tower(height: int) -> list[bytes]:
    """A leaf below `height` CAs below ROOT, leaf first."""
    parties = [ROOT, *(party(f"ca {number}") for number in range(height)), LEAF]
    steps = list(pairwise(parties))
    return [certify(low, high, *(() if low is LEAF else ca())) for high, low in reversed(steps)]


def test_the_order_of_the_others_does_not_matter() -> None:
    leaf, *cas = tower(6)
    bag = [*cas, ANCHOR, ISSUING, *tower(3)]
    for seed in range(10):
        random.Random(seed).shuffle(bag)  # noqa: S311 - an order, no secret
        assert [item.raw for item in validate([leaf, *bag], [ANCHOR], NOW).certificates] == [leaf, *cas]


def test_the_longest_path_that_a_policy_admits() -> None:
    chain = tower(4)
    assert len(validate(chain, [ANCHOR], NOW, PathPolicy(max_path=5)).certificates) == 5
    with pytest.raises(PathLengthExceededError):
        validate(chain, [ANCHOR], NOW, PathPolicy(max_path=4))


def test_several_anchors_of_one_name_and_several_cas() -> None:
    twins = [certify(twin := Party(ROOT.name), twin, *ca()) for _ in range(5)]
    namesakes = [certify(Party(MIDDLE.name), ROOT, *ca()) for _ in range(5)]
    path = validate([END, *namesakes, ISSUING], [*twins, ANCHOR], NOW)
    assert [item.raw for item in path.certificates] == [END, ISSUING]
    assert path.anchor.raw == ANCHOR
    with pytest.raises(BadSignatureError):
        validate([END, *namesakes], [*twins, ANCHOR], NOW)


class TestRollOver:
    """RFC 4210 §4.4: the root's old and new key certify each other."""

    NEW = Party(ROOT.name)
    NEW_ANCHOR = certify(NEW, NEW, *ca())
    NEW_WITH_OLD = certify(NEW, ROOT, *ca())
    OLD_WITH_NEW = certify(ROOT, NEW, *ca())
    NEW_LEAF = certify(LEAF, NEW)
    OLD_LEAF = certify(LEAF, ROOT)

    def test_links_lead_from_either_anchor(self) -> None:
        links = [self.NEW_WITH_OLD, self.OLD_WITH_NEW]
        assert len(validate([self.NEW_LEAF, *links], [ANCHOR], NOW).certificates) == 2
        assert len(validate([self.OLD_LEAF, *links], [self.NEW_ANCHOR], NOW).certificates) == 2
        assert len(validate([self.NEW_LEAF, *links], [ANCHOR, self.NEW_ANCHOR], NOW).certificates) == 1

    def test_links_do_not_count_as_length(self) -> None:
        anchor = certify(ROOT, ROOT, *ca(0))
        validate([self.NEW_LEAF, self.NEW_WITH_OLD], [anchor], NOW)
        with pytest.raises(PathLengthExceededError):
            validate([END, ISSUING], [anchor], NOW)

    def test_pinned_issuers_of_two_generations(self) -> None:
        """Both generations bear one name; the newer leads to the old anchor by the link only."""
        renewed = Party(MIDDLE.name)
        by_new = certify(renewed, self.NEW, *ca(0), subject_key(renewed.key_identifier))
        pinned = PinnedIssuers([ISSUING, by_new, self.NEW_WITH_OLD], [ANCHOR])
        new_leaf = certify(LEAF, renewed, authority_key(renewed.key_identifier))
        for leaf, length in ((END, 2), (new_leaf, 3), (certify(LEAF, renewed), 3)):
            path = pinned.validate(leaf, NOW)
            assert len(path.certificates) == length
            assert path == validate([leaf, ISSUING, by_new, self.NEW_WITH_OLD], [ANCHOR], NOW)
        with pytest.raises(BadSignatureError):
            pinned.validate(certify(LEAF, Party(MIDDLE.name)), NOW)

    def test_a_second_way_is_tried_when_the_first_has_ended(self) -> None:
        ended = certify(MIDDLE, ROOT, *ca(), life=(NOW - 2 * DAY, NOW - DAY))
        for pinned in (PinnedIssuers([ended, ISSUING], [ANCHOR]), PinnedIssuers([ISSUING, ended], [ANCHOR])):
            assert pinned.validate(END, NOW) == validate([END, ended, ISSUING], [ANCHOR], NOW)
        with pytest.raises(ExpiredError) as caught:
            PinnedIssuers([ended], [ANCHOR]).validate(END, NOW)
        assert caught.value.depth == 1


def test_circles_end() -> None:
    one, two = party("one"), party("two")
    circle = [certify(one, two, *ca()), certify(two, one, *ca())]
    with pytest.raises(UntrustedIssuerError):
        validate([certify(LEAF, one), *circle], [ANCHOR], NOW)
    leaves = certify(one, ROOT, *ca())
    assert len(validate([certify(LEAF, two), *circle, leaves], [ANCHOR], NOW).certificates) == 3


def test_a_web_of_cross_certificates_is_given_up() -> None:
    """Every one of twelve CAs certifies every other: more ways than anyone can walk."""
    parties = [party(f"ca {number}") for number in range(12)]
    web = [certify(low, high, *ca()) for low in parties for high in parties if low is not high]
    with pytest.raises(SearchLimitError) as caught:
        validate([certify(LEAF, parties[0]), *web], [ANCHOR], NOW)
    assert caught.value.sha256 is not None


def test_a_crowd_of_namesakes_is_given_up() -> None:
    crowd = [certify(Party(MIDDLE.name), ROOT, *ca()) for _ in range(MAX_SIGNATURES + 1)]
    with pytest.raises(SearchLimitError):
        validate([END, *crowd], [ANCHOR], NOW)


def test_the_key_that_a_certificate_names_is_tried_first() -> None:
    crowd = [certify(Party(MIDDLE.name), ROOT, *ca()) for _ in range(MAX_SIGNATURES + 1)]
    mine = certify(MIDDLE, ROOT, *ca(), subject_key(MIDDLE.key_identifier))
    leaf = certify(LEAF, MIDDLE, authority_key(MIDDLE.key_identifier))
    assert len(validate([leaf, *crowd, mine], [ANCHOR], NOW).certificates) == 2


def test_errors_name_the_certificate_and_no_person() -> None:
    ended = certify(MIDDLE, ROOT, *ca(), life=(NOW - 2 * DAY, NOW - DAY), serial=0xABC)
    with pytest.raises(ExpiredError) as caught:
        validate([END, ended], [ANCHOR], NOW)
    error = caught.value
    assert (error.depth, error.serial, error.kind) == (1, 0xABC, "expired")
    assert error.rule.startswith("RFC 5280")
    assert "middle" not in str(error)


@pytest.mark.parametrize(
    "bad", [b"", b"\x30\x00", b"no certificate", END[:-1], END + b"\x00", b"\x30\x80" + END]
)
def test_a_bag_with_something_unreadable_in_it(bad: bytes) -> None:
    for chain, anchors in (([bad], [ANCHOR]), ([END, bad], [ANCHOR]), ([END, ISSUING], [bad])):
        with pytest.raises(MalformedCertificateError):
            validate(chain, anchors, NOW)


def test_every_kind_is_one_of_its_own() -> None:
    def below(cls: type[ValidationError]) -> list[type[ValidationError]]:
        return [cls, *(item for sub in cls.__subclasses__() for item in below(sub))]

    kinds = [cls.kind for cls in below(ValidationError) if "kind" in vars(cls)]  # type: ignore[attr-defined]
    assert len(kinds) == len(set(kinds)) > 20
    assert all(kind == kind.lower() and " " not in kind for kind in kinds)
