"""What is held of a person, for that person: one JSON document, the portraits beside it, and a signature."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from sqlalchemy.orm import Session

from issuance.audit import Audit
from issuance.errors import NotFoundError
from issuance.lookups.models import What
from issuance.lookups.service import Looker, Lookups
from issuance.operators.models import Role
from issuance.people.holdings import Holdings, audit_of, holdings_of
from pki.clock import Clock
from pki.durable import sync_folder, write_owner_only

DOCUMENT, SIGNATURE = "person.json", "person.json.sig"
_FORMAT = 1
_PORTRAIT = ("applications", "portrait")


@dataclass(frozen=True)
class Export:
    """The files, by name."""

    files: dict[str, bytes] = field(repr=False)
    tables: dict[str, int]
    """How many rows of each table there are."""


class Exports:
    """Exports of one registry."""

    def __init__(self, lookups: Lookups, audit: Audit, clock: Clock, sign: Callable[[bytes], bytes]) -> None:
        self._lookups = lookups
        self._audit = audit
        self._clock = clock
        self._sign = sign

    def make(self, looker: Looker, national_code: str) -> Export:
        """Everything held of a person, on record: in the chain, and as a look that the person is told of.

        Raises RoleRequiredError, NotFoundError.
        """
        looker.actor.require(Role.SUPERVISOR)
        with self._lookups.looking(looker) as looking:
            session = looking.session
            holdings = holdings_of(session, national_code)
            if not holdings:
                raise NotFoundError("person")
            looking.saw(What.EXPORT, national_code)
            files: dict[str, bytes] = {}
            document = {
                "format": _FORMAT,
                "made_at": self._clock().isoformat(),
                "held": {
                    table: [{name: _plain(table, name, row, files) for name in row} for row in rows]
                    for table, rows in sorted(holdings.items())
                },
                "audit": [_entry(entry) for entry in audit_of(session, holdings)],
            }
            self._record(session, looker, holdings)
        content = json.dumps(document, ensure_ascii=False, indent=1).encode() + b"\n"
        files[DOCUMENT], files[SIGNATURE] = content, self._sign(content)
        return Export(files, {table: len(rows) for table, rows in holdings.items()})

    def _record(self, session: Session, looker: Looker, holdings: Holdings) -> None:
        """Under each application: the chain names no person."""
        actor, details = looker.actor.username, {"purpose": looker.said.purpose.value}
        for row in holdings.get("applications", ()):
            self._audit.record(session, actor, "person.exported", f"application:{row['id']}", details)


def packed(export: Export) -> bytes:
    """The same files in one ZIP archive."""
    archive = BytesIO()
    with ZipFile(archive, "w", ZIP_DEFLATED) as file:
        for name, content in export.files.items():
            file.writestr(name, content)
    return archive.getvalue()


def write(export: Export, folder: Path) -> None:
    """Writes the files into a new folder, for its owner alone. Raises OSError."""
    folder.mkdir(mode=0o700)
    for name, content in export.files.items():
        write_owner_only(folder / name, content)
    sync_folder(folder)


def _plain(table: str, name: str, row: "object", files: dict[str, bytes]) -> object:
    value = row[name]  # type: ignore[index]
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        if (table, name) == _PORTRAIT and value:
            file = f"portrait-{row['id']}.jpg"  # type: ignore[index]
            files[file] = value
            return file
        return base64.b64encode(value).decode()
    return value


def _entry(entry: "object") -> dict[str, object]:
    return {
        name: _said(getattr(entry, name))
        for name in ("sequence", "time", "actor", "action", "subject", "details")
    }


def _said(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value
