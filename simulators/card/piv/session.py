"""What the PIV application remembers only while it has power."""

from dataclasses import dataclass, field

from simulators.card.piv.policy import PinPolicy


@dataclass
class SecuritySession:
    """Security status indicators and pending challenges; a reset makes a new one (SP 800-73-5 part 2)."""

    pin_verified: bool = False
    issuer_authenticated: bool = False
    challenge: bytes | None = field(default=None, repr=False)
    witness: bytes | None = field(default=None, repr=False)
    _pin_was_just_verified: bool = False
    _pin_is_fresh: bool = False

    def begin_command(self) -> None:
        """A new command arrived: only the one right after VERIFY may use a "PIN always" key."""
        self._pin_is_fresh = self._pin_was_just_verified
        self._pin_was_just_verified = False

    def satisfies(self, policy: PinPolicy) -> bool:
        """Whether a key of this policy may be used by the command under way."""
        if policy is PinPolicy.ALWAYS:
            return self._pin_is_fresh
        return policy is PinPolicy.NEVER or self.pin_verified

    def pin_succeeded(self) -> None:
        """VERIFY succeeded: the session is open, and the next command may sign."""
        self.pin_verified = True
        self._pin_was_just_verified = True

    def pin_lost(self) -> None:
        """A wrong PIN or a log-out: nothing is verified any more."""
        self.pin_verified = False
        self._pin_was_just_verified = False
        self._pin_is_fresh = False

    def end(self) -> None:
        """Nobody is authenticated any more, and no challenge is open."""
        self.pin_lost()
        self.issuer_authenticated = False
        self.challenge = self.witness = None
