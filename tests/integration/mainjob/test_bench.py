"""`hoviat bench … --quick --json`: a line per case, figure and limit of one run. Speed is not judged here."""

from pathlib import Path

import pytest

from simulators.load.cli import bench
from tests.integration.mainjob.hoviat_command import json_lines, succeed

FIELDS = ["name", "case", "figure", "unit", "limit", "limit_is", "ratio", "goal", "goal_is", "goal_met"]


CASES = [
    ("personalise", 7),
    ("production", 2),
    ("simulator", 3),
    ("readers", 3),
    ("station", 3),
    ("login", 10),
    ("issue", 14),
    ("crl", 9),
    ("audit", 5),
    ("validate", 4),
    ("mass-revoke", 6),
    ("mass-suspend", 6),
    ("ocsp", 9),
    ("enrolment", 4),
    ("search", 16),
]


def test_no_bench_is_left_out() -> None:
    assert set(bench.commands) == {name for name, _ in CASES}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "cases"), CASES)
def test_a_bench_prints_figures_beside_their_limits(tmp_path: Path, name: str, cases: int) -> None:
    lines = json_lines(succeed(tmp_path, "bench", name, "--quick", "--json"))
    assert len(lines) == cases
    for line in lines:
        assert list(line) == FIELDS
        assert line["name"] == name
        assert line["figure"] > 0
        assert line["limit"] > 0
        reached = line["goal_is"] and line[line["goal_is"]]
        assert line["goal_met"] is None or line["goal_met"] == (reached >= line["goal"])
