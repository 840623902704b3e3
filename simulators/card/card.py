"""The simulated card: power, and what becomes of each command APDU."""

import secrets
import threading
from collections.abc import Callable

from simulators.card.chaining import CommandChain
from simulators.card.errors import PowerCutError
from simulators.card.globalplatform.securechannel import SecureChannel
from simulators.card.iso7816 import CLA, INS, SW, Command, StatusError, bytes_remaining, status_bytes
from simulators.card.memory import CardMemory
from simulators.card.meter import Meter
from simulators.card.piv.access import Interface
from simulators.card.piv.data import MAX_COMMAND_DATA_LENGTH
from simulators.card.runtime import CardRuntime
from simulators.card.store import CardStore

# T=1, IFSC 254, command chaining and extended length; the historical bytes name no real product.
ATR = bytes.fromhex("3B9B968131FE45807380 01C0554E49443031A3")
_REFUSED_CLASS_BITS = (
    CLA.FURTHER_CLASSES | CLA.CHANNEL_BITS | CLA.SECURE_MESSAGING_BITS & ~CLA.SECURE_MESSAGING
)
# What a reader makes up for an ISO/IEC 14443-4 card: the same historical bytes (PC/SC part 3, 3.1.3.2.3.1).
CONTACTLESS_ATR = bytes.fromhex("3B8B80018073 8001C0554E49443031AF")
_ATRS = {Interface.CONTACT: ATR, Interface.CONTACTLESS: CONTACTLESS_ATR}


class SimulatedCard:
    """One card, on an open card file or another store. Any thread may use it; commands run one at a time.

    `power_cut_after_writes`: see `cut_power_after_writes`. `random_bytes(n)` gives n bytes of randomness for
    challenges. `meter` is told of the card's work. `interface` is how its reader reaches it.
    """

    def __init__(
        self,
        store: CardStore,
        *,
        power_cut_after_writes: int | None = None,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
        meter: Meter | None = None,
        interface: Interface = Interface.CONTACT,
    ) -> None:
        self._memory = CardMemory(store, power_cut_after_writes, meter)
        self._random_bytes = random_bytes
        self._interface = interface
        self._lock = threading.Lock()
        self._powered = False
        self._clear()

    def _clear(self) -> None:
        """RAM as after power-on."""
        self._runtime = CardRuntime(self._memory, self._random_bytes, self._interface)
        self._chain = CommandChain(MAX_COMMAND_DATA_LENGTH)
        self._outgoing = b""

    @property
    def atr(self) -> bytes:
        """The answer to reset."""
        return _ATRS[self._interface]

    @property
    def serial(self) -> int:
        """The manufacturer's serial number."""
        return self._memory.state.serial

    def cut_power_after_writes(self, writes: int) -> None:
        """Orders one power cut, right after so many durable writes from now; see `CardMemory`."""
        with self._lock:
            self._memory.cut_power_after_writes(writes)

    def power_on(self) -> bytes:
        """Powers the card; returns the ATR. A powered card is reset."""
        with self._lock:
            self._powered = True
            self._clear()
        return self.atr

    def power_off(self) -> None:
        """Takes the power away: everything in RAM is gone."""
        with self._lock:
            self._powered = False
            self._clear()

    def reset(self) -> bytes:
        """Warm reset; returns the ATR."""
        return self.power_on()

    def transmit(self, command: bytes) -> bytes:
        """Answers any bytes with response data and a status word (6F00 when the card has no power).

        :raises PowerCutError: only when a power cut was ordered; the card is then without power
        """
        with self._lock:
            try:
                return self._answer(command)
            except StatusError as status:
                return status.data + status_bytes(status.sw)
            except OSError:  # the disk under the card file: full, read only, gone
                return status_bytes(SW.MEMORY_FAILURE)
            except PowerCutError:
                self._powered = False
                self._clear()
                raise

    def _answer(self, raw: bytes) -> bytes:
        if not self._powered:
            raise StatusError(SW.NO_PRECISE_DIAGNOSIS)
        command = self._begin(raw)
        if command.ins == INS.GET_RESPONSE and not command.is_chained:
            return self._get_response(command)
        self._outgoing = b""
        channel = self._channel_of(command)
        if channel is None:
            self._outgoing = self._run(command)
            return self._send(command.ne)
        return self._answer_secured(command, channel)

    def _begin(self, raw: bytes) -> Command:
        """Parses; whatever doesn't continue what was under way ends it, even what is no command."""
        try:
            _require_class(raw)
            command = Command.parse(raw)
        except StatusError:
            self._outgoing = b""
            self._interrupt()
            raise
        if not self._chain.is_continued_by(command):
            self._interrupt()
        return command

    def _interrupt(self) -> None:
        self._chain.abort()
        self._runtime.begin_command()

    def _channel_of(self, command: Command) -> SecureChannel | None:
        """The secure channel that the command came through, if it is one that goes through it."""
        try:
            return self._runtime.channel_of(command)
        except StatusError:
            self._chain.abort()
            raise

    def _answer_secured(self, command: Command, channel: SecureChannel) -> bytes:
        try:
            plain = channel.unwrap(command)
        except StatusError:
            self._chain.abort()
            self._runtime.close_channel()
            raise
        data, sw = b"", int(SW.SUCCESS)
        try:
            data = self._run(plain)
        except StatusError as status:
            sw = status.sw
        data = channel.wrap(data, sw)
        if sw != SW.SUCCESS:
            return data + status_bytes(sw)
        self._outgoing = data
        return self._send(command.ne)

    def _run(self, command: Command) -> bytes:
        """The answer's data to a command or, with its last part, to a chain of them."""
        self._runtime.require_known(command)
        whole = self._chain.add(command)
        return b"" if whole is None else self._runtime.process(whole)

    def _get_response(self, command: Command) -> bytes:
        if command.p1_p2:
            raise StatusError(SW.INCORRECT_P1_P2)
        if not self._outgoing:
            raise StatusError(SW.CONDITIONS_OF_USE_NOT_SATISFIED)
        return self._send(command.ne)

    def _send(self, ne: int) -> bytes:
        """At most `ne` bytes; the rest waits for GET RESPONSE."""
        data, self._outgoing = self._outgoing[:ne], self._outgoing[ne:]
        return data + status_bytes(bytes_remaining(len(self._outgoing)) if self._outgoing else SW.SUCCESS)


def _require_class(raw: bytes) -> None:
    """The first interindustry class or GlobalPlatform's, its kind of secure messaging, the basic channel."""
    cla = raw[0] if raw else CLA.INTERINDUSTRY
    if not cla & _REFUSED_CLASS_BITS:
        return
    if cla & CLA.FURTHER_CLASSES:
        raise StatusError(SW.CLASS_NOT_SUPPORTED)
    if cla & CLA.SECURE_MESSAGING_BITS not in (0, CLA.SECURE_MESSAGING):
        raise StatusError(SW.SECURE_MESSAGING_NOT_SUPPORTED)
    raise StatusError(SW.LOGICAL_CHANNEL_NOT_SUPPORTED)
