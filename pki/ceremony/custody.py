"""The off-line folder: keys of roots, encrypted under a secret that the officers hold in shares."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pki.ceremony import shares
from pki.ceremony.desk import Desk
from pki.ceremony.errors import CustodyError, OfficersError, ShareError
from pki.ceremony.officers import require_officers, require_threshold
from pki.errors import KeyExistsError, KeyMissingError, KeyStoreError
from pki.keys.disk import read_bounded, write_new_file
from pki.keys.filekeys import FileKeys
from pki.keys.kinds import KeyKind
from pki.keys.signer import Signer
from pki.keys.uris import FileUri, parse_key_uri

OFFLINE_SCHEME = "offline:"
"""Before a key's name in the table of keys: no key store of a running system opens it."""
_FILE = "custody.json"
_MAX_FILE = 8192
_VERSION = 1
_OWNER_ONLY_FOLDER = 0o700


@dataclass(frozen=True)
class Custody:
    """What is public of a shared secret: who holds shares, how many of them are needed."""

    threshold: int
    shares: Mapping[str, str]
    """Officer → the digest of their share."""
    check: str
    """Tells the right secret (`shares.check_value`)."""

    @property
    def officers(self) -> tuple[str, ...]:
        """Everyone who was given a share."""
        return tuple(self.shares)


@dataclass(frozen=True)
class Vault:
    """An open off-line folder, for the length of one ceremony."""

    custody: Custody
    present: tuple[str, ...]
    """The officers who proved their shares."""
    _keys: FileKeys = field(repr=False)

    def make(self, name: str, kind: KeyKind) -> str:
        """The key's URI, once it is there; one that an interrupted ceremony left is taken up."""
        if not self._keys.exists(name):
            self._keys.create(name, kind)
        return f"{OFFLINE_SCHEME}{name}"

    def open(self, uri: str) -> Signer:
        """The key at `offline:NAME`. Raises KeyMissingError, KeyStoreError."""
        parsed = parse_key_uri(str(FileUri(uri.removeprefix(OFFLINE_SCHEME))))
        if not uri.startswith(OFFLINE_SCHEME) or not isinstance(parsed, FileUri):
            raise KeyMissingError(uri)
        return self._keys.open(parsed)


def open_vault(
    folder: Path, home: Path, officers: Sequence[str], desk: Desk, threshold: int | None = None
) -> Vault:
    """Opens the folder with the officers' shares, or, where there is no secret yet, makes and shares one.

    :param home: the installation's folder, in which nothing of this may lie
    :param threshold: for a new folder alone: how many of the officers can open it later; by default two
    Raises OfficersError, ShareError, CustodyError. Until all officers have proved their shares back, a new
    folder stays empty: what was handed out until then opens nothing.
    """
    present = require_officers(officers)
    _require_apart(folder, home)
    if (folder / _FILE).exists():
        custody = read_custody(folder)
        if threshold not in {None, custody.threshold}:
            raise OfficersError(f"{custody.threshold} officers open this folder; that can't be changed here")
        secret = _recover(custody, present, desk)
    else:
        secret, custody = _share_out(folder, present, desk, threshold or 2)
    return Vault(custody, present, FileKeys(folder, secret.hex().encode))


def read_custody(folder: Path) -> Custody:
    """What the folder says of its secret. Raises CustodyError."""
    try:
        data = json.loads(read_bounded(folder / _FILE, _MAX_FILE))
        version, threshold, check = data["version"], data["threshold"], data["check"]
        given = {str(officer): str(digest) for officer, digest in data["shares"].items()}
        require_threshold(threshold, len(require_officers(tuple(given))))
    except KeyMissingError as error:
        raise CustodyError(folder, "holds no keys of a ceremony") from error
    except KeyStoreError as error:
        raise CustodyError(folder, error.detail) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OfficersError) as error:
        raise CustodyError(folder, f"its {_FILE} is damaged") from error
    if version != _VERSION or not isinstance(check, str):
        raise CustodyError(folder, f"its {_FILE} is of another version")
    return Custody(threshold, given, check)


def _share_out(folder: Path, officers: tuple[str, ...], desk: Desk, threshold: int) -> tuple[bytes, Custody]:
    require_threshold(threshold, len(officers))
    _require_empty(folder)
    secret = secrets.token_bytes(shares.SECRET_BYTES)
    given = dict(zip(officers, shares.split(secret, threshold, len(officers)), strict=True))
    custody = Custody(
        threshold,
        {officer: shares.digest(share) for officer, share in given.items()},
        shares.check_value(secret),
    )
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


def _proved(custody: Custody, officer: str, share: str) -> str:
    """The officer's share in its normal form. Raises ShareError for any other."""
    try:
        shares.check_words(share)
    except shares.SharesError as error:
        raise ShareError(officer, str(error)) from None
    if not secrets.compare_digest(shares.digest(share), custody.shares[officer]):
        raise ShareError(officer, "this is not the share that this officer was given for this folder")
    return shares.normal(share)


def _require_apart(folder: Path, home: Path) -> None:
    inner, outer = folder.resolve(), home.resolve()
    if inner == outer or outer in inner.parents or inner in outer.parents:
        raise CustodyError(folder, "must lie outside the home: what is off line is not kept beside it")


def _require_empty(folder: Path) -> None:
    try:
        folder.mkdir(mode=_OWNER_ONLY_FOLDER, parents=True, exist_ok=True)
        used = any(folder.iterdir())
    except OSError as error:
        raise CustodyError(folder, f"can't be used: {error.strerror}") from error
    if used:
        raise CustodyError(folder, "is not empty, and holds no keys of a ceremony")


def _write(folder: Path, custody: Custody) -> None:
    data = {
        "version": _VERSION,
        "threshold": custody.threshold,
        "shares": dict(custody.shares),
        "check": custody.check,
    }
    try:
        write_new_file(folder / _FILE, json.dumps(data, indent=2).encode() + b"\n")
    except KeyExistsError as error:
        raise CustodyError(folder, "another ceremony began here at the same time") from error
    except KeyStoreError as error:
        raise CustodyError(folder, error.detail) from error
