"""The home: the folder that holds one installation's databases, keys and secrets."""

import json
import os
import re
import secrets
import tomllib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

SETTINGS_FILE = "hoviat.toml"
DEFAULT_KEY_LOCATION = "file:"
DEFAULT_PUBLIC_URL = "http://127.0.0.1:8080"
PASSPHRASE_VARIABLE = "HOVIAT_PASSPHRASE"  # noqa: S105 - the variable's name
PIN_VARIABLE = "HOVIAT_HSM_PIN"
CRL_FOLDER_VARIABLE = "HOVIAT_CRL_DIR"
_PASSPHRASE_BYTES = 32
_HTTPS_PORTS = {None, 443}
_NO_ADDRESS = "the public URL must be http(s)://host[:port][/path] in plain ASCII"
_NO_HTTP_PORT = "certificates name CRLs and OCSP by http, and no http port is known beside https on port"
_HTTP_PORT_HINT = (
    "give the public URL as https://host[/path], where http is on port 80, or as http://host:port[/path]"
)
_URL_CHARACTERS = re.compile(r"[A-Za-z0-9:/._~\[\]-]{1,200}")
_ORIGIN = re.compile(r"[A-Za-z0-9:/._~\[\]-]{1,220}")
_OWNER_ONLY_FILE = 0o600
_OWNER_ONLY_FOLDER = 0o700


class HomeError(Exception):
    """The home can't be used as asked; carries its path."""

    def __init__(self, path: Path, detail: str) -> None:
        super().__init__(f"{path}: {detail}")
        self.path = path
        self.detail = detail


class HomeInUseError(HomeError):
    """A new home was asked for where one already is."""


class HomeMissingError(HomeError):
    """There is no initialised home here."""


class PublicUrlError(HomeError):
    """The public address is not one that certificates can carry, or from which theirs can be told."""


@dataclass(frozen=True)
class Home:
    """Paths below one folder, and the two settings every service shares."""

    root: Path
    public_url: str
    """The address under which citizens' software reaches this installation, http or https. Certificates
    carry it, with http for CRLs and OCSP (`PublicAddresses.repository`). No trailing slash."""
    key_location: str = DEFAULT_KEY_LOCATION
    """Where new keys are made: encrypted files, or an RFC 7512 URI of a token."""
    shards: int = 1
    """Partitions of the CRLs of the citizens' CAs."""
    ocsp_extended_revoke: bool = False
    """OCSP calls what was never issued revoked instead of unknown (RFC 6960 §2.2)."""
    log_origin: str | None = None
    """`audit_origin`, as the settings hold it."""

    @property
    def keys(self) -> Path:
        """Encrypted private keys, one PEM file each."""
        return self.root / "keys"

    @property
    def profiles(self) -> Path:
        """Certificate profiles that replace the project's own; need not be there."""
        return self.root / "profiles"

    @property
    def anchors(self) -> Path:
        """Certificates of others that are trusted, a folder for each purpose; need not be there."""
        return self.root / "anchors"

    @property
    def secrets(self) -> Path:
        """Files only the owner reads: the passphrase, operators' first passwords, master keys."""
        return self.root / "secrets"

    @property
    def cards(self) -> Path:
        """Simulated cards, one file each."""
        return self.root / "cards"

    @property
    def ocsp_answers(self) -> Path:
        """Ready OCSP answers. Can be deleted at any time while nothing serves."""
        return self.root / "ocsp-answers"

    @property
    def crls(self) -> Path:
        """Published CRLs, which replicas share; HOVIAT_CRL_DIR names another folder."""
        return Path(os.environ.get(CRL_FOLDER_VARIABLE) or self.root / "crl")

    @property
    def metrics(self) -> Path:
        """Counters of the worker processes that run now."""
        return self.root / "metrics"

    @property
    def audit_origin(self) -> str:
        """The audit log's name in its checkpoints: that of its founding, wherever it is reached today.

        Homes of before this setting have the one that their address gives.
        """
        return self.log_origin or _origin(self.public_url)

    @property
    def audit_note(self) -> Path:
        """The newest signed checkpoint of the audit log, beside the database and not in it."""
        return self.root / "audit" / f"{quote(self.audit_origin, safe='')}.note"

    def database_url(self, service: str) -> str:
        """The SQLAlchemy URL of `pki`, `issuance` or `verifier`; HOVIAT_<SERVICE>_DATABASE overrides it."""
        return given_database(service) or f"sqlite:///{self.root / service}.sqlite3"

    def passphrase(self) -> bytes:
        """The passphrase of the key files: from the environment, else from the home."""
        given = os.environ.get(PASSPHRASE_VARIABLE)
        if given:
            return given.encode()
        try:
            return (self.secrets / "passphrase").read_bytes().strip()
        except OSError as error:
            raise HomeMissingError(
                self.root,
                f"no passphrase: neither {PASSPHRASE_VARIABLE} nor a readable secrets/passphrase",
            ) from error

    def pin(self) -> str | None:
        """The token's user PIN, where the environment gives it; otherwise the key URI's pin-source does."""
        return os.environ.get(PIN_VARIABLE) or None

    def write_secret(self, name: str, content: bytes) -> Path:
        """Writes a new file that only its owner can read; never overwrites one."""
        path = self.secrets / name
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY_FILE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return path


