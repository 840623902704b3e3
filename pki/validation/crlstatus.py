"""Status from CRLs (RFC 5280 §6.3): complete and delta, partitioned and indirect."""

from collections.abc import Iterator

from pki import oids
from pki.der import DerError
from pki.validation import decoders
from pki.validation.certificate import Certificate
from pki.validation.crl import Crl
from pki.validation.decoders import ALL_REASONS, DistributionPoint, IssuingDistributionPoint, PointName, Usage
from pki.validation.entries import REMOVE_FROM_CRL, CrlEntry
from pki.validation.errors import PathError, RevokedError
from pki.validation.extensions import is_ca, may
from pki.validation.generalnames import Form, GeneralName, directory_names, overlap
from pki.validation.names import ComparableName, comparable
from pki.validation.signatures import AlgorithmError, inherits
from pki.validation.statuscontext import Cause, Issuer, NotUsableError, StatusContext, unknown
from pki.validation.steps import key_of


def ask_crls(certificate: Certificate, depth: int, issuer: Issuer, context: StatusContext) -> None:
    """Returns when every reason for a revocation is covered by a CRL that doesn't list the certificate.

    Raises RevokedError, StatusUnknownError, DerError.
    """
    causes: list[Cause] = []
    covered: frozenset[int] = frozenset()
    for point in _points(certificate):
        for crl in _complete_crls(point, certificate, context):
            try:
                reasons = _reasons(point, crl, certificate)
                if reasons <= covered:
                    continue
                entry = _entry(crl, certificate, issuer, context)
            except NotUsableError as refused:
                causes.append(refused.cause)
                continue
            if entry is not None:
                raise RevokedError(depth, entry.reason, entry.since)
            covered |= reasons
            if covered == ALL_REASONS:
                return
    if covered:
        causes.append(Cause("the CRLs at hand don't cover every reason for a revocation"))
    raise unknown(depth, causes or [Cause("no CRL is by the issuer that is to issue it")])


def _points(certificate: Certificate) -> Iterator[DistributionPoint]:
    """Its distribution points, and last the one that §6.3.3 takes for granted: its issuer's name."""
    yield from certificate.extension(oids.CRL_DISTRIBUTION_POINTS, decoders.distribution_points) or ()
    name = PointName((GeneralName(Form.DIRECTORY_NAME, certificate.issuer),))
    yield DistributionPoint(name, ALL_REASONS, ())


def _complete_crls(
    point: DistributionPoint, certificate: Certificate, context: StatusContext
) -> Iterator[Crl]:
    for name in _issuers(point, certificate):
        yield from (crl for crl in context.evidence.crls.get(name, ()) if crl.base is None)


def _issuers(point: DistributionPoint, certificate: Certificate) -> frozenset[ComparableName]:
    """§6.3.3 (b)(1): who issues the CRLs of this point."""
    if point.crl_issuer:
        return directory_names(point.crl_issuer)
    return frozenset({comparable(certificate.issuer)})


def _reasons(point: DistributionPoint, crl: Crl, certificate: Certificate) -> frozenset[int]:
    """§6.3.3 (b), (d): for which reasons this CRL speaks of this certificate. Raises NotUsableError."""
    scope = crl.point
    if point.crl_issuer and (scope is None or not scope.indirect):
        raise NotUsableError("the CRL of a separate issuer is not an indirect one")
    if scope is None:
        return point.reasons
    _check_kind(scope, certificate)
    if scope.name is not None and not _same_point(scope.name, point, crl, certificate):
        raise NotUsableError("a CRL is for another distribution point")
    return point.reasons & scope.reasons


def _check_kind(scope: IssuingDistributionPoint, certificate: Certificate) -> None:
    """§6.3.3 (b)(2)(ii) to (iv). Raises NotUsableError."""
    if scope.only_attribute:
        raise NotUsableError("a CRL is for attribute certificates only")
    if scope.only_user and is_ca(certificate):
        raise NotUsableError("a CRL is for certificates of users only")
    if scope.only_ca and not is_ca(certificate):
        raise NotUsableError("a CRL is for certificates of CAs only")


