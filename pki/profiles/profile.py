"""The kinds of certificates there are."""

from enum import Enum


class Profile(Enum):
    """What a certificate is for. The values are stored; never change one."""

    ROOT_CA = "root_ca"
    CITIZEN_CA = "citizen_ca"
    OCSP_RESPONDER = "ocsp_responder"
    AUTHENTICATION = "authentication"
    SIGNATURE = "signature"
