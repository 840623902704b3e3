"""Every way in which `pki` refuses, drawn once. What an error knows is in its attributes, not in its text.

PkiError
├── StoredValueError              a row holds what no writer of ours puts there (what)
├── KeyStoreError                 a key, or the place of keys, can't be used (place: file, key or token)
│   ├── WrongPassphraseError      the passphrase doesn't open this key file (path)
│   ├── KeyMissingError           there is no key of this name
│   ├── KeyExistsError            there already is a key of this name; nothing was made
│   ├── KeyUriError               a key's URI is not one this installation takes (attribute)
│   ├── KeyCheckError             what a key signed doesn't verify
│   ├── PinSourceError            no PIN is given, or its file is not the owner's alone
│   └── TokenError                a PKCS#11 token doesn't do it (failure: the CKR_ code's name)
│       ├── TokenModuleError      the PKCS#11 module can't be loaded
│       ├── TokenMissingError     no such token, or more than one
│       ├── TokenUnavailableError the session is lost and a fresh one didn't help; it may, later
│       ├── MechanismUnsupportedError  the token can't do this kind of key or operation
│       ├── AmbiguousKeyError     two objects of one name
│       ├── KeyChangedError       another key now has this name
│       └── PinError              the PIN doesn't open the token
│           ├── WrongPinError     it was refused; it isn't tried again
│           └── PinLockedError    the token takes no PIN any more, or one try is left that is not used up
├── CsrError                      a certification request is refused
│   ├── MalformedCsrError         not a PKCS#10 request
│   ├── ProofOfPossessionError    its signature is not by its own key
│   └── WeakKeyError              a key type or size no profile takes
├── SubjectError                  a name or national code can't go into a certificate (field)
├── ProfileError                  a profile or country file can't be used (file, field)
├── IssuerNameError               no CA has such a short name (name)
├── LintError                     the to-be-signed bytes break a rule of their profile (rule)
├── IssuerError                   a CA can't be used (name)
│   ├── UnknownIssuerError        there is no such CA, or no certified one of this role
│   │   └── UnknownCrlError       no CRL has this name
│   ├── CrlUnavailableError       none is published, and none can be made here and now
│   ├── IssuerOfflineError        its key is off line: only a ceremony signs with it
│   ├── ResponderEndedError       its OCSP responder has ended and no new one can be made
│   ├── KeyMismatchError          its key is not the one in its certificate
│   └── IssuerAlteredError        its row was written by somebody else: it is not used
├── DatabaseUrlError              a setting names no database that can be used
├── DatabaseVersionError          a database is of a version that this program doesn't know
├── ClockSetBackError             now is before what is on record (now, recorded)
├── IssuanceError                 the authority doesn't issue (request_id)
│   ├── RequestConflictError      the same request_id came before with other content
│   ├── RequestRefusedError       the same request was refused by lint before (rule)
│   ├── KeyNotAllowedError        the profile doesn't take keys of this kind
│   ├── KeyReusedError            this key already serves another purpose or person
│   ├── IssuerExpiredError        the issuing CA can't cover the certificate's life
│   ├── IssuerRevokedError        the issuing CA's own certificate is revoked or on hold
│   └── SerialsExhaustedError     no free serial in several tries: the random source repeats itself
├── StatusError                   a certificate's status doesn't change (serial)
│   ├── UnknownCertificateError   this serial was never issued
│   ├── ForbiddenTransitionError  not from its present state (current, wanted)
│   │   ├── AlreadyInStateError   it is already so; nothing was changed
│   │   ├── NotActivatedError     on hold since its issue: only delivery makes it good
│   │   ├── HeldByOthersError     a stronger hold than who asks may lift (held_by)
│   │   └── CertificateExpiredError  past its life it is neither held nor released
│   ├── ForbiddenReasonError      the reason isn't one for a final revocation (reason)
│   └── InvalidityDateError       an invalidity date in the future
├── RecordError                   the audit record doesn't hold; see pki.auditchain.errors
├── OfficerLabelError             not a label that an officer can have, or not two officers (label)
├── MassActionError               a mass action is refused (number: None before it has one)
│   ├── SelectionError            what is asked for is impossible, or nothing, or too much (field)
│   ├── UnknownMassActionError    there is no mass action of this number
│   ├── SecondOfficerError        who proposed it doesn't approve it (officer)
│   ├── PreviewMismatchError      what is confirmed, or recorded, isn't what was proposed
│   ├── MassActionExpiredError    it was not begun in time; propose it anew (ended)
│   └── MassActionStateError      not from its present state (state, wanted)
└── ValidationError               a path is refused; see pki.validation.errors
"""

