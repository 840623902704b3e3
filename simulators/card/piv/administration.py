"""Yubico's commands that manage keys, tries and the application (YubiKey technical manual, PIV extensions).

A national card narrows them: setting tries or resetting would bring back the factory's PIN, so an issued card
refuses both.
"""

from dataclasses import replace

from simulators.card.iso7816 import SW, Command, StatusError
from simulators.card.memory import CardMemory
from simulators.card.piv.access import (
    require_issuer,
    require_movable,
    require_personalisation,
    require_replaceable,
)
from simulators.card.piv.identifiers import AES_KEY_LENGTHS, PRIVATE_KEYS, Algorithm, KeyReference
from simulators.card.piv.policy import default_pin_policy
from simulators.card.piv.session import SecuritySession
from simulators.card.piv.stored import MAX_TRIES, StoredKey
from simulators.card.piv.yubico import require_no_data

WITHOUT_TOUCH = 0xFFFF  # P1-P2 of SET MANAGEMENT KEY; the other values want a button that a card lacks
DELETE = 0xFF  # P1 of MOVE KEY
_HEADER_LENGTH = 3  # algorithm, key reference, length


class AdministrationCommands:
    """SET MANAGEMENT KEY, MOVE KEY, SET PIN RETRIES, RESET; each is one durable write."""

    def __init__(self, memory: CardMemory, session: SecuritySession) -> None:
        self._memory = memory
        self._session = session

    def set_management_key(self, command: Command) -> bytes:
        """Replaces 9B: algorithm, 9B, length, key.

        :raises StatusError: 6982 (the issuer must authenticate), 6A80 (3DES, a wrong length), 6A86
        """
        if command.p1_p2 != WITHOUT_TOUCH:
            raise StatusError(SW.INCORRECT_P1_P2)
        require_issuer(self._session)
        key = _parse_management_key(command.data)
        self._memory.commit_piv(replace(self._memory.piv, management_key=key))
        return b""

    def move_key(self, command: Command) -> bytes:
        """Moves the key of P2 to the empty slot P1, or deletes it (P1 = FF).

        :raises StatusError: 6982 (the issuer must authenticate), 6985 (the target is taken or wants a
            stricter PIN policy; not on an issued card), 6A86, 6A88 (no such key)
        """
        destination, source = command.p1, command.p2
        if source not in PRIVATE_KEYS or destination not in PRIVATE_KEYS | {DELETE}:
            raise StatusError(SW.INCORRECT_P1_P2)
        require_no_data(command)
        require_issuer(self._session)
        piv = self._memory.piv
        if source not in piv.private_keys:
            raise StatusError(SW.REFERENCE_DATA_NOT_FOUND)
        if destination == DELETE:
            require_replaceable(self._memory.state.life_cycle, piv, source)
            self._memory.commit_piv(piv.without_private_key(source))
        else:
            self._require_target(source, destination)
            self._memory.commit_piv(piv.with_moved_key(source, destination))
        return b""

    def _require_target(self, source: int, destination: int) -> None:
        require_movable(self._memory.state.life_cycle, source, destination)
        keys = self._memory.piv.private_keys
        if destination in keys or keys[source].pin_policy < default_pin_policy(destination):
            raise StatusError(SW.CONDITIONS_OF_USE_NOT_SATISFIED)

    def set_pin_retries(self, command: Command) -> bytes:
        """Sets how many tries PIN (P1) and PUK (P2) have; both become the factory's again.

        :raises StatusError: 6982 (issuer and PIN are wanted), 6985 (the card was issued), 6A86
        """
        if not (0 < command.p1 <= MAX_TRIES and 0 < command.p2 <= MAX_TRIES):
            raise StatusError(SW.INCORRECT_P1_P2)
        require_no_data(command)
        require_issuer(self._session)
        if not self._session.pin_verified:
            raise StatusError(SW.SECURITY_STATUS_NOT_SATISFIED)
        require_personalisation(self._memory.state.life_cycle)
        self._memory.commit_piv(self._memory.piv.with_tries(command.p1, command.p2))
        self._session.pin_lost()
        return b""

    def reset(self, command: Command) -> bytes:
        """Returns the application to what the factory delivered; the attestation key and certificate stay.

        :raises StatusError: 6985 (PIN and PUK aren't both blocked, or the card was issued), 6A86
        """
        if command.p1_p2:
            raise StatusError(SW.INCORRECT_P1_P2)
        require_no_data(command)
        require_personalisation(self._memory.state.life_cycle)
        if not self._memory.piv.is_blocked_for_good:
            raise StatusError(SW.CONDITIONS_OF_USE_NOT_SATISFIED)
        self._memory.commit_piv(self._memory.piv.as_from_the_factory())
        self._session.end()
        return b""


def _parse_management_key(data: bytes) -> StoredKey:
    header, value = data[:_HEADER_LENGTH], data[_HEADER_LENGTH:]
    if len(header) != _HEADER_LENGTH:
        raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)
    algorithm, reference, length = header
    if algorithm not in AES_KEY_LENGTHS or reference != KeyReference.MANAGEMENT:
        raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)
    if not len(value) == length == AES_KEY_LENGTHS[Algorithm(algorithm)]:
        raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)
    return StoredKey(Algorithm(algorithm), value)
