"""One conversation with the issuer security domain (GPCS 2.3.1, chapter 11)."""

import os
from collections.abc import Callable, Iterable, Mapping

from cardio.apdu import CLA_PROPRIETARY, INS, MAX_SHORT_LE, P1_SELECT_BY_NAME, SW, CommandApdu, ResponseApdu
from cardio.channel import SHORT_APDUS, ApduPolicy, CardChannel
from cardio.errors import (
    ApduError,
    ApplicationNotFoundError,
    CardError,
    ObjectNotFoundError,
    UnexpectedAnswerError,
)
from cardio.globalplatform import handshake
from cardio.globalplatform.carddata import CardData, Cplc, parse_sequence_counter
from cardio.globalplatform.errors import KeySetNotFoundError, LifeCycleError, SecureChannelClosedError
from cardio.globalplatform.handshake import InitializeUpdateAnswer, open_secure_channel
from cardio.globalplatform.keyinformation import KeyInformation
from cardio.globalplatform.keys import KeySet
from cardio.globalplatform.putkey import (
    ADD_KEYS,
    FIRST_KEY_OF_SEVERAL,
    KeyField,
    check_put_key_answer,
    put_key_data,
)
from cardio.globalplatform.registry import MAX_LISTED_BYTES, CardLifeCycle, RegistryEntry, RegistryScope
from cardio.globalplatform.scp03 import FULL_SECURITY, SecurityLevel
from cardio.globalplatform.tags import GpTag
from cardio.tlv import Tlv
from cardio.transport.base import CardConnection

ISD_AID = bytes.fromhex("A000000151000000")  # GPCS H.1.3
_DEFAULT_SELECTION = b""  # SELECT without an AID: the issuer security domain (11.9.2.3)
_AID_TAG = Tlv(GpTag.AID, b"").encode()  # GET STATUS: any AID
_FIRST_OR_ALL = 0x02  # P2 of GET STATUS: answers as TLV (11.4.2.2)
_NEXT = 0x03
_MAX_STATUS_ANSWERS = 64
_SELECTED = frozenset({SW.NO_FURTHER_QUALIFICATION, SW.SELECTED_FILE_DEACTIVATED})
_ABSENT = frozenset({SW.FILE_NOT_FOUND, SW.REFERENCED_DATA_NOT_FOUND, SW.INCORRECT_P1_P2})


