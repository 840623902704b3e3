"""The off-line folder: keys of roots, encrypted under a secret that the officers hold in shares."""

import json
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from pki.auditchain import Json
from pki.auditchain.canonical import canonical_json
from pki.ceremony import shares
from pki.ceremony.desk import Desk
from pki.ceremony.errors import CustodyError, OfficersError, ShareError
from pki.ceremony.officers import MIN_OFFICERS, require_officers, require_threshold
from pki.ceremony.places import lies_in, require_writable
from pki.ceremony.sealing import authenticate, seal, unseal
from pki.errors import KeyExistsError, KeyMissingError, KeyStoreError
from pki.keys.disk import read_bounded, write_new_file
from pki.keys.kinds import KeyKind
from pki.keys.pins import pin_source
from pki.keys.signer import Signer
from pki.keys.store import DEFAULT_LOCATION, KeyStore
from pki.keys.uris import FileUri, parse_key_uri

OFFLINE_SCHEME = "offline:"
"""Before a key's name in the table of keys: no key store of a running system opens it."""
_FILE = "custody.json"
_MAX_FILE = 8192
_VERSION = 2
_OWNER_ONLY_FOLDER = 0o700


@dataclass(frozen=True)
class Custody:
    """What is public of a shared secret: who holds shares, how many of them are needed."""

    threshold: int
    shares: Mapping[str, str]
    """Officer → the digest of their share."""
    check: str
    """Tells the right secret (`shares.check_value`)."""
    location: str = DEFAULT_LOCATION
    """Where the keys are: files of the folder, or a token, as its URI without a place of the PIN."""
    pin: str | None = None
    """The token's PIN, sealed under the secret."""
    mac: str = ""
    """Over all above, under the secret: nobody changes the file between two ceremonies."""

    @property
    def officers(self) -> tuple[str, ...]:
        """Everyone who was given a share."""
        return tuple(self.shares)


@dataclass(frozen=True)
class Vault:
    """An open off-line folder, for the length of one ceremony."""

    folder: Path
    custody: Custody
    present: tuple[str, ...]
    """The officers who proved their shares."""
    _keys: KeyStore = field(repr=False)

    def make(self, name: str, kind: KeyKind) -> str:
        """The key's URI, once it is there; one that an interrupted ceremony left is taken up."""
        if not self._keys.exists(name):
            self._keys.create(name, kind)
        return f"{OFFLINE_SCHEME}{name}"

    def open(self, uri: str) -> Signer:
        """The key at `offline:NAME`. Raises KeyMissingError, KeyUriError, else KeyStoreError."""
        return self._keys.open(self._keys.uri_of(uri.removeprefix(OFFLINE_SCHEME)))

    def names(self) -> tuple[str, ...]:
        """The names of the keys in it, sorted."""
        return self._keys.names()

    def require_room(self) -> None:
        """A key could be made. Raises CustodyError."""
        if self.custody.location == DEFAULT_LOCATION:
            _require_writable(self.folder)

    def close(self) -> None:
        """Gives the token's session back."""
        self._keys.close()


@dataclass(frozen=True)
class NewCustody:
    """What a new off-line folder is made with."""

    threshold: int = MIN_OFFICERS
    """How many of the officers can open it later."""
    location: str = DEFAULT_LOCATION
    """Where its keys are made: in files of the folder, or on a token that nothing else uses."""
    pin: str | None = field(default=None, repr=False)
    """The token's PIN, where `pin-source` of its URI doesn't name a file. It is sealed under the secret."""


def open_vault(
    folder: Path, home: Path, officers: Sequence[str], desk: Desk, new: NewCustody | None = None
) -> Vault:
    """Opens the folder with the officers' shares, or, where there is no secret yet, makes and shares one.

    :param home: the installation's folder, in which nothing of this may lie
    :param new: what a new folder is made with; None: there must be one
    Raises OfficersError, ShareError, CustodyError, KeyStoreError. Until all officers have proved their
    shares back, a new folder stays empty: what was handed out until then opens nothing, and a refusal takes
    it back.
    """
    present = require_officers(officers)
    _require_apart(folder, home)
    if new is None or has_custody(folder):
        custody = read_custody(folder)
        secret = _recover(custody, present, desk)
        _require_unchanged(folder, custody, secret)
    else:
        location, pin = _checked_new(folder, home, present, desk, new)
        secret, custody = _share_out(folder, present, desk, replace(new, location=location, pin=pin))
    pin = None if custody.pin is None else unseal(custody.pin, secret)
    return Vault(
        folder, custody, present, KeyStore.from_settings(folder, custody.location, secret.hex().encode, pin)
    )


def has_custody(folder: Path) -> bool:
    """Whether a ceremony made this folder."""
    return (folder / _FILE).exists()


def read_custody(folder: Path) -> Custody:
    """What the folder says of its secret. Raises CustodyError."""
    try:
        data = json.loads(read_bounded(folder / _FILE, _MAX_FILE))
        version, threshold, check = data["version"], data["threshold"], data["check"]
        location, pin, mac = data["keys"], data["pin"], str(data.get("mac", ""))
        given = {str(officer): str(digest) for officer, digest in data["shares"].items()}
        require_threshold(threshold, len(require_officers(tuple(given))))
    except KeyMissingError as error:
        raise CustodyError(folder, "holds no keys of a ceremony") from error
    except KeyStoreError as error:
        raise CustodyError(folder, error.detail) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OfficersError) as error:
        raise CustodyError(folder, f"its {_FILE} is damaged") from error
    texts = isinstance(check, str) and isinstance(location, str) and isinstance(pin, str | None)
    if version != _VERSION or not texts:
        raise CustodyError(folder, f"its {_FILE} is of another version")
    return Custody(threshold, given, check, location, pin, mac)


