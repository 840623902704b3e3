"""Why a token is refused: one class per failure, each with a stable `kind` and the step that found it."""

from datetime import datetime
from enum import Enum, unique
from typing import ClassVar

from pki.validation.errors import PathError
from verifier.authentication.steps import Step


class LoginRefusedError(Exception):
    """A login did not pass one of its steps. Base of:

    LoginRefusedError
    ├── ChallengeError                 0
    │   ├── ChallengeUnknownError
    │   ├── ChallengeUsedError
    │   └── ChallengeExpiredError
    ├── TokenParseError                1
    ├── TokenFormatError               2
    │   ├── FormatUnsupportedError
    │   ├── ForeignFieldError
    │   └── AlgorithmUnsupportedError
    ├── CertificateError               3
    │   ├── CertificateDecodingError
    │   └── CriticalExtensionError
    ├── PurposeError                   4
    │   ├── PurposeMissingError
    │   └── PurposeWrongError
    ├── PolicyError                    5
    │   ├── CertificatePolicyError
    │   ├── IdentityError
    │   └── PolicyUnavailableError
    ├── TrustError                     6
    │   ├── CertificateNotYetValidError
    │   ├── CertificateExpiredError
    │   ├── KeyWeakError
    │   ├── IssuerUntrustedError
    │   └── SigningCertificateError
    ├── ProofError                     7
    │   ├── KeyMismatchError
    │   └── SignatureError
    └── StatusError                    8, in `statuserrors`
        ├── CertificateRevokedError
        ├── CertificateSuspendedError
        ├── CertificateUnknownError
        ├── AuthorityNotGoodError
        └── StatusUnavailableError
            ├── StatusSourceUnknownError
            ├── StatusSourcePausedError
            ├── StatusSourceFailedError
            ├── StatusTimeoutError
            ├── StatusStaleError
            └── StatusUntrustedAnswerError
    """

    step: ClassVar[Step]
    kind: ClassVar[str]
    """Stable name of the failure: the last part of the problem document's `type`."""
    title: ClassVar[str]
    certificate_sha256: str | None = None
    """Fingerprint of the certificate that was presented, once it could be read. Anybody may present one."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    def __reduce__(self) -> tuple[object, ...]:
        """Pickled by what it holds: constructors take what they make it of."""
        return _restored, (type(self), self.args, vars(self))


def _restored(
    kind: type[LoginRefusedError], arguments: tuple[object, ...], attributes: dict[str, object]
) -> LoginRefusedError:
    error = kind.__new__(kind, *arguments)
    error.args = arguments
    vars(error).update(attributes)
    return error


class ChallengeError(LoginRefusedError):
    """Step 0: the nonce may not be used."""

    step = Step.CHALLENGE


class ChallengeUnknownError(ChallengeError):
    """This nonce was never issued to this site, or so long ago that it is forgotten."""

    kind = "challenge-unknown"
    title = "The challenge is not known"

    def __init__(self) -> None:
        super().__init__("no challenge with this nonce was issued to this site")


class ChallengeUsedError(ChallengeError):
    """This nonce served an earlier attempt, successful or not."""

    kind = "challenge-used"
    title = "The challenge was used before"

    def __init__(self, used_at: datetime | None = None) -> None:
        super().__init__("a challenge serves one attempt, whatever its outcome")
        self.used_at = used_at


class ChallengeExpiredError(ChallengeError):
    """This nonce is older than its five minutes."""

    kind = "challenge-expired"
    title = "The challenge is too old"

    def __init__(self, expired_at: datetime) -> None:
        super().__init__("the time to answer this challenge is over")
        self.expired_at = expired_at


@unique
class ParseFault(Enum):
    """What is wrong with the token's text; the value is the explanation."""

    TOO_SHORT = "shorter than 100 characters"
    TOO_LONG = "longer than its format allows (10,000 characters; web-eid:1.1: 65,536)"
    TOO_DEEP = "nested too deeply"
    NOT_JSON = "not a JSON text (RFC 8259)"
    DUPLICATE_KEY = "a key occurs twice"
    NOT_OBJECT = "not a JSON object"
    FIELD_MISSING = "a required field is missing or empty"
    FIELD_TYPE = "a field is not of its type"
    LIST_EMPTY = "a list is empty, and must hold something if it is there"
    LIST_TOO_LONG = "a list holds more certificates than any card's path has"
    UNKNOWN_ALGORITHM = "not a signature algorithm of a card"
    NOT_UNICODE = "a string holds unpaired surrogates"
    NOT_BASE64 = "not strict base64 (RFC 4648, section 4)"


