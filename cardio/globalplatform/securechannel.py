"""The layer of the stack that protects messages by SCP03."""

from collections.abc import Sequence

from cardio.apdu import INS, MAX_SHORT_LE, P1_SELECT_BY_NAME, SW, CommandApdu, ResponseApdu
from cardio.globalplatform.errors import SecureChannelClosedError
from cardio.globalplatform.messages import SecureMessages, largest_data
from cardio.globalplatform.scp03 import SecurityLevel
from cardio.processors import ApduProcessor


class SecureChannel:
    """An open session over the layer below (see cardio.processors).

    It ends with a reset and with SELECT of an application by name, as the card's session does (GPCS 10.2.3);
    that SELECT goes in clear. It is dead after a wrong R-MAC, and after any failure below, which leaves
    unknown whether the card counted the command. Then every command but such a SELECT is refused: nothing
    goes in clear because a session broke. Without R-MAC in the level, answers are as good as in clear.
    """

    def __init__(self, below: ApduProcessor, messages: SecureMessages) -> None:
        self._below = below
        self._messages = messages
        self._closed: str | None = None

    @property
    def level(self) -> SecurityLevel:
        """What protects the messages."""
        return self._messages.level

    @property
    def max_data(self) -> int:
        """See `ApduProcessor.max_data`: what MAC and padding leave."""
        return largest_data(self.level, self._below.max_data)

    @property
    def max_le(self) -> int:
        """See `ApduProcessor.max_le`."""
        return self._below.max_le

    @property
    def max_batch(self) -> int:
        """See `ApduProcessor.max_batch`."""
        return self._below.max_batch

    def end(self) -> None:
        """See `ProtectingProcessor.end`."""
        self._closed = "the card was reset, or a new session begun"

    def exchange(self, command: CommandApdu) -> ResponseApdu:
        """Wraps the command, and gives the answer unwrapped.

        :raises SecureChannelClosedError: the channel ended before; nothing was sent
        :raises ResponseMacError: the answer has no right R-MAC; the channel is dead
        """
        if _selects(command):
            self._closed = "another application was selected"
            return self._below.exchange(command)
        if self._closed is not None:
            raise SecureChannelClosedError(self._closed)
        wrapped = self._messages.wrap(self._with_room(command))
        self._closed = "its last command failed"  # whatever is raised from here on, an interrupt too
        response = self._messages.unwrap(self._below.exchange(wrapped))
        self._closed = None
        return response

    def exchange_all(self, commands: Sequence[CommandApdu]) -> list[ResponseApdu]:
        """See `ApduProcessor.exchange_all`; raises as `exchange` does.

        Commands that travel together are wrapped together. Where the card refuses one, those after it are
        wrapped and unsent, and whoever carries them could send them later: so the session is over, unless it
        was the last.
        """
        answers: list[ResponseApdu] = []
        while len(answers) < len(commands):
            waiting = commands[len(answers) : len(answers) + self.max_batch]
            if len(waiting) == 1 or any(map(_selects, waiting)):
                answers.append(self.exchange(waiting[0]))
            else:
                answers += self._exchange_batch(waiting)
            if answers[-1].sw != SW.NO_FURTHER_QUALIFICATION:
                break
        return answers

    def _exchange_batch(self, commands: Sequence[CommandApdu]) -> list[ResponseApdu]:
        if self._closed is not None:
            raise SecureChannelClosedError(self._closed)
        wrapped, states = [], []
        for command in commands:
            wrapped.append(self._messages.wrap(self._with_room(command)))
            states.append(self._messages.state)
        self._closed = "its last commands failed"
        answers = self._below.exchange_all(wrapped)
        unwrapped = list(map(self._messages.unwrap, answers, states))
        if len(answers) == len(commands):
            self._closed = None
        return unwrapped

    def _with_room(self, command: CommandApdu) -> CommandApdu:
        """Asks for as much as the length field can say: the R-MAC and the padding come on top of the data.

        Short fields stay short; a longer answer comes by GET RESPONSE. So the card has no reason to name
        another Le (6Cxx), upon which the layer below would send the same wrapped command once more.
        """
        if command.le is None or not self.level.c_mac:
            return command
        return command.with_le(MAX_SHORT_LE if command.le <= MAX_SHORT_LE else self.max_le)


def _selects(command: CommandApdu) -> bool:
    return command.ins == INS.SELECT and command.p1 == P1_SELECT_BY_NAME
