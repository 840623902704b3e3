"""What a proposal means: its certificates, fixed in a table, and counts of what would become of them."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence

from sqlalchemy import LargeBinary, func, insert, literal, select, text, type_coerce
from sqlalchemy.orm import Session

from pki.auditchain import Json
from pki.massactions.effects import MOVED, REHELD, Effects
from pki.massactions.selection import Selection
from pki.status.state import Status
from pki.store.massactions import MassTarget
from pki.store.models import CertificateRow

LISTED_AT_ONCE = 5_000
"""Serials of a list in one statement."""
_FETCHED_AT_ONCE = 10_000
_COLUMNS = ("action", "issuer", "shard", "serial", "standing_version")
_VERSION_OCTETS = 8
_EFFECTS = (MOVED, REHELD)


def fix_targets(session: Session, number: int, selection: Selection) -> None:
    """Writes down which certificates the selection means now, in one statement (a list: in some)."""
    for chunk in _chunks(selection.serials):
        fix_listed(session, number, selection, chunk)
    analyse_targets(session)


def fix_listed(session: Session, number: int, selection: Selection, serials: Sequence[int] | None) -> None:
    """The same of a list's next 5,000 serials at most (None: no list)."""
    row = CertificateRow
    columns = (row.issuer, row.shard, row.serial, row.standing_version)
    query = select(literal(number), *columns).where(*selection.conditions())
    if serials is not None:
        query = query.where(row.serial.in_(serials))
    ordered = query.order_by(row.issuer, row.shard, row.serial)
    session.execute(insert(MassTarget).from_select(_COLUMNS, ordered))


def analyse_targets(session: Session) -> None:
    """Lets the planner count what was fixed just now."""
    if session.get_bind().dialect.name == "postgresql":
        # Its planner must not take a table that was filled this moment for an empty one.
        session.execute(text(f"ANALYZE {MassTarget.__tablename__}"))


def preview_of(session: Session, number: int, selection: Selection, effects: Effects) -> dict[str, Json]:
    """Counts of the fixed certificates, and the digest of their serials.

    `total`, `moved`, `reheld`, `skipped` by reason; `issuers`, `profiles`, `statuses`, `key_kinds`;
    `listed`: how many serials a list had; `serials`: SHA-256, 64 hexadecimal digits; `holds`: of a release,
    the same over serials and the holds that they are under.
    """
    row = CertificateRow
    columns = (row.issuer, row.profile, row.status, row.key_kind, effects.effect.label("effect"))
    counted = select(*columns, func.count().label("certificates")).select_from(row)
    of_action = counted.join(MassTarget, MassTarget.serial == row.serial)
    kinds = (row.issuer, row.profile, row.status, row.key_kind, "effect")
    counts: list[Counter[str]] = [Counter() for _ in columns]
    total = 0
    for found in session.execute(of_action.where(MassTarget.action == number).group_by(*kinds)):
        *values, certificates = found
        total += certificates
        for counter, value in zip(counts, values, strict=True):
            counter[str(value)] += certificates
    issuers, profiles, statuses, key_kinds, done = counts
    return {
        "total": total,
        **{effect: done[effect] for effect in _EFFECTS},
        "skipped": {why: count for why, count in done.items() if why not in _EFFECTS},
        "issuers": dict(issuers),
        "profiles": dict(profiles),
        "statuses": dict(statuses),
        "key_kinds": dict(key_kinds),
        "listed": None if selection.serials is None else len(selection.serials),
        "serials": targets_digest(session, number),
        "holds": standings_digest(session, number) if effects.change.wanted is Status.GOOD else None,
    }


def effects_of(session: Session, number: int, effects: Effects) -> Counter[str]:
    """How many of the fixed certificates would now meet with which effect."""
    effect = effects.outcome.label("effect")
    counted = select(effect, func.count()).select_from(CertificateRow)
    of_action = counted.join(MassTarget, MassTarget.serial == CertificateRow.serial)
    rows = session.execute(of_action.where(MassTarget.action == number).group_by("effect"))
    return Counter({str(found): count for found, count in rows})


def targets_digest(session: Session, number: int) -> str:
    """SHA-256 over the serials that the action means, in the order of issuers, shards and serials."""
    target = MassTarget
    query = (
        select(type_coerce(target.serial, LargeBinary))
        .where(target.action == number)
        .order_by(target.issuer, target.shard, target.serial)
    )
    digest = hashlib.sha256()
    streamed = session.connection().execute(query, execution_options={"yield_per": _FETCHED_AT_ONCE})
    for rows in streamed.partitions():
        digest.update(b"".join([serial for (serial,) in rows]))
    return digest.hexdigest()


def standings_digest(session: Session, number: int) -> str:
    """SHA-256 over each serial and its certificate's standing at the proposal, 8 octets, in that order."""
    target = MassTarget
    query = (
        select(type_coerce(target.serial, LargeBinary), target.standing_version)
        .where(target.action == number)
        .order_by(target.issuer, target.shard, target.serial)
    )
    digest = hashlib.sha256()
    streamed = session.connection().execute(query, execution_options={"yield_per": _FETCHED_AT_ONCE})
    for rows in streamed.partitions():
        digest.update(b"".join([serial + version.to_bytes(_VERSION_OCTETS) for serial, version in rows]))
    return digest.hexdigest()


def _chunks(serials: Sequence[int] | None) -> Iterator[Sequence[int] | None]:
    if serials is None:
        yield None
        return
    for start in range(0, len(serials), LISTED_AT_ONCE):
        yield serials[start : start + LISTED_AT_ONCE]
