"""The chip's non-volatile memory as the applications see it, with the power cuts that a test orders."""

from simulators.card.errors import PowerCutError
from simulators.card.globalplatform.state import IsdState
from simulators.card.meter import Meter, NoMeter
from simulators.card.piv.state import PivState
from simulators.card.state import CardState
from simulators.card.store import CardStore


class CardMemory:
    """A card's store behind a power supply that may fail.

    `power_cut_after_writes`: see `cut_power_after_writes`. None never cuts it.
    """

    def __init__(
        self, store: CardStore, power_cut_after_writes: int | None = None, meter: Meter | None = None
    ) -> None:
        self.meter = meter or NoMeter()
        """Is told of the card's work, of durable writes by this memory itself."""
        self._store = store
        self._writes = 0
        self._cut_after = power_cut_after_writes

    @property
    def state(self) -> CardState:
        """What is durable now."""
        return self._store.state

    @property
    def piv(self) -> PivState:
        """The PIV application's part of it."""
        return self._store.state.piv

    @property
    def isd(self) -> IsdState:
        """The issuer security domain's part of it."""
        return self._store.state.isd

    def cut_power_after_writes(self, writes: int) -> None:
        """Cuts the power once, right after the n-th durable write from now; 0 cuts it before the next one.

        The order outlives resets, and takes the place of an earlier one that wasn't carried out yet.
        """
        self._cut_after = self._writes + writes

    def commit_piv(self, piv: PivState) -> None:
        """Makes the PIV application's next state durable; see `commit`."""
        state = self._store.state
        self.commit(CardState(state.serial, piv, state.isd, state.life_cycle))

    def commit_isd(self, isd: IsdState) -> None:
        """Makes the issuer security domain's next state durable; see `commit`."""
        state = self._store.state
        self.commit(CardState(state.serial, state.piv, isd, state.life_cycle))

    def commit(self, state: CardState) -> None:
        """Makes the card's next state durable: one write, all of it or nothing.

        :raises PowerCutError: as ordered
        :raises OSError: the disk refused; the old state stands
        """
        self._cut_if_due()
        self.meter.writes()
        self._store.commit(state)
        self._writes += 1
        self._cut_if_due()

    def _cut_if_due(self) -> None:
        if self._cut_after is not None and self._writes >= self._cut_after:
            self._cut_after = None
            raise PowerCutError(self._writes)
