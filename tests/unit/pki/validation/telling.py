"""Ways in which a leaf's status may be told: CRLs of every kind, OCSP answers, and what doesn't count."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from pki import der, oids
from pki.validation.decoders import Usage
from tests.unit.pki.validation.making import (
    DAY,
    LIFE,
    NOW,
    NULL,
    Entry,
    Party,
    certificate_issuer,
    certify,
    directory,
    distribution_point,
    distribution_points,
    issuing_point,
    key_usage,
    make_crl,
    party,
    purposes,
    uri,
)

LISTER, DELEGATE = party("lister"), party("delegate")
ENDED = (NOW - 2 * DAY, NOW - DAY)
_USERS, _CAS, _INDIRECT = 1, 2, 4
_HOLD, _REMOVE = 6, 8
_HERE, _ELSEWHERE = uri("http://ca/7.crl"), uri("http://ca/8.crl")
_GOOD, _REVOKED, _UNKNOWN = ocsp.OCSPCertStatus.GOOD, ocsp.OCSPCertStatus.REVOKED, ocsp.OCSPCertStatus.UNKNOWN
_NOCHECK = der.extension(oids.OCSP_NOCHECK, NULL)

POINTS: Mapping[str, tuple[bytes, ...]] = {
    "none": (),
    "partition": (distribution_points(distribution_point(_HERE)),),
    "other partition": (distribution_points(distribution_point(_ELSEWHERE)),),
    "some reasons": (distribution_points(distribution_point(_HERE, reasons=[1, 2])),),
    "indirect": (distribution_points(distribution_point(_HERE, crl_issuer=[directory(LISTER.name)])),),
}
"""Where the leaf says its status is told."""


@dataclass(frozen=True)
class Case:
    """Whose status, by whom, and what there is to be told."""

    about: bytes
    """The certificate."""
    serial: int
    issuer: Party
    issuing: bytes
    """The issuer's certificate."""
    signer: Party
    """Who signs in the issuer's name."""
    revoked: bool
    others: frozenset[int] = frozenset()
    """Serials of others that are revoked, too."""

    @property
    def entries(self) -> list[Entry]:
        """A stranger's, and the case's."""
        listed = [self.serial] * self.revoked + sorted(self.others - {self.serial})
        return [Entry(self.serial + 1000), *(Entry(serial, 1) for serial in listed)]

    def crl(self, *extensions: bytes, entries: list[Entry] | None = None, **more: object) -> bytes:
        """By the issuer."""
        listed = self.entries if entries is None else entries
        return make_crl(self.issuer, *listed, extensions=extensions, signer=self.signer, **more)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Told:
    """What a relying party is given."""

    crls: tuple[bytes, ...] = ()
    answers: tuple[bytes, ...] = ()


def _responding(case: Case) -> bytes:
    """The issuer under its own name with the key that signs: the library insists on a certificate of it."""
    return certify(Party(case.issuer.name, case.signer.key), case.issuer, serial=902)


def answer(
    case: Case,
    status: ocsp.OCSPCertStatus | None = None,
    *,
    life: tuple[datetime, datetime] = (NOW - timedelta(hours=1), NOW + timedelta(hours=1)),
    delegate: bytes | None = None,
) -> bytes:
    """OCSP, by the issuer itself or a delegate."""
    load = x509.load_der_x509_certificate
    found = status or (_REVOKED if case.revoked else _GOOD)
    why = (NOW - DAY, x509.ReasonFlags.key_compromise) if found is _REVOKED else (None, None)
    responder = load(delegate or _responding(case))
    builder = ocsp.OCSPResponseBuilder().add_response(
        load(case.about), load(case.issuing), SHA256(), found, *life, *why
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.NAME, responder)
    if delegate is not None:
        builder = builder.certificates([responder])
    key = case.signer if delegate is None else DELEGATE
    return builder.sign(key.key, SHA256()).public_bytes(Encoding.DER)


def delegated(case: Case, *, no_check: bool = True, purpose: str = oids.OCSP_SIGNING) -> bytes:
    """A responder's answer; whoever signs for the issuer certified it."""
    extensions = [key_usage(Usage.DIGITAL_SIGNATURE), purposes(purpose), *([_NOCHECK] if no_check else [])]
    return answer(case, delegate=certify(DELEGATE, case.issuer, *extensions, serial=900, signer=case.signer))


