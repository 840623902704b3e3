"""Yubico's small commands: serial, version, metadata (YubiKey technical manual, PIV extensions)."""

import hmac
from enum import IntEnum, unique

from simulators.card import tlv
from simulators.card.iso7816 import SW, Command, StatusError
from simulators.card.memory import CardMemory
from simulators.card.piv import keys
from simulators.card.piv.identifiers import KeyReference
from simulators.card.piv.policy import TouchPolicy
from simulators.card.piv.stored import PrivateKey, ReferenceData

VERSION = bytes((5, 7, 1))  # the firmware whose PIV commands these are: AES management keys, RSA-3072
SERIAL_LENGTH = 4
_NO_ALGORITHM = 0xFF  # PIN and PUK
_NO_PIN_POLICY = 0x00  # the management key


@unique
class MetadataTag(IntEnum):
    """The elements of GET METADATA."""

    ALGORITHM = 0x01
    POLICY = 0x02
    ORIGIN = 0x03
    PUBLIC_KEY = 0x04
    IS_DEFAULT = 0x05
    TRIES = 0x06


@unique
class Origin(IntEnum):
    """Where a private key comes from."""

    GENERATED = 0x01
    IMPORTED = 0x02


class YubicoInformation:
    """GET SERIAL, GET VERSION, GET METADATA: they want no right and change nothing."""

    def __init__(self, memory: CardMemory) -> None:
        self._memory = memory

    def serial(self, command: Command) -> bytes:
        """The manufacturer's serial number, 4 bytes, big endian."""
        _require_plain(command)
        return self._memory.state.serial.to_bytes(SERIAL_LENGTH, "big")

    def version(self, command: Command) -> bytes:
        """Major, minor, patch."""
        _require_plain(command)
        return VERSION

    def metadata(self, command: Command) -> bytes:
        """What is known about the key, PIN or PUK that P2 refers to.

        :raises StatusError: 6700, 6A86, 6A88 (nothing there)
        """
        if command.p1:
            raise StatusError(SW.INCORRECT_P1_P2)
        require_no_data(command)
        piv = self._memory.piv
        if command.p2 == KeyReference.PIV_PIN:
            # "Default" tells a client to ask for a change, and that is what a transport PIN wants.
            return _reference_metadata(piv.pin, is_default=piv.pin_is_transport)
        if command.p2 == KeyReference.PUK:
            is_default = hmac.compare_digest(piv.puk.value, piv.factory.puk)
            return _reference_metadata(piv.puk, is_default=is_default)
        if command.p2 == KeyReference.MANAGEMENT:
            return self._management_metadata()
        private_key = piv.private_keys.get(command.p2)
        if private_key is None:
            raise StatusError(SW.REFERENCE_DATA_NOT_FOUND)
        return _key_metadata(private_key)

    def _management_metadata(self) -> bytes:
        key, default = self._memory.piv.management_key, self._memory.piv.factory.management_key
        is_default = key.algorithm == default.algorithm and hmac.compare_digest(key.value, default.value)
        return (
            _element(MetadataTag.ALGORITHM, key.algorithm)
            + _element(MetadataTag.POLICY, _NO_PIN_POLICY, TouchPolicy.NEVER)
            + _element(MetadataTag.IS_DEFAULT, is_default)
        )


def require_no_data(command: Command) -> None:
    """Refuses data where a command has none.

    :raises StatusError: 6700
    """
    if command.data:
        raise StatusError(SW.WRONG_LENGTH)


def _require_plain(command: Command) -> None:
    if command.p1_p2:
        raise StatusError(SW.INCORRECT_P1_P2)
    require_no_data(command)


def _reference_metadata(reference: ReferenceData, *, is_default: bool) -> bytes:
    return (
        _element(MetadataTag.ALGORITHM, _NO_ALGORITHM)
        + _element(MetadataTag.IS_DEFAULT, is_default)
        + _element(MetadataTag.TRIES, reference.max_tries, reference.tries_left)
    )


def _key_metadata(private_key: PrivateKey) -> bytes:
    origin = Origin.GENERATED if private_key.is_generated else Origin.IMPORTED
    return (
        _element(MetadataTag.ALGORITHM, private_key.key.algorithm)
        + _element(MetadataTag.POLICY, private_key.pin_policy, TouchPolicy.NEVER)
        + _element(MetadataTag.ORIGIN, origin)
        + tlv.encode(MetadataTag.PUBLIC_KEY, keys.public_elements(private_key.key))
    )


def _element(tag: MetadataTag, *values: int) -> bytes:
    return tlv.encode(tag, bytes(values))
