"""A process's way to a token: one session, one caller at a time, and back after the token was reset.

This is the session pool, and its size in a process is one: all calls into a module are serialised (see
`pki.keys.token.module`), so a second session would only wait behind the first. To sign on several cores,
run several processes; each has a session of its own, as PKCS#11 v2.40 §5.4 asks after a fork.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pkcs11.exceptions import PKCS11Error

from pki.errors import KeyMissingError, KeyUriError, TokenMissingError, TokenUnavailableError
from pki.keys.pins import PinSource
from pki.keys.token.failures import translated
from pki.keys.token.login import logged_in
from pki.keys.token.module import exclusive, module_at
from pki.keys.token.session import TokenSession
from pki.keys.uris import Pkcs11Uri

T = TypeVar("T")


class SessionLane:
    """Runs work in this process's session with one token.

    `run` and `run_once` raise PinError, PinSourceError, other TokenErrors, and what the work raises.
    """

    def __init__(self, location: Pkcs11Uri, pin_source: PinSource) -> None:
        if location.module_path is None or not Path(location.module_path).is_absolute():
            raise KeyUriError("the place of keys must name its module by an absolute path", "module-path")
        self.location = location
        self.place = location.token or "token"
        self._pin_source = pin_source
        self._session: TokenSession | None = None
        self._open = True
        with exclusive:
            self._module = module_at(Path(location.module_path))
            self._module.users += 1

    def __repr__(self) -> str:
        return f"SessionLane({self.place})"

    def run(self, work: Callable[[TokenSession], T]) -> T:
        """What `work` returns; where the session turns out lost, `work` is done once more in a fresh one.

        A missing token or key is looked for once more too: an old session shows nothing of a token that was
        taken out and put back, or restored. A refused PIN is never given again.
        """
        with exclusive:
            try:
                return self._attempt(work)
            except (TokenUnavailableError, TokenMissingError, KeyMissingError):
                self._module.restart()
            return self._attempt(work)

    def run_once(self, work: Callable[[TokenSession], T]) -> T:
        """The same for work that must not be done twice: only the session before it is retried."""
        self.run(TokenSession.check)
        with exclusive:
            return self._attempt(work)

    def close(self) -> None:
        """Ends the module's sessions once its last lane in this process is closed."""
        with exclusive:
            if self._open:
                self._open = False
                self._module.users -= 1
            if not self._module.users:
                self._module.finalize()

    def _attempt(self, work: Callable[[TokenSession], T]) -> T:
        try:
            return work(self._live_session())
        except PKCS11Error as error:
            failure = translated(error, self.place)
        # Raised out here, it holds no frames: what python-pkcs11 keeps in them goes before the lock does.
        raise failure

    def _live_session(self) -> TokenSession:
        if self._session is None or self._session not in self._module.sessions.values():
            self._session = logged_in(self._module, self.location, self._pin_source)
        return self._session
