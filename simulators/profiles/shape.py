"""What a card profile says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum, unique

from cardio.piv.objects import ObjectId
from cardio.piv.slots import Slot
from issuance.production.personalisation import KeyPlan
from pki.profiles.identities import Scheme
from pki.profiles.profile import Profile
from pki.status.state import RevocationReason


@unique
class Status(StrEnum):
    """Where the card stands when its tester gets it."""

    DELIVERED = "delivered"
    """Its certificates are good, its PIN is the holder's."""
    UNDELIVERED = "undelivered"
    """Produced, no more: certificates on their first hold, the PIN is the transport PIN."""
    SUSPENDED = "suspended"
    """Delivered, then on hold."""
    REVOKED = "revoked"
    """Delivered, then revoked."""
    EXPIRED = "expired"
    """Delivered long ago by an authority of that time; see `simulators.profiles.authorities`."""


@unique
class Fault(StrEnum):
    """What is wrong with a data object. The others of the card stay as production wrote them."""

    ABSENT = "absent"
    TRUNCATED = "truncated"
    """The first half of what should be there."""
    OVERLONG = "overlong"
    """Its first element announces more bytes than there are."""
    TRAILING = "trailing"
    """Whole, with bytes behind it that are no element."""
    GARBAGE = "garbage"
    """Random bytes."""
    LARGE = "large"
    """An element fills the object up to the longest that a card keeps."""
    OTHER_CARD = "other-card"
    """CHUID: another card's."""
    GZIP = "gzip"
    """Certificates: compressed, which the specification allows and few clients expect."""
    GZIP_BOMB = "gzip-bomb"
    """Certificates: 8 MiB of zeros in 8 kB, where readers should stop early."""
    NOT_DER = "not-der"
    """Certificates: a sound object around random bytes."""
    NESTED = "nested"
    """Certificates: a sound object around some thousand nested SEQUENCEs."""
    OTHER_KEY = "other-key"
    """Certificates: a good one of the holder, for a key that isn't in the card."""
    UNKNOWN_CA = "unknown-ca"
    """Certificates: for the card's key, by a CA that nobody knows, with a name like that of ours."""


CERTIFICATE_FAULTS = frozenset(
    {Fault.GZIP, Fault.GZIP_BOMB, Fault.NOT_DER, Fault.NESTED, Fault.OTHER_KEY, Fault.UNKNOWN_CA}
)


@dataclass(frozen=True)
class Foreign:
    """A foreign national's kind of number, and whose it is; the number itself is drawn on issue."""

    scheme: Scheme
    country: str


@dataclass(frozen=True)
class HolderProfile:
    """Whom the card is for: nobody real."""

    given_name: str | None = field(repr=False)
    surname: str | None = field(repr=False)
    """Either may be absent, never both."""
    latin_name: str = field(repr=False)
    """As printed: ASCII."""
    born: str
    """ISO 8601: a date, or as much as is known of it: `1919-05`, `1919`."""
    sex: str
    """As a travel document says it (ICAO Doc 9303-3, 4.8): F, M or X."""
    foreign: Foreign | None = None


@dataclass(frozen=True)
class CardProfile:
    """One kind of card."""

    name: str
    title: str
    """A line of description."""
    holder: HolderProfile
    keys: tuple[KeyPlan, ...]
    status: Status
    reason: RevocationReason | None
    """Of a revoked one."""
    faults: Mapping[ObjectId, Fault]

    @property
    def hostile(self) -> bool:
        """Whether something of the card is not as production makes it."""
        honest = {Slot.AUTHENTICATION: Profile.AUTHENTICATION, Slot.SIGNATURE: Profile.SIGNATURE}
        return bool(self.faults) or any(plan.profile is not honest[plan.slot] for plan in self.keys)

    def summary(self) -> dict[str, object]:
        """The line that `hoviat sim profiles --json` prints."""
        return {"name": self.name, "title": self.title, "status": self.status.value, "hostile": self.hostile}
