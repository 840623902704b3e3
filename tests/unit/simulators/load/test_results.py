"""A benchmark's line: its ratio, and whether a goal of ratio or of figure is met."""

import pytest

from simulators.load.result import Result

RATE = Result("b", "c", 1_500.0, "APDUs/s", 3_000.0, "l")
COUNT = Result("b", "c", 1_500.0, "APDUs", 750.0, "l", counts=True)


def with_goal(result: Result, goal: float, *, goal_is_figure: bool) -> Result:
    return Result(
        result.name,
        result.case,
        result.figure,
        result.unit,
        result.limit,
        result.limit_is,
        goal,
        result.counts,
        goal_is_figure,
    )


@pytest.mark.parametrize("result", [RATE, COUNT], ids=["rate", "count"])
def test_without_a_goal_none_is_met_or_missed(result: Result) -> None:
    assert (result.ratio, result.goal_met) == (0.5, None)
    assert "goal" not in result.as_text()
    assert [result.as_data()[name] for name in ("goal", "goal_is", "goal_met")] == [None] * 3


@pytest.mark.parametrize(
    ("result", "goal", "goal_is_figure", "met"),
    [
        (RATE, 0.5, False, True),
        (RATE, 0.51, False, False),
        (RATE, 1_500.0, True, True),
        (RATE, 2_000.0, True, False),
        (COUNT, 0.5, False, True),
        (COUNT, 0.51, False, False),
        (COUNT, 1_500.0, True, True),
        (COUNT, 1_400.0, True, False),
    ],
)
def test_goals(result: Result, goal: float, goal_is_figure: bool, met: bool) -> None:
    judged = with_goal(result, goal, goal_is_figure=goal_is_figure)
    data = judged.as_data()
    assert (data["goal"], data["goal_met"]) == (goal, met)
    assert data["goal_is"] == ("figure" if goal_is_figure else "ratio")
    assert judged.as_text().endswith(" met" if met else " NOT met")


def test_a_goal_of_a_figure_is_told_with_its_unit() -> None:
    text = with_goal(RATE, 2_000.0, goal_is_figure=True).as_text()
    assert text.endswith("ratio 0.50, goal 2,000 APDUs/s NOT met")