class TokenParseError(LoginRefusedError):
    """Step 1: the text is no token. `field` names the member at fault, if one is."""

    step = Step.PARSE
    kind = "token-malformed"
    title = "The token can't be read"

    def __init__(self, fault: ParseFault, field: str | None = None) -> None:
        super().__init__(f"{field}: {fault.value}" if field else fault.value)
        self.fault = fault
        self.field = field


class TokenFormatError(LoginRefusedError):
    """Step 2: a token, but of a kind that is not accepted."""

    step = Step.FORMAT


class FormatUnsupportedError(TokenFormatError):
    """The token is not of Web eID version 1.0 or 1.1."""

    kind = "token-format-unsupported"
    title = "The token's format is not supported"

    def __init__(self) -> None:
        super().__init__("only web-eid:1, web-eid:1.0 and web-eid:1.1 are accepted")


class ForeignFieldError(TokenFormatError):
    """A version 1.0 token with a member that only later versions have; `field` names it."""

    kind = "token-field-foreign"
    title = "The token carries a field that its format does not have"

    def __init__(self, field: str) -> None:
        super().__init__(f"{field} does not belong into a web-eid:1.0 token; web-eid:1.1 has it")
        self.field = field


class AlgorithmUnsupportedError(TokenFormatError):
    """The token names no signature algorithm of Web eID."""

    kind = "token-algorithm-unsupported"
    title = "The token's signature algorithm is not supported"

    def __init__(self) -> None:
        super().__init__("the algorithm is none of ES, PS and RS with 256, 384 and 512")


class CertificateError(LoginRefusedError):
    """Step 3: the certificate can't be understood, so nothing in it can be relied on."""

    step = Step.CERTIFICATE


class CertificateDecodingError(CertificateError):
    """Not exactly one DER certificate in base64."""

    kind = "certificate-undecodable"
    title = "The certificate can't be decoded"

    def __init__(self, detail: str = "not one complete DER certificate (RFC 5280) in base64") -> None:
        super().__init__(detail)


class CriticalExtensionError(CertificateError):
    """A critical extension that is not understood here (RFC 5280, section 4.2)."""

    kind = "certificate-extension-unsupported"
    title = "The certificate holds a critical extension that is not understood"

    def __init__(self, oid: str) -> None:
        super().__init__(f"critical extension {oid} is not understood")
        self.oid = oid


class PurposeError(LoginRefusedError):
    """Step 4: not a certificate for logging in."""

    step = Step.PURPOSE


class PurposeMissingError(PurposeError):
    """The certificate does not say what it is for."""

    kind = "certificate-purpose-missing"
    title = "The certificate does not say what it is for"

    def __init__(self, extension: str) -> None:
        super().__init__(f"{extension} is absent")
        self.extension = extension


@unique
class PurposeFault(Enum):
    """Which purpose is wrong; the value is the explanation."""

    NOT_DIGITAL_SIGNATURE = "keyUsage lacks digitalSignature"
    NON_REPUDIATION = "keyUsage has nonRepudiation: this is a signing certificate"
    NOT_CLIENT_AUTH = "extendedKeyUsage lacks clientAuth"
    CERTIFICATE_AUTHORITY = "basicConstraints makes this an authority"


