"""Which source speaks for which issuer: `HOME/verifier.toml`. An issuer that it doesn't name has none."""

import hashlib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from cryptography import x509

from pki.der import DerError
from pki.errors import ValidationError
from pki.validation.certificate import Certificate, read_certificate
from pki.validation.extensions import subject_key_identifier
from pki.validation.inputs import InputError, file_in, objects_in
from pki.validation.names import ComparableName, comparable
from verifier.status.settings import SettingError, SourceSettings, read_settings

SETTINGS_FILE = "verifier.toml"
_TABLE = "status"
_KEY_IDENTIFIER = re.compile(r"(?:[0-9a-f]{2}){4,64}")
_LABEL_DIGITS = 12
Identity: TypeAlias = bytes | ComparableName
"""A key identifier, or a name."""
ANY_ISSUER: Identity = b""
"""Whatever issuer is named by nothing else. No file can say it: whoever is not configured is not asked."""


class StatusSettingsError(Exception):
    """verifier.toml can't be used; `section` and `field` say where, as far as that is known."""

    def __init__(self, path: Path, detail: str, section: str | None = None, field: str | None = None) -> None:
        place = "" if section is None else f'[{_TABLE}."{section}"] '
        super().__init__(f"{path}: {place}{f'{field}: ' if field else ''}{detail}")
        self.path = path
        self.detail = detail
        self.section = section
        self.field = field


@dataclass(frozen=True)
class Source:
    """One table, with the certificates that it names."""

    settings: SourceSettings
    responders: tuple[Certificate, ...] = ()


@dataclass(frozen=True)
class Sources:
    """Sources by issuer."""

    by_identity: Mapping[Identity, Source]

    def find(self, issuer: Certificate) -> Source | None:
        """By the issuer's key identifier, else by its subject. None: nobody may be asked. Raises DerError."""
        key = subject_key_identifier(issuer)
        for identity in (key, comparable(issuer.subject), ANY_ISSUER):
            if identity is not None and identity in self.by_identity:
                return self.by_identity[identity]
        return None

    @property
    def all(self) -> tuple[Source, ...]:
        """Each once."""
        return tuple(self.by_identity.values())


def load_sources(root: Path) -> Sources:
    """Those of a home; none where there is no file. Raises StatusSettingsError."""
    path = root / SETTINGS_FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Sources({})
    except (OSError, UnicodeDecodeError) as error:
        raise StatusSettingsError(path, "can't be read") from error
    try:
        return Sources(_sources(path, tomllib.loads(text)))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise StatusSettingsError(path, f"is no TOML: {error}") from error


def _sources(path: Path, document: Mapping[str, object]) -> dict[Identity, Source]:
    unknown = document.keys() - {_TABLE}
    tables = document.get(_TABLE, {})
    if unknown or not isinstance(tables, dict):
        raise StatusSettingsError(path, f'holds tables [{_TABLE}."ISSUER"] and nothing else')
    found = {}
    for section, table in tables.items():
        identity = _identity(path, section)
        if identity in found:
            raise StatusSettingsError(path, "the issuer stands there twice", section)
        found[identity] = _source(path, section, table)
    _require_labels_apart(path, found.values())
    return found


def _identity(path: Path, section: str) -> Identity:
    if _KEY_IDENTIFIER.fullmatch(section):
        return bytes.fromhex(section)
    try:
        name = comparable(x509.Name.from_rfc4514_string(section).public_bytes())
    except (ValueError, DerError):
        name = ()
    if not name:
        detail = "is neither a subjectKeyIdentifier in hexadecimal nor a name as RFC 4514 writes it"
        raise StatusSettingsError(path, detail, section)
    return name


def _source(path: Path, section: str, table: object) -> Source:
    if not isinstance(table, dict):
        raise StatusSettingsError(path, "is no table", section)
    label = hashlib.sha256(section.encode()).hexdigest()[:_LABEL_DIGITS]
    try:
        settings = read_settings(label, table)
    except SettingError as error:
        raise StatusSettingsError(path, error.detail, section, error.field) from error
    try:
        responders = [
            read_certificate(item, None)
            for name in settings.responder_certificates
            for item in objects_in(file_in(path.parent / name))
        ]
    except (InputError, ValidationError) as error:
        raise StatusSettingsError(path, str(error), section, "responder_certificates") from error
    return Source(settings, tuple(responders))


def _require_labels_apart(path: Path, sources: Iterable[Source]) -> None:
    labels = [source.settings.label for source in sources]
    for label in labels:
        if labels.count(label) > 1:
            raise StatusSettingsError(path, f"the label {label} stands for two issuers")
