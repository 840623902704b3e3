"""The status of one certificate of a path (RFC 5280 §6.1.3 (a)(3)): the sources, one after the other."""

from pki.validation.certificate import Certificate
from pki.validation.crlstatus import ask_crls
from pki.validation.errors import StatusUnknownError
from pki.validation.ocspstatus import ask_ocsp
from pki.validation.policy import RevocationMode
from pki.validation.statuscontext import Cause, Issuer, StatusContext, unknown


def check_status(certificate: Certificate, depth: int, issuer: Issuer, context: StatusContext) -> None:
    """Raises RevokedError, StatusUnknownError, StaleStatusError, DerError."""
    if context.policy.revocation is RevocationMode.NONE or certificate in context.good:
        return
    if certificate in context.pending:
        raise unknown(depth, [Cause("its status would rest on itself")])
    context.pending.append(certificate)
    try:
        _ask(certificate, depth, issuer, context)
    finally:
        context.pending.pop()
    context.good.add(certificate)


def _ask(certificate: Certificate, depth: int, issuer: Issuer, context: StatusContext) -> None:
    mode = context.policy.revocation
    if mode is RevocationMode.CRL:
        ask_crls(certificate, depth, issuer, context)
        return
    try:
        ask_ocsp(certificate, depth, issuer, context)
    except StatusUnknownError as without_answer:
        if mode is RevocationMode.OCSP:
            raise
        _ask_crls_instead(certificate, depth, issuer, context, without_answer)


def _ask_crls_instead(
    certificate: Certificate, depth: int, issuer: Issuer, context: StatusContext, before: StatusUnknownError
) -> None:
    """CRLs where OCSP doesn't tell; the error then names the causes of both."""
    try:
        ask_crls(certificate, depth, issuer, context)
    except StatusUnknownError as error:
        raise type(error)(depth, (*before.causes, *error.causes), disowned=before.disowned) from error
