"""Bodies of requests and answers about mass actions."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, JsonValue

from issuance.massactions.models import REASON_LENGTH
from issuance.massactions.selection import MAX_CHOICES, MAX_TEXT, KeySelection
from issuance.massactions.service import MAX_TOLERANCE
from issuance.massactions.states import ActionState
from issuance.provenance.models import KeyType, Origin
from issuance.web.days import Moment
from issuance.web.schemas import Answer, Request
from pki.keys.kinds import KeyKind
from pki.massactions.selection import Window

_Words = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]], Field(max_length=MAX_CHOICES)
]
_Reason = Annotated[str, Field(min_length=1, max_length=REASON_LENGTH)]


class SelectionBody(Request):
    """Which keys: all criteria together; one that is left out says nothing."""

    body_batches: _Words = Field(default=[])
    chip_types: _Words = Field(default=[])
    key_types: list[KeyType] = Field(default=[], max_length=len(KeyType))
    algorithms: list[KeyKind] = Field(default=[], max_length=len(KeyKind))
    slots: _Words = Field(default=[])
    offices: _Words = Field(default=[])
    stations: _Words = Field(default=[])
    origins: list[Origin] = Field(default=[], max_length=len(Origin))
    made_from: Moment | None = None
    made_before: Moment | None = None

    def selection(self) -> KeySelection:
        """As the service takes it."""
        return KeySelection(
            body_batches=frozenset(self.body_batches),
            chip_types=frozenset(self.chip_types),
            key_types=frozenset(self.key_types),
            algorithms=frozenset(self.algorithms),
            slots=frozenset(self.slots),
            offices=frozenset(self.offices),
            stations=frozenset(self.stations),
            origins=frozenset(self.origins),
            made=Window(self.made_from, self.made_before),
        )


class ProposalBody(Request):
    """A mass action to be proposed."""

    selection: SelectionBody
    reason: _Reason
    """Why, in words, without anybody's data: it stands in the record."""
    tolerance: int = Field(default=0, ge=0, le=MAX_TOLERANCE)
    """By how many keys, come or gone, the selection may differ when it is confirmed."""


class LiftBody(Request):
    """Why an action is to be lifted."""

    reason: _Reason


class SampleAnswer(Answer):
    """One key among many."""

    serial: str
    slot: str
    algorithm: str
    chip_type: str
    office: str
    made_at: datetime


class PreviewAnswer(Answer):
    """What a selection means: numbers of keys, and at most 20 samples, the oldest."""

    keys: int
    cards: int
    algorithms: dict[str, int]
    slots: dict[str, int]
    chip_types: dict[str, int]
    body_batches: dict[str, int]
    offices: dict[str, int]
    stations: dict[str, int]
    """`-`: the registry's own machine."""
    card_states: dict[str, int]
    made: list[datetime] | None
    """The first and the last time."""
    samples: list[SampleAnswer]


class ActionAnswer(Answer):
    """A mass action as it is on record."""

    id: str
    state: ActionState
    selection: dict[str, JsonValue]
    preview: PreviewAnswer
    tolerance: int
    reason: str
    proposed_by: str
    proposed_at: datetime
    confirmed_by: str | None
    confirmed_at: datetime | None
    lift_reason: str | None
    lift_proposed_by: str | None
    lift_proposed_at: datetime | None
    lift_confirmed_by: str | None
    lift_confirmed_at: datetime | None
    keys: int
    closed_at: datetime | None


class ProgressAnswer(Answer):
    """How far an action is; counts are of keys that the authority decided about."""

    id: str
    state: ActionState
    keys: int
    parts: int
    held: int
    released: int
    skipped: int
    moved_at: datetime | None


class ReportAnswer(Answer):
    """What came of an action so far."""

    action: ActionAnswer
    progress: ProgressAnswer
    states: dict[str, int]
    failures: dict[str, int]
