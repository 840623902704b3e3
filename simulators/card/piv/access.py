"""What is open over which interface and in which state of the card's life cycle.

Contactless without a virtual contact interface (SP 800-73-5 part 2, table 2; part 1, tables 2 and 5): the
free objects and the card authentication key, nothing else. Commands marked "VCI" there answer 6982, those
marked "No" 6A81.

After personalisation (GlobalPlatform state SECURED) the card belongs to its holder: nothing from outside
becomes a key of it, and nothing takes it back to the factory's PIN.
"""

from enum import Enum, unique

from simulators.card.iso7816 import SW, Command, StatusError
from simulators.card.lifecycle import LifeCycle, is_in_personalisation, runs_applications
from simulators.card.piv.identifiers import KEY_MANAGEMENT_KEYS, KeyReference, PivInstruction
from simulators.card.piv.objects import CONTACTLESS, certificate_object
from simulators.card.piv.session import SecuritySession
from simulators.card.piv.state import PivState


@unique
class Interface(Enum):
    """How the reader reaches the card."""

    CONTACT = "contact"
    CONTACTLESS = "contactless"


_CONTACTLESS_INSTRUCTIONS = frozenset(
    {PivInstruction.GET_DATA, PivInstruction.GENERAL_AUTHENTICATE, PivInstruction.YUBICO_GET_VERSION}
)
_VIRTUAL_CONTACT_INSTRUCTIONS = frozenset({PivInstruction.VERIFY, PivInstruction.CHANGE_REFERENCE_DATA})
# Their certificates name a citizen: a new key beside an old certificate would be neither.
_KEYS_OF_CITIZENS = frozenset({KeyReference.AUTHENTICATION, KeyReference.SIGNATURE})


def require_application(state: LifeCycle) -> None:
    """Refuses everything on a locked or terminated card.

    :raises StatusError: 6985
    """
    if not runs_applications(state):
        raise StatusError(SW.CONDITIONS_OF_USE_NOT_SATISFIED)


def require_interface(interface: Interface, command: Command) -> None:
    """Refuses a command that this interface doesn't carry.

    :raises StatusError: 6982 (wants a virtual contact interface), 6A81
    """
    if interface is Interface.CONTACT:
        return
    if command.ins in _VIRTUAL_CONTACT_INSTRUCTIONS:
        raise StatusError(SW.SECURITY_STATUS_NOT_SATISFIED)
    if command.ins not in _CONTACTLESS_INSTRUCTIONS:
        raise StatusError(SW.FUNCTION_NOT_SUPPORTED)
    is_key_use = command.ins == PivInstruction.GENERAL_AUTHENTICATE
    if is_key_use and command.p2 != KeyReference.CARD_AUTHENTICATION:
        raise StatusError(SW.SECURITY_STATUS_NOT_SATISFIED)


def require_readable(interface: Interface, tag: int) -> None:
    """Refuses an object that this interface doesn't show, whether it exists or not.

    :raises StatusError: 6982
    """
    if interface is Interface.CONTACTLESS and tag not in CONTACTLESS:
        raise StatusError(SW.SECURITY_STATUS_NOT_SATISFIED)


def require_issuer(session: SecuritySession) -> None:
    """Refuses whoever didn't authenticate with 9B.

    :raises StatusError: 6982
    """
    if not session.issuer_authenticated:
        raise StatusError(SW.SECURITY_STATUS_NOT_SATISFIED)


def require_personalisation(state: LifeCycle) -> None:
    """Refuses what only a card before issuance does.

    :raises StatusError: 6985
    """
    if not is_in_personalisation(state):
        raise StatusError(SW.CONDITIONS_OF_USE_NOT_SATISFIED)


def require_replaceable(state: LifeCycle, piv: PivState, reference: int) -> None:
    """Refuses to replace or remove a citizen's key whose certificate is still there, once the card is issued.

    :raises StatusError: 6985
    """
    if is_in_personalisation(state) or reference not in _KEYS_OF_CITIZENS:
        return
    if certificate_object(reference) in piv.objects:
        raise StatusError(SW.CONDITIONS_OF_USE_NOT_SATISFIED)


def require_movable(state: LifeCycle, source: int, destination: int) -> None:
    """On an issued card keys move only into the history of key management keys and back.

    :raises StatusError: 6985
    """
    if not is_in_personalisation(state) and not {source, destination} <= KEY_MANAGEMENT_KEYS:
        raise StatusError(SW.CONDITIONS_OF_USE_NOT_SATISFIED)
