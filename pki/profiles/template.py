"""Certificates of one profile, issuer and CRL differ in little: the rest is encoded once and kept."""

from functools import lru_cache

from pki import der
from pki.keys.identifiers import key_identifier
from pki.profiles.alternativenames import encode_card_name, encode_host_name
from pki.profiles.definitions import ProfileDefinition, SubjectForm
from pki.profiles.extensions import (
    PublicAddresses,
    encode_after_key,
    encode_before_key,
    encode_subject_key,
)
from pki.profiles.facts import IssuerFacts, Validity
from pki.profiles.names import common_name_of
from pki.profiles.traveldocuments import encode_name_change, encode_private_key_use

_VERSION_3 = 2
VERSION = der.context(0, der.integer(_VERSION_3))
_KEPT = 16_384
"""A few profiles times 4,096 partitions; some 1.5 kB each."""
_EXTENSIONS = 3


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

    def encode(self, serial: int, subject: bytes, spki: bytes, validity: Validity) -> bytes:
        """One TBSCertificate. Raises SubjectError."""
        extensions = der.sequence(
            (
                self._before_key,
                encode_subject_key(key_identifier(spki)),
                self._after_key,
                self._own_extensions(subject, validity),
            )
        )
        return der.sequence(
            (
                VERSION,
                der.integer(serial),
                self._algorithm_and_issuer,
                der.sequence((der.time(validity.not_before), der.time(validity.not_after))),
                subject,
                spki,
                der.context(_EXTENSIONS, extensions),
            )
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


template_for = lru_cache(_KEPT)(Template)
"""The kept template of (definition, issuer, addresses, crl_scope)."""
