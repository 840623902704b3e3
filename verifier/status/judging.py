"""What OCSP answers and CRLs say of one certificate: `pki.validation` decides."""

import logging
from datetime import datetime

from pki.der import DerError
from pki.errors import ValidationError
from pki.validation import Evidence, PathPolicy
from pki.validation.certificate import Certificate
from pki.validation.errors import RevokedError, StaleStatusError, StatusUnknownError
from pki.validation.path import validate_signer
from pki.validation.search import Bag
from pki.validation.status import check_status
from pki.validation.statuscontext import Issuer, StatusContext
from pki.validation.steps import key_of
from verifier.authentication.status import CertificateStatus, StatusAnswer
from verifier.authentication.statuserrors import StatusStaleError, StatusUntrustedAnswerError

_LOG = logging.getLogger(__name__)
_HOLD = "certificateHold"


def judge(
    certificate: Certificate, issuer: Certificate, at: datetime, policy: PathPolicy, evidence: Evidence
) -> StatusAnswer:
    """Nobody above the issuer is looked at. Raises StatusStaleError, StatusUntrustedAnswerError."""
    try:
        context = StatusContext(at, policy, evidence, Bag.of((), (issuer,)), issuer, validate_signer)
        check_status(certificate, 0, Issuer(issuer, key_of(issuer, 1, policy)), context)
    except RevokedError as error:
        held = error.reason == _HOLD
        status = CertificateStatus.ON_HOLD if held else CertificateStatus.REVOKED
        return StatusAnswer(status, error.since, error.reason)
    except StatusUnknownError as error:
        if error.disowned:
            return StatusAnswer(CertificateStatus.UNKNOWN)
        _LOG.warning("status of a certificate not taken: %s", error.detail)
        if isinstance(error, StaleStatusError):
            raise StatusStaleError from error
        raise StatusUntrustedAnswerError(error.causes) from error
    except (ValidationError, DerError) as error:
        _LOG.warning("status of a certificate not taken: %s", error)
        raise StatusUntrustedAnswerError((str(error),)) from error
    return StatusAnswer(CertificateStatus.GOOD)
