"""Names for the object identifiers that profile files use, so that they can be read."""

import re

from pki import oids

KEY_PURPOSES = {
    "serverAuth": oids.SERVER_AUTH,
    "clientAuth": oids.CLIENT_AUTH,
    "OCSPSigning": oids.OCSP_SIGNING,
    "piv-card-authentication": oids.PIV_CARD_AUTHENTICATION,
    "icao-master-list-signing": oids.ICAO_MASTER_LIST_SIGNING,
}
POLICIES = {
    "any": oids.ANY_POLICY,
    "ncp-plus": oids.NCP_PLUS,
    "qcp-n-qscd": oids.QCP_N_QSCD,
    "own-authentication": oids.HOVIAT_AUTHENTICATION_POLICY,
    "own-signature": oids.HOVIAT_SIGNATURE_POLICY,
    "own-card": oids.HOVIAT_CARD_POLICY,
    "own-operator": oids.HOVIAT_OPERATOR_POLICY,
    "own-station": oids.HOVIAT_STATION_POLICY,
    "own-service": oids.HOVIAT_SERVICE_POLICY,
    "own-seal": oids.HOVIAT_SEAL_POLICY,
}
MAX_ARC = 2**32 - 1
"""Larger arcs are lawful, but readers that keep them in 32 bits refuse the certificate."""

_DOTTED = re.compile(r"(?:[01]\.[1-3]?[0-9]|2\.(?:0|[1-9][0-9]{0,9}))(?:\.(?:0|[1-9][0-9]{0,9}))+", re.ASCII)


def is_dotted(text: str) -> bool:
    """Whether it is an object identifier of at least three arcs, each of at most 32 bits."""
    return _DOTTED.fullmatch(text) is not None and all(int(arc) <= MAX_ARC for arc in text.split("."))
