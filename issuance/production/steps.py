"""The steps of a run, in their order."""

from enum import StrEnum, unique


@unique
class Step(StrEnum):
    """One journaled step. The secrets that open the card change last, each where a torn run can find out."""

    IDENTIFY_CARD = "identify_card"
    AUTHENTICATE = "authenticate"
    TAKE_CARD = "take_card"
    GENERATE_AUTHENTICATION_KEY = "generate_authentication_key"
    GENERATE_SIGNATURE_KEY = "generate_signature_key"
    SIGN_REQUESTS = "sign_requests"
    ISSUE_CERTIFICATES = "issue_certificates"
    WRITE_OBJECTS = "write_objects"
    WRITE_CERTIFICATES = "write_certificates"
    READ_BACK = "read_back"
    PROVE_KEYS = "prove_keys"
    SET_MANAGEMENT_KEY = "set_management_key"
    SET_PUK = "set_puk"
    SET_TRANSPORT_PIN = "set_transport_pin"
    ROTATE_CHANNEL_KEYS = "rotate_channel_keys"
    """Begun: the issuer's keys are pending, the card has either. Done: it has the issuer's alone."""
    SECURE_CARD = "secure_card"


EVERY_ATTEMPT = frozenset({Step.IDENTIFY_CARD, Step.AUTHENTICATE})
"""Done again by each attempt; the others are skipped once they are done."""


@unique
class StepState(StrEnum):
    """Where a step stands. One begun and never done may or may not have happened on the card."""

    BEGUN = "begun"
    DONE = "done"
    FAILED = "failed"


@unique
class ProductionState(StrEnum):
    """Where a run stands."""

    RUNNING = "running"
    INTERRUPTED = "interrupted"
    """Torn in the middle: put the same card back and go on, or void it."""
    VOIDING = "voiding"
    """Its certificates are being revoked; it can only be voided now."""
    PRODUCED = "produced"
    VOIDED = "voided"
    """The body is waste, its certificates are revoked; the application waits for another body."""
    FAILED = "failed"
    """Ended before a body was taken; nothing happened."""


ENDED = frozenset({ProductionState.PRODUCED, ProductionState.VOIDED, ProductionState.FAILED})
