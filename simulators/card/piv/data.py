"""GET DATA and PUT DATA (SP 800-73-5 part 2, sections 3.1.2 and 3.3.1)."""

from simulators.card import tlv
from simulators.card.iso7816 import SW, Command, StatusError
from simulators.card.memory import CardMemory
from simulators.card.piv.access import Interface, require_issuer, require_readable
from simulators.card.piv.identifiers import AID, Tag
from simulators.card.piv.objects import PIN_PROTECTED, UNWRAPPED, is_writable
from simulators.card.piv.session import SecuritySession
from simulators.card.piv.state import MAX_OBJECT_LENGTH

CURRENT_APPLICATION = 0x3FFF  # P1-P2: the objects of the current application
MAX_OBJECTS_LENGTH = 131_072  # bytes, over all objects that can be written
MAX_COMMAND_DATA_LENGTH = MAX_OBJECT_LENGTH + 16  # the tag list and the 53 header around it

_TAG_LENGTH_LIMIT = 3
# SP 800-73-5 part 1, section 3.3.2: only the PIV application PIN; no global PIN, no biometrics.
PIV_PIN_ONLY = 0x4000


def discovery_object(pin_usage_policy: int = PIV_PIN_ONLY) -> bytes:
    """The Discovery object: the application's AID and the two bytes of its PIN usage policy."""
    return tlv.encode(
        Tag.DISCOVERY,
        tlv.encode(Tag.APPLICATION_IDENTIFIER, AID)
        + tlv.encode(Tag.PIN_USAGE_POLICY, pin_usage_policy.to_bytes(2, "big")),
    )


class DataCommands:
    """Reading and writing data objects. `discovery` is the Discovery object, None for a card without one."""

    def __init__(
        self, memory: CardMemory, session: SecuritySession, interface: Interface, discovery: bytes | None
    ) -> None:
        self._memory = memory
        self._session = session
        self._interface = interface
        self._discovery = discovery

    def get(self, command: Command) -> bytes:
        """GET DATA: the object that the tag list names, in its container.

        :raises StatusError: 6982 (PIN or contact wanted), 6A80, 6A82 (no such object), 6A86
        """
        _require_current_application(command)
        tag = _object_tag(tlv.parse_one(Tag.TAG_LIST, command.data))
        require_readable(self._interface, tag)
        if tag in PIN_PROTECTED and not self._session.pin_verified:
            raise StatusError(SW.SECURITY_STATUS_NOT_SATISFIED)
        found = self._find(tag)
        if found is None:
            raise StatusError(SW.FILE_OR_APPLICATION_NOT_FOUND)
        return found

    def _find(self, tag: int) -> bytes | None:
        if tag == Tag.DISCOVERY:
            return self._discovery
        content = self._memory.piv.objects.get(tag)
        if content is None:
            return None
        return tlv.encode(tag if tag in UNWRAPPED else Tag.DATA, content)

    def put(self, command: Command) -> bytes:
        """PUT DATA: replaces an object as a whole, in one durable write; an empty one deletes it.

        :raises StatusError: 6982 (issuer authentication wanted), 6A80, 6A81 (fixed or unknown), 6A84, 6A86
        """
        _require_current_application(command)
        require_issuer(self._session)
        tag, content = _parse_put(command.data)
        self._require_room(tag, content)
        self._memory.commit_piv(self._memory.piv.with_object(tag, content))
        return b""

    def _require_room(self, tag: int, content: bytes) -> None:
        objects = self._memory.piv.objects.items()
        others = sum(len(value) for known, value in objects if known != tag and is_writable(known))
        if len(content) > MAX_OBJECT_LENGTH or others + len(content) > MAX_OBJECTS_LENGTH:
            raise StatusError(SW.NOT_ENOUGH_MEMORY)


def _require_current_application(command: Command) -> None:
    if command.p1_p2 != CURRENT_APPLICATION:
        raise StatusError(SW.INCORRECT_P1_P2)


def _object_tag(value: bytes) -> int:
    if not 0 < len(value) <= _TAG_LENGTH_LIMIT:
        raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)
    return int.from_bytes(value, "big")


def _parse_put(data: bytes) -> tuple[int, bytes]:
    elements = tlv.parse(data)
    if len(elements) == 1 and elements[0][0] in UNWRAPPED:
        tag, content = elements[0]
    elif [tag for tag, _ in elements] == [Tag.TAG_LIST, Tag.DATA]:
        tag, content = _object_tag(elements[0][1]), elements[1][1]
        if tag in UNWRAPPED:
            raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)
    else:
        raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)
    if not is_writable(tag):
        raise StatusError(SW.FUNCTION_NOT_SUPPORTED)
    return tag, content
