"""pyscard's connection to a reader of the PC/SC service, without its failures at the end."""

from contextlib import suppress

from smartcard.Exceptions import SmartcardException
from smartcard.pcsc.PCSCCardConnection import PCSCCardConnection


class ServiceConnection(PCSCCardConnection):  # type: ignore[misc]  # pyscard has no types
    """A connection whose end never fails: what a restarted service has dropped is free already.

    pyscard's destructor calls `release` as well, and can't tell anybody about a failure there.
    """

    def release(self) -> None:
        """Frees card and context, as far as there is a service that still has them."""
        for end in (self.disconnect, super().release):
            with suppress(SmartcardException):
                end()
        self.hcontext = None
