"""Step 8's refusals: the issuer does not stand by the certificate, or it can't be known. See `errors`."""

from datetime import datetime
from enum import Enum, unique

from verifier.authentication.errors import LoginRefusedError
from verifier.authentication.steps import Step


class StatusError(LoginRefusedError):
    """Step 8: the issuer does not stand by the certificate, or can't be asked."""

    step = Step.STATUS


class CertificateRevokedError(StatusError):
    """Revoked for good. `reason` is spelt as in RFC 5280, section 5.3.1, if it is known."""

    kind = "certificate-revoked"
    title = "The certificate is revoked"

    def __init__(self, revoked_at: datetime | None = None, reason: str | None = None) -> None:
        super().__init__("the issuer revoked the certificate")
        self.revoked_at = revoked_at
        self.reason = reason


class CertificateSuspendedError(StatusError):
    """On hold: not delivered yet, or suspended."""

    kind = "certificate-suspended"
    title = "The certificate is suspended"

    def __init__(self, since: datetime | None = None) -> None:
        super().__init__("the certificate is on hold")
        self.since = since


class CertificateUnknownError(StatusError):
    """The issuer never issued this serial."""

    kind = "certificate-unknown"
    title = "The issuer does not know the certificate"

    def __init__(self) -> None:
        super().__init__("the issuer has no record of this certificate")


class AuthorityNotGoodError(StatusError):
    """An authority above the certificate is revoked, on hold or disowned by the one above it.

    `sha256` is its fingerprint.
    """

    kind = "authority-revoked"
    title = "The certificate's issuer is revoked"

    def __init__(self, sha256: str) -> None:
        super().__init__("the certificate's issuer, or an authority above it, is not in good standing")
        self.sha256 = sha256


class StatusUnavailableError(StatusError):
    """The status can't be known now, and what can't be known is refused."""

    kind = "status-unavailable"
    title = "The certificate's status can't be known now"

    def __init__(
        self, detail: str = "the status of the certificate can't be looked up at the moment"
    ) -> None:
        super().__init__(detail)


@unique
class SourceFault(Enum):
    """Why there is nobody to ask; the value is the explanation."""

    NOT_CONFIGURED = "no source of status is configured for the certificate's issuer"
    NOT_NAMED = "the certificate names no address at which its status can be asked"
    ADDRESS_REFUSED = "the address at which the certificate's status is to be asked is not allowed"


class StatusSourceUnknownError(StatusUnavailableError):
    """It is not known whom to ask, or whoever is named may not be asked."""

    kind = "status-source-unknown"
    title = "Nobody can be asked for the certificate's status"

    def __init__(self, fault: SourceFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


class StatusSourcePausedError(StatusUnavailableError):
    """The source failed several times and rests, or as many ask it as may."""

    kind = "status-source-paused"
    title = "The source of the certificate's status is not asked at the moment"

    def __init__(self) -> None:
        super().__init__("the source failed repeatedly, or too many ask it at the moment")


class StatusSourceFailedError(StatusUnavailableError):
    """The source can't be reached, or reports an error. `detail` says which."""

    kind = "status-source-failed"
    title = "The source of the certificate's status does not answer"


class StatusTimeoutError(StatusUnavailableError):
    """The source did not answer within the time that a login may take."""

    kind = "status-timeout"
    title = "The source of the certificate's status is too slow"

    def __init__(self) -> None:
        super().__init__("the source of the certificate's status did not answer in time")


class StatusStaleError(StatusUnavailableError):
    """What the source says is too old, or of a time that has not come."""

    kind = "status-stale"
    title = "What is said of the certificate's status is not of now"

    def __init__(self, detail: str = "what the source says was true at another time") -> None:
        super().__init__(detail)


class StatusUntrustedAnswerError(StatusUnavailableError):
    """What came is no answer to the question by somebody who may give it. `causes` are for the log."""

    kind = "status-untrusted-answer"
    title = "What is said of the certificate's status can't be trusted"

    def __init__(self, causes: tuple[str, ...] = ()) -> None:
        super().__init__("the answer is malformed, about something else, or by somebody who may not give it")
        self.causes = causes
