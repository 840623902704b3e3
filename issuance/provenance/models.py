"""The key-provenance index."""

from datetime import datetime
from enum import StrEnum, unique

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from issuance.database import Base, one_of
from issuance.identifiers import LENGTH as IDENTIFIER_LENGTH
from issuance.lifecycle.models import CARD_NUMBER_LENGTH
from issuance.offices.models import OFFICE_CODE_LENGTH
from issuance.stations.models import STATION_LENGTH
from issuance.stock.models import PRODUCT_LENGTH
from pki.keys.kinds import KeyKind
from pki.store.columns import Serial
from pki.store.database import UtcDateTime

ISSUER_LENGTH = 64
SLOT_LENGTH = 2
_WORD_LENGTH = 16


@unique
class KeyType(StrEnum):
    """A family of algorithms."""

    EC = "ec"
    RSA = "rsa"


@unique
class Origin(StrEnum):
    """Where a key was made."""

    CARD = "card"
    """On the card itself: it was never anywhere else."""
    IMPORTED = "imported"
    """Outside, and brought onto the card."""


TYPES = {kind: KeyType.RSA if kind.value.startswith("rsa") else KeyType.EC for kind in KeyKind}


class KeyProvenance(Base):
    """One certified key of a card, and where it comes from.

    Written in the transaction that records its certificate. Selections are read from the indexes, each of
    which ends with the time; the rest of a combined one is filtered on the rows of the narrowest.
    """

    __tablename__ = "key_provenance"
    __table_args__ = (
        CheckConstraint(one_of("key_type", [kind.value for kind in KeyType]), "key_type"),
        CheckConstraint(one_of("algorithm", [kind.value for kind in KeyKind]), "algorithm"),
        CheckConstraint(
            "(key_type = 'rsa') = (algorithm IN ('rsa2048', 'rsa3072', 'rsa4096'))", "type_of_algorithm"
        ),
        CheckConstraint(one_of("origin", [origin.value for origin in Origin]), "origin"),
        Index("ix_key_provenance_body_batch_made_at", "body_batch", "made_at"),
        Index("ix_key_provenance_chip_type_made_at", "chip_type", "made_at"),
        Index("ix_key_provenance_algorithm_made_at", "algorithm", "made_at"),
        Index("ix_key_provenance_office_made_at", "office", "made_at"),
        Index("ix_key_provenance_station_made_at", "station", "made_at"),
        Index("ix_key_provenance_made_at", "made_at"),
    )

    serial: Mapped[int] = mapped_column(Serial(), primary_key=True, autoincrement=False)
    """The certificate's."""
    issuer: Mapped[str] = mapped_column(String(ISSUER_LENGTH))
    """The CA's short name."""
    shard: Mapped[int] = mapped_column(SmallInteger)
    """The partition of that CA's CRL."""
    card_number: Mapped[str] = mapped_column(
        String(CARD_NUMBER_LENGTH), ForeignKey("cards.card_number"), index=True
    )
    slot: Mapped[str] = mapped_column(String(SLOT_LENGTH))
    """PIV's key reference in hexadecimal: 9A, 9C (SP 800-73-5 part 1, table 4b)."""
    key_type: Mapped[str] = mapped_column(String(_WORD_LENGTH))
    algorithm: Mapped[str] = mapped_column(String(_WORD_LENGTH))
    """A `pki.keys.kinds.KeyKind`'s value."""
    chip_type: Mapped[str] = mapped_column(String(PRODUCT_LENGTH))
    """The supplier's name of chip and body, as the batch has it."""
    body_batch: Mapped[str] = mapped_column(String(IDENTIFIER_LENGTH), ForeignKey("stock_batches.id"))
    office: Mapped[str] = mapped_column(String(OFFICE_CODE_LENGTH), ForeignKey("offices.code"))
    """Where the key was made."""
    station: Mapped[str | None] = mapped_column(String(STATION_LENGTH), ForeignKey("stations.id"))
    """None: at a reader of the registry's own machine."""
    origin: Mapped[str] = mapped_column(String(_WORD_LENGTH))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime())
    superseded_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    """When the key began to be replaced; no selection means it from then on."""
