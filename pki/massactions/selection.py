"""Which certificates a mass action means: a frozen value with one canonical text."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import InstrumentedAttribute

from pki.auditchain import Json
from pki.authority.authority import REQUESTABLE
from pki.errors import SelectionError
from pki.hierarchy import Role
from pki.keys.kinds import KeyKind
from pki.profiles.profile import Profile
from pki.status.state import Hold, Status
from pki.store.columns import MAX_SERIAL, serial_octets
from pki.store.models import CertificateRow, Issuer

MAX_CHOICES = 200
"""Of one criterion."""
MAX_SERIALS = 2_000_000
"""In one list."""


@dataclass(frozen=True)
class Window:
    """Times from `since` on and before `until`; an open end is None. Whole seconds."""

    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_open(self) -> bool:
        """It says nothing."""
        return self.since is None and self.until is None

    def check(self, name: str) -> None:
        """Raises SelectionError."""
        ends = [end for end in (self.since, self.until) if end is not None]
        if any(end.tzinfo is None or end.microsecond for end in ends):
            raise SelectionError(name, "times are whole seconds and have a zone")
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise SelectionError(name, "ends before it begins")

    def conditions(self, column: InstrumentedAttribute[datetime]) -> list[ColumnElement[bool]]:
        """What a row's time has to fulfil."""
        conditions = []
        if self.since is not None:
            conditions.append(column >= self.since)
        if self.until is not None:
            conditions.append(column < self.until)
        return conditions

    def data(self) -> Json:
        """For the canonical text."""
        return {"since": _moment(self.since), "until": _moment(self.until)}


@dataclass(frozen=True)
class Selection:
    """Certificates that meet every criterion given; one that is empty says nothing.

    CAs and OCSP responders are never among them: those are revoked one by one.
    """

    issuers: frozenset[str] = frozenset()
    """Short names of CAs."""
    roles: frozenset[Role] = frozenset()
    """CAs of every generation."""
    profiles: frozenset[Profile] = frozenset()
    key_kinds: frozenset[KeyKind] = frozenset()
    provenances: frozenset[str] = frozenset()
    """Where the keys were made: chip batches."""
    statuses: frozenset[Status] = frozenset()
    holds: frozenset[Hold] = frozenset()
    """Whose hold they are under."""
    issued: Window = Window()
    expires: Window = Window()
    serials: tuple[int, ...] | None = field(default=None, repr=False)
    """A list of its own, ascending, each once (`listed`)."""

    def check(self) -> None:
        """Raises SelectionError."""
        choices = (self.issuers, self.roles, self.profiles, self.key_kinds, self.provenances)
        if max(len(chosen) for chosen in choices) > MAX_CHOICES:
            raise SelectionError("selection", f"has more than {MAX_CHOICES} choices in one criterion")
        if not self.profiles <= REQUESTABLE:
            raise SelectionError("profiles", "CAs and responders take no part in mass actions")
        self.issued.check("issued")
        self.expires.check("expires")
        if not self.data():
            raise SelectionError("selection", "says nothing, so it would mean every certificate")

    def data(self) -> dict[str, Json]:
        """What is asked for, as the canonical text has it; criteria that say nothing are left out."""
        data: dict[str, Json] = {
            "issuers": sorted(self.issuers),
            "roles": _values(self.roles),
            "profiles": _values(self.profiles),
            "key_kinds": _values(self.key_kinds),
            "provenances": sorted(self.provenances),
            "statuses": _values(self.statuses),
            "holds": _values(self.holds),
            "issued": None if self.issued.is_open else self.issued.data(),
            "expires": None if self.expires.is_open else self.expires.data(),
        }
        said: dict[str, Json] = {name: value for name, value in data.items() if value}
        if self.serials is not None:
            said["serials"] = {"count": len(self.serials), "sha256": serials_digest(self.serials)}
        return said

    def conditions(self) -> list[ColumnElement[bool]]:
        """What a row of `certificates` has to fulfil; the list of serials is asked for apart."""
        row = CertificateRow
        profiles = self.profiles or REQUESTABLE
        conditions: list[ColumnElement[bool]] = [row.profile.in_(_values(profiles))]
        if self.issuers:
            conditions.append(row.issuer.in_(sorted(self.issuers)))
        if self.roles:
            of_roles = select(Issuer.name).where(Issuer.role.in_(_values(self.roles)))
            conditions.append(row.issuer.in_(of_roles))
        if self.key_kinds:
            conditions.append(row.key_kind.in_(_values(self.key_kinds)))
        if self.provenances:
            conditions.append(row.provenance.in_(sorted(self.provenances)))
        if self.statuses:
            conditions.append(row.status.in_(_values(self.statuses)))
        if self.holds:
            conditions.append(row.held_by.in_(_values(self.holds)))
        return [*conditions, *self.issued.conditions(row.not_before), *self.expires.conditions(row.not_after)]


def listed(serials: Iterable[int]) -> tuple[int, ...]:
    """A list of serials as a selection takes it. Raises SelectionError."""
    distinct = set()
    for serial in serials:
        if not 0 < serial <= MAX_SERIAL:
            raise SelectionError("serials", "a serial has 1 to 127 bits")
        distinct.add(serial)
        if len(distinct) > MAX_SERIALS:
            raise SelectionError("serials", f"more than {MAX_SERIALS:,}")
    if not distinct:
        raise SelectionError("serials", "the list is empty")
    return tuple(sorted(distinct))


def serials_digest(serials: Iterable[int]) -> str:
    """SHA-256 over 16 octets of each, as 64 hexadecimal digits."""
    return hashlib.sha256(b"".join(map(serial_octets, serials))).hexdigest()


def _values(members: Iterable[Enum]) -> list[str]:
    return sorted(str(member.value) for member in members)


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="seconds")
