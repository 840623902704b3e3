"""Keys of receipts for tests that have no home."""

from pki.keys.files import FileSigner
from pki.keys.kinds import KeyKind
from verifier.receipts.keys import ReceiptKeys


def receipt_keys(generations: int = 1) -> ReceiptKeys:
    """Fresh ones, in memory only."""
    return ReceiptKeys({number: FileSigner.generate(KeyKind.P256) for number in range(1, generations + 1)})
