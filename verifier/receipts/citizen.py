"""What a citizen sees of an attempt: its steps, what to do, where and when. Nothing else."""

from dataclasses import dataclass

from sqlalchemy import select

from verifier.receipts.codes import ReceiptCodeError, normalise
from verifier.receipts.models import ReceiptRow
from verifier.receipts.proof import Keys, Proof, proof_of
from verifier.receipts.service import Receipt, ReceiptMissingError, receipt_of, words
from verifier.services.models import Site
from verifier.store.sessions import Database


@dataclass(frozen=True)
class CitizenView:
    """A receipt as its code alone opens it."""

    receipt: Receipt
    site: str
    """The name by which people know it."""
    proof: Proof

    def as_json(self) -> dict[str, object]:
        """What a program that the citizen trusts is shown."""
        seen = {
            "code": self.receipt.code,
            "time": self.receipt.time.isoformat(timespec="seconds"),
            "site": self.site,
            "outcome": self.receipt.outcome,
            "proof": self.proof.value,
        }
        return seen | words(self.receipt.outcome, self.receipt.failed_step)


class CitizenReceipts:
    """Finds receipts for whoever has their code."""

    def __init__(self, database: Database, keys: Keys) -> None:
        self._database = database
        self._keys = keys

    def read(self, code: str) -> CitizenView:
        """The receipt of this code. Raises ReceiptMissingError for what is no code as well."""
        try:
            wanted = normalise(code)
        except ReceiptCodeError as error:
            raise ReceiptMissingError from error
        with self._database.read() as session:
            found = session.execute(_FIND.where(ReceiptRow.code == wanted)).one_or_none()
            if found is None:
                raise ReceiptMissingError
            row, site = found
            receipt = receipt_of(row)
        return CitizenView(receipt, site, proof_of(receipt.signed, self._keys))


_FIND = select(ReceiptRow, Site.name).join(Site, Site.site_id == ReceiptRow.site_id)
