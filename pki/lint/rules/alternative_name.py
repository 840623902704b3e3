"""A card's or a service's subjectAltName says what its common name says, and nothing else."""

from ipaddress import ip_address
from uuid import UUID

from pki.errors import LintError
from pki.lint.candidate import SUBJECT_ALT_NAME, Candidate, require
from pki.profiles.shape import SubjectForm

RULE = "alternative_name"
CLAUSE = "RFC 5280 §4.2.1.6; FIPS 201-3 §4.2.2.3; RFC 9562 §4; RFC 9525 §4.1"
# GeneralName, primitive: [2] dNSName, [6] uniformResourceIdentifier, [7] iPAddress
_DNS_NAME, _URI, _IP_ADDRESS = 0x82, 0x86, 0x87
_HOST_CHARS = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789-.")
_SHORT = 0x80


def check(candidate: Candidate) -> None:
    """One name of the right kind."""
    form = candidate.expected.definition.subject
    if form is not SubjectForm.CARD and form is not SubjectForm.HOST:
        return
    value = candidate.own_value(SUBJECT_ALT_NAME, RULE)
    common_name = candidate.values(RULE)[-1]
    wanted = _card(common_name) if form is SubjectForm.CARD else _host(common_name)
    require(value == wanted, RULE, "is not the common name's")


def _card(common_name: bytes) -> bytes:
    try:
        card = UUID(common_name.decode("ascii"))
    except ValueError as error:
        raise LintError(RULE, "the common name is no UUID") from error
    require(str(card).encode() == common_name, RULE, "the common name is no UUID in small letters")
    return _one_name(_URI, b"urn:uuid:" + common_name)


def _host(common_name: bytes) -> bytes:
    try:
        return _one_name(_IP_ADDRESS, ip_address(common_name.decode("ascii")).packed)
    except ValueError:
        require(_HOST_CHARS.issuperset(common_name), RULE, "the common name is no host")
        return _one_name(_DNS_NAME, common_name)


def _one_name(tag: int, value: bytes) -> bytes:
    size = len(value)
    require(size + 2 < _SHORT, RULE, "is too long")
    return bytes((0x30, size + 2, tag, size)) + value
