"""GET DATA and PUT DATA (SP 800-73-5 part 2, sections 3.1.2 and 3.3.1)."""

from simulators.card import tlv
from simulators.card.iso7816 import SW, Command, StatusError
from simulators.card.memory import CardMemory
from simulators.card.piv.identifiers import AID, PIN_PROTECTED, Tag, is_data_object
from simulators.card.piv.session import SecuritySession
from simulators.card.piv.state import MAX_OBJECT_LENGTH

CURRENT_APPLICATION = 0x3FFF  # P1-P2: the objects of the current application
MAX_OBJECTS_LENGTH = 131_072  # bytes, over all objects
MAX_COMMAND_DATA_LENGTH = MAX_OBJECT_LENGTH + 16  # the tag list and the 53 header around it

# SP 800-73-5 part 1, section 3.3.2: only the PIV application PIN; no global PIN, no biometrics.
_PIV_PIN_ONLY = bytes.fromhex("4000")
_TAG_LENGTH_LIMIT = 3
DISCOVERY_OBJECT = tlv.encode(
    Tag.DISCOVERY,
    tlv.encode(Tag.APPLICATION_IDENTIFIER, AID) + tlv.encode(Tag.PIN_USAGE_POLICY, _PIV_PIN_ONLY),
)


class DataCommands:
    """Reading and writing data objects."""

    def __init__(self, memory: CardMemory, session: SecuritySession) -> None:
        self._memory = memory
        self._session = session

    def get(self, command: Command) -> bytes:
        """GET DATA: the object that the tag list names, in its 53 container (Discovery stands by itself).

        :raises StatusError: 6982 (PIN wanted), 6A80, 6A82 (no such object), 6A86
        """
        _require_current_application(command)
        tag = _object_tag(tlv.parse_one(Tag.TAG_LIST, command.data))
        if tag == Tag.DISCOVERY:
            return DISCOVERY_OBJECT
        if tag in PIN_PROTECTED and not self._session.pin_verified:
            raise StatusError(SW.SECURITY_STATUS_NOT_SATISFIED)
        content = self._memory.piv.objects.get(tag)
        if content is None:
            raise StatusError(SW.FILE_OR_APPLICATION_NOT_FOUND)
        return tlv.encode(Tag.DATA, content)

    def put(self, command: Command) -> bytes:
        """PUT DATA: replaces an object as a whole, in one durable write; an empty one deletes it.

        :raises StatusError: 6982 (issuer authentication wanted), 6A80, 6A81 (fixed or unknown), 6A84, 6A86
        """
        _require_current_application(command)
        if not self._session.issuer_authenticated:
            raise StatusError(SW.SECURITY_STATUS_NOT_SATISFIED)
        tag, content = _parse_put(command.data)
        self._require_room(tag, content)
        self._memory.commit_piv(self._memory.piv.with_object(tag, content))
        return b""

    def _require_room(self, tag: int, content: bytes) -> None:
        others = sum(len(value) for known, value in self._memory.piv.objects.items() if known != tag)
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
    if len(elements) == 1 and elements[0][0] == Tag.DISCOVERY:
        raise StatusError(SW.FUNCTION_NOT_SUPPORTED)
    if [tag for tag, _ in elements] != [Tag.TAG_LIST, Tag.DATA]:
        raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)
    tag = _object_tag(elements[0][1])
    if not is_data_object(tag):
        raise StatusError(SW.FUNCTION_NOT_SUPPORTED)
    return tag, elements[1][1]
