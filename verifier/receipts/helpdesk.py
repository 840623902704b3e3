"""What the help desk sees of an attempt, and the record that it looked, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from pki.auditchain import append
from pki.clock import Clock
from pki.officers import officer_label
from verifier.audit import AuditEntry
from verifier.receipts.codes import normalise
from verifier.receipts.models import ReceiptRow
from verifier.receipts.proof import Keys, Proof, proof_of
from verifier.receipts.service import Receipt, ReceiptAlteredError, ReceiptMissingError, receipt_of
from verifier.services.models import Site
from verifier.store.sessions import Database

REASON_LIMIT = 200
NEAR = timedelta(days=1)
MOST_NEIGHBOURS = 50


class LookReasonError(ValueError):
    """A look has a reason, of 1 to 200 printable characters: a ticket's number, not a person's name."""

    def __init__(self) -> None:
        super().__init__(f"give a reason of 1 to {REASON_LIMIT} printable characters")


@dataclass(frozen=True)
class Neighbour:
    """Another attempt within a day before or after."""

    code: str
    time: datetime
    site: str
    outcome: str
    same_challenge: bool
    same_certificate: bool

    def as_json(self) -> dict[str, object]:
        """One line."""
        return vars(self) | {"time": self.time.isoformat(timespec="seconds")}


@dataclass(frozen=True)
class Case:
    """One attempt, as the help desk sees it."""

    receipt: Receipt
    site: str
    origin: str
    """The site's of today; an attempt was checked against the one of its time."""
    detail: str | None
    certificate_sha256: str | None
    proof: Proof
    neighbours: Sequence[Neighbour]
    """The oldest first, no more than MOST_NEIGHBOURS."""

    def as_json(self) -> dict[str, object]:
        """All of it."""
        return self.receipt.as_json() | {
            "site": self.site,
            "site_id": self.receipt.site_id,
            "origin": self.origin,
            "detail": self.detail,
            "certificate_sha256": self.certificate_sha256,
            "proof": self.proof.value,
            "neighbours": [neighbour.as_json() for neighbour in self.neighbours],
        }


class HelpDesk:
    """Looks at any site's receipts, on record."""

    def __init__(self, database: Database, keys: Keys, clock: Clock) -> None:
        self._database = database
        self._keys = keys
        self._clock = clock

    def look(self, code: str, operator: str, reason: str) -> Case:
        """The case behind a code; a look at nothing is recorded, too.

        Raises ReceiptCodeError, OfficerLabelError, LookReasonError, having recorded nothing;
        ReceiptMissingError; ReceiptAlteredError for a row that this verifier has not written.
        """
        wanted = normalise(code)
        officer_label(operator)
        if not 1 <= len(reason) <= REASON_LIMIT or not reason.isprintable() or reason.isspace():
            raise LookReasonError
        with self._database.write() as session:
            found = session.execute(_FIND.where(ReceiptRow.code == wanted)).one_or_none()
            append(
                session,
                AuditEntry,
                time=self._clock(),
                actor=operator,
                action="receipt.look",
                subject=wanted,
                details={"reason": reason, "found": found is not None},
            )
            case = None if found is None else _case(session, *found, self._keys)
        if found is None:
            raise ReceiptMissingError
        if case is None:
            raise ReceiptAlteredError
        return case


def _case(session: Session, row: ReceiptRow, site: str, origin: str, keys: Keys) -> Case | None:
    try:
        receipt = receipt_of(row)
    except ReceiptAlteredError:
        return None
    proof = proof_of(receipt.signed, keys)
    near = _neighbours(session, row)
    return Case(receipt, site, origin, row.detail, row.certificate_sha256, proof, near)


def _neighbours(session: Session, row: ReceiptRow) -> list[Neighbour]:
    kin: list[ColumnElement[bool]] = []
    if row.challenge_digest is not None:
        kin.append(ReceiptRow.challenge_digest == row.challenge_digest)
    if row.certificate_sha256 is not None:
        kin.append(ReceiptRow.certificate_sha256 == row.certificate_sha256)
    if not kin:
        return []
    # By the index on time: a day's receipts are read, rather than every login paying for two more indexes.
    near = ReceiptRow.time.between(row.time - NEAR, row.time + NEAR)
    query = _FIND.where(near, or_(*kin), ReceiptRow.code != row.code).order_by(ReceiptRow.time)
    return [_neighbour(row, other, site) for other, site, _ in session.execute(query.limit(MOST_NEIGHBOURS))]


def _neighbour(row: ReceiptRow, other: ReceiptRow, site: str) -> Neighbour:
    return Neighbour(
        other.code,
        other.time,
        site,
        other.outcome,
        _same(row.challenge_digest, other.challenge_digest),
        _same(row.certificate_sha256, other.certificate_sha256),
    )


def _same(one: str | None, other: str | None) -> bool:
    return one is not None and one == other


_FIND = select(ReceiptRow, Site.name, Site.origin).join(Site, Site.site_id == ReceiptRow.site_id)