class IssuerSecurityDomain:
    """Selects the issuer security domain and speaks with it; the connection stays its owner's to close.

    Every method may also raise `TransportError`, and under a secure channel `ResponseMacError`; after either,
    the state of the last command is unknown: reconnect, make a new session and look (`recognises`).

    :raises ApplicationNotFoundError: the card has none
    """

    def __init__(
        self,
        connection: CardConnection,
        policy: ApduPolicy = SHORT_APDUS,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.channel = CardChannel(connection, policy)
        self.locked = False
        """Whether the card said, when selected, that it is CARD_LOCKED."""
        self._random_bytes = random_bytes
        self._keys: KeySet | None = None
        self._select()

    def _select(self) -> None:
        response = self._select_by_name(ISD_AID)
        if response.sw == SW.FILE_NOT_FOUND:
            response = self._select_by_name(_DEFAULT_SELECTION)
        if response.sw not in _SELECTED:
            raise ApplicationNotFoundError("issuer security domain", ISD_AID)
        self.locked = response.sw == SW.SELECTED_FILE_DEACTIVATED

    def _select_by_name(self, aid: bytes) -> ResponseApdu:
        return self.channel.exchange(CommandApdu(0, INS.SELECT, P1_SELECT_BY_NAME, 0, aid, MAX_SHORT_LE))

    # Secure channel

    def recognises(self, keys: KeySet) -> bool:
        """Whether the card has these very keys; see `handshake.recognises`. Ends an open secure channel."""
        self._keys = None
        return handshake.recognises(self.channel, keys, self._random_bytes)

    def first_recognised(self, candidates: Iterable[KeySet]) -> KeySet | None:
        """The first of the recorded key sets (new, pending, old) that the card has; None if it has none."""
        return next((keys for keys in candidates if self.recognises(keys)), None)

    def authenticate(self, keys: KeySet, level: SecurityLevel = FULL_SECURITY) -> InitializeUpdateAnswer:
        """Opens a secure channel; see `open_secure_channel` for what it raises."""
        self._keys = None
        answer = open_secure_channel(self.channel, keys, level, self._random_bytes)
        self._keys = keys
        return answer

    def _dek(self) -> bytes:
        if self._keys is None:
            raise SecureChannelClosedError("authenticate first")
        return self._keys.dek

    # What the card is, and which keys it has

    def cplc(self) -> Cplc:
        """Who made the card, and its serial number."""
        return Cplc.parse(self._get_data(GpTag.CPLC))

    def card_data(self) -> CardData:
        """Which GlobalPlatform and which secure channels the card has."""
        return CardData.parse(self._get_data(GpTag.CARD_DATA))

    def key_information(self) -> tuple[KeyInformation, ...]:
        """All keys of the security domain: versions, identifiers, types, lengths."""
        return KeyInformation.parse_all(self._get_data(GpTag.KEY_INFORMATION_TEMPLATE))

    def key_versions(self) -> frozenset[int]:
        """The versions under which the card has keys."""
        return frozenset(key.version for key in self.key_information())

    def sequence_counter(self) -> int:
        """SCP03's sequence counter: how many sessions there were."""
        return parse_sequence_counter(self._get_data(GpTag.SEQUENCE_COUNTER))

    def _get_data(self, tag: GpTag) -> bytes:
        p1, p2 = tag.to_bytes(2, "big")
        command = CommandApdu(CLA_PROPRIETARY, INS.GET_DATA_IN_P1_P2, p1, p2, le=MAX_SHORT_LE)
        absent = ObjectNotFoundError(tag, tag.name)
        return self._send(command, dict.fromkeys(_ABSENT, absent))

    # Registry and life cycle

    def registry(self, scope: RegistryScope) -> tuple[RegistryEntry, ...]:
        """What GET STATUS lists; none where there is none.

        :raises UnexpectedAnswerError: the list does not end, or is too long
        """
        listed = bytearray()
        for number in range(_MAX_STATUS_ANSWERS):
            p2 = _NEXT if number else _FIRST_OR_ALL
            command = CommandApdu(CLA_PROPRIETARY, INS.GET_STATUS, scope, p2, _AID_TAG, MAX_SHORT_LE)
            response = self.channel.exchange(command)
            if response.sw == SW.REFERENCED_DATA_NOT_FOUND:
                break
            if response.sw not in {SW.NO_FURTHER_QUALIFICATION, SW.MORE_DATA_AVAILABLE}:
                raise ApduError(response.sw, command.ins)
            listed += response.data
            if len(listed) > MAX_LISTED_BYTES:
                raise UnexpectedAnswerError("the answers to GET STATUS are longer than any card's")
            if response.sw == SW.NO_FURTHER_QUALIFICATION:
                break
        else:
            raise UnexpectedAnswerError("the answers to GET STATUS do not end")
        return RegistryEntry.parse_all(bytes(listed))

    def card_life_cycle(self) -> CardLifeCycle:
        """The card's life cycle state.

        :raises UnexpectedAnswerError: not one entry, or a state that GPCS does not know
        """
        entries = self.registry(RegistryScope.ISSUER_SECURITY_DOMAIN)
        try:
            (entry,) = entries
            return CardLifeCycle(entry.life_cycle)
        except ValueError:
            raise UnexpectedAnswerError(
                "the issuer security domain has no life cycle state of GPCS"
            ) from None

    def set_card_life_cycle(self, state: CardLifeCycle) -> None:
        """Takes the card to a state (SET STATUS, 11.10); CARD_LOCKED is the only one that can be left again.

        :raises LifeCycleError: the card does not go there from where it is
        """
        scope = RegistryScope.ISSUER_SECURITY_DOMAIN
        refused: CardError = LifeCycleError(state)
        causes: dict[int, CardError] = dict.fromkeys(
            (SW.CONDITIONS_NOT_SATISFIED, SW.INCORRECT_DATA_FIELD, SW.INCORRECT_P1_P2), refused
        )
        self._send(CommandApdu(CLA_PROPRIETARY, INS.SET_STATUS, scope, state), causes)

    # Keys

    def put_key_set(
        self, new: KeySet, replaced: int = ADD_KEYS, form: KeyField = KeyField.WITH_KEY_LENGTH
    ) -> None:
        """Adds a key set, or puts it in the place of the version `replaced`; all three keys or none.

        Record the new keys as pending before: the answer may be lost after the card has taken them.
        The open session goes on with its session keys.

        :raises SecureChannelClosedError: not authenticated
        :raises KeySetNotFoundError: nothing is there to be replaced
        :raises KeyCheckValueError: the card confirmed other keys
        """
        data = put_key_data(new, self._dek(), form)
        command = CommandApdu(
            CLA_PROPRIETARY, INS.PUT_KEY, replaced, FIRST_KEY_OF_SEVERAL, data, MAX_SHORT_LE
        )
        answer = self._send(command, {SW.REFERENCED_DATA_NOT_FOUND: KeySetNotFoundError(replaced)})
        check_put_key_answer(new, answer)

    def delete_key_set(self, version: int) -> None:
        """Deletes all keys of a version (DELETE, 11.2.2.3.2).

        :raises SecureChannelClosedError: not authenticated
        :raises KeySetNotFoundError: there are none
        """
        self._dek()
        data = Tlv(GpTag.KEY_VERSION, bytes((version,))).encode()
        command = CommandApdu(CLA_PROPRIETARY, INS.DELETE, 0, 0, data, MAX_SHORT_LE)
        self._send(command, {SW.REFERENCED_DATA_NOT_FOUND: KeySetNotFoundError(version)})

    def _send(self, command: CommandApdu, causes: Mapping[int, CardError]) -> bytes:
        """Sends a command; a status word in `causes` raises that error, any other ApduError."""
        response = self.channel.exchange(command)
        if response.sw == SW.NO_FURTHER_QUALIFICATION:
            return response.data
        raise causes.get(response.sw) or ApduError(response.sw, command.ins)
