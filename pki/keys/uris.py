"""Where a key lives, as a URI: `file:NAME.pem` in the home's keys folder, or `pkcs11:…` (RFC 7512)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote_from_bytes, unquote_to_bytes

from pki.errors import KeyUriError

FILE_SCHEME = "file:"
PKCS11_SCHEME = "pkcs11:"
KEY_FILE_SUFFIX = ".pem"
PRIVATE, SECRET_KEY = "private", "secret-key"
_TYPES = (PRIVATE, SECRET_KEY, "public", "cert", "data")  # RFC 7512 §2.3, pk11-type
_MAX_URI = 2048
_KEY_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
# RFC 7512 §2.3, pk11-path-res-avail and pk11-query-res-avail: unencoded beside RFC 3986's unreserved.
_PATH_SAFE = ":[]@!$'()*+,=&"
_QUERY_SAFE = ":[]@!$'()*+,=/?|"
_PATH_VALUE, _QUERY_VALUE = (
    re.compile(rf"(?:[A-Za-z0-9\-._~{re.escape(safe)}]|%[0-9A-Fa-f]{{2}})+")
    for safe in (_PATH_SAFE, _QUERY_SAFE)
)
_PATH_NAMES = frozenset(("token", "manufacturer", "serial", "model", "object", "type", "id"))
_QUERY_NAMES = frozenset(("module-path", "pin-source"))
# Known to the RFC, of no use here. An attribute may not be ignored (§2.3), so these are refused too.
_UNUSED = frozenset(
    (
        "library-manufacturer",
        "library-description",
        "library-version",
        "slot-manufacturer",
        "slot-description",
        "slot-id",
        "module-name",
    )
)


def require_key_name(name: str) -> str:
    """`name`, if it can name a key: no file, label or URI of it is ever ambiguous. Raises KeyUriError."""
    if not _KEY_NAME.fullmatch(name):
        raise KeyUriError("a key's name has 1 to 64 lower-case letters, digits and inner hyphens")
    return name


@dataclass(frozen=True)
class FileUri:
    """`file:NAME.pem`, never a path."""

    name: str

    def __str__(self) -> str:
        return f"{FILE_SCHEME}{self.name}{KEY_FILE_SUFFIX}"


@dataclass(frozen=True)
class Pkcs11Uri:
    """A token, or an object on one. There is never a PIN in it, only the place to read one."""

    token: str | None = None
    manufacturer: str | None = None
    serial: str | None = None
    model: str | None = None
    object: str | None = None
    type: str | None = None
    id: bytes | None = None
    module_path: str | None = None
    pin_source: str | None = None

    def __str__(self) -> str:
        path = (
            ("token", self.token),
            ("manufacturer", self.manufacturer),
            ("serial", self.serial),
            ("model", self.model),
            ("object", self.object),
            ("type", self.type),
            ("id", self.id),
        )
        query = (("module-path", self.module_path), ("pin-source", self.pin_source))
        written = PKCS11_SCHEME + ";".join(_written(path, _PATH_SAFE))
        return "?".join(filter(None, (written, "&".join(_written(query, _QUERY_SAFE)))))


def parse_key_uri(uri: str) -> FileUri | Pkcs11Uri:
    """Raises KeyUriError for anything that isn't wholly understood."""
    if len(uri) > _MAX_URI:
        raise KeyUriError(f"is longer than {_MAX_URI} characters")
    if uri.startswith(PKCS11_SCHEME):
        return _parse_pkcs11(uri.removeprefix(PKCS11_SCHEME))
    if uri.startswith(FILE_SCHEME) and uri.endswith(KEY_FILE_SUFFIX):
        return FileUri(require_key_name(uri.removeprefix(FILE_SCHEME).removesuffix(KEY_FILE_SUFFIX)))
    raise KeyUriError("is neither file:NAME.pem nor pkcs11:…")


def _parse_pkcs11(rest: str) -> Pkcs11Uri:
    path, question, query = rest.partition("?")
    values = dict(_attributes(path, ";", _PATH_NAMES, _PATH_VALUE) if path else ())
    if question:
        values |= _attributes(query, "&", _QUERY_NAMES, _QUERY_VALUE)
    texts = {name: _text(name, value) for name, value in values.items() if name != "id"}
    if texts.get("type", PRIVATE) not in _TYPES:
        raise KeyUriError(f"is none of {', '.join(_TYPES)}", "type")
    return Pkcs11Uri(
        token=texts.get("token"),
        manufacturer=texts.get("manufacturer"),
        serial=texts.get("serial"),
        model=texts.get("model"),
        object=texts.get("object"),
        type=texts.get("type"),
        id=values.get("id"),
        module_path=texts.get("module-path"),
        pin_source=texts.get("pin-source"),
    )


def _attributes(part: str, separator: str, names: frozenset[str], form: re.Pattern[str]) -> dict[str, bytes]:
    """The decoded octets by attribute. Each stands once at most (RFC 7512 §2.3)."""
    values: dict[str, bytes] = {}
    for attribute in part.split(separator):
        name, _, value = attribute.partition("=")
        if name == "pin-value":
            raise KeyUriError("no secret may stand in a URI; name its file in pin-source", name)
        if name in _UNUSED:
            raise KeyUriError("is not supported", name)
        if name not in names:
            # An unknown name is not repeated: it may be a value that lost its name.
            raise KeyUriError("has an attribute that is unknown or misplaced")
        if name in values:
            raise KeyUriError("stands twice", name)
        if not form.fullmatch(value):
            raise KeyUriError("is empty, or has characters that must be percent-encoded", name)
        values[name] = unquote_to_bytes(value)
    return values


def _text(name: str, value: bytes) -> str:
    try:
        text = value.decode()
    except UnicodeDecodeError as error:
        raise KeyUriError("is not UTF-8", name) from error
    if not text.isprintable():
        raise KeyUriError("has control characters", name)
    return text


def _written(attributes: Iterable[tuple[str, str | bytes | None]], safe: str) -> list[str]:
    return [
        f"{name}={quote_from_bytes(value.encode() if isinstance(value, str) else value, safe)}"
        for name, value in attributes
        if value is not None
    ]