def _checked_new(
    folder: Path, home: Path, officers: tuple[str, ...], desk: Desk, new: NewCustody
) -> tuple[str, str | None]:
    """Everything that can be wrong with a new folder and its shares, before any is made.

    Returns the place of keys without its PIN, and the PIN. Raises what `open_vault` raises.
    """
    require_threshold(new.threshold, len(officers))
    place = _checked_place(folder, new)
    _require_empty(folder)
    for officer in officers:
        desk.expect(officer, (folder, home))
    return place


def _share_out(folder: Path, officers: tuple[str, ...], desk: Desk, new: NewCustody) -> tuple[bytes, Custody]:
    """A new secret and who holds it. What is refused leaves neither folder nor share."""
    made = not folder.exists()
    _make(folder)
    try:
        return _handed_out(folder, officers, desk, new)
    except Exception:
        desk.take_back()
        if made:
            with suppress(OSError):
                folder.rmdir()
        raise


def _handed_out(
    folder: Path, officers: tuple[str, ...], desk: Desk, new: NewCustody
) -> tuple[bytes, Custody]:
    secret = secrets.token_bytes(shares.SECRET_BYTES)
    given = dict(zip(officers, shares.split(secret, new.threshold, len(officers)), strict=True))
    custody = Custody(
        new.threshold,
        {officer: shares.digest(share) for officer, share in given.items()},
        shares.check_value(secret),
        new.location,
        None if new.pin is None else seal(new.pin, secret),
    )
    custody = replace(custody, mac=authenticate(_authenticated(custody), secret))
    for officer, share in given.items():
        desk.hand_over(officer, share)
    if _recover(custody, officers, desk) != secret:
        raise CustodyError(folder, "the shares don't give the secret back")
    _write(folder, custody)
    return secret, custody


def _recover(custody: Custody, present: tuple[str, ...], desk: Desk) -> bytes:
    """The secret, from the shares of those present, each of whom must bring their own."""
    strangers = [officer for officer in present if officer not in custody.shares]
    if strangers:
        raise OfficersError(f"{strangers[0]} holds no share of this folder")
    if len(present) < custody.threshold:
        raise OfficersError(f"{custody.threshold} officers are needed, {len(present)} are present")
    proved = [_proved(custody, officer, desk.ask(officer)) for officer in present]
    try:
        secret = shares.combine(proved[: custody.threshold])
    except shares.SharesError as error:
        raise OfficersError(str(error)) from None
    if shares.check_value(secret) != custody.check:
        raise OfficersError("the shares don't open this folder")
    return secret


def _require_unchanged(folder: Path, custody: Custody, secret: bytes) -> None:
    due = authenticate(_authenticated(custody), secret)
    if not secrets.compare_digest(custody.mac.encode(errors="replace"), due.encode()):
        raise CustodyError(folder, f"its {_FILE} was changed since the officers made it; no key is opened")


def _proved(custody: Custody, officer: str, share: str) -> str:
    """The officer's share in its normal form. Raises ShareError for any other."""
    try:
        shares.check_words(share)
    except shares.SharesError as error:
        raise ShareError(officer, str(error)) from None
    if not secrets.compare_digest(shares.digest(share), custody.shares[officer]):
        raise ShareError(officer, "this is not the share that this officer was given for this folder")
    return shares.normal(share)


def _checked_place(folder: Path, new: NewCustody) -> tuple[str, str | None]:
    """The place of keys without its PIN, and the PIN, once the token took it. Raises KeyStoreError."""
    if new.location == DEFAULT_LOCATION:
        return new.location, None
    uri = parse_key_uri(new.location)
    if isinstance(uri, FileUri):
        raise CustodyError(folder, "keys kept off line are in file: or on a pkcs11: token")
    pin = pin_source(uri.pin_source, new.pin)()
    location = str(replace(uri, pin_source=None))
    trial = KeyStore.from_settings(folder, location, lambda: b"", pin)
    try:
        trial.names()
    finally:
        trial.close()
    return location, pin


def _require_apart(folder: Path, home: Path) -> None:
    if lies_in(folder, home) or lies_in(home, folder):
        raise CustodyError(folder, "must lie outside the home: what is off line is not kept beside it")


def _require_empty(folder: Path) -> None:
    _require_writable(folder)
    if folder.exists() and any(folder.iterdir()):
        raise CustodyError(folder, "is not empty, and holds no keys of a ceremony")


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=_OWNER_ONLY_FOLDER, parents=True, exist_ok=True)
    except OSError as error:
        raise CustodyError(folder, f"can't be used: {error.strerror}") from error


def _require_writable(folder: Path) -> None:
    try:
        require_writable(folder)
    except OSError as error:
        raise CustodyError(folder, f"can't be used: {error.strerror}") from error


def _write(folder: Path, custody: Custody) -> None:
    data = {**_content(custody), "mac": custody.mac}
    try:
        write_new_file(folder / _FILE, json.dumps(data, indent=2).encode() + b"\n")
    except KeyExistsError as error:
        raise CustodyError(folder, "another ceremony began here at the same time") from error
    except KeyStoreError as error:
        raise CustodyError(folder, error.detail) from error


def _content(custody: Custody) -> dict[str, Json]:
    return {
        "version": _VERSION,
        "threshold": custody.threshold,
        "shares": dict(custody.shares),
        "keys": custody.location,
        "pin": custody.pin,
        "check": custody.check,
    }


def _authenticated(custody: Custody) -> bytes:
    return canonical_json(_content(custody))
