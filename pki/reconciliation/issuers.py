"""The rows of `issuers` beside what ceremonies' entries tell of them."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy import select, type_coerce
from sqlalchemy.orm import Session
from sqlalchemy.types import NullType

from pki.auditchain import Json
from pki.auditchain.table import StoredEntry
from pki.authority.record import CERTIFIED, REGISTERED, RETIRED
from pki.reconciliation.comparison import Difference
from pki.store.models import Issuer

ISSUER_ACTIONS = frozenset({REGISTERED, CERTIFIED, RETIRED})
_CA = "CA"


@dataclass
class _Told:
    """What the log says of a CA, in the words of its row."""

    key: Json
    online: Json
    shards: Json
    certificate: Json = None
    """SHA-256 in hexadecimal."""
    retired: bool = False


@dataclass
class IssuersTold:
    """The CAs of which the log has told so far."""

    _told: dict[str, _Told] = field(default_factory=dict)
    _troubles: list[Difference] = field(default_factory=list)

    def take(self, entry: StoredEntry) -> None:
        """What one entry of ISSUER_ACTIONS says."""
        told, details = self._told.get(entry.subject), entry.details
        if entry.action == REGISTERED and told is None:
            self._told[entry.subject] = _Told(
                details.get("key"), details.get("online"), details.get("shards")
            )
        elif entry.action == CERTIFIED and told is not None and told.certificate is None:
            told.certificate = details.get("certificate_sha256")
        elif entry.action == RETIRED and told is not None:
            told.online, told.retired = False, True
        else:
            self._troubles.append(
                Difference(_text(entry.subject), f"entry {entry.sequence} contradicts the ones before", _CA)
            )

    def differences(self, session: Session) -> Iterator[Difference]:
        """Every CA of which the two say different things."""
        yield from self._troubles
        row = Issuer
        columns = (row.name, row.key, row.online, row.shards, row.retired, row.certificate)
        # As they are, with no trust in what they hold.
        query = select(*(type_coerce(column, NullType()) for column in columns))
        found = {
            _text(name): _Told(key, online, shards, _sha256(certificate), retired)
            for name, key, online, shards, retired, certificate in map(tuple, session.execute(query))
        }
        for name in sorted(self._told.keys() - found.keys()):
            yield Difference(_text(name), "was registered; it has no row", _CA)
        for name in sorted(found):
            if name not in self._told:
                yield Difference(name, "has a row; no entry tells of it", _CA)
                continue
            said = vars(self._told[name])
            for column, value in vars(found[name]).items():
                if value != said[column]:
                    yield Difference(
                        name, f"{column}: the table says {value!r}, the log {said[column]!r}", _CA
                    )


def _text(name: object) -> str:
    """Escaped where it would change the screen."""
    return name if isinstance(name, str) and name.isprintable() else repr(name)


def _sha256(certificate: object) -> str | None:
    if certificate is None:
        return None
    return hashlib.sha256(certificate).hexdigest() if isinstance(certificate, bytes) else repr(certificate)
