"""The PIV card application: which command goes where."""

from collections.abc import Callable

from simulators.card import tlv
from simulators.card.iso7816 import SW, Command, StatusError
from simulators.card.memory import CardMemory
from simulators.card.piv.access import Interface, require_application, require_interface
from simulators.card.piv.administration import AdministrationCommands
from simulators.card.piv.attestation import AttestationCommand
from simulators.card.piv.authenticate import KeyCommands
from simulators.card.piv.data import DataCommands, discovery_object
from simulators.card.piv.identifiers import AID, CHAINABLE, MIN_AID_LENGTH, PIX, RID, PivInstruction, Tag
from simulators.card.piv.importing import ImportCommand
from simulators.card.piv.session import SecuritySession
from simulators.card.piv.verify import ReferenceDataCommands
from simulators.card.piv.yubico import YubicoInformation

DISCOVERY_OBJECT = discovery_object()
_LABEL = b"Hoviat PIV"
_SPECIFICATION = b"https://doi.org/10.6028/NIST.SP.800-73pt2-5"

# SP 800-73-5 part 2, table 3
APPLICATION_PROPERTIES = tlv.encode(
    Tag.APPLICATION_PROPERTY_TEMPLATE,
    tlv.encode(Tag.APPLICATION_IDENTIFIER, PIX)
    + tlv.encode(Tag.COEXISTENT_TAG_ALLOCATION_AUTHORITY, tlv.encode(Tag.APPLICATION_IDENTIFIER, RID))
    + tlv.encode(Tag.APPLICATION_LABEL, _LABEL)
    + tlv.encode(Tag.URL, _SPECIFICATION),
)


class PivApplication:
    """One powered session of the PIV application; a reset makes a new one.

    `interface` is how the reader reaches the card; `discovery` the Discovery object, None for a card without.
    """

    def __init__(
        self,
        memory: CardMemory,
        random_bytes: Callable[[int], bytes],
        *,
        interface: Interface = Interface.CONTACT,
        discovery: bytes | None = DISCOVERY_OBJECT,
    ) -> None:
        self._memory = memory
        self._interface = interface
        self._session = SecuritySession()
        references = ReferenceDataCommands(memory, self._session)
        data = DataCommands(memory, self._session, interface, discovery)
        keys = KeyCommands(memory, self._session, random_bytes)
        information = YubicoInformation(memory)
        administration = AdministrationCommands(memory, self._session)
        self._handlers: dict[int, Callable[[Command], bytes]] = {
            PivInstruction.VERIFY: references.verify,
            PivInstruction.CHANGE_REFERENCE_DATA: references.change,
            PivInstruction.RESET_RETRY_COUNTER: references.reset_retry_counter,
            PivInstruction.GENERATE_ASYMMETRIC_KEY_PAIR: keys.generate,
            PivInstruction.GENERAL_AUTHENTICATE: keys.authenticate,
            PivInstruction.GET_DATA: data.get,
            PivInstruction.PUT_DATA: data.put,
            PivInstruction.YUBICO_MOVE_KEY: administration.move_key,
            PivInstruction.YUBICO_GET_METADATA: information.metadata,
            PivInstruction.YUBICO_GET_SERIAL: information.serial,
            PivInstruction.YUBICO_ATTEST: AttestationCommand(memory, random_bytes).attest,
            PivInstruction.YUBICO_SET_PIN_RETRIES: administration.set_pin_retries,
            PivInstruction.YUBICO_RESET: administration.reset,
            PivInstruction.YUBICO_GET_VERSION: information.version,
            PivInstruction.YUBICO_IMPORT_KEY: ImportCommand(memory, self._session).import_key,
            PivInstruction.YUBICO_SET_MANAGEMENT_KEY: administration.set_management_key,
        }

    @staticmethod
    def is_named_by(aid: bytes) -> bool:
        """Whether this is the application's AID, whole or right-truncated (ISO/IEC 7816-4, clause 12.2.3)."""
        return len(aid) >= MIN_AID_LENGTH and AID.startswith(aid)

    def begin_command(self) -> None:
        """Any new command, whatever becomes of it, ends the freshness of a PIN verified for a signature."""
        self._session.begin_command()

    def channel_ended(self) -> None:
        """Ends the session: PIN and management key may have been given through the channel alone."""
        self._session.end()

    @property
    def aid(self) -> bytes:
        """The whole application identifier."""
        return AID

    @property
    def selection_answer(self) -> bytes:
        """The application property template."""
        return APPLICATION_PROPERTIES

    def takes_class_of(self, command: Command) -> bool:
        """Interindustry commands only."""
        return not command.is_proprietary

    def knows(self, command: Command) -> bool:
        """Whether this instruction exists here."""
        return command.ins in self._handlers

    def chains(self, ins: int) -> bool:
        """Whether this instruction's data may come in a chain."""
        return ins in CHAINABLE

    def process(self, command: Command) -> bytes:
        """The answer's data to a complete command.

        :raises StatusError: any status word but 9000; 6985 for everything on a locked or terminated card
        """
        handler = self._handlers.get(command.ins)
        if handler is None:
            raise StatusError(SW.INSTRUCTION_NOT_SUPPORTED)
        require_application(self._memory.state.life_cycle)
        require_interface(self._interface, command)
        return handler(command)
