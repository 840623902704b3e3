"""What a look at the person comes to, and what a country may want of it."""

from collections.abc import Mapping

import pytest

from issuance.delivery.rules import CheckFault, DeliveryRules, Seen, fault_of, read_delivery
from issuance.enrolment.kinds import RULES
from pki.errors import ProfileError
from pki.profiles.table import Table

TABLE: dict[str, object] = {
    "documents": ["passport"],
    "register_days": 30,
    "check_minutes": 30,
    "failed_checks": 3,
    "score_threshold": 600,
    "notice_days": 30,
    "return_days": 60,
}


def rules(**changes: object) -> DeliveryRules:
    return read_delivery(Table("x.toml", {**TABLE, **changes}), {"passport", "old_card"})


@pytest.mark.parametrize(
    ("same", "score", "fault"),
    [
        (True, None, None),
        (True, 600, None),
        (True, 1000, None),
        (True, 599, CheckFault.SCORE),
        (True, 0, CheckFault.SCORE),
        (False, None, CheckFault.PORTRAIT),
        (False, 1000, CheckFault.PORTRAIT),  # no machine overrules a person's no
    ],
)
def test_what_is_seen(same: bool, score: int | None, fault: CheckFault | None) -> None:
    assert fault_of(Seen("passport", same, score), rules()) is fault


@pytest.mark.parametrize(
    "changes",
    [
        {"documents": []},
        {"documents": ["library_card"]},
        {"documents": "passport"},
        {"register_days": -1},
        {"check_minutes": 0},
        {"check_minutes": 1441},
        {"failed_checks": 0},
        {"failed_checks": 21},
        {"score_threshold": 1001},
        {"score_threshold": True},
        {"score_required": "yes"},
        {"notice_days": 0},
        {"return_days": 3661},
        {"beards": "shaved"},
    ],
)
def test_rules_that_are_none(changes: Mapping[str, object]) -> None:
    with pytest.raises(ProfileError):
        rules(**changes)


@pytest.mark.parametrize("key", TABLE)
def test_rules_that_lack_something(key: str) -> None:
    with pytest.raises(ProfileError):
        read_delivery(Table("x.toml", {k: v for k, v in TABLE.items() if k != key}), {"passport"})


def test_the_first_deployments_documents_are_known_to_it() -> None:
    assert set(RULES.delivery.documents) <= set(RULES.documents)
