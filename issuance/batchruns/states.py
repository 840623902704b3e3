"""Where a batch run and its readers stand, pure."""

from enum import StrEnum, unique

from issuance.lifecycle.states import StateMachine


@unique
class BatchRunState(StrEnum):
    """Where a batch run stands."""

    RUNNING = "running"
    PAUSED = "paused"
    """The cards at hand are finished; no other order is taken."""
    CANCELLED = "cancelled"
    """The same, for good."""
    FINISHED = "finished"
    """No order waited any more."""


@unique
class BatchRunEvent(StrEnum):
    """What is done to a batch run."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    FINISH = "finish"


@unique
class ReaderState(StrEnum):
    """Where one reader of a batch run stands."""

    WAITING = "waiting"
    """For a blank, or while the run is paused."""
    WORKING = "working"
    STOPPED = "stopped"
    """A card failed here: somebody has to look, and resume. The other readers go on."""
    DONE = "done"


_S, _E = BatchRunState, BatchRunEvent

BATCH_RUN = StateMachine(
    "batch run",
    {
        (_S.RUNNING, _E.PAUSE): _S.PAUSED,
        (_S.RUNNING, _E.RESUME): _S.RUNNING,
        (_S.PAUSED, _E.RESUME): _S.RUNNING,
        (_S.RUNNING, _E.CANCEL): _S.CANCELLED,
        (_S.PAUSED, _E.CANCEL): _S.CANCELLED,
        (_S.RUNNING, _E.FINISH): _S.FINISHED,
        (_S.PAUSED, _E.FINISH): _S.FINISHED,
    },
)
"""Resuming a running one starts its stopped readers again."""

ENDED = frozenset({BatchRunState.CANCELLED, BatchRunState.FINISHED})