def _delta(
    case: Case,
    *extensions: bytes,
    entries: list[Entry] | None = None,
    numbers: tuple[int, int] = (1, 2),
    life: tuple[datetime, datetime] = LIFE,
) -> bytes:
    """Over the base, and of the number, that `numbers` are."""
    base, number = numbers
    return case.crl(*extensions, entries=entries, base=base, number=number, life=life)


def _indirect(case: Case, *, flags: tuple[int, ...] = (_INDIRECT,), mine: bool = True) -> bytes:
    """The lister's CRL; its first entry names the issuer whose certificates the list is of."""
    name = case.issuer.name if mine else LISTER.name
    first, *rest = case.entries
    entries = [replace(first, extensions=(certificate_issuer(name),)), *rest]
    return make_crl(LISTER, *entries, extensions=[issuing_point(_HERE, flags=flags)])


def _freed(case: Case) -> Told:
    """On hold in the base; the delta takes it off, or is silent where it is to stay."""
    entries = [] if case.revoked else [Entry(case.serial, _REMOVE)]
    return Told((case.crl(entries=[Entry(case.serial, _HOLD)]), _delta(case, entries=entries)))


WAYS: Mapping[str, Callable[[Case], Told]] = {
    "full": lambda case: Told((case.crl(),)),
    "nothing": lambda _: Told(),
    "ended": lambda case: Told((case.crl(life=ENDED),)),
    "unnumbered": lambda case: Told((case.crl(number=None),)),
    "for users": lambda case: Told((case.crl(issuing_point(flags=[_USERS])),)),
    "for CAs": lambda case: Told((case.crl(issuing_point(flags=[_CAS])),)),
    "delta": lambda case: Told((case.crl(entries=[]), _delta(case))),
    "delta alone": lambda case: Told((_delta(case),)),
    "delta over another base": lambda case: Told((case.crl(entries=[]), _delta(case, numbers=(5, 6)))),
    "delta over an ended base": lambda case: Told((case.crl(entries=[], life=ENDED), _delta(case))),
    "ended delta": lambda case: Told((case.crl(entries=[]), _delta(case, life=ENDED))),
    "delta that frees": _freed,
    "partition": lambda case: Told((case.crl(issuing_point(_HERE)),)),
    "partition and its delta": lambda case: Told(
        (case.crl(issuing_point(_HERE), entries=[]), _delta(case, issuing_point(_HERE)))
    ),
    "partition and another's delta": lambda case: Told(
        (case.crl(issuing_point(_HERE), entries=[]), _delta(case, issuing_point(_ELSEWHERE)))
    ),
    "reasons in two parts": lambda case: Told(
        (case.crl(issuing_point(reasons=[1, 2])), case.crl(issuing_point(reasons=[3, 4, 5, 6, 7, 8])))
    ),
    "some reasons": lambda case: Told((case.crl(issuing_point(reasons=[3])),)),
    "indirect": lambda case: Told((_indirect(case),)),
    "indirect of others": lambda case: Told((_indirect(case, mine=False),)),
    "indirect unsaid": lambda case: Told((_indirect(case, flags=()),)),
    "answer": lambda case: Told(answers=(answer(case),)),
    "delegate's answer": lambda case: Told(answers=(delegated(case),)),
    "unchecked delegate's answer": lambda case: Told(answers=(delegated(case, no_check=False),)),
    "answer of one who may not": lambda case: Told(answers=(delegated(case, purpose=oids.CLIENT_AUTH),)),
    "unknown": lambda case: Told(answers=(answer(case, _UNKNOWN),)),
    "ended answer": lambda case: Told(answers=(answer(case, life=ENDED),)),
    "unknown and full": lambda case: Told((case.crl(),), (answer(case, _UNKNOWN),)),
    "good answer, full": lambda case: Told((case.crl(),), (answer(case, _GOOD),)),
    "answer, empty CRL": lambda case: Told((case.crl(entries=[]),), (answer(case),)),
}
"""By name; each tells of the case, or fails to."""
