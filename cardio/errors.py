"""The one tree of errors that `cardio` raises.

CardError
├── TransportError (cardio.transport.base)  the card could not be reached
│   ├── ReaderUnavailableError
│   ├── NoCardError
│   ├── ReaderBusyError
│   ├── TransmitError
│   └── CardRemovedError
│       ├── CardResetError
│       └── CardChangedError
├── TlvError (cardio.tlv)                   bytes that are no BER-TLV within the limits
├── ApduFormatError (cardio.apdu)           bytes that are no APDU, or fields that fit in none
├── ApduError                               a status word other than 9000 that has no class of its own
├── UnexpectedAnswerError                   9000, with data that the specification does not allow
├── ApplicationNotFoundError                the card has no such application
├── ObjectNotFoundError                     the application has no such data object
├── ObjectContentError                      a data object whose content breaks its specification
├── CardFullError                           no room left for the object
├── KeyNotFoundError                        the slot holds no key
├── ManagementKeyError                      the management key was refused, or the card failed to prove it
├── ManagementKeyRequiredError              the command needs the management key first
├── PinEntryError (cardio.transport.pinpad)  nothing was typed at the reader's pad: costs no try
├── MalformedPinError                       not the form of a PIN or PUK: never sent, costs no try
├── InvalidPinError, InvalidPukError        wrong, with the tries that are left
├── PinBlockedError, PukBlockedError        no tries left
├── PinRequiredError                        the command needs the PIN first
├── TransportPinError                       the PIN is still the issuer's: it must be changed first
├── UnsupportedKeyError                     a key or hash that the PIV profile cannot use
├── SecureChannelError (cardio.globalplatform.errors)  SCP03 could not be opened, or can't be used any more
│   ├── UnsupportedSecureChannelError
│   ├── KeySetNotFoundError, KeySetBlockedError
│   ├── WrongKeySetError
│   │   ├── CardCryptogramError
│   │   └── HostCryptogramError
│   ├── ResponseMacError
│   └── SecureChannelClosedError
├── KeyCheckValueError (cardio.globalplatform.errors)  the card confirmed other keys than it was sent
└── LifeCycleError (cardio.globalplatform.errors)  the card does not go to this life cycle state
"""


class CardError(Exception):
    """Anything that went wrong with a card. See the tree above."""


class ApduError(CardError):
    """The card answered a command with a status word other than 9000."""

    def __init__(self, sw: int, ins: int) -> None:
        super().__init__(f"the card answered {sw:04X} to instruction {ins:02X}")
        self.sw = sw
        self.ins = ins


class UnexpectedAnswerError(CardError):
    """The card's answer is not one that the specification allows."""


class ApplicationNotFoundError(CardError):
    """The card has no such application; carries the application identifier asked for."""

    def __init__(self, application: str, aid: bytes) -> None:
        super().__init__(f"this card has no {application} application")
        self.application = application
        self.aid = aid


class ObjectNotFoundError(CardError):
    """The card holds nothing under this object identifier."""

    def __init__(self, object_id: int, name: str) -> None:
        super().__init__(f"the card has no {name} object ({object_id:06X})")
        self.object_id = object_id
        self.name = name


class ObjectContentError(CardError):
    """What is, or was to be, in a data object breaks its specification."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(f"{name}: {detail}")
        self.name = name
        self.detail = detail


class CardFullError(CardError):
    """The card has no room for the object."""

    def __init__(self, object_id: int, length: int) -> None:
        super().__init__(f"the card has no room for the {length} bytes of object {object_id:06X}")
        self.object_id = object_id
        self.length = length


class KeyNotFoundError(CardError):
    """The slot holds no key, or none of this algorithm."""

    def __init__(self, slot: int) -> None:
        super().__init__(f"slot {slot:02X} holds no key of this kind")
        self.slot = slot


class ManagementKeyError(CardError):
    """The card refused the management key, or did not prove that it has it."""

    def __init__(self, detail: str) -> None:
        super().__init__(f"management key: {detail}")
        self.detail = detail


class ManagementKeyRequiredError(CardError):
    """Only whoever has authenticated with the management key may do this."""

    def __init__(self, ins: int) -> None:
        super().__init__("the card asks for the management key first")
        self.ins = ins


class MalformedPinError(CardError):
    """What was given can't be a PIN (or PUK); it was not sent, so no try was used."""

    def __init__(self, kind: str, rule: str) -> None:
        super().__init__(f"a {kind} is {rule}")
        self.kind = kind
        self.rule = rule


class InvalidPinError(CardError):
    """Wrong PIN; `tries_left` is at least 1."""

    def __init__(self, tries_left: int) -> None:
        super().__init__(f"wrong PIN; {tries_left} {'try' if tries_left == 1 else 'tries'} left")
        self.tries_left = tries_left


class PinBlockedError(CardError):
    """The PIN has no tries left; the PUK unblocks it."""

    def __init__(self) -> None:
        super().__init__("the PIN is blocked; it can be unblocked with the PUK")
        self.tries_left = 0


class InvalidPukError(CardError):
    """Wrong PUK; `tries_left` is at least 1."""

    def __init__(self, tries_left: int) -> None:
        super().__init__(f"wrong PUK; {tries_left} {'try' if tries_left == 1 else 'tries'} left")
        self.tries_left = tries_left


class PukBlockedError(CardError):
    """The PUK has no tries left; the card can't be unblocked any more."""

    def __init__(self) -> None:
        super().__init__("the PUK is blocked; the card must be replaced")
        self.tries_left = 0


class PinRequiredError(CardError):
    """The PIN must be verified first; for slot 9C, right before every signature.

    Where the reader has no contacts, the card says the same of what it gives over contacts only.
    """

    def __init__(self, ins: int) -> None:
        super().__init__("the card asks for the PIN first, or gives this only to a reader with contacts")
        self.ins = ins


class TransportPinError(CardError):
    """The PIN is still the transport PIN: it opens nothing until its holder replaces it."""

    def __init__(self) -> None:
        super().__init__("the card still has its transport PIN; change the PIN first")


class UnsupportedKeyError(CardError):
    """A key type, key size or hash that PIV (SP 800-78-5) or this profile cannot use."""
