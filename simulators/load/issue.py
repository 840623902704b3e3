"""`hoviat bench issue`: certificates a second through the whole path, against building and signing alone."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from pki.authority import CertificateRequest, PersonSubject
from pki.authority.issuers import IssuingCa
from pki.authority.orders import Order
from pki.authority.values import IssuedCertificate
from pki.bootstrap import Pki
from pki.errors import PkiError
from pki.hierarchy import Role, crl_scope
from pki.keys.adapter import private_key_of
from pki.keys.algorithms import sign_structure
from pki.keys.files import FileSigner
from pki.keys.kinds import KeyKind
from pki.pkcs10 import create_csr
from pki.profiles import Profile
from pki.profiles.definitions import DEFINITIONS
from pki.profiles.extensions import PublicAddresses
from pki.profiles.names import PERSON_PREFIX
from pki.profiles.tbs import encode_tbs, validity_from
from simulators.load.places import throwaway_pki
from simulators.load.result import Result
from simulators.population.people import People, Person

T = TypeVar("T")

_NAME = "issue"
_GOAL = 0.5
_BATCH = 1000
_SEED = 3
_PROFILE = Profile.AUTHENTICATION


@dataclass(frozen=True)
class _Place:
    """A database and a place of keys."""

    name: str
    postgres: bool
    softhsm: bool


_PLACES = (
    _Place("SQLite, file key", postgres=False, softhsm=False),
    _Place("PostgreSQL, file key", postgres=True, softhsm=False),
    _Place("SQLite, SoftHSM2", postgres=False, softhsm=True),
    _Place("PostgreSQL, SoftHSM2", postgres=True, softhsm=True),
)


def measure(batches: int, singles: int) -> Iterator[Result]:
    """Issues `batches` batches of 1,000, and `singles` certificates one by one, in each place.

    What the limit doesn't do is done before the clock starts: requests are read, their proofs of possession
    checked; a line of its own says what it comes to with that. So are the limit's names and keys.
    """
    for place in _PLACES:
        with throwaway_pki(postgres=place.postgres, softhsm=place.softhsm) as pki:
            if pki is None:
                continue
            yield from _measure_place(pki, place, batches, singles)


def _measure_place(pki: Pki, place: _Place, batches: int, singles: int) -> Iterator[Result]:
    orders = [_order(pki, number) for number in range(batches * _BATCH + singles)]
    bulk, rest = orders[: batches * _BATCH], orders[batches * _BATCH :]
    bare = _Bare(pki)
    limits: list[float] = []
    rates: list[float] = []
    for start in range(0, len(bulk), _BATCH):  # in turns, so that a noisy neighbour disturbs both
        batch = bulk[start : start + _BATCH]
        bare.prepare(batch)
        limits.append(_rate(bare.sign, batch))
        rates.append(_batch_rate(batch, pki.authority.execute_many))
    limit, limit_is = _mean(limits), "the same profile built and signed by the cryptography library, same key"
    case = f"P-256 CA, {place.name}"
    yield Result(
        _NAME, f"{case}, batches of {_BATCH:,}", _mean(rates), "certificates/s", limit, limit_is, _GOAL
    )
    requests = [_request(len(orders) + number) for number in range(_BATCH)]
    asked = _batch_rate(requests, pki.authority.issue_many)
    proved = f"{case}, batches of {_BATCH:,}, with proof of possession"
    yield Result(_NAME, proved, asked, "certificates/s", limit, limit_is)
    single = _rate(pki.authority.execute, rest)
    yield Result(_NAME, f"{case}, one by one", single, "certificates/s", limit, limit_is)
    if not place.postgres:
        own = _rate(bare.sign_template, bulk[:_BATCH])
        yield Result(
            _NAME, f"{case}, own template signed", own, "certificates/s", limit, f"{limit_is} (information)"
        )


def _batch_rate(
    orders: Sequence[T], issue: Callable[[Sequence[T]], Sequence[IssuedCertificate | PkiError]]
) -> float:
    began = time.perf_counter()
    results = issue(orders)
    seconds = time.perf_counter() - began
    if not all(isinstance(result, IssuedCertificate) for result in results):
        raise RuntimeError("a certificate of the benchmark was refused")
    return len(orders) / seconds


def _rate(action: Callable[[Order], object], orders: Sequence[Order]) -> float:
    began = time.perf_counter()
    for order in orders:
        action(order)
    return len(orders) / (time.perf_counter() - began)


def _mean(rates: Sequence[float]) -> float:
    """Of equal amounts of work: the harmonic mean."""
    return len(rates) / sum(1 / rate for rate in rates)


@lru_cache(maxsize=1)
def _people() -> People:
    return People(_SEED)


@lru_cache(maxsize=100_000)
def _request(number: int) -> CertificateRequest:
    person = _people().person(number)
    subject = PersonSubject(person.national_code, person.given_name.persian, person.surname.persian)
    csr = create_csr(FileSigner.generate(KeyKind.P256), "bench")
    return CertificateRequest(f"bench-{number}", _PROFILE, subject, csr, actor="bench", provenance="bench")


def _order(pki: Pki, number: int) -> Order:
    return pki.authority.order(_request(number))


def _name_and_key(order: Order) -> tuple[x509.Name, ec.EllipticCurvePublicKey]:
    key = load_der_public_key(order.spki)
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise TypeError("the benchmark's keys are EC keys")
    return _subject(_people().person(int(order.request_id.removeprefix("bench-")))), key


class _Bare:
    """What no authority can do without: build the certificate of this profile and sign it."""

    def __init__(self, pki: Pki) -> None:
        self._issuer: IssuingCa = pki.issuers.current(Role.CITIZEN_AUTHENTICATION)
        self._key = private_key_of(self._issuer.signer)
        self._now = pki.clock().replace(microsecond=0)
        self._addresses = PublicAddresses("http://127.0.0.1:8080")
        parsed = x509.load_der_x509_certificate(self._issuer.certificate or b"")
        self._issuer_name = parsed.subject
        self._prepared: dict[str, tuple[x509.Name, ec.EllipticCurvePublicKey]] = {}
        self._key_identifier = x509.AuthorityKeyIdentifier(self._issuer.facts.key_identifier, None, None)

    def prepare(self, orders: Sequence[Order]) -> None:
        """Makes their names and opens their keys."""
        self._prepared = {order.request_id: _name_and_key(order) for order in orders}

    def sign(self, order: Order) -> x509.Certificate:
        """By the library's builder: the same fields and extensions."""
        name, key = self._prepared[order.request_id]
        builder = (
            x509.CertificateBuilder()
            .issuer_name(self._issuer_name)
            .subject_name(name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now)
            .not_valid_after(self._now + timedelta(days=1826))
        )
        for extension, critical in self._extensions(key):
            builder = builder.add_extension(extension, critical)
        return builder.sign(self._key, hashes.SHA256())

    def sign_template(self, order: Order) -> bytes:
        """By our own template."""
        issuer = self._issuer
        validity = validity_from(self._now, order.definition.life, issuer.facts.validity)
        serial = x509.random_serial_number() >> 34 | 1 << 126
        tbs = encode_tbs(
            order.definition,
            serial,
            order.subject,
            order.spki,
            validity,
            issuer.facts,
            self._addresses,
            crl_scope(issuer.name, issuer.shards, serial),
        )
        return sign_structure(issuer.signer, tbs)

    def _extensions(self, key: ec.EllipticCurvePublicKey) -> list[tuple[x509.ExtensionType, bool]]:
        name = self._issuer.name
        policies = [
            x509.PolicyInformation(x509.ObjectIdentifier(oid), None) for oid in DEFINITIONS[_PROFILE].policies
        ]
        point = x509.DistributionPoint([_uri(self._addresses.crl(name))], None, None, None)
        ocsp = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, _uri(self._addresses.ocsp()))
        above = x509.AccessDescription(
            AuthorityInformationAccessOID.CA_ISSUERS, _uri(self._addresses.certificate(name))
        )
        return [
            (_KEY_USAGE, True),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False),
            (x509.SubjectKeyIdentifier.from_public_key(key), False),
            (self._key_identifier, False),
            (x509.CertificatePolicies(policies), False),
            (x509.CRLDistributionPoints([point]), False),
            (x509.AuthorityInformationAccess([ocsp, above]), False),
        ]


_KEY_USAGE = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


def _uri(url: str) -> x509.UniformResourceIdentifier:
    return x509.UniformResourceIdentifier(url)


def _subject(person: Person) -> x509.Name:
    given_name, surname = person.given_name.persian, person.surname.persian
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "IR"),
            x509.NameAttribute(NameOID.SURNAME, surname),
            x509.NameAttribute(NameOID.GIVEN_NAME, given_name),
            x509.NameAttribute(NameOID.SERIAL_NUMBER, PERSON_PREFIX + person.national_code),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{given_name} {surname}"[:31]),
        ]
    )
