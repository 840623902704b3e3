"""`hoviat bench validate`: paths per second, against the signature checks that they can't do without."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256, SHA384

from pki import der, oids
from pki.authority.intents import new_serial
from pki.hierarchy import Role
from pki.keys.algorithms import algorithm_for, sign_structure
from pki.keys.files import FileSigner
from pki.keys.identifiers import key_identifier, spki_of
from pki.keys.kinds import KeyKind
from pki.profiles import Profile
from pki.profiles.definitions import DEFINITIONS
from pki.profiles.extensions import PublicAddresses
from pki.profiles.facts import IssuerFacts, validity_from
from pki.profiles.names import encode_ca, encode_person, person_name
from pki.profiles.tbs import encode_tbs
from pki.validation import Evidence, PathPolicy, PinnedIssuers, RevocationMode, read_crl, validate
from pki.validation.certificate import read_certificate
from simulators.load.result import Result

_NAME = "validate"
_GOAL = 0.60
_LEAVES = 50
_ENTRIES = 100_000
_ROUNDS = 15
"""Figure and limit are measured in turns, so that what else the machine does meets both."""
_ADDRESSES = PublicAddresses("http://pki.invalid")
_LOGIN = PathPolicy("digital_signature", oids.CLIENT_AUTH, frozenset({oids.NCP_PLUS}))
_CODE = "0012345679"
_GIVEN_NAME, _SURNAME = "سارا", "محمدی"


@dataclass(frozen=True)
class _Ca:
    """An issuer in memory."""

    signer: FileSigner
    facts: IssuerFacts
    certificate: bytes


@dataclass(frozen=True)
class _Hierarchy:
    """A root, a citizen CA and citizens' login certificates, of the real profiles."""

    root: _Ca
    issuing: _Ca
    leaves: tuple[bytes, ...]
    now: datetime


def measure(seconds: float) -> Iterator[Result]:
    """Measures for about `seconds` each: the fast path by kind of key, and the full path with a long CRL."""
    for kind, title in ((KeyKind.P256, "P-256"), (KeyKind.P384, "P-384")):
        hierarchy = _hierarchy(kind)
        yield _fast(hierarchy, title, seconds)
        yield _full(hierarchy, title, seconds)


def _fast(hierarchy: _Hierarchy, title: str, seconds: float) -> Result:
    pinned = PinnedIssuers([hierarchy.issuing.certificate], [hierarchy.root.certificate])

    bare = _bare_checks(hierarchy)

    def paths() -> None:
        for leaf in hierarchy.leaves:
            pinned.validate(leaf, hierarchy.now, _LOGIN)

    def checks() -> None:
        for check in bare:
            check()

    figure, limit = _in_turns(paths, checks, seconds)
    return Result(_NAME, f"fast path, {title}", figure, "paths/s", limit, "bare signature checks", _GOAL)


def _full(hierarchy: _Hierarchy, title: str, seconds: float) -> Result:
    """The CRL is read once and its signature verified once: that is how a relying party keeps it."""
    anchors = [hierarchy.root.certificate]
    policy = PathPolicy("digital_signature", revocation=RevocationMode.CRL)
    evidence = Evidence.of(
        [read_crl(_crl(hierarchy, ca, n)) for ca, n in ((hierarchy.root, 0), (hierarchy.issuing, _ENTRIES))]
    )
    chains = [[leaf, hierarchy.issuing.certificate] for leaf in hierarchy.leaves]
    leaf_checks, above = _bare_checks(hierarchy), _bare_check(hierarchy.issuing.certificate, hierarchy.root)

    def bare() -> None:
        for check in leaf_checks:
            check()
            above()

    def paths() -> None:
        for chain in chains:
            validate(chain, anchors, hierarchy.now, policy, evidence)

    figure, limit = _in_turns(paths, bare, seconds)
    case = f"full path, CRL of {_ENTRIES:,} entries, {title}"
    return Result(_NAME, case, figure, "paths/s", limit, "bare checks of both signatures")


