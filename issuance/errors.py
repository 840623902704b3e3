"""Everything the registry refuses, as one tree. Only `issuance.web.problems` knows HTTP status codes."""

from datetime import date


class IssuanceError(Exception):
    """Base of all refusals:

    IssuanceError
    ├── InvalidInputError              what was typed or sent can't be right
    │   ├── InvalidNationalCodeError   wrong length, digits or check digit
    │   ├── InvalidNameError           a Latin name outside the printable card set
    │   ├── PurposeMissingError        (issuance.lookups.errors)
    │   ├── PurposeError               (issuance.lookups.errors)
    │   └── InvalidPortraitError       not a JPEG of the right size
    ├── CivilRegisterError
    │   ├── CivilRegisterUnavailableError  it does not answer
    │   │   └── CivilRegisterAnswerError   it answers what can't be believed
    │   ├── UnknownCitizenError        nobody has this national code
    │   ├── BirthDateMismatchError     the code is another person's
    │   ├── DeceasedError              the person is dead
    │   └── RecordChangedError         the record is not what the application goes by
    ├── AccessError
    │   ├── LoginRefusedError          wrong user name, password or code
    │   ├── LoginThrottledError        too many failures; carries the wait
    │   ├── NotSignedInError           no session, or an expired one
    │   ├── RoleRequiredError          the operator's role may not do this
    │   ├── RouteClosedError           the table of permissions doesn't have it
    │   ├── …                          (issuance.operators.errors, issuance.selfservice.errors)
    │   ├── OwnWorkError               nobody decides on their own application
    │   ├── SealBrokenError            somebody else than the registry wrote the record
    │   └── OwnCardError               (issuance.inspection.errors)
    ├── NotFoundError                  no such application, production, card, delivery or station
    ├── OfficeExistsError              another office has this code
    ├── StateError
    │   ├── ForbiddenTransitionError   the state machine has no such arrow
    │   ├── OpenApplicationError       the person has an open application
    │   ├── LiveCardError              the person has a live card
    │   └── …                          (issuance.enrolment.errors, .duplicates.errors, .approval.errors)
    ├── TrackingError                  (issuance.tracking.errors)
    ├── MassActionError                (issuance.massactions.errors)
    ├── StockError                     (issuance.stock.errors)
    ├── OrderError                     (issuance.orders.errors)
    ├── ProductionError                (issuance.production.errors)
    ├── DeliveryError                  (issuance.delivery.errors)
    ├── CallError                      (issuance.calls.errors)
    ├── UnblockingProofError           (issuance.unblocking.errors)
    ├── KeyProofError                  (issuance.rekeying.errors)
    ├── DecreeError                    (issuance.decrees.errors)
    └── StationError                   (issuance.stations.errors)
    """

    kind = "refused"
    """Stable name of the failure, the tail of a problem document's `type`."""


class InvalidInputError(IssuanceError):
    """What was typed or sent can't be right."""

    kind = "invalid-input"


class InvalidNationalCodeError(InvalidInputError):
    """Not a national code; `reason` is a NationalCodeFault's value. The code itself is not carried."""

    kind = "invalid-national-code"

    def __init__(self, reason: str) -> None:
        super().__init__(f"not a national code: {reason}")
        self.reason = reason


class InvalidNameError(InvalidInputError):
    """A Latin name that can't be printed; `field` names it."""

    kind = "invalid-name"

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class InvalidPortraitError(InvalidInputError):
    """The portrait is not a JPEG of the right size."""

    kind = "invalid-portrait"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the portrait {reason}")
        self.reason = reason


class CivilRegisterError(IssuanceError):
    """The civil register does not confirm the person."""

    kind = "civil-register"


class CivilRegisterUnavailableError(CivilRegisterError):
    """The civil register does not answer; try again later."""

    kind = "civil-register-unavailable"


class CivilRegisterAnswerError(CivilRegisterUnavailableError):
    """The civil register answers what can't be believed; `fault` says why, not what it was."""

    kind = "civil-register-answer"

    def __init__(self, fault: str) -> None:
        super().__init__(f"the civil register's answer can't be used: {fault}")
        self.fault = fault


