"""Where an officer is alone with their share: a file of their own, or a screen that is cleared again."""

import sys
import termios
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import click

from pki.ceremony.errors import ShareError
from pki.ceremony.places import lies_in, require_writable
from pki.ceremony.shares import MAX_SHARE_CHARACTERS, SharesError, check_words
from pki.errors import KeyExistsError, KeyStoreError
from pki.keys.disk import read_bounded, write_new_file

_TRIES = 3
_OTHERS = 0o077
_LEFT = "remove it if it is left from a ceremony that did not begin"


class Desk(Protocol):
    """Hands a share to its officer and asks for it; to no other, and to no log."""

    def expect(self, officer: str, apart: Sequence[Path]) -> None:
        """Whether a share could be handed over, and in none of these folders. Raises ShareError."""
        ...

    def hand_over(self, officer: str, share: str) -> None:
        """Gives the officer their share. Raises ShareError."""
        ...

    def take_back(self) -> None:
        """Removes what was handed over in files: it will open nothing."""
        ...

    def ask(self, officer: str) -> str:
        """The officer's share, as the officer gives it. Raises ShareError."""
        ...


class CommandDesk:
    """Officers with a file of their own use it; the others sit down at the terminal, one by one."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = dict(files)
        self._handed: list[Path] = []

    def expect(self, officer: str, apart: Sequence[Path]) -> None:
        """See `Desk.expect`."""
        path = self._files.get(officer)
        if path is None:
            _require_terminal(officer)
            return
        places = [other.resolve() for other in self._files.values()]
        if places.count(path.resolve()) > 1:
            raise ShareError(officer, f"{path.name} is another officer's file too")
        if any(lies_in(path, folder) for folder in apart):
            raise ShareError(officer, f"{path.name} would lie beside what it opens")
        if path.exists() or path.is_symlink():
            raise ShareError(officer, f"{path.name} exists; {_LEFT}")
        try:
            require_writable(path.parent)
        except OSError as error:
            raise ShareError(officer, f"{path.name} can't be created: {error.strerror}") from error

    def hand_over(self, officer: str, share: str) -> None:
        """See `Desk.hand_over`. A file is new, and its owner's alone."""
        path = self._files.get(officer)
        if path is None:
            _show_alone(officer, share)
            return
        try:
            write_new_file(path, share.encode() + b"\n")
        except KeyExistsError as error:
            raise ShareError(officer, f"{path.name} exists; {_LEFT}") from error
        except KeyStoreError as error:
            raise ShareError(officer, f"{path.name} {error.detail}") from error
        self._handed.append(path)

    def take_back(self) -> None:
        """See `Desk.take_back`. What was there before is never touched."""
        for path in self._handed:
            path.unlink(missing_ok=True)
        self._handed.clear()

    def ask(self, officer: str) -> str:
        """See `Desk.ask`. What is typed is not shown."""
        path = self._files.get(officer)
        if path is None:
            _require_terminal(officer)
            return _ask_alone(officer)
        try:
            if path.exists() and not path.is_file():  # a pipe would let us wait for ever
                raise ShareError(officer, f"{path.name} is no regular file")
            if _is_open_to_others(path):
                raise ShareError(
                    officer, f"{path.name} is open to others: chmod 600, and ask who has read it"
                )
            return read_bounded(path, MAX_SHARE_CHARACTERS).decode("ascii")
        except KeyStoreError as error:
            raise ShareError(officer, f"{path.name}: {error.detail}") from error
        except UnicodeDecodeError as error:
            raise ShareError(officer, f"{path.name} holds no share") from error


def _is_open_to_others(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & _OTHERS)
    except OSError:
        return False  # reading it says what is wrong


def _ask_alone(officer: str) -> str:
    """A slip of the fingers costs another try, not the ceremony."""
    for _ in range(_TRIES):
        _drop_type_ahead()
        try:
            share = str(click.prompt(f"Officer {officer}, type your share", hide_input=True, err=True))
            check_words(share)
        except SharesError as error:
            click.echo(f"What was typed {error}.", err=True)
        except UnicodeDecodeError:
            click.echo("What was typed are no letters.", err=True)
        else:
            return share
    raise ShareError(officer, f"no share was typed in {_TRIES} tries")


def _drop_type_ahead() -> None:
    """What was typed before the question is nobody's answer to it."""
    with suppress(termios.error, ValueError):
        termios.tcflush(sys.stdin, termios.TCIFLUSH)


def _show_alone(officer: str, share: str) -> None:
    _require_terminal(officer)
    _clear()
    _drop_type_ahead()
    click.prompt(f"Officer {officer} alone, press Enter", default="", show_default=False, err=True)
    words = share.split()
    width = max(map(len, words))
    for start in range(0, len(words), 4):
        row = enumerate(words[start : start + 4], start + 1)
        click.echo("  ".join(f"{number:2} {word:{width}}" for number, word in row), err=True)
    _drop_type_ahead()
    click.prompt("Write the words down, then press Enter", default="", show_default=False, err=True)
    _clear()


def _clear() -> None:
    """Screen and what was scrolled out of it (ECMA-48 ED, with xterm's parameter 3)."""
    click.echo("\x1b[2J\x1b[3J\x1b[H", nl=False, err=True, color=True)


def _require_terminal(officer: str) -> None:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise ShareError(officer, "there is neither a terminal nor a share file (NAME=FILE)")