def create(
    root: Path,
    public_url: str = DEFAULT_PUBLIC_URL,
    key_location: str = DEFAULT_KEY_LOCATION,
    shards: int = 1,
) -> Home:
    """Makes an empty home with a fresh passphrase, unless the environment gives one.

    Raises HomeInUseError where the folder holds anything, PublicUrlError for what is no http(s) address
    or is https on a port of its own.
    """
    require_new(root, public_url)
    address = public_url.rstrip("/")
    home = Home(root.absolute(), address, key_location, shards, log_origin=_origin(address))
    for folder in (home.root, home.keys, home.secrets, home.cards):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(_OWNER_ONLY_FOLDER)  # whatever umask, or whoever made it before, allowed others
    if not os.environ.get(PASSPHRASE_VARIABLE):
        home.write_secret("passphrase", secrets.token_urlsafe(_PASSPHRASE_BYTES).encode() + b"\n")
    (home.root / SETTINGS_FILE).write_text(_settings(home), encoding="utf-8")
    return home


def given_database(service: str) -> str | None:
    """The SQLAlchemy URL that HOVIAT_<SERVICE>_DATABASE gives."""
    return os.environ.get(f"HOVIAT_{service.upper()}_DATABASE") or None


def require_new(root: Path, public_url: str) -> None:
    """A home could be made here. Raises HomeInUseError, PublicUrlError; HomeError where none can be."""
    _require_url(root, public_url)
    try:
        used = root.exists() and any(root.iterdir())
    except OSError as error:
        raise HomeError(root, f"can't be used: {error.strerror}") from error
    if used:
        raise HomeInUseError(root, _in_use(root))


_NO_HOME = "is not initialised: `hoviat init`, or `hoviat pki ceremony found` with officers, makes a home"


def _in_use(root: Path) -> str:
    if (root / SETTINGS_FILE).exists():
        return (
            "is not empty: it is a home already. `hoviat serve` uses it; after `pki ceremony found`, "
            "`hoviat init --after-ceremony` makes the rest"
        )
    return "is not empty; choose another folder"


def _origin(public_url: str) -> str:
    """An address without its scheme, as C2SP recommends for a log's origin."""
    address = urlsplit(public_url)
    return f"{address.netloc}{address.path}/pki/audit"


def _given_origin(root: Path, origin: object) -> str | None:
    """The origin that the settings hold. Raises HomeError for what is no name of a log."""
    if origin is not None and not (isinstance(origin, str) and _ORIGIN.fullmatch(origin)):
        raise HomeError(root, "hoviat.toml is unreadable: audit_origin is no log's name")
    return origin


def _settings(home: Home) -> str:
    texts = {
        "public_url": home.public_url,
        "key_location": home.key_location,
        "audit_origin": home.audit_origin,
    }
    lines = [f"{name} = {json.dumps(text)}" for name, text in texts.items()]  # JSON's strings are TOML's
    return "\n".join([*lines, f"shards = {home.shards}", ""])


def _require_url(root: Path, url: str) -> None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise PublicUrlError(root, _NO_ADDRESS) from error
    known = url.startswith(("http://", "https://")) and _URL_CHARACTERS.fullmatch(url)
    if not known or not parts.hostname or parts.query or parts.fragment:
        raise PublicUrlError(root, _NO_ADDRESS)
    if parts.scheme == "https" and port not in _HTTPS_PORTS:
        raise PublicUrlError(root, f"{_NO_HTTP_PORT} {port}: {_HTTP_PORT_HINT}")


def load(root: Path) -> Home:
    """Opens an initialised home. Raises HomeMissingError, PublicUrlError, HomeError."""
    try:
        settings = tomllib.loads((root / SETTINGS_FILE).read_text(encoding="utf-8"))
        _require_url(root, str(settings["public_url"]))
        return Home(
            root.absolute(),
            settings["public_url"],
            settings.get("key_location", DEFAULT_KEY_LOCATION),
            settings.get("shards", 1),
            ocsp_extended_revoke=settings.get("ocsp_extended_revoke", False) is True,
            log_origin=_given_origin(root, settings.get("audit_origin")),
        )
    except FileNotFoundError as error:
        raise HomeMissingError(root, _NO_HOME) from error
    except (KeyError, tomllib.TOMLDecodeError) as error:
        raise HomeError(root, f"hoviat.toml is unreadable: {error}") from error
