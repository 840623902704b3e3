"""When a private key wants the PIN: SP 800-73-5 part 1, table 5, in the coding of Yubico's policy tags."""

from enum import IntEnum, unique

from simulators.card.iso7816 import SW, StatusError
from simulators.card.piv.identifiers import KeyReference


@unique
class PinPolicy(IntEnum):
    """How often the PIN must be verified (Yubico PIV extensions, tag AA); the stricter, the greater."""

    NEVER = 0x01
    ONCE = 0x02
    ALWAYS = 0x03


@unique
class TouchPolicy(IntEnum):
    """Whether a button must be touched (Yubico PIV extensions, tag AB); a card has none."""

    NEVER = 0x01


@unique
class PolicyTag(IntEnum):
    """Where GENERATE and IMPORT carry a policy (Yubico PIV extensions)."""

    PIN = 0xAA
    TOUCH = 0xAB


_UNSPECIFIED = 0x00  # the default of the slot


def default_pin_policy(reference: int) -> PinPolicy:
    """What the standard wants of this key, and the least that the card accepts."""
    if reference == KeyReference.SIGNATURE:
        return PinPolicy.ALWAYS
    if reference in (KeyReference.CARD_AUTHENTICATION, KeyReference.ATTESTATION):
        return PinPolicy.NEVER
    return PinPolicy.ONCE


def take_pin_policy(template: dict[int, bytes], reference: int) -> PinPolicy:
    """Takes the policy tags out of `template`; without them the default of the slot.

    :raises StatusError: 6A80, a policy unknown, weaker than the standard's, or one that wants a button
    """
    if _one_byte(template.pop(PolicyTag.TOUCH, None)) not in (_UNSPECIFIED, TouchPolicy.NEVER):
        raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)
    requested = _one_byte(template.pop(PolicyTag.PIN, None))
    least = default_pin_policy(reference)
    if requested == _UNSPECIFIED:
        return least
    if requested not in tuple(PinPolicy) or requested < least:
        raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)
    return PinPolicy(requested)


def _one_byte(value: bytes | None) -> int:
    if value is None:
        return _UNSPECIFIED
    if len(value) != 1:
        raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)
    return value[0]
