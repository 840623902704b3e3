"""Where a token's PIN comes from: the environment, or a file of its owner's alone. There is no default."""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from pki.errors import KeyUriError, PinSourceError

PIN_VARIABLE = "HOVIAT_HSM_PIN"
_FILE_URI = "file:"
_AUTHORITY = "//"  # RFC 8089 §2: file:///path is file:/path
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_ROOT = 0
_MAX_PIN_FILE = 256

PinSource: TypeAlias = Callable[[], str]
"""Gives the PIN each time a session is opened; raises PinSourceError."""


class GivenPin:
    """A PIN that the environment gave this process."""

    def __init__(self, pin: str) -> None:
        self._pin = pin

    def __repr__(self) -> str:
        return "GivenPin(…)"

    def __call__(self) -> str:
        """The PIN. Raises PinSourceError for an empty one."""
        return _usable(self._pin, PIN_VARIABLE)


class PinFile:
    """A file with a PIN on its one line. It is read anew each time, so that a changed PIN is found."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __repr__(self) -> str:
        return f"PinFile({self._path.name})"

    def __call__(self) -> str:
        """The PIN. Raises PinSourceError when it can't be read, or others than its owner could read it."""
        try:
            with self._path.open("rb") as file:
                _require_owners_alone(os.fstat(file.fileno()), self._path)
                content = file.read(_MAX_PIN_FILE + 1)
        except OSError as error:
            raise PinSourceError(self._path, f"the PIN can't be read: {error.strerror}") from error
        if len(content) > _MAX_PIN_FILE:
            raise PinSourceError(self._path, "is too long to hold a PIN")
        try:
            return _usable(content.decode().removesuffix("\n"), self._path)
        except UnicodeDecodeError as error:
            raise PinSourceError(self._path, "the PIN is not UTF-8 text") from error


def pin_source(uri: str | None, given: str | None) -> PinSource:
    """The environment's PIN if there is one, else the file that `pin-source` names. Raises KeyUriError."""
    if given is not None:
        return GivenPin(given)
    if uri is None:
        return _no_pin
    path = Path(uri.removeprefix(_FILE_URI).removeprefix(_AUTHORITY))
    if not uri.startswith(_FILE_URI) or not path.is_absolute():
        raise KeyUriError("is not file: with an absolute path", "pin-source")
    return PinFile(path)


def _no_pin() -> str:
    raise PinSourceError("token", f"no PIN is given: set {PIN_VARIABLE}, or name its file in pin-source")


def _require_owners_alone(status: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise PinSourceError(path, "is not a regular file")
    if status.st_mode & _OTHERS or status.st_uid not in {os.geteuid(), _ROOT}:
        raise PinSourceError(
            path, "must belong to this user, and nobody else may read or write it (chmod 600)"
        )


def _usable(pin: str, place: Path | str) -> str:
    if not pin or not pin.isprintable():
        raise PinSourceError(place, "the PIN is empty, or not on one line of printable characters")
    return pin
