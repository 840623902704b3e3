"""Certificates of one profile, issuer and CRL differ in little: the rest is encoded once and kept."""

from datetime import datetime
from functools import lru_cache

from pki import der
from pki.keys.identifiers import key_identifier
from pki.profiles.alternativenames import encode_card_name, encode_host_name
from pki.profiles.extensions import (
    PublicAddresses,
    encode_after_key,
    encode_before_key,
    encode_subject_key,
)
from pki.profiles.facts import IssuerFacts, Validity
from pki.profiles.names import common_name_of
from pki.profiles.shape import ProfileDefinition, SubjectForm
from pki.profiles.traveldocuments import encode_name_change, encode_private_key_use

_VERSION_3 = 2
VERSION = der.context(0, der.integer(_VERSION_3))
_KEPT = 16_384
"""A few profiles times 4,096 partitions; some 1.5 kB each."""
_KEPT_TIMES = 4096
_KEPT_LENGTHS = 1024
_EXTENSIONS = 3
_KEY_IDENTIFIER_BYTES = 20  # SHA-1


class Template:
    """TBSCertificates of one profile, issuer and CRL scope."""

    def __init__(
        self, definition: ProfileDefinition, issuer: IssuerFacts, addresses: PublicAddresses, crl_scope: str
    ) -> None:
        self._definition = definition
        self._issuer_subject = issuer.subject
        self._algorithm_and_issuer = issuer.signature_algorithm + issuer.subject
        self._before_key = encode_before_key(definition)
        self._after_key = encode_after_key(definition, issuer, addresses, crl_scope)
        self._has_own = (
            definition.subject in {SubjectForm.CARD, SubjectForm.HOST}
            or definition.private_key_use is not None
            or definition.link
        )
        self._head, self._tail = _around_key(self._before_key, self._after_key)

    def encode(self, serial: int, subject: bytes, spki: bytes, validity: Validity) -> bytes:
        """One TBSCertificate. Raises SubjectError."""
        head, tail = self._head, self._tail
        if self._has_own:
            own = self._own_extensions(subject, validity)
            head, tail = _around_key(self._before_key, self._after_key + own)
        return der.encode(
            der.SEQUENCE,
            b"".join(
                (
                    VERSION,
                    der.integer(serial),
                    self._algorithm_and_issuer,
                    _encode_validity(validity.not_before, validity.not_after),
                    subject,
                    spki,
                    head,
                    key_identifier(spki),
                    tail,
                )
            ),
        )

    def _own_extensions(self, subject: bytes, validity: Validity) -> bytes:
        """What depends on the certificate's own subject and times."""
        definition = self._definition
        own = b""
        if definition.subject is SubjectForm.CARD:
            own += encode_card_name(common_name_of(subject))
        if definition.subject is SubjectForm.HOST:
            own += encode_host_name(common_name_of(subject))
        if definition.private_key_use is not None:
            own += encode_private_key_use(validity, definition.private_key_use)
        if definition.link and subject != self._issuer_subject:
            own += encode_name_change()
        return own


def _around_key(before_key: bytes, after_key: bytes) -> tuple[bytes, bytes]:
    """The extensions field up to the 20 bytes of the subject key identifier, and what follows them."""
    head = before_key + _KEY_HEAD
    return _field_head(len(head) + _KEY_IDENTIFIER_BYTES + len(after_key)) + head, after_key


_KEY_HEAD = encode_subject_key(bytes(_KEY_IDENTIFIER_BYTES))[:-_KEY_IDENTIFIER_BYTES]


@lru_cache(_KEPT_LENGTHS)
def _field_head(length: int) -> bytes:
    """What stands before the extensions: [3] and SEQUENCE with their lengths."""
    return der.context(_EXTENSIONS, der.sequence((bytes(length),)))[:-length]


@lru_cache(_KEPT_TIMES)
def _encode_validity(not_before: datetime, not_after: datetime) -> bytes:
    """Certificates of one batch often share their second."""
    return der.sequence((der.time(not_before), der.time(not_after)))


template_for = lru_cache(_KEPT)(Template)
"""The kept template of (definition, issuer, addresses, crl_scope)."""
