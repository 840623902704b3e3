"""PUT KEY (GPCS 11.8, amendment D 7.2) and DELETE of keys (GPCS 11.2)."""

import hmac

from simulators.card import tlv
from simulators.card.globalplatform import scp03
from simulators.card.globalplatform.identifiers import (
    FACTORY_KEY_VERSION,
    KEY_TYPE_AES,
    MAX_KEY_VERSION,
    Tag,
)
from simulators.card.globalplatform.keyset import KeySet
from simulators.card.globalplatform.scp03 import BLOCK, KEY_LENGTHS
from simulators.card.globalplatform.state import MAX_KEY_SETS
from simulators.card.iso7816 import SW, Command, StatusError
from simulators.card.memory import CardMemory

_SEVERAL_KEYS_FROM_FIRST = 0x81  # P2 of PUT KEY: more than one key, the first is key 01 (GPCS 11.8.2.2)
_KCV_LENGTH = 3


class KeyCommands:
    """Changes of the security domain's own keys."""

    def __init__(self, memory: CardMemory) -> None:
        self._memory = memory

    def put(self, command: Command, dek: bytes) -> bytes:
        """PUT KEY: adds a key set (P1 = 00) or replaces set P1, in one durable write.

        The keys come encrypted under `dek`, of the key set that opened the channel. The factory's keys
        go with the first set that is put: nothing of the issuer's may stand beside them. Answers the new
        version number and the three key check values.

        :raises StatusError: 6A86, 6A80 (form, lengths, key check value), 6A88 (no set P1), 6A84 (too many)
        """
        if command.p2 != _SEVERAL_KEYS_FROM_FIRST:
            raise StatusError(SW.INCORRECT_P1_P2)
        version = self._allowed_version(command)
        keys, check_values = _read_keys(command.data[1:], dek)
        isd = self._memory.isd
        for gone in (command.p1, FACTORY_KEY_VERSION):
            isd = isd.without_key_set(gone)
        if len(isd.key_sets) >= MAX_KEY_SETS:
            raise StatusError(SW.NOT_ENOUGH_MEMORY)
        self._memory.commit_isd(isd.with_key_set(version, keys))
        return bytes((version,)) + check_values

    def _allowed_version(self, command: Command) -> int:
        known = self._memory.isd.key_sets
        if command.p1 and command.p1 not in known:
            raise StatusError(SW.REFERENCE_DATA_NOT_FOUND)
        version = command.data[0] if command.data else 0
        taken = version in known and version != command.p1
        if not 0 < version <= MAX_KEY_VERSION or taken:
            raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)
        return version

    def delete(self, command: Command, used_version: int) -> bytes:
        """DELETE of a whole key set, named by its version number (D2); not of the one in use.

        :raises StatusError: 6A86, 6A80, 6A88 (no such set), 6985 (the channel's own keys)
        """
        if command.p1_p2:
            raise StatusError(SW.INCORRECT_P1_P2)
        elements = tlv.parse(command.data)
        if len(elements) != 1 or elements[0][0] != Tag.KEY_VERSION_NUMBER or len(elements[0][1]) != 1:
            raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)
        version = elements[0][1][0]
        if version not in self._memory.isd.key_sets:
            raise StatusError(SW.REFERENCE_DATA_NOT_FOUND)
        if version == used_version:
            raise StatusError(SW.CONDITIONS_OF_USE_NOT_SATISFIED)
        self._memory.commit_isd(self._memory.isd.without_key_set(version))
        return b"\x00"  # GPCS 11.2.3.1: no confirmation follows


def _read_keys(data: bytes, dek: bytes) -> tuple[KeySet, bytes]:
    """The three keys, and their check values one after the other."""
    enc, enc_check, data = _read_key(data, dek)
    mac, mac_check, data = _read_key(data, dek)
    new_dek, dek_check, data = _read_key(data, dek)
    if data:
        raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)
    try:
        return KeySet(enc, mac, new_dek), enc_check + mac_check + dek_check
    except ValueError:
        raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA) from None


def _read_key(data: bytes, dek: bytes) -> tuple[bytes, bytes, bytes]:
    """A key data field (GPCS table 11-68): the key, its check value, which is right, and what follows.

    Clients in the field write the second part in two forms: with the clear key's length before the
    ciphertext, as amendment D has it, or without.
    """
    field, rest = _counted(data[1:])
    check_value, rest = _counted(rest)
    if data[:1] != bytes((KEY_TYPE_AES,)) or len(check_value) != _KCV_LENGTH:
        raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)
    length = len(field)
    if length % BLOCK == 1:
        length, field = field[0], field[1:]
    if length not in KEY_LENGTHS or len(field) != length + -length % BLOCK:
        raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)
    key = scp03.decrypt_cbc(dek, bytes(BLOCK), field)[:length]
    if not hmac.compare_digest(scp03.key_check_value(key), check_value):
        raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)
    return key, check_value, rest


def _counted(data: bytes) -> tuple[bytes, bytes]:
    """A field with its length in the byte before it, and what follows."""
    if not data or len(data) <= data[0]:
        raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)
    return data[1 : 1 + data[0]], data[1 + data[0] :]
