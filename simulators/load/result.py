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
    """The ratio to reach, if one is set. For rates the ratio is figure / limit, for counts limit / figure."""
    counts: bool = False

    @property
    def ratio(self) -> float:
        """1 is the limit itself; smaller is worse."""
        return self.limit / self.figure if self.counts else self.figure / self.limit

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
            "goal_met": None if self.goal is None else self.ratio >= self.goal,
        }

    def as_text(self) -> str:
        """The line as a person reads it."""
        verdict = "met" if self.goal is None or self.ratio >= self.goal else "NOT met"
        goal = "" if self.goal is None else f", goal {self.goal:.2f} {verdict}"
        limit = f"limit {self.limit:,.1f} ({self.limit_is})"
        figure = f"{self.name} [{self.case}]: {self.figure:,.1f} {self.unit}"
        return f"{figure}; {limit}; ratio {self.ratio:.2f}{goal}"
