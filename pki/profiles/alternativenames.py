"""subjectAltName of cards and services: what their common name says, in the form that machines compare."""

import re
from ipaddress import ip_address

from pki import der, oids
from pki.errors import SubjectError

_DNS_NAME = 2  # GeneralName, RFC 5280 §4.2.1.6
_URI = 6
_IP_ADDRESS = 7
_UUID_CHARS = 36
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


def encode_card_name(common_name: str) -> bytes:
    """The card's UUID as urn:uuid (RFC 9562 §4, SP 800-73-5 Part 1 §3.4). Raises SubjectError."""
    if not _UUID.fullmatch(common_name):
        raise SubjectError("card", "is no UUID in small letters")
    return _CARD_HEAD + common_name.encode("ascii")


def encode_host_name(common_name: str) -> bytes:
    """The host as iPAddress or dNSName. Raises SubjectError."""
    try:
        name = der.context(_IP_ADDRESS, ip_address(common_name).packed, constructed=False)
    except ValueError:
        name = der.context(_DNS_NAME, _dns_name(common_name), constructed=False)
    return _names(name)


def _dns_name(host: str) -> bytes:
    """A host name in A-labels, lower case (RFC 1123 §2.1)."""
    labels = host.split(".")
    if not all(_is_label(label) for label in labels):
        raise SubjectError("host", "is neither an address nor a host name in lower case")
    return host.encode("ascii")


def _is_label(label: str) -> bool:
    plain = label.isascii() and label.replace("-", "").isalnum() and label == label.lower()
    return plain and not label.startswith("-") and not label.endswith("-")


def _names(name: bytes) -> bytes:
    return der.extension(oids.SUBJECT_ALT_NAME, der.sequence((name,)))


_CARD_HEAD = _names(der.context(_URI, b"urn:uuid:" + bytes(_UUID_CHARS), constructed=False))[:-_UUID_CHARS]
"""All of a card's extension but the UUID, whose length never changes."""
