"""The three commands of YubiKey's PIV application that issuing and its tools rely on."""

from dataclasses import replace

from simulators.card.iso7816 import SW, Command, StatusError
from simulators.card.memory import CardMemory
from simulators.card.piv.identifiers import AES_KEY_LENGTHS, Algorithm, KeyReference
from simulators.card.piv.session import SecuritySession
from simulators.card.piv.state import StoredKey

VERSION = bytes((5, 7, 1))  # the firmware whose PIV commands these are: AES management keys, RSA-3072
SERIAL_LENGTH = 4
WITHOUT_TOUCH = 0xFFFF  # P1-P2 of SET MANAGEMENT KEY; the other values want a button that a card lacks
_HEADER_LENGTH = 3  # algorithm, key reference, length


class YubicoCommands:
    """GET SERIAL, GET VERSION, SET MANAGEMENT KEY."""

    def __init__(self, memory: CardMemory, session: SecuritySession) -> None:
        self._memory = memory
        self._session = session

    def serial(self, command: Command) -> bytes:
        """The manufacturer's serial number, 4 bytes, big endian."""
        _require_plain(command)
        return self._memory.state.serial.to_bytes(SERIAL_LENGTH, "big")

    def version(self, command: Command) -> bytes:
        """Major, minor, patch."""
        _require_plain(command)
        return VERSION

    def set_management_key(self, command: Command) -> bytes:
        """Replaces 9B in one durable write: algorithm, 9B, length, key.

        :raises StatusError: 6982 (the issuer must authenticate), 6A80 (3DES, a wrong length), 6A86
        """
        if command.p1_p2 != WITHOUT_TOUCH:
            raise StatusError(SW.INCORRECT_P1_P2)
        if not self._session.issuer_authenticated:
            raise StatusError(SW.SECURITY_STATUS_NOT_SATISFIED)
        key = _parse_key(command.data)
        self._memory.commit_piv(replace(self._memory.piv, management_key=key))
        return b""


def _require_plain(command: Command) -> None:
    if command.p1_p2:
        raise StatusError(SW.INCORRECT_P1_P2)
    if command.data:
        raise StatusError(SW.WRONG_LENGTH)


def _parse_key(data: bytes) -> StoredKey:
    header, value = data[:_HEADER_LENGTH], data[_HEADER_LENGTH:]
    if len(header) != _HEADER_LENGTH:
        raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)
    algorithm, reference, length = header
    if algorithm not in AES_KEY_LENGTHS or reference != KeyReference.MANAGEMENT:
        raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)
    if not len(value) == length == AES_KEY_LENGTHS[Algorithm(algorithm)]:
        raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)
    return StoredKey(Algorithm(algorithm), value)