class DeceasedError(CivilRegisterError):
    """The civil register says that the person is dead."""

    kind = "deceased"

    def __init__(self) -> None:
        super().__init__("the civil register has this person's death")


class RecordChangedError(CivilRegisterError):
    """The record has changed since it was taken over; `fields` names what, never to what."""

    kind = "record-changed"

    def __init__(self, fields: tuple[str, ...]) -> None:
        super().__init__(f"the civil register has something new: {', '.join(fields)}")
        self.fields = fields


class UnknownCitizenError(CivilRegisterError):
    """Nobody in the civil register has this national code."""

    kind = "unknown-citizen"

    def __init__(self) -> None:
        super().__init__("nobody in the civil register has this national code")


class BirthDateMismatchError(CivilRegisterError):
    """The civil register has another birth date for this national code."""

    kind = "birth-date-mismatch"

    def __init__(self, given: date) -> None:
        super().__init__("the civil register has another birth date for this national code")
        self.given = given


class AccessError(IssuanceError):
    """This operator may not."""

    kind = "access"


class LoginRefusedError(AccessError):
    """Wrong user name, password or code; which of them is not said."""

    kind = "login-refused"

    def __init__(self) -> None:
        super().__init__("wrong user name, password or code")


class LoginThrottledError(AccessError):
    """Too many failed logins; `wait_s` whole seconds are left."""

    kind = "login-throttled"

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"too many failed logins; try again in {wait_s} seconds")
        self.wait_s = wait_s


class NotSignedInError(AccessError):
    """No session, or one that has ended."""

    kind = "not-signed-in"

    def __init__(self) -> None:
        super().__init__("sign in first")


class RoleRequiredError(AccessError):
    """The operator's role may not do this; `required` names the roles that may."""

    kind = "role-required"

    def __init__(self, required: tuple[str, ...]) -> None:
        super().__init__(f"only for: {', '.join(required)}")
        self.required = required


class RouteClosedError(AccessError):
    """The table of permissions has no line for this route: nobody may."""

    kind = "route-closed"

    def __init__(self) -> None:
        super().__init__("nobody may do this")


class OwnWorkError(AccessError):
    """Nobody decides on an application that they enrolled, changed or took the portrait for."""

    kind = "own-work"

    def __init__(self) -> None:
        super().__init__("an application is decided by someone who neither enrolled nor changed it")


class SealBrokenError(AccessError):
    """Somebody wrote it past the registry; `what` names it: application, person, approval or session."""

    kind = "seal-broken"

    def __init__(self, what: str, way_on: str = "withdraw the application, open it anew") -> None:
        super().__init__(f"the {what} is not what the registry wrote; {way_on}")
        self.what = what


class NotFoundError(IssuanceError):
    """There is no such thing, or it is another office's; `what` names it: application, production, card…"""

    kind = "not-found"

    def __init__(self, what: str) -> None:
        super().__init__(f"no such {what}")
        self.what = what


class OfficeExistsError(IssuanceError):
    """Another office has this code."""

    kind = "office-exists"

    def __init__(self, code: str) -> None:
        super().__init__(f"there is an office {code} already")
        self.code = code


class StateError(IssuanceError):
    """The thing's state does not allow it."""

    kind = "state"


class ForbiddenTransitionError(StateError):
    """The state machine has no arrow for `event` from `state`."""

    kind = "forbidden-transition"

    def __init__(self, what: str, state: str, event: str) -> None:
        super().__init__(f"{what} in state {state} can't be: {event}")
        self.what = what
        self.state = state
        self.event = event


class OpenApplicationError(StateError):
    """The person has an open application already."""

    kind = "open-application"

    def __init__(self, application_id: str | None) -> None:
        super().__init__("this person has an open application already")
        self.application_id = application_id


class LiveCardError(StateError):
    """The person has a live card; it is revoked before another is made."""

    kind = "live-card"

    def __init__(self) -> None:
        super().__init__("this person has a live card; revoke it before another is made")
