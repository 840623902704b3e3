"""INITIALIZE UPDATE and EXTERNAL AUTHENTICATE (amendment D, 7.1): how a secure channel begins."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field

from simulators.card.globalplatform import scp03
from simulators.card.globalplatform.keyset import MAX_SEQUENCE_COUNTER, KeySet
from simulators.card.globalplatform.scp03 import (
    CHALLENGE_LENGTH,
    CRYPTOGRAM_LENGTH,
    LEVELS,
    Level,
    SessionKeys,
)
from simulators.card.globalplatform.securechannel import SecureChannel
from simulators.card.iso7816 import SW, Command, StatusError
from simulators.card.memory import CardMemory

SCP03 = 0x03
_SUPPORTS_R_MAC_AND_R_ENCRYPTION = 0x60  # amendment D, table 5-1: parameter i
_PSEUDO_RANDOM = 0x10
_SERIAL_LENGTH = 4
_DIVERSIFICATION_LENGTH = 10


def implementation_parameter(*, pseudo_random: bool) -> int:
    """The parameter i (amendment D, table 5-1): 70 or 60."""
    return _SUPPORTS_R_MAC_AND_R_ENCRYPTION | (_PSEUDO_RANDOM if pseudo_random else 0)


def diversification_data(serial: int) -> bytes:
    """10 bytes from which the issuer derives this card's keys; the manufacturer's serial number is last."""
    return serial.to_bytes(_DIVERSIFICATION_LENGTH, "big")


@dataclass(frozen=True)
class _Pending:
    """Between the two commands."""

    version: int
    keys: SessionKeys = field(repr=False)
    expected: bytes = field(repr=False)


@dataclass(frozen=True)
class OpenChannel:
    """A channel, and the key set that opened it: keys that the host puts come encrypted under its DEK."""

    secure: SecureChannel
    version: int
    dek: bytes = field(repr=False)


class ChannelInitiation:
    """The two commands, whichever application is selected; `channel` is the open one, if any."""

    def __init__(
        self, memory: CardMemory, random_bytes: Callable[[int], bytes], ended: Callable[[], None]
    ) -> None:
        """`ended` is called when a channel that was open is no more."""
        self._memory = memory
        self._random_bytes = random_bytes
        self._ended = ended
        self._pending: _Pending | None = None
        self.channel: OpenChannel | None = None

    def close(self) -> None:
        """Ends a channel, open or in the making."""
        self._pending = None
        if self.channel is not None:
            self.channel = None
            self._ended()

    def initialize_update(self, command: Command, aid: bytes) -> bytes:
        """Both challenges and the card's cryptogram; ends a channel that is open.

        The sequence counter is durable before the answer leaves: no challenge comes twice. `aid` is the
        selected application's.

        :raises StatusError: 6A86, 6700, 6A88 (no such keys), 6983 (blocked), 6985 (the counter is at its end)
        """
        self.close()
        if command.p2:
            raise StatusError(SW.INCORRECT_P1_P2)
        if len(command.data) != CHALLENGE_LENGTH:
            raise StatusError(SW.WRONG_LENGTH)
        version, keys = self._usable_keys(command.p1)
        pseudo_random = self._memory.isd.pseudo_random
        if pseudo_random:
            keys = self._count(version, keys)
            challenge = scp03.pseudo_random_challenge(keys.enc, keys.counter_bytes, aid)
        else:
            challenge = self._random_bytes(CHALLENGE_LENGTH)
        session = scp03.derive_session_keys(keys.enc, keys.mac, command.data, challenge)
        expected = scp03.host_cryptogram(session, command.data, challenge)
        self._pending = _Pending(version, session, expected)
        return (
            diversification_data(self._memory.state.serial)
            + bytes((version, SCP03, implementation_parameter(pseudo_random=pseudo_random)))
            + challenge
            + scp03.card_cryptogram(session, command.data, challenge)
            + (keys.counter_bytes if pseudo_random else b"")
        )

    def _usable_keys(self, version: int) -> tuple[int, KeySet]:
        isd = self._memory.isd
        version = version or isd.default_version
        keys = isd.key_sets.get(version)
        if keys is None:
            raise StatusError(SW.REFERENCE_DATA_NOT_FOUND)
        if keys.is_blocked:
            raise StatusError(SW.AUTHENTICATION_METHOD_BLOCKED)
        return version, keys

    def _count(self, version: int, keys: KeySet) -> KeySet:
        if keys.sequence_counter == MAX_SEQUENCE_COUNTER:
            raise StatusError(SW.CONDITIONS_OF_USE_NOT_SATISFIED)
        counted = keys.counted()
        self._store(version, counted)
        return counted

    def external_authenticate(self, command: Command) -> bytes:
        """Checks the host's cryptogram and C-MAC, and opens the channel at the level of P1.

        A try is counted durably before the comparison and given back after it.

        :raises StatusError: 6985 (no INITIALIZE UPDATE before), 6A86, 6700, 6300 (cryptogram), 6982 (C-MAC)
        """
        pending, self._pending = self._pending, None
        if pending is None:
            raise StatusError(SW.CONDITIONS_OF_USE_NOT_SATISFIED)
        if command.p1 not in LEVELS or command.p2:
            raise StatusError(SW.INCORRECT_P1_P2)
        if len(command.data) != CRYPTOGRAM_LENGTH + scp03.MAC_LENGTH:
            raise StatusError(SW.WRONG_LENGTH)
        keys = self._memory.isd.key_sets[pending.version]
        counted = keys.with_failures(keys.failures + 1)
        self._store(pending.version, counted)
        channel = SecureChannel(pending.keys)
        if not hmac.compare_digest(channel.authenticate(command), pending.expected):
            raise StatusError(SW.AUTHENTICATION_FAILED)
        self._store(pending.version, keys.with_failures(0))
        channel.open(Level(command.p1))
        self.channel = OpenChannel(channel, pending.version, keys.dek)
        return b""

    def _store(self, version: int, keys: KeySet) -> None:
        self._memory.commit_isd(self._memory.isd.with_key_set(version, keys))