from datetime import datetime
from pathlib import Path


class PkiError(Exception):
    """Base of everything this package raises on purpose."""


class StoredValueError(PkiError):
    """A row of the database holds, as `what`, a value that no writer of ours puts there."""

    def __init__(self, what: str) -> None:
        super().__init__(f"the database was changed by somebody else: {what} in it can't be one")
        self.what = what


class KeyStoreError(PkiError):
    """A key is missing, unreadable or not what it should be. `place` is its file, its name or its token."""

    def __init__(self, place: Path | str, detail: str) -> None:
        super().__init__(f"{place.name if isinstance(place, Path) else place}: {detail}")
        self.place = place
        self.detail = detail


class WrongPassphraseError(KeyStoreError):
    """The passphrase doesn't open this file."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "the passphrase does not open this key file")
        self.path = path


class KeyMissingError(KeyStoreError):
    """There is no key of this name here."""

    def __init__(self, place: Path | str) -> None:
        super().__init__(place, "there is no such key")


class KeyExistsError(KeyStoreError):
    """There already is a key of this name. Keys are never overwritten."""

    def __init__(self, place: Path | str) -> None:
        super().__init__(place, "there already is such a key")


class KeyUriError(KeyStoreError):
    """A key's URI is malformed or not for this installation. Values are not repeated: one may be a secret."""

    def __init__(self, detail: str, attribute: str | None = None) -> None:
        super().__init__("key URI", detail if attribute is None else f"attribute {attribute}: {detail}")
        self.attribute = attribute


class KeyCheckError(KeyStoreError):
    """What a key signed doesn't verify with its public key."""

    def __init__(self, place: Path | str) -> None:
        super().__init__(place, "what it signed does not verify with its public key")


class PinSourceError(KeyStoreError):
    """No PIN is given, or the file that holds it is not its owner's alone."""


class TokenError(KeyStoreError):
    """A PKCS#11 token doesn't do what it was asked. `failure` names the token's own error, if it had one."""

    def __init__(self, place: str, detail: str, failure: str | None = None) -> None:
        super().__init__(place, detail if failure is None else f"{detail} ({failure})")
        self.failure = failure


class TokenModuleError(TokenError):
    """The PKCS#11 module is missing or can't be loaded."""


class TokenMissingError(TokenError):
    """No token is what the URI describes, or more than one."""


class TokenUnavailableError(TokenError):
    """The session was lost and a fresh one did not help. The same call may succeed later."""


class MechanismUnsupportedError(TokenError):
    """The token can't do this kind of key or operation."""


class AmbiguousKeyError(TokenError):
    """More than one object has this name, so none is used."""


class KeyChangedError(TokenError):
    """Another key now has the name of the one that was opened; nothing was signed."""


class PinError(TokenError):
    """The PIN doesn't open the token."""


class WrongPinError(PinError):
    """The token refused this PIN; this process doesn't try it again."""


class PinLockedError(PinError):
    """The token takes no PIN any more, or has one try left, which is not used up."""


class CsrError(PkiError):
    """A certification request is refused."""


class MalformedCsrError(CsrError):
    """The bytes are no PKCS#10 request, or more than one."""


class ProofOfPossessionError(CsrError):
    """The request is not signed by the key it asks a certificate for."""


class WeakKeyError(CsrError):
    """The key is of a type, curve or size that nothing here takes."""


