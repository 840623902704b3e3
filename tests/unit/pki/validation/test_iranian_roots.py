"""The published Iranian CA certificates: which leads to which, and that no other does."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pki.validation import PathPolicy, PinnedIssuers, validate
from pki.validation.errors import ExpiredError, UnsupportedAlgorithmError, UntrustedIssuerError
from pki.validation.inputs import objects_in

G3 = "IslamicRepublicofIranRootCA-G3.crt"
FIRST = "IslamicRepublicofIRANRootCA.crt"
CA1 = "IRANRootCA1.crt"
ROOTS = (G3, FIRST, CA1)
GENERAL = "GovernmentalGeneralIntermediateCA.crt"
PRESENT = tuple(
    f"GeneralGovernmentalIntermediate{metal}CA-G3-L{level}.cer"
    for level, metal in enumerate(("Bronze", "Silver", "Gold", "Platinum"), 1)
)
FORMER = tuple(
    f"GeneralGovernmentalIntermediate{metal}CA-G3.crt" for metal in ("Bronze", "Silver", "Gold", "Platinum")
)
NOW = datetime(2026, 11, 25, tzinfo=UTC)
IN_2022 = datetime(2022, 11, 25, tzinfo=UTC)
OLD = PathPolicy(sha1=True)


@pytest.fixture
def published(test_data: Path) -> dict[str, bytes]:
    found = {path.name: objects_in(path.read_bytes()) for path in (test_data / "iran_ca").iterdir()}
    assert all(len(objects) == 1 for objects in found.values())
    return {name: objects[0] for name, objects in found.items()}


def test_all_twelve_load(published: dict[str, bytes]) -> None:
    assert set(published) == {*ROOTS, GENERAL, *PRESENT, *FORMER}


@pytest.mark.parametrize("root", ROOTS)
def test_roots_verify_themselves(published: dict[str, bytes], root: str) -> None:
    assert validate([published[root]], [published[root]], IN_2022, OLD).anchor.raw == published[root]


@pytest.mark.parametrize(
    ("name", "root", "at"),
    [
        *((name, G3, NOW) for name in PRESENT),
        *((name, G3, IN_2022) for name in (*PRESENT, *FORMER)),
        (GENERAL, FIRST, NOW),
    ],
)
def test_each_leads_to_its_root(published: dict[str, bytes], name: str, root: str, at: datetime) -> None:
    bag = [published[name], *(published[other] for other in (*PRESENT, *FORMER))]
    path = validate(bag, [published[root] for root in ROOTS], at, OLD)
    assert path.anchor.raw == published[root]
    assert [item.raw for item in path.certificates] == [published[name]]


@pytest.mark.parametrize("name", [*PRESENT, GENERAL])
def test_a_wrong_root_is_refused(published: dict[str, bytes], name: str) -> None:
    right = FIRST if name == GENERAL else G3
    with pytest.raises(UntrustedIssuerError):
        validate([published[name]], [published[root] for root in ROOTS if root != right], NOW, OLD)


@pytest.mark.parametrize("name", FORMER)
def test_the_former_generation_has_ended(published: dict[str, bytes], name: str) -> None:
    with pytest.raises(ExpiredError):
        validate([published[name]], [published[G3]], NOW)


def test_sha1_counts_only_where_a_policy_admits_it(published: dict[str, bytes]) -> None:
    with pytest.raises(UnsupportedAlgorithmError):
        validate([published[GENERAL]], [published[FIRST]], NOW)


def test_all_can_be_pinned_together(published: dict[str, bytes]) -> None:
    """Several anchors, and two generations of each name."""
    issuers = [published[name] for name in (*PRESENT, *FORMER, GENERAL)]
    PinnedIssuers(issuers, [published[root] for root in ROOTS])
