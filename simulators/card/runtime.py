"""What stands between the APDUs and the applications: selection, and the secure channel that all share."""

from collections.abc import Callable
from enum import IntEnum, unique

from simulators.card.application import Application
from simulators.card.globalplatform.application import IssuerSecurityDomain
from simulators.card.globalplatform.identifiers import GpInstruction
from simulators.card.globalplatform.initiation import ChannelInitiation
from simulators.card.globalplatform.securechannel import SecureChannel
from simulators.card.iso7816 import INS, SW, Command, StatusError
from simulators.card.lifecycle import LifeCycle, runs_applications
from simulators.card.memory import CardMemory
from simulators.card.piv.access import Interface
from simulators.card.piv.application import PivApplication
from simulators.card.piv.identifiers import AID as PIV_AID


@unique
class SelectParameter(IntEnum):
    """P1-P2 of SELECT (ISO/IEC 7816-4, tables 62 and 63)."""

    BY_NAME_FIRST_WITH_FCI = 0x0400
    BY_NAME_FIRST_WITHOUT_DATA = 0x040C


class CardRuntime:
    """One powered session of the card.

    PIV is selected after every reset, unless the card's life cycle leaves the security domain alone. A SELECT
    that finds nothing changes nothing (ISO/IEC 7816-4, clause 11.2.2); selecting another application ends
    what was proved to the one before, and the secure channel. Selecting PIV again leaves its security status
    alone (SP 800-73-5 part 2, section 3.1.1).
    """

    def __init__(
        self, memory: CardMemory, random_bytes: Callable[[int], bytes], interface: Interface
    ) -> None:
        self._memory = memory
        self._random_bytes = random_bytes
        self._interface = interface
        self._initiation = ChannelInitiation(memory, random_bytes, self._channel_ended)
        self._selected: Application = self._piv() if self._runs_applications else self._security_domain()

    @property
    def _runs_applications(self) -> bool:
        return runs_applications(self._memory.state.life_cycle)

    def _piv(self) -> PivApplication:
        return PivApplication(self._memory, self._random_bytes, interface=self._interface)

    def _security_domain(self) -> IssuerSecurityDomain:
        return IssuerSecurityDomain(self._memory, self._initiation, (PIV_AID,))

    def begin_command(self) -> None:
        """Any new command, whatever becomes of it."""
        self._selected.begin_command()

    def _channel_ended(self) -> None:
        """What was proved through a channel is over with it: whoever speaks next is somebody else."""
        self._selected.channel_ended()

    def close_channel(self) -> None:
        """Ends the secure channel."""
        self._initiation.close()

    def channel_of(self, command: Command) -> SecureChannel | None:
        """The channel through which a command came; None for those that go without.

        A command that should have come through the channel and didn't ends it (GPCS 10.2.3).

        :raises StatusError: 6982, protected without a channel, or unprotected with one
        """
        if _begins_channel(command):
            return None
        channel = self._initiation.channel
        if command.is_secured:
            if channel is None or not channel.secure.checks_commands:
                self._initiation.close()
                raise StatusError(SW.SECURITY_STATUS_NOT_SATISFIED)
            return channel.secure
        if channel is not None and channel.secure.checks_commands and command.ins != INS.SELECT:
            self._initiation.close()
            raise StatusError(SW.SECURITY_STATUS_NOT_SATISFIED)
        return None

    def require_known(self, command: Command) -> None:
        """Whether there is such an instruction, before anything is staged.

        :raises StatusError: 6E00, 6D00, 6884 (it takes no chain)
        """
        own = command.ins == INS.SELECT or _begins_channel(command)
        if not own and not self._selected.takes_class_of(command):
            raise StatusError(SW.CLASS_NOT_SUPPORTED)
        if not own and not self._selected.knows(command):
            raise StatusError(SW.INSTRUCTION_NOT_SUPPORTED)
        if command.is_chained and (own or not self._selected.chains(command.ins)):
            raise StatusError(SW.COMMAND_CHAINING_NOT_SUPPORTED)

    def process(self, command: Command) -> bytes:
        """The answer's data to a complete, plain command.

        :raises StatusError: any status word but 9000
        """
        if command.ins == INS.SELECT:
            return self._select(command)
        if not _begins_channel(command):
            return self._selected.process(command)
        # Both commands count: nobody who only stands near the card may use its keys up.
        if self._memory.state.life_cycle is LifeCycle.TERMINATED or self._interface is Interface.CONTACTLESS:
            raise StatusError(SW.CONDITIONS_OF_USE_NOT_SATISFIED)
        if command.ins == GpInstruction.INITIALIZE_UPDATE:
            return self._initiation.initialize_update(command, self._selected.aid)
        return self._initiation.external_authenticate(command)

    def _select(self, command: Command) -> bytes:
        if command.p1_p2 not in tuple(SelectParameter):
            raise StatusError(SW.INCORRECT_P1_P2)
        self._change_to(command.data)
        self._initiation.close()
        if command.p1_p2 == SelectParameter.BY_NAME_FIRST_WITHOUT_DATA:
            return b""
        if self._memory.state.life_cycle is LifeCycle.CARD_LOCKED:  # GPCS 11.9.3.2: a warning
            raise StatusError(SW.CARD_LOCKED, self._selected.selection_answer)
        return self._selected.selection_answer

    def _change_to(self, aid: bytes) -> None:
        if self._selected.is_named_by(aid):
            return
        if PivApplication.is_named_by(aid):
            if not self._runs_applications:
                raise StatusError(SW.FUNCTION_NOT_SUPPORTED)
            self._selected = self._piv()
        elif IssuerSecurityDomain.is_named_by(aid):
            self._selected = self._security_domain()
        else:
            raise StatusError(SW.FILE_OR_APPLICATION_NOT_FOUND)


def _begins_channel(command: Command) -> bool:
    """INITIALIZE UPDATE and EXTERNAL AUTHENTICATE: every application hands them to its security domain."""
    if command.ins == GpInstruction.INITIALIZE_UPDATE:
        return command.is_proprietary and not command.is_secured
    return (
        command.ins == GpInstruction.EXTERNAL_AUTHENTICATE and command.is_proprietary and command.is_secured
    )
