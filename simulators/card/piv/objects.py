"""Which data objects there are, and who may read them (SP 800-73-5 part 1, tables 2 and 3)."""

from simulators.card.piv.identifiers import FIRST_RETIRED_KEY, RETIRED_KEYS, DataObject, KeyReference, Tag

FIRST_RETIRED_CERTIFICATE = 0x5FC10D
LAST_RETIRED_CERTIFICATE = 0x5FC120

# These two stand by themselves, all others in a 53 container (part 2, section 3.1.2).
UNWRAPPED = frozenset({Tag.DISCOVERY, Tag.BIOMETRIC_GROUP_TEMPLATE})

# Read rule "PIN" over the contact interface.
PIN_PROTECTED = frozenset(
    {
        DataObject.FINGERPRINTS,
        DataObject.FACIAL_IMAGE,
        DataObject.PRINTED_INFORMATION,
        DataObject.IRIS_IMAGES,
        DataObject.PAIRING_CODE,
    }
)

# Read rule "always" over the contactless interface; the others want a virtual contact interface there.
CONTACTLESS = frozenset(
    {
        DataObject.CHUID,
        DataObject.CARD_AUTHENTICATION_CERTIFICATE,
        DataObject.SECURE_MESSAGING_SIGNER,
        Tag.DISCOVERY,
        Tag.BIOMETRIC_GROUP_TEMPLATE,
    }
)

_CERTIFICATES = {
    KeyReference.AUTHENTICATION: DataObject.AUTHENTICATION_CERTIFICATE,
    KeyReference.SIGNATURE: DataObject.SIGNATURE_CERTIFICATE,
    KeyReference.KEY_MANAGEMENT: DataObject.KEY_MANAGEMENT_CERTIFICATE,
    KeyReference.CARD_AUTHENTICATION: DataObject.CARD_AUTHENTICATION_CERTIFICATE,
    KeyReference.ATTESTATION: DataObject.ATTESTATION_CERTIFICATE,
}
_STORED = frozenset(DataObject) | {Tag.BIOMETRIC_GROUP_TEMPLATE}


def is_data_object(tag: int) -> bool:
    """Whether the card keeps an object of this tag. Discovery isn't kept: it is what the application is."""
    return tag in _STORED or FIRST_RETIRED_CERTIFICATE <= tag <= LAST_RETIRED_CERTIFICATE


def is_writable(tag: int) -> bool:
    """Whether PUT DATA takes it: the attestation certificate stays as the factory made it."""
    return is_data_object(tag) and tag != DataObject.ATTESTATION_CERTIFICATE


def certificate_object(reference: int) -> int:
    """The object with the certificate of a private key."""
    if reference in RETIRED_KEYS:
        return FIRST_RETIRED_CERTIFICATE + reference - FIRST_RETIRED_KEY
    return _CERTIFICATES[KeyReference(reference)]
