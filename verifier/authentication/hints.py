"""What version 1.1 of the token adds: certificates that may help, none of them under the token's signature.

Nobody is trusted for being named here. A token whose hints are malformed, or speak of another person, is
refused all the same: it was not made by the software of a card.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pki.der import DerError
from pki.validation.certificate import Certificate
from pki.validation.decoders import Usage
from pki.validation.extensions import authority_key_identifier, key_usage
from pki.validation.names import comparable
from verifier.authentication.certificate import CardCertificate, decode_certificate
from verifier.authentication.errors import (
    CertificateDecodingError,
    IssuerUntrustedError,
    ParseFault,
    SigningCertificateError,
    SigningFault,
    TokenParseError,
)
from verifier.authentication.policy import AuthenticationPolicy
from verifier.authentication.strictjson import JsonValue
from verifier.authentication.trust import Trust, find_path

SIGNING_CERTIFICATES = "unverifiedSigningCertificates"
INTERMEDIATES = "unverifiedIntermediateCertificates"
FIELDS = (SIGNING_CERTIFICATES, INTERMEDIATES)
"""Members that version 1.1 has and 1.0 has not."""

_OWN_INTERMEDIATES = "intermediateCertificates"
_MAXIMUM_INTERMEDIATES = 8
_MAXIMUM_SIGNING_CERTIFICATES = 4
"""Both bound what a stranger's token may cost; no card has more than one pair and two levels above it."""
_ALGORITHM_PARTS: Mapping[str, frozenset[str]] = {
    "cryptoAlgorithm": frozenset({"ECC", "RSA"}),
    "hashFunction": frozenset(
        f"{family}-{bits}" for family in ("SHA", "SHA3") for bits in ("224", "256", "384", "512")
    ),
    "paddingScheme": frozenset({"NONE", "PKCS1.5", "PSS"}),
}
"""What supportedSignatureAlgorithms are made of, as the browser's side of Web eID spells it."""


@dataclass(frozen=True)
class SigningHint:
    """A certificate for signatures of the same person, and what may lead from it to an anchor; base64."""

    certificate: str = field(repr=False)
    intermediates: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True)
