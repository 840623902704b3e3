"""Answers for many are verified before they are stored: no fault of a key may be given out for hours.

A fresh answer is not: verifying costs twice what signing costs, and one bad answer reaches one client, who
refuses it. That the key signs rightly is tried by health every few seconds.
"""

import logging
from collections.abc import Iterable

from cryptography.exceptions import InvalidSignature

from pki.keys.health import verify_message
from pki.status.ocsp.composing import data_of
from pki.status.ocsp.making import AnswerMaker, serial_content
from pki.status.ocsp.record import StoredAnswer

_LOG = logging.getLogger(__name__)


def verified(maker: AnswerMaker, answers: Iterable[StoredAnswer]) -> list[StoredAnswer]:
    """Those whose signature is their responder's; the others are left out, and told in the log."""
    right = []
    for answer in answers:
        if _is_signed(maker, answer):
            right.append(answer)
        else:
            _LOG.error("a signature of the OCSP responder of %s does not verify", answer.form.issuer)
    return right


def _is_signed(maker: AnswerMaker, answer: StoredAnswer) -> bool:
    issuer = answer.form.issuer
    credential = maker.credential_by_tag(issuer, answer.tag)
    if credential is None:
        return False  # it was revoked in the meantime
    data = data_of(answer, serial_content(answer.serial), credential, maker.extensions_of(issuer))
    try:
        verify_message(credential.signer.public_key, answer.signature, data, credential.algorithm.hash)
    except InvalidSignature:
        return False
    return True