class SubjectError(PkiError):
    """A name or national code can't go into a certificate. `field` says which; the value is not repeated."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(f"{field} {detail}")
        self.field = field
        self.detail = detail


class ProfileError(PkiError):
    """A profile or country file is unreadable or impossible. `field` is empty where none is to blame."""

    def __init__(self, file: str, field: str, detail: str) -> None:
        super().__init__(f"{file}: {field}: {detail}" if field else f"{file}: {detail}")
        self.file = file
        self.field = field
        self.detail = detail


class IssuerNameError(PkiError):
    """No CA has such a short name: a role, `-g` and a generation from 1 to 999."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name[:40]!r} is no CA's short name")
        self.name = name


class LintError(PkiError):
    """The bytes to be signed break a rule; nothing was signed."""

    def __init__(self, rule: str, detail: str) -> None:
        super().__init__(f"lint rule {rule}: {detail}")
        self.rule = rule
        self.detail = detail


class IssuerError(PkiError):
    """A CA can't be used."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(f"CA {name}: {detail}")
        self.name = name
        self.detail = detail


class UnknownIssuerError(IssuerError):
    """There is no CA of this name, or no certified one of this role."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "there is no such CA")


class UnknownCrlError(UnknownIssuerError):
    """No CA has a CRL of this name: an issuer, `-p` and a partition's four digits, `-delta` for a delta."""

    def __init__(self, name: str) -> None:
        super().__init__(name[:80])


class CrlUnavailableError(IssuerError):
    """No CRL of this name is published, and none can be made here and now. `name` is the CRL's."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "it has no published CRL, and none can be made now")


class IssuerOfflineError(IssuerError):
    """The CA's key is off line; only a ceremony signs with it."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "its key is off line; hold a ceremony")


class ResponderEndedError(IssuerError):
    """The CA's OCSP responder has ended, and no new one can be made now."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "its OCSP responder has ended and no new one can be made")


class KeyMismatchError(IssuerError):
    """The key under the CA's name is not the one in its certificate."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "its key is not the one in its certificate")


class IssuerAlteredError(IssuerError):
    """The CA's row bears no seal that holds, or its certificate doesn't lead to a root: it is not used."""


class DatabaseUrlError(PkiError):
    """The setting names no database that can be used; it is not repeated, as it may hold a password."""

    def __init__(self) -> None:
        super().__init__(
            "HOVIAT_…_DATABASE is no URL of a database: postgresql+psycopg://USER@HOST/NAME or sqlite:///FILE"
        )


class DatabaseVersionError(PkiError):
    """The database is of a later version of Hoviat than this program, or of one that was never released."""

    def __init__(self) -> None:
        super().__init__("the database was made by a version of Hoviat that this one can't read")


class ClockSetBackError(PkiError):
    """The clock is behind what is on record; nothing is signed until it is right."""

    def __init__(self, now: datetime, recorded: datetime) -> None:
        super().__init__(
            f"the clock says {now:%F %T}, and {recorded:%F %T} (UTC) is on record already; set it right, "
            "or should that record be wrong, see `hoviat pki clock`"
        )
        self.now = now
        self.recorded = recorded


class IssuanceError(PkiError):
    """The authority doesn't issue."""

    def __init__(self, request_id: str, detail: str) -> None:
        super().__init__(f"request {request_id}: {detail}")
        self.request_id = request_id
        self.detail = detail


class RequestConflictError(IssuanceError):
    """The same request_id was used before for other content."""


class RequestRefusedError(IssuanceError):
    """This request was recorded and then refused by a rule; it stays refused."""

    def __init__(self, request_id: str, rule: str) -> None:
        super().__init__(request_id, f"was refused by rule {rule}")
        self.rule = rule


class IntentAlteredError(IssuanceError):
    """The recorded intent's seal doesn't hold: somebody else wrote or changed it, so it is never signed."""

    rule = "seal"
    """As the record and the audit name why it was refused; no lint rule is called so."""

    def __init__(self, request_id: str) -> None:
        super().__init__(request_id, "its recorded intent was changed, or written, by somebody else")


class KeyNotAllowedError(IssuanceError):
    """The profile doesn't take a key of this kind."""


class KeyReusedError(IssuanceError):
    """This public key already serves another purpose or another person."""


class IssuerRevokedError(IssuanceError):
    """The issuing CA's own certificate is revoked or on hold: it issues nothing."""


class IssuerExpiredError(IssuanceError):
    """The issuing certificate is not valid now."""


