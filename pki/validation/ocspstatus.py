"""Status from OCSP answers (RFC 6960 §3.2), signed by the CA itself or by a responder that it named."""

import hashlib
from datetime import timedelta
from hmac import compare_digest

from pki import oids
from pki.der import DerError
from pki.validation import decoders
from pki.validation.certificate import Certificate
from pki.validation.crlstatus import ask_crls
from pki.validation.decoders import Usage
from pki.validation.errors import BadSignatureError, PathError, RevokedError
from pki.validation.extensions import check_extensions, may
from pki.validation.names import comparable
from pki.validation.ocsp import CertId, CertStatus, OcspAnswer, SingleAnswer
from pki.validation.signatures import AlgorithmError, key_bits
from pki.validation.statuscontext import Cause, Issuer, NotUsableError, StatusContext, unknown
from pki.validation.steps import check_signature, check_time, key_of

_HASHES = {
    oids.SHA1: "sha1",
    oids.SHA256: "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
"""In a CertID hashes are for finding, not for safety: SHA-1 counts here."""


def ask_ocsp(certificate: Certificate, depth: int, issuer: Issuer, context: StatusContext) -> None:
    """Returns when a usable answer says good. Raises RevokedError, StatusUnknownError, DerError."""
    causes: list[Cause] = []
    good = False
    for answer in context.evidence.answers:
        for single in answer.answers.get(certificate.serial, ()):
            if not _is_about(single.cert_id, certificate, issuer):
                continue
            try:
                _check_usable(answer, single, issuer, context)
            except NotUsableError as refused:
                causes.append(refused.cause)
                continue
            if single.status is CertStatus.REVOKED and single.revoked_at is not None:
                raise RevokedError(depth, single.reason, single.revoked_at)
            good = good or single.status is CertStatus.GOOD
            causes.append(Cause("an OCSP responder doesn't know it", disowned=True))
    if not good:
        raise unknown(depth, causes or [Cause("no OCSP answer is about it")])


def _is_about(cert_id: CertId, certificate: Certificate, issuer: Issuer) -> bool:
    """RFC 6960 §3.2 (1): the issuer's name and key, whose hashes count, and the serial."""
    name = _HASHES.get(cert_id.hash_algorithm)
    if name is None:
        return False
    digests = (
        hashlib.new(name, certificate.issuer, usedforsecurity=False).digest(),
        hashlib.new(name, key_bits(issuer.certificate.spki), usedforsecurity=False).digest(),
    )
    return (cert_id.name_hash, cert_id.key_hash) == digests


def _check_usable(answer: OcspAnswer, single: SingleAnswer, issuer: Issuer, context: StatusContext) -> None:
    """RFC 6960 §3.2 (2) to (6). Raises NotUsableError, DerError."""
    unknown_critical = answer.unknown_critical or single.unknown_critical
    if unknown_critical is not None:
        raise NotUsableError(f"an OCSP answer's critical extension {unknown_critical} is not understood")
    wanted = context.evidence.nonce
    if wanted is not None and not compare_digest(answer.nonce or b"", wanted):
        raise NotUsableError("an OCSP answer is not to the nonce that was sent")
    _check_fresh(single, context)
    _check_signer(answer, issuer, context)


def _check_fresh(single: SingleAnswer, context: StatusContext) -> None:
    context.check_begun(single.this_update, "an OCSP answer")
    end, policy = single.next_update, context.policy
    late = context.at - (end or single.this_update)  # differences: sums may leave the calendar
    if late > policy.clock_skew + (policy.ocsp_max_age if end is None else timedelta()):
        raise NotUsableError(f"an OCSP answer of {single.this_update.isoformat()} has ended", stale=True)


def _check_signer(answer: OcspAnswer, issuer: Issuer, context: StatusContext) -> None:
    """RFC 6960 §4.2.2.2: who was agreed on, else the CA's own key or a delegate's. Raises NotUsableError."""
    if context.evidence.responders:
        _check_agreed(answer, context)
        return
    if _names(answer, issuer.certificate) and context.verify(
        answer.algorithm, issuer.key, answer.signature, answer.tbs
    ):
        return
    causes = []
    for delegate in answer.certificates:
        if not _names(answer, delegate):
            continue
        try:
            key = key_of(delegate, 0, context.policy)
            if context.verify(answer.algorithm, key, answer.signature, answer.tbs):
                _check_delegate(delegate, issuer, context)
                return
        except (PathError, AlgorithmError, DerError, NotUsableError) as error:
            causes.append(str(error))
    raise NotUsableError("; ".join(["an OCSP answer is signed by nobody who may", *causes]))


def _check_agreed(answer: OcspAnswer, context: StatusContext) -> None:
    """§4.2.2.2 (1): the relying party's own choice of responders, whoever issued to them."""
    causes = []
    for responder in context.evidence.responders:
        if not _names(answer, responder):
            continue
        try:
            check_time(responder, 0, context.at)
            key = key_of(responder, 0, context.policy)
        except (PathError, DerError) as error:
            causes.append(str(error))
            continue
        if context.verify(answer.algorithm, key, answer.signature, answer.tbs):
            return
    raise NotUsableError(
        "; ".join(["an OCSP answer is signed by no responder that was agreed upon", *causes])
    )


def _names(answer: OcspAnswer, signer: Certificate) -> bool:
    """Whether responderID means this certificate."""
    if answer.responder_name is not None:
        return comparable(answer.responder_name) == comparable(signer.subject)
    digest = hashlib.sha1(key_bits(signer.spki), usedforsecurity=False).digest()
    return answer.responder_key == digest


def _check_delegate(delegate: Certificate, issuer: Issuer, context: StatusContext) -> None:
    """Issued by that very CA, for this purpose, valid now, not revoked. Raises NotUsableError, PathError."""
    if comparable(delegate.issuer) != comparable(issuer.certificate.subject):
        raise NotUsableError("the OCSP responder was named by another CA")
    try:
        check_signature(delegate, issuer.key, 0, context.policy)
    except BadSignatureError as error:
        raise NotUsableError("the OCSP responder was not named by the CA's key") from error
    check_time(delegate, 0, context.at)
    check_extensions(delegate, 0)
    purposes = delegate.extension(oids.EXTENDED_KEY_USAGE, decoders.key_purposes) or frozenset()
    if oids.OCSP_SIGNING not in purposes or not may(delegate, Usage.DIGITAL_SIGNATURE):
        raise NotUsableError("the OCSP responder's certificate is not for signing answers")
    if oids.OCSP_NOCHECK not in delegate.extensions and context.policy.delegated_status:
        ask_crls(delegate, 0, issuer, context)
