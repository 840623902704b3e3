"""INITIALIZE UPDATE and EXTERNAL AUTHENTICATE: who is who, and a secure channel (Amendment D v1.2, 7.1)."""

import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass, field

from cardio.apdu import CLA_PROPRIETARY, INS, MAX_SHORT_LE, SW, CommandApdu
from cardio.channel import CardChannel
from cardio.errors import ApduError, UnexpectedAnswerError
from cardio.globalplatform.errors import (
    CardCryptogramError,
    HostCryptogramError,
    KeySetBlockedError,
    KeySetNotFoundError,
    SecureChannelError,
    UnsupportedSecureChannelError,
)
from cardio.globalplatform.keys import DEFAULT_VERSION, KeySet
from cardio.globalplatform.messages import SecureMessages
from cardio.globalplatform.scp03 import (
    CHALLENGE_BYTES,
    CRYPTOGRAM_BYTES,
    FULL_SECURITY,
    SEQUENCE_COUNTER_BYTES,
    SecurityLevel,
    SessionKeys,
    card_cryptogram,
    host_cryptogram,
)
from cardio.globalplatform.securechannel import SecureChannel

_SCP03 = 0x03
_DIVERSIFICATION_BYTES = 10
_AT_CHALLENGE = _DIVERSIFICATION_BYTES + 3  # key version, protocol, i
_AT_CRYPTOGRAM = _AT_CHALLENGE + CHALLENGE_BYTES
_AT_COUNTER = _AT_CRYPTOGRAM + CRYPTOGRAM_BYTES
_END = _AT_COUNTER + SEQUENCE_COUNTER_BYTES

# The parameter i, 5.1.
_I_S16 = 0x01
_I_PSEUDO_RANDOM = 0x10
_I_R_MAC = 0x20
_I_R_ENCRYPTION = 0x40

_NO_SECURE_CHANNEL = frozenset({SW.INSTRUCTION_NOT_SUPPORTED, SW.CLASS_NOT_SUPPORTED})
_HOST_REFUSED = frozenset(
    {
        SW.VERIFICATION_FAILED,
        SW.SECURITY_STATUS_NOT_SATISFIED,
        SW.INCORRECT_SECURE_MESSAGING_OBJECTS,
    }
)


@dataclass(frozen=True)
class InitializeUpdateAnswer:
    """What the card tells of itself and of the session that it offers (table 7-3)."""

    diversification_data: bytes
    """10 bytes by which the issuer may find the card's keys."""

    version: int
    """Of the key set in use."""

    i: int
    """SCP03's options: which challenges, and whether answers can be protected."""

    card_challenge: bytes
    """8 bytes."""

    card_cryptogram: bytes = field(repr=False)
    """8 bytes."""

    sequence_counter: bytes | None
    """3 bytes, where the challenge is pseudo-random."""

    @staticmethod
    def parse(data: bytes) -> "InitializeUpdateAnswer":
        """Reads the data field.

        :raises UnsupportedSecureChannelError: another protocol than SCP03, or its S16 mode
        :raises UnexpectedAnswerError: not as long as the options say
        """
        if len(data) < _AT_CHALLENGE:
            raise UnexpectedAnswerError(f"INITIALIZE UPDATE answered {len(data)} bytes")
        version, protocol, i = data[_DIVERSIFICATION_BYTES:_AT_CHALLENGE]
        if protocol != _SCP03:
            raise UnsupportedSecureChannelError(f"the card offers SCP{protocol:02X}, not SCP03")
        if i & _I_S16:
            raise UnsupportedSecureChannelError("the card wants MACs of 16 bytes (S16 mode)")
        if len(data) != (_END if i & _I_PSEUDO_RANDOM else _AT_COUNTER):
            raise UnexpectedAnswerError(f"INITIALIZE UPDATE answered {len(data)} bytes for i = {i:02X}")
        return InitializeUpdateAnswer(
            diversification_data=data[:_DIVERSIFICATION_BYTES],
            version=version,
            i=i,
            card_challenge=data[_AT_CHALLENGE:_AT_CRYPTOGRAM],
            card_cryptogram=data[_AT_CRYPTOGRAM:_AT_COUNTER],
            sequence_counter=data[_AT_COUNTER:] or None,
        )

    def require(self, level: SecurityLevel) -> None:
        """:raises UnsupportedSecureChannelError: the card can't protect answers as `level` asks."""
        needed = (_I_R_MAC if level.r_mac else 0) | (_I_R_ENCRYPTION if level.r_encryption else 0)
        if self.i & needed != needed:
            raise UnsupportedSecureChannelError(f"i = {self.i:02X} has no security level {level:02X}")


