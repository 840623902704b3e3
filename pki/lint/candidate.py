"""What a rule looks at: the bytes about to be signed, read by two readers, and what they are meant to be."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import TypeAlias, TypeVar

from cryptography import x509

from pki import der, oids
from pki.errors import LintError
from pki.hierarchy import crl_scope
from pki.lint.forms import INSTITUTION, read_form, read_person
from pki.lint.reader import (
    RawExtension,
    Tbs,
    oid_content,
    read_extensions,
    read_tbs,
    split_at_subject_key,
    tail_of,
)
from pki.profiles.extensions import PublicAddresses
from pki.profiles.facts import IssuerFacts, Validity
from pki.profiles.shape import ProfileDefinition, SubjectForm

MAX_TBS_BYTES = 16_000
ENCODING = "encoding"
_UNSIGNED = der.bit_string(b"\x00")

ExtensionT = TypeVar("ExtensionT", bound=x509.ExtensionType)


@dataclass(frozen=True)
class Expectation:
    """What the authority means to sign; the bytes are held against it."""

    definition: ProfileDefinition
    issuer: IssuerFacts
    key_hash: bytes
    """SHA-256 of the SubjectPublicKeyInfo whose possession was proved."""
    subject_hash: bytes
    """SHA-256 of the DER subject that was ordered."""
    addresses: PublicAddresses
    recorded: "Recorded | None" = None
    """What the row on record says beside the bytes; the authority always gives it."""

    def crl_scope(self, serial: int) -> str:
        """The CRL that covers this serial."""
        return crl_scope(self.issuer.name, self.issuer.shards, serial)


@dataclass(frozen=True)
class Recorded:
    """The columns under which a certificate will be found: they must be those of its bytes."""

    serial: int
    validity: Validity


@dataclass(frozen=True)
class SharedExpectation:
    """The part of it that all certificates of one profile, issuer and CRL have in common."""

    definition: ProfileDefinition
    issuer: IssuerFacts
    addresses: PublicAddresses
    crl_scope: str


class Candidate:
    """A to-be-signed certificate under examination."""

    __slots__ = ("_values", "certificate", "expected", "own", "serial", "shared", "tbs")

    def __init__(self, tbs: Tbs, certificate: x509.Certificate, expected: Expectation) -> None:
        self.tbs = tbs
        self.certificate = certificate
        """The same bytes through cryptography's reader, under a signature that is none."""
        self.expected = expected
        self.serial = int.from_bytes(tbs.serial, "big", signed=True)
        own, shared = _split(tbs.extensions, own_extensions(expected.definition))
        self.own = own
        """The extensions that depend on this certificate's key, subject or times, by identifier."""
        self.shared = shared
        """The others, in their order."""
        self._values: list[bytes] | None = None

    def values(self, rule: str) -> list[bytes]:
        """The subject's values, in the order of its form. Raises LintError by the rule's name.

        Of a person's single name the other part is empty.
        """
        if self._values is None:
            try:
                if self.expected.definition.person:
                    self._values = read_person(self.tbs.subject)
                else:
                    self._values = read_form(self.tbs.subject, INSTITUTION)
            except (ValueError, IndexError) as error:
                raise LintError(rule, "has other attributes, or in another order or type") from error
        return self._values

    def own_value(self, oid: bytes, rule: str) -> bytes:
        """The value of an own extension, which is never critical. Raises LintError."""
        extension = self.own.get(oid)
        if extension is None or extension.critical:
            raise LintError(rule, "is missing or critical")
        return extension.value


@dataclass(frozen=True)
class SharedExtensions:
    """What the certificates of one profile, issuer and CRL have in common, read by both readers."""

    raw: Mapping[bytes, RawExtension]
    """By the identifier's content; the strict reader's."""
    order: tuple[bytes, ...]
    parsed: x509.Extensions
    """All of the certificate's, through cryptography's reader."""
    expected: SharedExpectation

    def find(self, kind: type[ExtensionT]) -> x509.Extension[ExtensionT] | None:
        """The extension, or None."""
        try:
            return self.parsed.get_extension_for_class(kind)
        except x509.ExtensionNotFound:
            return None

    def value(self, dotted: str) -> bytes | None:
        """The DER value of an extension that isn't critical, or None where it is absent or critical."""
        extension = self.raw.get(oid_content(dotted))
        return None if extension is None or extension.critical else extension.value