class SerialsExhaustedError(IssuanceError):
    """Several serials in a row were taken already: the random source repeats itself."""

    def __init__(self, request_id: str) -> None:
        super().__init__(request_id, "no free serial number was found; the random source repeats itself")


class StatusError(PkiError):
    """A certificate's status doesn't change as asked."""

    def __init__(self, serial: int, detail: str) -> None:
        super().__init__(f"certificate {serial:032x}: {detail}")
        self.serial = serial
        self.detail = detail


class UnknownCertificateError(StatusError):
    """This authority never issued this serial."""

    def __init__(self, serial: int) -> None:
        super().__init__(serial, "was never issued here")


class ForbiddenTransitionError(StatusError):
    """No way leads from the present state to the wanted one (revoked is final)."""

    def __init__(self, serial: int, current: str, wanted: str) -> None:
        super().__init__(serial, f"is {current} and can't become {wanted}")
        self.current = current
        self.wanted = wanted


class AlreadyInStateError(ForbiddenTransitionError):
    """The certificate already is in the wanted state; whoever repeats a torn run may take it for done."""


class NotActivatedError(ForbiddenTransitionError):
    """The certificate is on hold since its issue; only the delivery of its card makes it good."""


class HeldByOthersError(ForbiddenTransitionError):
    """The hold is a stronger one than who asks may lift: an officer's, say."""

    def __init__(self, serial: int, current: str, wanted: str, held_by: str) -> None:
        super().__init__(serial, current, wanted)
        self.held_by = held_by


class CertificateExpiredError(ForbiddenTransitionError):
    """Past its life a certificate is neither held nor released; it may still be revoked, for the record."""


class InvalidityDateError(StatusError):
    """An invalidity date lies in the past: the key is known to be suspect since then."""


class ForbiddenReasonError(StatusError):
    """certificateHold and removeFromCRL are no reasons for a final revocation."""

    def __init__(self, serial: int, reason: str) -> None:
        super().__init__(serial, f"{reason} is no reason for a final revocation; suspend and resume instead")
        self.reason = reason


class OfficerLabelError(PkiError):
    """An officer's label is malformed, or two labels can be taken for one. `label` is what was given."""

    def __init__(self, label: str, detail: str = "") -> None:
        super().__init__(
            detail
            or "an officer's label is 1 to 63 of a-z and 0-9, joined by single dots, hyphens or underscores"
        )
        self.label = label


class MassActionError(PkiError):
    """A mass action is refused."""

    def __init__(self, number: int | None, detail: str) -> None:
        super().__init__(detail if number is None else f"mass action {number}: {detail}")
        self.number = number
        self.detail = detail


class SelectionError(MassActionError):
    """What is asked for is impossible, or means nothing, or too much. `field` is to blame."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(None, f"{field}: {detail}")
        self.field = field


class UnknownMassActionError(MassActionError):
    """There is no mass action of this number."""

    def __init__(self, number: int) -> None:
        super().__init__(number, "there is none of this number")


class SecondOfficerError(MassActionError):
    """It takes two: who proposed a mass action doesn't approve it."""

    def __init__(self, number: int, officer: str) -> None:
        super().__init__(number, f"{officer} proposed it; another officer has to approve it")
        self.officer = officer


class PreviewMismatchError(MassActionError):
    """What the approver confirms, or what is on record now, isn't what was proposed. Nothing was changed."""


class PreviewOutdatedError(PreviewMismatchError):
    """Others have changed what it means since: more would be changed now than was previewed."""


class MassActionExpiredError(MassActionError):
    """The proposal is too old to be approved or begun: what was previewed then is no basis any more."""

    def __init__(self, number: int, ended: datetime) -> None:
        super().__init__(number, f"its time ended at {ended:%F %T} UTC; propose it anew")
        self.ended = ended


class MassActionStateError(MassActionError):
    """No way leads from its present state to the wanted one."""

    def __init__(self, number: int, state: str, wanted: str) -> None:
        super().__init__(number, f"is {state} and can't become {wanted}")
        self.state = state
        self.wanted = wanted


class ValidationError(PkiError):
    """A certificate path is refused; its subclasses stand in `pki.validation.errors`."""