@dataclass(frozen=True)
class _Offer:
    """A session whose card has proved itself."""

    answer: InitializeUpdateAnswer
    session_keys: SessionKeys
    host_cryptogram: bytes = field(repr=False)


def open_secure_channel(
    channel: CardChannel,
    keys: KeySet,
    level: SecurityLevel = FULL_SECURITY,
    random_bytes: Callable[[int], bytes] = os.urandom,
) -> InitializeUpdateAnswer:
    """Opens SCP03 with the selected application, which may be the security domain or one that it serves.

    From here on everything sent through `channel` is protected; an earlier secure channel of it is replaced.
    Extended length fields are probed first, where the policy asks for them and nobody has yet.

    :raises UnsupportedSecureChannelError: no SCP03, or not of this level
    :raises KeySetNotFoundError: no keys of this version
    :raises KeySetBlockedError: too many failures before
    :raises CardCryptogramError: the card did not prove that it has these keys
    :raises HostCryptogramError: the card refused them, and counts the failure
    """
    channel.probe_extended_length()
    offer = _initialize_update(channel, keys, random_bytes)
    offer.answer.require(level)
    messages = SecureMessages(offer.session_keys, level)
    command = messages.external_authenticate(offer.host_cryptogram)
    response = channel.formatter.exchange(command)
    if response.sw != SW.NO_FURTHER_QUALIFICATION:
        raise _authentication_refusal(offer.answer.version, response.sw)
    if response.data:
        raise UnexpectedAnswerError("EXTERNAL AUTHENTICATE answers no data")
    channel.protect(SecureChannel(channel.formatter, messages))
    return offer.answer


def recognises(channel: CardChannel, keys: KeySet, random_bytes: Callable[[int], bytes] = os.urandom) -> bool:
    """Whether the card has these very keys under their version: INITIALIZE UPDATE alone, its answer checked.

    For whoever has recorded old, pending and new keys and lost the answer to a PUT KEY. The terminal's proof
    isn't sent, so cards that count failed EXTERNAL AUTHENTICATE commands count nothing. An open secure
    channel ends.

    :raises UnsupportedSecureChannelError: no SCP03
    :raises KeySetBlockedError: too many failures before
    """
    try:
        _initialize_update(channel, keys, random_bytes)
    except (KeySetNotFoundError, CardCryptogramError):
        return False
    return True


def _initialize_update(channel: CardChannel, keys: KeySet, random_bytes: Callable[[int], bytes]) -> _Offer:
    channel.end_protection()  # INITIALIZE UPDATE ends a session on the card too (GPCS 10.2.3)
    challenge = random_bytes(CHALLENGE_BYTES)
    command = CommandApdu(CLA_PROPRIETARY, INS.INITIALIZE_UPDATE, keys.version, 0, challenge, MAX_SHORT_LE)
    response = channel.formatter.exchange(command)
    if response.sw != SW.NO_FURTHER_QUALIFICATION:
        raise _initialization_refusal(keys.version, response.sw)
    answer = InitializeUpdateAnswer.parse(response.data)
    if keys.version not in {DEFAULT_VERSION, answer.version}:
        raise UnexpectedAnswerError(
            f"key version {keys.version:02X} asked for, {answer.version:02X} answered"
        )
    session_keys = SessionKeys.derive(keys, challenge, answer.card_challenge)
    expected = card_cryptogram(session_keys, challenge, answer.card_challenge)
    if not hmac.compare_digest(expected, answer.card_cryptogram):
        raise CardCryptogramError(answer.version)
    proof = host_cryptogram(session_keys, challenge, answer.card_challenge)
    return _Offer(answer, session_keys, proof)


def _initialization_refusal(version: int, sw: int) -> SecureChannelError | ApduError:
    if sw in _NO_SECURE_CHANNEL:
        return UnsupportedSecureChannelError("the selected application has no secure channel")
    if sw == SW.REFERENCED_DATA_NOT_FOUND:
        return KeySetNotFoundError(version)
    if sw == SW.AUTHENTICATION_METHOD_BLOCKED:
        return KeySetBlockedError(version)
    return ApduError(sw, INS.INITIALIZE_UPDATE)


def _authentication_refusal(version: int, sw: int) -> SecureChannelError | ApduError:
    if sw in _HOST_REFUSED:
        return HostCryptogramError(version, sw)
    if sw == SW.AUTHENTICATION_METHOD_BLOCKED:
        return KeySetBlockedError(version)
    return ApduError(sw, INS.EXTERNAL_AUTHENTICATE)