Rule: TypeAlias = Callable[[Candidate], None]
"""Returns, or raises LintError."""
SharedRule: TypeAlias = Callable[[SharedExtensions], None]
"""Likewise; it sees no subject, key, serial or time, so that its verdict holds for all alike."""

SUBJECT_KEY = oid_content(oids.SUBJECT_KEY_IDENTIFIER)
SUBJECT_ALT_NAME = oid_content(oids.SUBJECT_ALT_NAME)
PRIVATE_KEY_USE = oid_content(oids.PRIVATE_KEY_USAGE_PERIOD)
NAME_CHANGE = oid_content(oids.ICAO_NAME_CHANGE)
_KEPT_DEFINITIONS = 64
_KEPT_SPLITS = 16_384
"""Profiles times partitions; some 2 kB each."""


@lru_cache(_KEPT_DEFINITIONS)
def own_extensions(definition: ProfileDefinition) -> frozenset[bytes]:
    """The extensions that the profile fills anew for each certificate."""
    own = {SUBJECT_KEY, PRIVATE_KEY_USE, NAME_CHANGE}
    if definition.subject in {SubjectForm.CARD, SubjectForm.HOST}:
        own.add(SUBJECT_ALT_NAME)
    return frozenset(own)


_Split: TypeAlias = tuple[dict[bytes, RawExtension], tuple[RawExtension, ...]]


def _split(content: bytes, own: frozenset[bytes]) -> _Split:
    """The own extensions and the shared ones. Raises DerError, IndexError, LintError."""
    parts = split_at_subject_key(content)
    if parts is None:
        return _split_all(read_extensions(content), own)
    before, subject_key, behind = parts
    cut = tail_of(behind, SUBJECT_ALT_NAME) if SUBJECT_ALT_NAME in own else len(behind)
    others, shared = _split_around(before, behind[:cut], own)
    last, more = _split_all(read_extensions(behind[cut:]), own)
    if SUBJECT_KEY in others or SUBJECT_KEY in last or not others.keys().isdisjoint(last):
        raise LintError(ENCODING, "an extension stands twice")
    return {**others, **last, SUBJECT_KEY: subject_key}, shared + more


@lru_cache(_KEPT_SPLITS)
def _split_around(before: bytes, behind: bytes, own: frozenset[bytes]) -> _Split:
    return _split_all(chain(read_extensions(before), read_extensions(behind)), own)


def _split_all(extensions: Iterable[RawExtension], own: frozenset[bytes]) -> _Split:
    found: dict[bytes, RawExtension] = {}
    shared = []
    for extension in extensions:
        if extension.oid not in own:
            shared.append(extension)
        elif extension.oid in found:
            raise LintError(ENCODING, "an extension stands twice")
        else:
            found[extension.oid] = extension
    return found, tuple(shared)


def read_candidate(tbs: bytes, expected: Expectation) -> Candidate:
    """Both readers take the bytes, or LintError `encoding`."""
    require(len(tbs) <= MAX_TBS_BYTES, ENCODING, "the certificate is too long")
    try:
        fields = read_tbs(tbs)
        # Here already, because cryptography's reader only warns of it.
        require(int.from_bytes(fields.serial, "big", signed=True) > 0, "serial", "must be positive")
        wrapped = der.sequence((tbs, fields.signature_algorithm, _UNSIGNED))
        return Candidate(fields, x509.load_der_x509_certificate(wrapped), expected)
    except (ValueError, IndexError) as error:
        raise LintError(ENCODING, "the bytes are no version 3 certificate") from error


def read_shared(candidate: Candidate, scope: str) -> SharedExtensions:
    """Both readers' view of the shared extensions. Raises LintError `encoding`."""
    try:
        parsed = candidate.certificate.extensions  # parses every one; refuses one that stands twice
    except (ValueError, TypeError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise LintError(ENCODING, "an extension can't be read") from error
    raw = {extension.oid: extension for extension in candidate.shared}
    expected = candidate.expected
    return SharedExtensions(
        raw,
        tuple(extension.oid for extension in candidate.shared),
        parsed,
        SharedExpectation(expected.definition, expected.issuer, expected.addresses, scope),
    )


def require(condition: bool, rule: str, detail: str) -> None:
    """Raises LintError unless the condition holds."""
    if not condition:
        raise LintError(rule, detail)
