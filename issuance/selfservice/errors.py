"""What keeps a citizen from their record."""

from issuance.errors import AccessError, NotSignedInError


class CitizenNotSignedInError(NotSignedInError):
    """No session of a citizen, or one that has ended."""

    kind = "citizen-not-signed-in"


class NoRecordError(AccessError):
    """The card is good, and nothing is held here of its holder; `receipt_code` is the verifier's."""

    kind = "no-record"

    def __init__(self, receipt_code: str) -> None:
        super().__init__(f"nothing is held here of this card's holder; receipt {receipt_code}")
        self.receipt_code = receipt_code
