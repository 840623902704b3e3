"""Certificate profiles as data, and the names that go into certificates."""

from pki.profiles.profile import Profile

__all__ = ["Profile"]
