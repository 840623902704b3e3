"""The rules of `pki.authority.transitions` as SQL, so that one statement decides about many certificates.

Nothing is written twice: `decide` is asked about every way in which a certificate can stand, and its
answers become a tree of CASE expressions.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from itertools import groupby, product
from typing import TypeAlias, Union

from sqlalchemy import ColumnElement, String, case, literal

from pki.authority.transitions import Change, Refusal, Standing, decide
from pki.status.state import Hold, Status
from pki.store.massactions import MassTarget
from pki.store.models import CertificateRow

MOVED = "moved"
"""The status changes."""
REHELD = "reheld"
"""It stays on hold, under another hold than before."""

HELD_ANEW = "held anew"
"""Why a release skips a certificate: its hold is another one than at the proposal."""

_BOTH = (True, False)
_EXPIRED = 4


class _DontCare(Enum):
    """Any value would do."""

    ANY = "any"


_Leaf: TypeAlias = str | _DontCare | None
_Tree: TypeAlias = Union[_Leaf, "_Question"]


@dataclass(frozen=True)
class _Question:
    """What one column decides; equal trees are one tree."""

    level: int
    branches: tuple[tuple[object, _Tree], ...]


@dataclass(frozen=True)
class _Case:
    """A way to stand."""

    standing: Standing
    expired: bool

    @property
    def path(self) -> tuple[object, ...]:
        """The value of each column, in the order of `_condition`'s levels."""
        standing = self.standing
        return (standing.status, standing.held_by, standing.held_under, standing.activated, self.expired)


_Answer: TypeAlias = Callable[[Standing, Standing | Refusal], _Leaf]


@dataclass(frozen=True)
class Effects:
    """What a change does to rows of `certificates`, at one moment."""

    change: Change
    now: datetime

    @property
    def effect(self) -> ColumnElement[str | None]:
        """MOVED, REHELD, or the value of the Refusal."""
        return self._sql(_effect)

    @property
    def outcome(self) -> ColumnElement[str | None]:
        """The effect, or HELD_ANEW, for rows that are joined with their targets."""
        if self.change.wanted is not Status.GOOD:
            return self.effect
        row = CertificateRow
        other = (row.status == Status.ON_HOLD.value) & (row.standing_version != MassTarget.standing_version)
        return case((other, literal(HELD_ANEW, String())), else_=self.effect)

    @property
    def held_by(self) -> ColumnElement[str | None]:
        """Whose hold it is afterwards, for rows that are moved or reheld."""
        return self._sql(_owner(lambda after: after.held_by))

    @property
    def held_under(self) -> ColumnElement[str | None]:
        """The hold under that, for the same rows."""
        return self._sql(_owner(lambda after: after.held_under))

    def _sql(self, answer: _Answer) -> ColumnElement[str | None]:
        return self._expression(self._tree(list(_cases()), 0, answer))

    def _tree(self, cases: Sequence[_Case], level: int, answer: _Answer) -> _Tree:
        first = cases[0]
        if level == len(first.path):
            return answer(first.standing, decide(first.standing, self.change, expired=first.expired))
        groups = groupby(cases, key=lambda one: one.path[level])
        branches = [(value, self._tree(list(group), level + 1, answer)) for value, group in groups]
        return _collapsed(level, branches)

    def _expression(self, tree: _Tree) -> ColumnElement[str | None]:
        if not isinstance(tree, _Question):
            return literal(None if isinstance(tree, _DontCare) else tree, String())
        *others, (_, last) = tree.branches
        whens = [(self._condition(tree.level, value), self._expression(branch)) for value, branch in others]
        return case(*whens, else_=self._expression(last))

    def _condition(self, level: int, value: object) -> ColumnElement[bool]:
        row = CertificateRow
        if level == _EXPIRED:
            # A time between two seconds is past the first: the column holds whole ones.
            past = row.not_after < _next_second(self.now)
            return past if value else ~past
        column = (row.status, row.held_by, row.held_under, row.activated)[level]
        if value is None or isinstance(value, bool):
            return column.is_(value)
        return column == (value.value if isinstance(value, Enum) else value)


def _cases() -> Iterator[_Case]:
    """Every way to stand that the table's constraints allow."""
    for status in Status:
        for held_by in Hold if status is Status.ON_HOLD else (None,):
            unders = (None, Hold.DELIVERY, Hold.REGISTRY) if held_by is Hold.OFFICER else (None,)
            for held_under, activated, expired in product(unders, _BOTH, _BOTH):
                yield _Case(Standing(status, held_by, held_under, activated), expired)


def _effect(before: Standing, after: Standing | Refusal) -> _Leaf:
    if isinstance(after, Refusal):
        return after.value
    return REHELD if after.status is before.status else MOVED


def _owner(pick: Callable[[Standing], Hold | None]) -> _Answer:
    def answer(_before: Standing, after: Standing | Refusal) -> _Leaf:
        if isinstance(after, Refusal):
            return _DontCare.ANY
        hold = pick(after)
        return hold.value if hold else None

    return answer


def _collapsed(level: int, branches: Sequence[tuple[object, _Tree]]) -> _Tree:
    """No question where all branches agree, or any answer would do."""
    told = tuple((value, tree) for value, tree in branches if not isinstance(tree, _DontCare))
    distinct = {tree for _, tree in told}
    if len(distinct) > 1:
        return _Question(level, told)
    return distinct.pop() if distinct else _DontCare.ANY


def _next_second(moment: datetime) -> datetime:
    whole = moment.replace(microsecond=0)
    return whole if whole == moment else whole + timedelta(seconds=1)