def _same_point(name: PointName, point: DistributionPoint, crl: Crl, certificate: Certificate) -> bool:
    """§6.3.3 (b)(2)(i)."""
    names = name.names(crl.issuer)
    if point.name is None:
        return overlap(names, point.crl_issuer)
    base = next((item.content for item in point.crl_issuer if item.form is Form.DIRECTORY_NAME), None)
    return overlap(names, point.name.names(base or certificate.issuer))


def _entry(crl: Crl, certificate: Certificate, issuer: Issuer, context: StatusContext) -> CrlEntry | None:
    """§6.3.3 (c), (f) to (l): what the CRL, brought up to date by a delta, says. Raises NotUsableError."""
    delta = _delta(crl, issuer, context)
    _check_usable(crl, issuer, context, updated=delta is not None)
    if delta is not None and (changed := delta.find(certificate.issuer, certificate.serial)) is not None:
        return None if changed.reason == REMOVE_FROM_CRL else changed
    return crl.find(certificate.issuer, certificate.serial)


def _delta(crl: Crl, issuer: Issuer, context: StatusContext) -> Crl | None:
    """§6.3.3 (c): the newest usable delta for the same scope, if there is one."""
    for delta in context.evidence.crls.get(crl.name, ()):
        if delta.base is None or not _updates(delta, crl):
            continue
        try:
            _check_usable(delta, issuer, context, updated=False)
        except NotUsableError:
            continue
        return delta
    return None


def _updates(delta: Crl, crl: Crl) -> bool:
    if delta.base is None or delta.number is None or crl.number is None:
        return False
    same = delta.point == crl.point and delta.authority_key == crl.authority_key
    return same and delta.base <= crl.number < delta.number


def _check_usable(crl: Crl, issuer: Issuer, context: StatusContext, *, updated: bool) -> None:
    """Moment, critical extensions, signature. Raises NotUsableError.

    `updated`: a fresh delta stands for a complete CRL that ended (§6.3.3 (a)(1)).
    """
    if crl.unknown_critical is not None:
        raise NotUsableError(f"a CRL's critical extension {crl.unknown_critical} is not understood")
    if context.policy.strict and (crl.number is None or crl.number_critical):
        raise NotUsableError("a CRL's cRLNumber is missing or critical (RFC 5280 §5.2.3)")
    context.check_begun(crl.this_update, "a CRL")
    if crl.next_update is None:
        raise NotUsableError("a CRL doesn't say when the next comes (RFC 5280 §5.1.2.5)")
    if context.at > crl.next_update and not updated:
        raise NotUsableError(f"a CRL was to be replaced at {crl.next_update.isoformat()}", stale=True)
    _check_signer(crl, issuer, context)


def _check_signer(crl: Crl, issuer: Issuer, context: StatusContext) -> None:
    """§6.3.3 (f), (g): the certificate's own issuer, or another of the CRL issuer's name whose path holds."""
    own = issuer.certificate
    if comparable(own.subject) == crl.name and may(own, Usage.CRL_SIGN) and _signed(crl, issuer, context):
        return
    causes = []
    for signer in context.bag.named(crl.name):
        if signer.spki == own.spki or not may(signer, Usage.CRL_SIGN):
            continue
        try:
            if _signed(crl, Issuer(signer, key_of(signer, 0, context.policy)), context):
                _check_path(crl, signer, context)
                return
        except (PathError, AlgorithmError, DerError) as error:
            causes.append(str(error))
    raise NotUsableError("; ".join(["a CRL is signed by no key that may sign it", *causes]))


def _signed(crl: Crl, signer: Issuer, context: StatusContext) -> bool:
    spki, sha1 = signer.certificate.spki, context.policy.sha1
    if (spki, sha1) in crl.verified_by:
        return True
    if not context.verify(crl.algorithm, signer.key, crl.signature, crl.tbs):
        return False
    if not inherits(spki):  # else the key is not known by its SubjectPublicKeyInfo alone
        crl.remember(spki, sha1=sha1)
    return True


def _check_path(crl: Crl, signer: Certificate, context: StatusContext) -> None:
    """Raises PathError, DerError."""
    if signer == context.anchor or context.vouches_for_itself(crl, signer):
        return
    context.vouching.append((crl, signer))
    try:
        context.validate_signer(signer, context)
    finally:
        context.vouching.pop()