class PurposeWrongError(PurposeError):
    """The certificate is for something else."""

    kind = "certificate-purpose-wrong"
    title = "The certificate is not for logging in"

    def __init__(self, fault: PurposeFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


class PolicyError(LoginRefusedError):
    """Step 5: a certificate for logging in, but not one this policy accepts."""

    step = Step.POLICY


class CertificatePolicyError(PolicyError):
    """No accepted certificate policy, or a refused one. `oids` is what the certificate asserts."""

    kind = "certificate-policy-refused"
    title = "The certificate's policy is not accepted"

    def __init__(self, oids: tuple[str, ...]) -> None:
        super().__init__("the certificate's policies are not those accepted here")
        self.oids = oids


@unique
class IdentityFault(Enum):
    """What is wrong with the subject; the value is the explanation."""

    SERIAL_NUMBER_COUNT = "the subject has not exactly one serialNumber"
    SERIAL_NUMBER_FORM = "the subject's serialNumber is no accepted identity code"
    ATTRIBUTE_REPEATED = "a name attribute occurs more than once"
    CONTROL_CHARACTER = "the subject holds control or bidirectional characters"


class IdentityError(PolicyError):
    """The certificate does not name one person in the accepted form."""

    kind = "certificate-identity-refused"
    title = "The certificate does not name one person"

    def __init__(self, fault: IdentityFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


class PolicyUnavailableError(PolicyError):
    """The site is registered under a policy that this installation does not have (any more)."""

    kind = "policy-unavailable"
    title = "The site's policy is not configured"

    def __init__(self, name: str) -> None:
        super().__init__(f"the policy {name!a}, under which the site is registered, is not configured here")
        self.name = name


class TrustError(LoginRefusedError):
    """Step 6: nobody who is trusted vouches for the certificate now."""

    step = Step.TRUST


class CertificateNotYetValidError(TrustError):
    """The certificate's time has not come."""

    kind = "certificate-not-yet-valid"
    title = "The certificate is not valid yet"

    def __init__(self, not_before: datetime) -> None:
        super().__init__(f"valid from {not_before.isoformat()}")
        self.not_before = not_before


class CertificateExpiredError(TrustError):
    """The certificate's time is over."""

    kind = "certificate-expired"
    title = "The certificate has expired"

    def __init__(self, not_after: datetime) -> None:
        super().__init__(f"valid until {not_after.isoformat()}")
        self.not_after = not_after


class KeyWeakError(TrustError):
    """An RSA key outside the accepted sizes."""

    kind = "certificate-key-weak"
    title = "The certificate's key is not accepted"

    def __init__(self, bits: int, minimum: int) -> None:
        super().__init__(f"RSA keys need {minimum} to 8192 bits; this one has {bits}")
        self.bits = bits
        self.minimum = minimum


class IssuerUntrustedError(TrustError):
    """No path of valid certificates leads to a trust anchor; `cause` is why the most promising one fails."""

    kind = "certificate-untrusted"
    title = "The certificate's issuer is not trusted"

    def __init__(self, cause: PathError) -> None:
        super().__init__(
            f"no valid path leads from the certificate to a trusted authority ({cause.kind}, {cause.rule})"
        )
        self.cause = cause


@unique
class SigningFault(Enum):
    """What is wrong with a signing certificate; the value is the explanation."""

    OTHER_SUBJECT = "its subject is not that of the certificate for logging in"
    OTHER_ISSUER = "its authority key identifier is not that of the certificate for logging in"
    NOT_FOR_SIGNING = "its keyUsage lacks nonRepudiation"
    UNTRUSTED = "no valid path leads from it to a trusted authority"


class SigningCertificateError(TrustError):
    """A version 1.1 token brings a signing certificate that is not this person's, or not trusted."""

    kind = "signing-certificate-refused"
    title = "A signing certificate in the token is not accepted"

    def __init__(self, fault: SigningFault) -> None:
        super().__init__(f"a signing certificate is refused: {fault.value}")
        self.fault = fault


class ProofError(LoginRefusedError):
    """Step 7: nothing proves that the card took part."""

    step = Step.SIGNATURE


class KeyMismatchError(ProofError):
    """The token's algorithm does not belong to the certificate's key. `key` is, for example, EC secp384r1."""

    kind = "certificate-key-mismatch"
    title = "The algorithm does not fit the certificate's key"

    def __init__(self, algorithm: str, key: str) -> None:
        super().__init__(f"{algorithm} can't be made with a key of type {key}")
        self.algorithm = algorithm
        self.key = key


class SignatureError(ProofError):
    """The certificate's key did not sign this origin and nonce."""

    kind = "signature-invalid"
    title = "The signature is not valid for this site and this challenge"

    def __init__(self) -> None:
        super().__init__("the certificate's key did not sign this origin and this nonce")
