"""The issuer security domain: which command goes where."""

from collections.abc import Callable

from simulators.card import tlv
from simulators.card.globalplatform.data import CardData, card_recognition_data
from simulators.card.globalplatform.identifiers import (
    ISD_AID,
    MIN_AID_LENGTH,
    GpInstruction,
    Tag,
)
from simulators.card.globalplatform.initiation import ChannelInitiation, OpenChannel
from simulators.card.globalplatform.keycommands import KeyCommands
from simulators.card.globalplatform.registry import Registry
from simulators.card.iso7816 import SW, Command, StatusError
from simulators.card.lifecycle import LifeCycle
from simulators.card.memory import CardMemory

_MAX_COMMAND_LENGTH = (0xFF).to_bytes(2, "big")


class IssuerSecurityDomain:
    """One powered session of the security domain; `applications` are the AIDs of the card's others."""

    def __init__(
        self, memory: CardMemory, initiation: ChannelInitiation, applications: tuple[bytes, ...]
    ) -> None:
        self._memory = memory
        self._initiation = initiation
        self._data = CardData(memory)
        self._keys = KeyCommands(memory)
        self._registry = Registry(memory, applications)
        self._open: dict[int, Callable[[Command], bytes]] = {GpInstruction.GET_DATA: self._data.get}
        self._authenticated: dict[int, Callable[[Command, OpenChannel], bytes]] = {
            GpInstruction.PUT_KEY: lambda command, channel: self._keys.put(command, channel.dek),
            GpInstruction.DELETE: lambda command, channel: self._keys.delete(command, channel.version),
            GpInstruction.GET_STATUS: lambda command, _: self._registry.get(command),
            GpInstruction.SET_STATUS: lambda command, _: self._registry.set(command),
        }

    @property
    def aid(self) -> bytes:
        """The whole application identifier."""
        return ISD_AID

    @property
    def selection_answer(self) -> bytes:
        """File control information (GPCS 11.9.3.1)."""
        management = card_recognition_data(pseudo_random=self._memory.isd.pseudo_random)
        length = tlv.encode(Tag.MAX_COMMAND_LENGTH, _MAX_COMMAND_LENGTH)
        return tlv.encode(
            Tag.FCI,
            tlv.encode(Tag.DF_NAME, ISD_AID) + tlv.encode(Tag.FCI_PROPRIETARY, management + length),
        )

    @staticmethod
    def is_named_by(aid: bytes) -> bool:
        """Whether this names the domain: its AID, whole or right-truncated, or none (GPCS 11.9.2.3)."""
        return not aid or (len(aid) >= MIN_AID_LENGTH and ISD_AID.startswith(aid))

    def begin_command(self) -> None:
        """Nothing here depends on the command before."""

    def channel_ended(self) -> None:
        """The channel itself was all that had been proved."""

    def takes_class_of(self, command: Command) -> bool:
        """Proprietary commands; of the interindustry ones GET DATA alone (GPCS 11.3.2)."""
        return command.is_proprietary or command.ins == GpInstruction.GET_DATA

    def knows(self, command: Command) -> bool:
        """Whether this instruction exists here."""
        return command.ins in self._open or command.ins in self._authenticated

    @staticmethod
    def chains(_ins: int) -> bool:
        """No command of the security domain needs more than one APDU."""
        return False

    def process(self, command: Command) -> bytes:
        """The answer's data to a complete command.

        :raises StatusError: 6982 (no channel with C-MAC), 6985 (the card is terminated), the command's own
        """
        handler = self._open.get(command.ins)
        if handler is not None:
            return handler(command)
        if self._memory.state.life_cycle is LifeCycle.TERMINATED:
            raise StatusError(SW.CONDITIONS_OF_USE_NOT_SATISFIED)
        channel = self._initiation.channel
        if channel is None or not channel.secure.checks_commands:
            raise StatusError(SW.SECURITY_STATUS_NOT_SATISFIED)
        return self._authenticated[command.ins](command, channel)