def _in_turns(work: Callable[[], None], bare: Callable[[], None], seconds: float) -> tuple[float, float]:
    """The median rate of each over many short turns, `seconds` of this process's own time each in all."""
    rates: tuple[list[float], list[float]] = ([], [])
    for _ in range(_ROUNDS):
        for run, found in zip((work, bare), rates, strict=True):
            found.append(_rate(run, seconds / _ROUNDS))
    return statistics.median(rates[0]), statistics.median(rates[1])


def _rate(run: Callable[[], None], seconds: float) -> float:
    start, runs = time.process_time(), 0
    while (elapsed := time.process_time() - start) < seconds:
        run()
        runs += 1
    return runs * _LEAVES / elapsed


def _bare_checks(hierarchy: _Hierarchy) -> list[Callable[[], None]]:
    return [_bare_check(leaf, hierarchy.issuing) for leaf in hierarchy.leaves]


def _bare_check(raw: bytes, issuer: _Ca) -> Callable[[], None]:
    """The signature alone: all that can be made ready before is."""
    certificate = read_certificate(raw)
    key = issuer.signer.public_key
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise TypeError("the bench's issuers have EC keys")
    algorithm = ec.ECDSA(SHA256() if isinstance(key.curve, ec.SECP256R1) else SHA384())
    signature, message = certificate.signature, certificate.tbs
    return lambda: key.verify(signature, message, algorithm)


def _hierarchy(kind: KeyKind) -> _Hierarchy:
    now = datetime.now(UTC).replace(microsecond=0)
    root = _ca(Role.ROOT, KeyKind.P384, now, None)
    issuing = _ca(Role.CITIZEN_AUTHENTICATION, kind, now, root)
    subject = encode_person(person_name(_CODE, _GIVEN_NAME, _SURNAME))
    keys = [spki_of(FileSigner.generate(KeyKind.P256).public_key) for _ in range(_LEAVES)]
    leaves = [_certify(Profile.AUTHENTICATION, subject, spki, now, issuing) for spki in keys]
    return _Hierarchy(root, issuing, tuple(leaves), now + timedelta(hours=1))


def _ca(role: Role, kind: KeyKind, now: datetime, above: _Ca | None) -> _Ca:
    signer = FileSigner.generate(kind)
    definition = DEFINITIONS[Profile.ISSUING_CA if above else Profile.ROOT_CA]
    facts = IssuerFacts(
        f"{role.value}-g1",
        encode_ca(role, 1),
        key_identifier(spki_of(signer.public_key)),
        validity_from(now, definition.life, above.facts.validity if above else None),
        algorithm_for(signer.public_key).identifier,
    )
    own = _Ca(signer, facts, b"")
    raw = _certify(definition.profile, facts.subject, spki_of(signer.public_key), now, above or own)
    return _Ca(signer, facts, raw)


def _certify(profile: Profile, subject: bytes, spki: bytes, now: datetime, issuer: _Ca) -> bytes:
    definition = DEFINITIONS[profile]
    validity = validity_from(now, definition.life, issuer.facts.validity)
    tbs = encode_tbs(
        definition, new_serial(), subject, spki, validity, issuer.facts, _ADDRESSES, issuer.facts.name
    )
    return sign_structure(issuer.signer, tbs)


def _crl(hierarchy: _Hierarchy, issuer: _Ca, entries: int) -> bytes:
    """A complete CRL of `entries` serials that nobody has (RFC 5280 §5.1)."""
    time_of = der.time(hierarchy.now)
    reason = der.sequence((der.extension(oids.CRL_REASON, der.enumerated(1)),))
    revoked = [der.sequence((der.integer(1 << 100 | n), time_of, reason)) for n in range(entries)]
    number = der.extension(oids.CRL_NUMBER, der.integer(1))
    parts: Sequence[bytes] = (
        der.integer(1),
        issuer.facts.signature_algorithm,
        issuer.facts.subject,
        time_of,
        der.time(hierarchy.now + timedelta(days=1)),
        der.sequence(revoked) if revoked else b"",
        der.context(0, der.sequence((number,))),
    )
    return sign_structure(issuer.signer, der.sequence(parts))
