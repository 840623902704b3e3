"""Which CAs an installation has: role, key and partitions of each."""

from collections.abc import Mapping
from dataclasses import dataclass

from pki.errors import ProfileError
from pki.hierarchy import MAX_SHARDS, Role, issuer_name
from pki.keys.kinds import KeyKind
from pki.profiles.names import encode_ca
from pki.profiles.profile import Profile

SELF_SIGNED: Mapping[Role, Profile] = {Role.ROOT: Profile.ROOT_CA, Role.CSCA: Profile.CSCA}
"""Roles that stand on their own, whose keys ceremonies take off line."""
ANSWERING = (
    Role.CITIZEN_AUTHENTICATION,
    Role.CITIZEN_SIGNATURE,
    Role.CARD,
    Role.OPERATOR,
    Role.SERVICE,
)
"""Roles below the root; their certificates name an OCSP responder."""
MASTER_KEY_NAMES = ("card", "factory")
CHECKPOINT_KEY = "checkpoint"
"""The name of the key that signs the audit chain's checkpoints: the last thing that a founding makes."""
_PARTITIONED = frozenset({Role.CITIZEN_AUTHENTICATION, Role.CITIZEN_SIGNATURE, Role.CARD})
"""Those that issue to every citizen."""


@dataclass(frozen=True)
class PlannedCa:
    """One generation of a CA to be made."""

    role: Role
    generation: int
    key_kind: KeyKind
    shards: int = 1

    @property
    def name(self) -> str:
        """Its short name, and that of its key."""
        return issuer_name(self.role, self.generation)

    @property
    def profile(self) -> Profile:
        """That of its certificate."""
        return SELF_SIGNED.get(self.role, Profile.ISSUING_CA)

    @property
    def self_signed(self) -> bool:
        """Whether it stands on its own: a root or a CSCA."""
        return self.role in SELF_SIGNED

    @property
    def request_id(self) -> str:
        """That of its certificate."""
        return f"ca-{self.name}"

    @property
    def subject(self) -> bytes:
        """DER Name."""
        return encode_ca(self.role, self.generation)


def first_generation(shards: int = 1) -> tuple[PlannedCa, ...]:
    """Every role's first CA, those above before those below; `shards` partitions where citizens are many.

    P-384 for what lives long and signs rarely, P-256 for what signs by the million. Raises ProfileError.
    """
    return tuple(planned(role, 1, shards) for role in Role)


def planned(role: Role, generation: int, shards: int = 1) -> PlannedCa:
    """One generation of a role's CA, with that role's kind of key. Raises IssuerNameError, ProfileError."""
    if not 1 <= shards <= MAX_SHARDS:
        raise ProfileError("hoviat.toml", "shards", f"must be 1 to {MAX_SHARDS}")
    issuer_name(role, generation)
    kind = KeyKind.P384 if role in SELF_SIGNED else KeyKind.P256
    return PlannedCa(role, generation, kind, shards if role in _PARTITIONED else 1)


def responder_key(issuer: str) -> str:
    """The name of the key with which a CA's OCSP responder signs."""
    return f"ocsp-{issuer}"
