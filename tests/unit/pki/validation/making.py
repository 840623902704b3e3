"""Certificates and CRLs of any form for tests of the validator, written by hand so that they may be wrong."""

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pki import der, oids
from pki.validation.decoders import Usage

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)
LIFE = (NOW - DAY, NOW + DAY)
ECDSA_SHA256 = der.sequence((der.object_identifier(oids.ECDSA_WITH_SHA256),))
UTF8, PRINTABLE, TELETEX, BMP, IA5 = 0x0C, 0x13, 0x14, 0x1E, 0x16
SET = 0x31
NULL = der.encode(der.NULL, b"")

_serials = itertools.count(1000)


def attribute(oid: str, text: str | bytes, tag: int = UTF8) -> bytes:
    content = text.encode() if isinstance(text, str) else text
    return der.sequence((der.object_identifier(oid), der.encode(tag, content)))


def rdn(*attributes: bytes) -> bytes:
    return der.encode(SET, b"".join(attributes))


def name(*rdns: bytes) -> bytes:
    return der.sequence(rdns)


def named(common_name: str, tag: int = UTF8) -> bytes:
    return name(rdn(attribute(oids.COMMON_NAME, common_name, tag)))


@dataclass(frozen=True)
class Party:
    """Somebody with a name (DER) and a key."""

    name: bytes
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @cached_property
    def spki(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @cached_property
    def key_identifier(self) -> bytes:
        return hashlib.sha1(self.spki, usedforsecurity=False).digest()

    def sign(self, tbs: bytes) -> bytes:
        return der.sequence((tbs, ECDSA_SHA256, der.bit_string(self.key.sign(tbs, ec.ECDSA(SHA256())))))


def party(common_name: str) -> Party:
    return Party(named(common_name))


def basic_constraints(path_length: int | None = None, *, ca: bool = True, critical: bool = True) -> bytes:
    parts = [der.encode(der.BOOLEAN, b"\xff")] if ca else []
    if path_length is not None:
        parts.append(der.integer(path_length))
    return der.extension(oids.BASIC_CONSTRAINTS, der.sequence(parts), critical=critical)


def bits(numbers: Sequence[int]) -> bytes:
    """The content of a named BIT STRING."""
    if not numbers:
        return b"\x00"
    length = max(numbers) + 1
    value = sum(1 << (length - 1 - number) for number in numbers) << (-length % 8)
    return bytes((-length % 8,)) + value.to_bytes((length + 7) // 8, "big")


def key_usage(*usages: Usage) -> bytes:
    return der.extension(oids.KEY_USAGE, der.encode(der.BIT_STRING, bits(usages)), critical=True)


CA_USAGE = key_usage(Usage.KEY_CERT_SIGN, Usage.CRL_SIGN)


def ca(path_length: int | None = None) -> tuple[bytes, bytes]:
    return basic_constraints(path_length), CA_USAGE


def policies(*identifiers: str) -> bytes:
    items = [der.sequence((der.object_identifier(item),)) for item in identifiers]
    return der.extension(oids.CERTIFICATE_POLICIES, der.sequence(items))


def mappings(*pairs: tuple[str, str]) -> bytes:
    items = [der.sequence(map(der.object_identifier, pair)) for pair in pairs]
    return der.extension(oids.POLICY_MAPPINGS, der.sequence(items), critical=True)


def policy_constraints(explicit: int | None = None, mapping: int | None = None) -> bytes:
    parts = [
        der.context(number, der.integer(value)[2:], constructed=False)
        for number, value in enumerate((explicit, mapping))
        if value is not None
    ]
    return der.extension(oids.POLICY_CONSTRAINTS, der.sequence(parts), critical=True)


def inhibit_any(skip: int) -> bytes:
    return der.extension(oids.INHIBIT_ANY_POLICY, der.integer(skip), critical=True)


def purposes(*identifiers: str) -> bytes:
    return der.extension(oids.EXTENDED_KEY_USAGE, der.sequence(map(der.object_identifier, identifiers)))


def general(form: int, content: bytes) -> bytes:
    """GeneralName of any form; directoryName's tag is explicit."""
    return der.context(form, content, constructed=form in {0, 3, 4, 5})


def dns(host: str) -> bytes:
    return general(2, host.encode())


def directory(dn: bytes) -> bytes:
    return general(4, dn)


def uri(address: str) -> bytes:
    return general(6, address.encode())


def alternative_names(*names: bytes, critical: bool = False) -> bytes:
    return der.extension(oids.SUBJECT_ALT_NAME, der.sequence(names), critical=critical)


def name_constraints(permitted: Sequence[bytes] = (), excluded: Sequence[bytes] = ()) -> bytes:
    parts = [
        der.context(number, b"".join(der.sequence((base,)) for base in bases))
        for number, bases in enumerate((permitted, excluded))
        if bases
    ]
    return der.extension(oids.NAME_CONSTRAINTS, der.sequence(parts), critical=True)


def point_name(*names: bytes) -> bytes:
    """DistributionPointName, fullName, below its [0]."""
    return der.context(0, der.context(0, b"".join(names)))


def distribution_point(*names: bytes, reasons: Sequence[int] = (), crl_issuer: Sequence[bytes] = ()) -> bytes:
    parts = [point_name(*names)] if names else []
    if reasons:
        parts.append(der.context(1, bits(reasons), constructed=False))
    if crl_issuer:
        parts.append(der.context(2, b"".join(crl_issuer)))
    return der.sequence(parts)


def distribution_points(*points: bytes) -> bytes:
    return der.extension(oids.CRL_DISTRIBUTION_POINTS, der.sequence(points))


def issuing_point(*names: bytes, flags: Sequence[int] = (), reasons: Sequence[int] = ()) -> bytes:
    """`flags`: tags of the BOOLEANs that are true: 1 user, 2 CA, 4 indirect, 5 attribute."""
    parts = {0: point_name(*names)} if names else {}
    parts |= {flag: der.context(flag, b"\xff", constructed=False) for flag in flags}
    if reasons:
        parts[3] = der.context(3, bits(reasons), constructed=False)
    value = der.sequence(parts[number] for number in sorted(parts))
    return der.extension(oids.ISSUING_DISTRIBUTION_POINT, value, critical=True)


def authority_key(key_identifier: bytes) -> bytes:
    return der.extension(
        oids.AUTHORITY_KEY_IDENTIFIER, der.sequence((der.context(0, key_identifier, constructed=False),))
    )


def subject_key(key_identifier: bytes) -> bytes:
    return der.extension(oids.SUBJECT_KEY_IDENTIFIER, der.encode(der.OCTET_STRING, key_identifier))


def unknown(*, critical: bool) -> bytes:
    return der.extension("1.2.3.4", NULL, critical=critical)


def certify(
    subject: Party,
    issuer: Party,
    *extensions: bytes,
    life: tuple[datetime, datetime] = LIFE,
    serial: int | None = None,
    signer: Party | None = None,
) -> bytes:
    """`signer`: who signs in the issuer's name, if it isn't the issuer."""
    parts = [
        der.context(0, der.integer(2)),
        der.integer(next(_serials) if serial is None else serial),
        ECDSA_SHA256,
        issuer.name,
        der.sequence(map(der.time, life)),
        subject.name,
        subject.spki,
    ]
    if extensions:
        parts.append(der.context(3, der.sequence(extensions)))
    return (signer or issuer).sign(der.sequence(parts))


@dataclass(frozen=True)
class Entry:
    serial: int
    reason: int | None = None
    extensions: tuple[bytes, ...] = ()

    def encoded(self) -> bytes:
        extensions = self.extensions
        if self.reason is not None:
            extensions = (der.extension(oids.CRL_REASON, der.enumerated(self.reason)), *extensions)
        parts = [der.integer(self.serial), der.time(NOW - DAY)]
        return der.sequence([*parts, der.sequence(extensions)] if extensions else parts)


def certificate_issuer(dn: bytes) -> bytes:
    return der.extension(oids.CERTIFICATE_ISSUER, der.sequence((directory(dn),)), critical=True)


def make_crl(
    issuer: Party,
    *entries: Entry,
    number: int | None = 1,
    base: int | None = None,
    extensions: Sequence[bytes] = (),
    life: tuple[datetime, datetime | None] = LIFE,
    signer: Party | None = None,
) -> bytes:
    found = list(extensions)
    if number is not None:
        found.append(der.extension(oids.CRL_NUMBER, der.integer(number)))
    if base is not None:
        found.append(der.extension(oids.DELTA_CRL_INDICATOR, der.integer(base), critical=True))
    parts = [der.integer(1), ECDSA_SHA256, issuer.name, *(der.time(time) for time in life if time)]
    if entries:
        parts.append(der.sequence(entry.encoded() for entry in entries))
    if found:
        parts.append(der.context(0, der.sequence(found)))
    return (signer or issuer).sign(der.sequence(parts))
