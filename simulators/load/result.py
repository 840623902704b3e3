"""One line of a benchmark."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """A figure, and what it could at most (for rates) or at least (for counts) have been."""

    name: str
    case: str
    figure: float
    unit: str
    limit: float
    limit_is: str
    goal: float | None = None
    """What to reach, if anything is set: a ratio, or with `goal_is_figure` the figure itself.

    For rates the ratio is figure / limit, for counts limit / figure.
    """
    counts: bool = False
    goal_is_figure: bool = False

    @property
    def ratio(self) -> float:
        """1 is the limit itself; smaller is worse."""
        return self.limit / self.figure if self.counts else self.figure / self.limit

    @property
    def goal_met(self) -> bool | None:
        """Whether the goal is reached; None where there is none."""
        if self.goal is None:
            return None
        if not self.goal_is_figure:
            return self.ratio >= self.goal
        return self.figure <= self.goal if self.counts else self.figure >= self.goal

    def as_data(self) -> dict[str, object]:
        """The line as `--json` prints it."""
        return {
            "name": self.name,
            "case": self.case,
            "figure": round(self.figure, 3),
            "unit": self.unit,
            "limit": round(self.limit, 3),
            "limit_is": self.limit_is,
            "ratio": round(self.ratio, 3),
            "goal": self.goal,
            "goal_is": None if self.goal is None else "figure" if self.goal_is_figure else "ratio",
            "goal_met": self.goal_met,
        }

    def as_text(self) -> str:
        """The line as a person reads it."""
        limit = f"limit {self.limit:,.1f} ({self.limit_is})"
        figure = f"{self.name} [{self.case}]: {self.figure:,.1f} {self.unit}"
        return f"{figure}; {limit}; ratio {self.ratio:.2f}{self._goal_as_text()}"

    def _goal_as_text(self) -> str:
        if self.goal is None:
            return ""
        goal = f"{self.goal:,.0f} {self.unit}" if self.goal_is_figure else f"{self.goal:.2f}"
        return f", goal {goal} {'met' if self.goal_met else 'NOT met'}"
