"""A population of certificates by the hundred thousand: rows as issuing leaves them, without their bytes."""

import os
from datetime import datetime, timedelta

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from pki.authority.intents import new_serial
from pki.authority.issuers import IssuingCa
from pki.hierarchy import shard_of
from pki.keys.kinds import KeyKind
from pki.profiles import Profile
from pki.store.bulk import insert_rows
from pki.store.columns import seconds_of, serial_octets
from pki.store.models import CertificateRow, Intent

_AT_ONCE = 20_000
_LIFE = timedelta(days=1826)
_SALT = bytes(32)
_INTENT = (
    "request_id",
    "fingerprint",
    "serial",
    "issuer",
    "shard",
    "profile",
    "key_hash",
    "key_kind",
    "provenance",
    "holder_hash",
    "salt",
    "not_before",
    "not_after",
    "on_hold",
    "actor",
    "created",
    "outcome",
)
_CERTIFICATE = (
    "serial",
    "request_id",
    "issuer",
    "shard",
    "profile",
    "key_kind",
    "provenance",
    "not_before",
    "not_after",
    "status",
    "since",
    "activated",
    "changed",
)


def populate(
    engine: Engine, issuer: IssuingCa, profile: Profile, count: int, now: datetime, provenance: str
) -> None:
    """Good, delivered certificates of a CA, whose keys were all made in one place."""
    begin, end = seconds_of(now), seconds_of(now + _LIFE)
    kind = KeyKind.P256.value
    for start in range(0, count, _AT_ONCE):
        intents: list[tuple[object, ...]] = []
        certificates: list[tuple[object, ...]] = []
        for number in range(start, min(start + _AT_ONCE, count)):
            serial = new_serial()
            octets, shard = serial_octets(serial), shard_of(serial, issuer.shards)
            request = f"{provenance}-{number}"
            origin = (issuer.name, shard, profile.value)
            key_hash, done = os.urandom(32), (False, "bench", begin, "issued")
            intents.append(
                (request, _SALT, octets, *origin, key_hash, kind, provenance, _SALT, _SALT, begin, end, *done)
            )
            certificates.append(
                (octets, request, *origin, kind, provenance, begin, end, "good", begin, True, 0)
            )
        with Session(engine) as session, session.begin():
            insert_rows(session, Intent, _INTENT, intents)
            insert_rows(session, CertificateRow, _CERTIFICATE, certificates)
