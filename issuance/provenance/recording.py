"""Entering a key into the index, in the transaction that records its certificate."""

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from sqlalchemy import update
from sqlalchemy.orm import Session

from cardio.piv.slots import Slot
from issuance.provenance.models import TYPES, KeyProvenance, Origin
from issuance.stations.models import Station
from issuance.stock.models import Batch, Body
from pki.authority.values import IssuedCertificate
from pki.errors import StoredValueError
from pki.keys.kinds import KeyKind, kind_of

_SEPARATOR = "/"
"""Between a station and its reader (`issuance.stations.hub`)."""


@dataclass(frozen=True)
class Making:
    """Where and when a key was made."""

    slot: Slot
    office: str
    reader: str
    """The reader's full name; a station's begins with the station."""
    made_at: datetime
    origin: Origin = Origin.CARD


def enter_key(session: Session, card_number: str, issued: IssuedCertificate, making: Making) -> None:
    """Adds the key that was certified to the index; one that is there stays as it is.

    Raises StoredValueError for a certificate of a kind of key that no profile allows.
    """
    if session.get(KeyProvenance, issued.serial) is not None:
        return
    body = session.get_one(Body, card_number)
    batch, kind = session.get_one(Batch, body.batch_id), key_kind(issued.der)
    session.add(
        KeyProvenance(
            serial=issued.serial,
            issuer=issued.issuer,
            shard=issued.shard,
            card_number=card_number,
            slot=slot_name(making.slot),
            key_type=TYPES[kind].value,
            algorithm=kind.value,
            chip_type=batch.product,
            body_batch=batch.id,
            office=making.office,
            station=_station(session, making.reader),
            origin=making.origin.value,
            made_at=making.made_at,
        )
    )


def supersede_key(session: Session, serial: int, now: datetime) -> None:
    """The key is being replaced: from now on no selection means it."""
    row = KeyProvenance
    session.execute(
        update(row).where(row.serial == serial, row.superseded_at.is_(None)).values(superseded_at=now)
    )


def slot_name(slot: Slot) -> str:
    """As the index has it: `9A`."""
    return f"{slot:02X}"


def key_kind(der: bytes) -> KeyKind:
    """The kind of a certificate's key. Raises StoredValueError."""
    key = x509.load_der_x509_certificate(der).public_key()
    kind = kind_of(key) if isinstance(key, (ec.EllipticCurvePublicKey, rsa.RSAPublicKey)) else None
    if kind is None:
        raise StoredValueError("the kind of a certificate's key")
    return kind


def _station(session: Session, reader: str) -> str | None:
    """A reader of the registry's own machine may have the separator in its name, too."""
    name, separator, _ = reader.partition(_SEPARATOR)
    return name if separator and session.get(Station, name) is not None else None
