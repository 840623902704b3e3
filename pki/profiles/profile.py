"""The kinds of certificates there are."""

from enum import Enum, unique


@unique
class Profile(Enum):
    """What a certificate is for. The values are stored; never change one."""

    ROOT_CA = "root_ca"
    ISSUING_CA = "issuing_ca"
    CROSS_CA = "cross_ca"
    """A root's key certified by a root of another generation: roll-over."""
    CSCA = "csca"
    CSCA_LINK = "csca_link"
    """A new country signing key certified by its predecessor (ICAO Doc 9303-12 §7.1)."""
    DOCUMENT_SIGNER = "document_signer"
    MASTER_LIST_SIGNER = "master_list_signer"
    OCSP_RESPONDER = "ocsp_responder"
    AUTHENTICATION = "authentication"
    SIGNATURE = "signature"
    CARD_AUTHENTICATION = "card_authentication"
    """Slot 9E: any reader may ask the card to prove itself, without a PIN (SP 800-73-5 Part 1)."""
    OPERATOR = "operator"
    STATION = "station"
    SERVICE = "service"
    """TLS between Hoviat's own services."""
    SEAL = "seal"
    """A service's own signatures: receipts, checkpoints."""
