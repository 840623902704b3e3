"""The vendor's library in this process, behind one lock.

python-pkcs11 initialises it without locking functions and releases the GIL during calls, so two threads
inside it at once would break it. Whoever calls it holds `exclusive`, in the whole process.
"""

from os import register_at_fork
from pathlib import Path

import pkcs11
from pkcs11 import TokenFlag
from pkcs11._pkcs11 import lib as Library  # noqa: N812 - a class
from pkcs11.exceptions import PKCS11Error

from pki.errors import TokenMissingError, TokenModuleError, TokenUnavailableError
from pki.keys.locks import fork_safe_lock
from pki.keys.token.session import TokenSession
from pki.keys.uris import Pkcs11Uri

exclusive = fork_safe_lock()
"""Held by whoever calls a module. A fork waits for it, so that no child inherits a half-done call."""
_modules: dict[Path, "Module"] = {}


class Module:
    """A loaded library. Everything here is called inside `exclusive`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._loaded: Library | None = None
        self._usable = False
        self.users = 0
        self.sessions: dict[int, TokenSession] = {}
        """The logged-in session of each slot; lost ones are never in it twice."""

    def restart(self) -> None:
        """C_Finalize and C_Initialize: every session ends, and the tokens are looked at anew.

        Raises TokenModuleError, TokenUnavailableError.
        """
        self.finalize()
        try:
            self._loaded = self._loaded or self._load()
            self._loaded.initialize()
        except PKCS11Error as error:
            failure = type(error).__name__
            raise TokenUnavailableError(self._path.name, "the module does not initialise", failure) from None
        self._usable = True

    def finalize(self) -> None:
        """Ends all sessions."""
        self._usable = False
        self.sessions.clear()
        if self._loaded is not None:
            try:
                self._loaded.finalize()
            except PKCS11Error:
                return  # it was not initialised, so nothing is left to end; C_Initialize tells what is wrong

    def forget(self) -> None:
        """In a child process the sessions are the parent's: C_Initialize is due (PKCS#11 v2.40 §5.4)."""
        self._usable = False
        self.sessions.clear()

    def token(self, wanted: Pkcs11Uri) -> pkcs11.Token:
        """The one initialised token that `wanted` describes. Raises TokenMissingError, as `restart` does."""
        found = [token for token in self._library().get_tokens() if _matches(token, wanted)]
        if len(found) == 1:
            return found[0]
        raise TokenMissingError(str(wanted), "several tokens match" if found else "there is no such token")

    def _library(self) -> Library:
        if self._loaded is None or not self._usable:
            self.restart()
        return self._loaded or self._load()

    def _load(self) -> Library:
        if not self._path.is_file():
            raise TokenModuleError(str(self._path), "there is no PKCS#11 module")
        try:
            return pkcs11.lib(str(self._path))
        except PKCS11Error as error:
            if type(error) is not PKCS11Error:  # the module's own answer, not the loader's
                raise
            raise TokenModuleError(str(self._path), "can't be loaded as a PKCS#11 module") from error


def module_at(path: Path) -> Module:
    """The module at `path`, whichever name leads there: a library has one state in a process."""
    resolved = path.resolve()
    return _modules.setdefault(resolved, Module(resolved))


def _matches(token: pkcs11.Token, wanted: Pkcs11Uri) -> bool:
    found = (token.label, token.manufacturer_id, token.serial.decode(errors="replace"), token.model)
    expected = (wanted.token, wanted.manufacturer, wanted.serial, wanted.model)
    return bool(token.flags & TokenFlag.TOKEN_INITIALIZED) and all(
        want in (None, have) for want, have in zip(expected, found, strict=True)
    )


def _forget_parents_sessions() -> None:
    for module in _modules.values():
        module.forget()


register_at_fork(after_in_child=_forget_parents_sessions)