class DecodedHints:
    """The same as certificates; still believed by nobody."""

    intermediates: tuple[Certificate, ...] = field(default=(), repr=False)
    signing: tuple[tuple[CardCertificate, tuple[Certificate, ...]], ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Hints:
    """The additional members of a version 1.1 token, in base64 still."""

    intermediates: tuple[str, ...] = field(default=(), repr=False)
    signing: tuple[SigningHint, ...] = ()

    @classmethod
    def read(cls, members: Mapping[str, JsonValue]) -> "Hints":
        """Step 1, for version 1.1: raises TokenParseError."""
        intermediates = _texts(members, INTERMEDIATES, INTERMEDIATES)
        listed = members.get(SIGNING_CERTIFICATES)
        if listed is None and not intermediates:
            raise TokenParseError(ParseFault.FIELD_MISSING, SIGNING_CERTIFICATES)
        entries = _list(listed, SIGNING_CERTIFICATES, _MAXIMUM_SIGNING_CERTIFICATES)
        return cls(intermediates, tuple(map(_signing_hint, entries)))

    def decode(self) -> DecodedHints:
        """Step 3: raises CertificateError."""
        if not self.intermediates and not self.signing:
            return _NOTHING
        return DecodedHints(
            tuple(map(_intermediate, self.intermediates)),
            tuple(
                (CardCertificate.from_base64(hint.certificate), tuple(map(_intermediate, hint.intermediates)))
                for hint in self.signing
            ),
        )


NO_HINTS = Hints()
_NOTHING = DecodedHints()


def _signing_hint(entry: JsonValue) -> SigningHint:
    if not isinstance(entry, dict):
        raise TokenParseError(ParseFault.FIELD_TYPE, SIGNING_CERTIFICATES)
    where = f"{SIGNING_CERTIFICATES}.certificate"
    certificate = _text(entry.get("certificate"), where)
    _check_algorithms(entry)
    return SigningHint(
        certificate, _texts(entry, _OWN_INTERMEDIATES, f"{SIGNING_CERTIFICATES}.{_OWN_INTERMEDIATES}")
    )


def _check_algorithms(entry: Mapping[str, JsonValue]) -> None:
    name = f"{SIGNING_CERTIFICATES}.supportedSignatureAlgorithms"
    algorithms = entry.get("supportedSignatureAlgorithms")
    if algorithms is None:
        raise TokenParseError(ParseFault.FIELD_MISSING, name)
    for algorithm in _list(algorithms, name, None):
        if not isinstance(algorithm, dict):
            raise TokenParseError(ParseFault.FIELD_TYPE, name)
        for part, known in _ALGORITHM_PARTS.items():
            value = algorithm.get(part)
            if not isinstance(value, str) or value not in known:
                raise TokenParseError(ParseFault.UNKNOWN_ALGORITHM, name)


def _texts(members: Mapping[str, JsonValue], name: str, where: str) -> tuple[str, ...]:
    return tuple(_text(item, where) for item in _list(members.get(name), where, _MAXIMUM_INTERMEDIATES))


def _list(value: JsonValue, name: str, maximum: int | None) -> Sequence[JsonValue]:
    """Nothing for an absent list, or null; an empty one is refused."""
    if value is None:
        return ()
    if not isinstance(value, list):
        raise TokenParseError(ParseFault.FIELD_TYPE, name)
    if not value:
        raise TokenParseError(ParseFault.LIST_EMPTY, name)
    if maximum is not None and len(value) > maximum:
        raise TokenParseError(ParseFault.LIST_TOO_LONG, name)
    return value


def _text(value: JsonValue, name: str) -> str:
    if value is None or value == "":
        raise TokenParseError(ParseFault.FIELD_MISSING, name)
    if not isinstance(value, str):
        raise TokenParseError(ParseFault.FIELD_TYPE, name)
    return value


def _intermediate(text: str) -> Certificate:
    certificate = decode_certificate(text)
    try:
        comparable(certificate.subject)
        comparable(certificate.issuer)
    except DerError as error:
        raise CertificateDecodingError from error
    return certificate


def check_signing_certificates(
    policy: AuthenticationPolicy,
    certificate: CardCertificate,
    hints: DecodedHints,
    trust: Trust,
    at: datetime,
) -> None:
    """The end of step 6: each is the same person's, for signing, and trusted.

    Raises SigningCertificateError.
    """
    for signing, intermediates in hints.signing:
        _check_belonging(policy, certificate, signing)
        try:
            find_path(signing.certificate, intermediates, trust, at, policy.signing_path)
        except IssuerUntrustedError as error:
            raise SigningCertificateError(SigningFault.UNTRUSTED) from error


def _check_belonging(
    policy: AuthenticationPolicy, certificate: CardCertificate, signing: CardCertificate
) -> None:
    ours, theirs = certificate.certificate, signing.certificate
    if not _same_name(ours.subject, theirs.subject):
        raise SigningCertificateError(SigningFault.OTHER_SUBJECT)
    issuer = authority_key_identifier(ours)
    if policy.one_issuer and (issuer is None or authority_key_identifier(theirs) != issuer):
        raise SigningCertificateError(SigningFault.OTHER_ISSUER)
    usage = key_usage(theirs)
    if usage is None or Usage.CONTENT_COMMITMENT not in usage:
        raise SigningCertificateError(SigningFault.NOT_FOR_SIGNING)


def _same_name(one: bytes, other: bytes) -> bool:
    """RFC 5280, section 7.1, in any order: CAs write the two certificates' names each in its own.

    Names that can't be compared are another person's.
    """
    try:
        return Counter(comparable(one)) == Counter(comparable(other))
    except DerError:
        return False
