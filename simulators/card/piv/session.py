"""What the PIV application remembers only while it has power."""

from dataclasses import dataclass, field


@dataclass
class SecuritySession:
    """Security status indicators and pending challenges; a reset makes a new one (SP 800-73-5 part 2)."""

    pin_verified: bool = False
    issuer_authenticated: bool = False
    challenge: bytes | None = field(default=None, repr=False)
    witness: bytes | None = field(default=None, repr=False)
    _pin_was_just_verified: bool = False
    _signature_allowed: bool = False

    def begin_command(self) -> None:
        """A new command arrived: only the one right after VERIFY may use the signature key ("PIN always")."""
        self._signature_allowed = self._pin_was_just_verified
        self._pin_was_just_verified = False

    @property
    def signature_allowed(self) -> bool:
        """Whether the command before this one verified the PIN."""
        return self._signature_allowed

    def pin_succeeded(self) -> None:
        """VERIFY succeeded: the session is open, and the next command may sign."""
        self.pin_verified = True
        self._pin_was_just_verified = True

    def pin_lost(self) -> None:
        """A wrong PIN or a log-out: nothing is verified any more."""
        self.pin_verified = False
        self._pin_was_just_verified = False
        self._signature_allowed = False
