"""`docs/validation.md` says what the code does."""

from pathlib import Path

from pki.errors import ValidationError
from pki.validation.errors import PathError

PAGE = Path(__file__).parents[4] / "docs" / "validation.md"
BASES = {"path", "status"}
"""Kinds of base classes, which nothing raises."""


def _below(cls: type[PathError]) -> list[type[PathError]]:
    return [cls, *(item for sub in cls.__subclasses__() for item in _below(sub))]


def _row(cls: type[PathError]) -> str:
    says = (cls.__doc__ or "").splitlines()[0]
    return f"| `{cls.kind}` | `{cls.__name__}` | {cls.rule} | {says} |"


def test_the_table_of_kinds_is_the_codes() -> None:
    expected = [_row(cls) for cls in _below(PathError) if cls.kind not in BASES]
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("| `")] == expected
    assert ValidationError in PathError.__mro__


def test_the_example_runs() -> None:
    text = PAGE.read_text(encoding="utf-8")
    block = text.split("```python\n")[1].split("```")[0]
    compile(block, str(PAGE), "exec")
    imports = "\n".join(line for line in block.splitlines() if line.startswith("from "))
    exec(imports, {})  # noqa: S102 - the page's own imports
