"""Selections as people type them."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from pki.errors import SelectionError
from pki.hierarchy import Role
from pki.keys.kinds import KeyKind
from pki.massactions.selection import Selection, Window, listed
from pki.profiles import Profile
from pki.status import Status
from pki.status.state import Hold

_MAX_LIST_BYTES = 128 * 1024 * 1024
_SERIAL = re.compile(r"[0-9a-fA-F]{1,32}", re.ASCII)
_MemberT = TypeVar("_MemberT", bound=Enum)


def read_selection(criteria: Mapping[str, Any]) -> Selection:
    """A selection from a command line's options. Raises SelectionError."""

    def several(enumeration: type[_MemberT], name: str) -> frozenset[_MemberT]:
        return frozenset(read_member(enumeration, name, text) for text in criteria[name])

    def window(name: str, since: str, until: str) -> Window:
        return Window(read_time(name, criteria[since]), read_time(name, criteria[until]))

    path = criteria["serials_file"]
    return Selection(
        issuers=frozenset(criteria["issuers"]),
        roles=several(Role, "roles"),
        profiles=several(Profile, "profiles"),
        key_kinds=several(KeyKind, "key_kinds"),
        provenances=frozenset(criteria["provenances"]),
        statuses=several(Status, "statuses"),
        holds=several(Hold, "holds"),
        issued=window("issued", "issued_from", "issued_before"),
        expires=window("expires", "expires_from", "expires_before"),
        serials=None if path is None else listed(_read_serials(path)),
    )


def _read_serials(path: Path) -> Iterator[int]:
    if path.stat().st_size > _MAX_LIST_BYTES:
        raise SelectionError("serials", f"{path.name} is larger than {_MAX_LIST_BYTES:,} bytes")
    with path.open(encoding="ascii", errors="replace") as file:
        for number, line in enumerate(file, 1):
            digits = line.strip().replace(":", "")
            if not digits:
                continue
            if not _SERIAL.fullmatch(digits):
                raise SelectionError("serials", f"{path.name}, line {number}: not a serial in hexadecimal")
            yield int(digits, 16)


def read_member(enumeration: type[_MemberT], field: str, text: str) -> _MemberT:
    """The enumeration's member of this value. Raises SelectionError."""
    try:
        return enumeration(text)
    except ValueError as error:
        known = ", ".join(member.value for member in enumeration)
        raise SelectionError(field, f"there is no {text!r}; there are {known}") from error


def read_time(field: str, text: str | None) -> datetime | None:
    """ISO 8601; without a zone it is UTC. Raises SelectionError."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise SelectionError(field, f"{text!r} is no ISO 8601 time") from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
