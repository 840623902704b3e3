"""How a demo is told: steps with their times, as a progress display or as data."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

from rich.console import Console
from rich.status import Status
from rich.text import Text

_TITLE_WIDTH = 54


@dataclass
class Step:
    """One step of the main job."""

    name: str
    title: str
    seconds: float = 0.0
    ok: bool = False
    detail: dict[str, object] = field(default_factory=dict)


class StepFailedError(Exception):
    """A step did not hold; the journey ends here."""

    def __init__(self, step: Step, reason: str) -> None:
        super().__init__(f"{step.name}: {reason}")
        self.step = step
        self.reason = reason


class Report:
    """Collects steps; shows each as it runs when given a console."""

    def __init__(self, console: Console | None) -> None:
        self._console = console
        self._status: Status | None = None
        self.steps: list[Step] = []

    @contextmanager
    def step(self, name: str, title: str) -> Iterator[Step]:
        """Times a step. It holds when the block ends without an exception."""
        step = Step(name, title)
        self.steps.append(step)
        began = time.perf_counter()
        try:
            if self._console is None:
                yield step
            else:
                with self._console.status(title) as self._status:
                    yield step
            step.ok = True
        finally:
            step.seconds = round(time.perf_counter() - began, 4)
            self._show(step)

    def note(self, text: str) -> None:
        """Says what the running step is at."""
        if self._status is not None:
            self._status.update(f"{self.steps[-1].title}: {text}")

    def _show(self, step: Step) -> None:
        if self._console is None:
            return
        mark = "[green]✓[/green]" if step.ok else "[red]✗[/red]"
        self._console.print(f"{mark} {step.title:<{_TITLE_WIDTH}} {step.seconds:7.3f} s", highlight=False)
        for name, value in step.detail.items():
            if isinstance(value, str | int):
                self._console.print(Text(f"    {name}: {value}", style="dim"), soft_wrap=True)

    def as_data(self) -> list[dict[str, object]]:
        """The steps so far, for JSON."""
        return [asdict(step) for step in self.steps]

    @property
    def ok(self) -> bool:
        """Whether every step held."""
        return bool(self.steps) and all(step.ok for step in self.steps)
