"""The one place where the registry's refusals become HTTP status codes and titles."""

import logging
from dataclasses import dataclass
from http import HTTPStatus

from sqlalchemy.exc import DataError, SQLAlchemyError
from sqlalchemy.orm.exc import StaleDataError

from cardio.errors import CardError
from cardio.transport.base import (
    NoCardError,
    ReaderBusyError,
    ReaderUnavailableError,
    TransportError,
)
from issuance import errors
from issuance.approval.errors import BatchOverError
from issuance.calls.errors import CallLockedError, CallRefusedError
from issuance.decrees.errors import DecreeError, OwnDecreeError
from issuance.delivery.errors import (
    CardMismatchError,
    ChecksFailedError,
    DeliveryClosedError,
    DeliveryError,
    DeliveryProofError,
    IdentityUncheckedError,
    NotYetError,
)
from issuance.duplicates.errors import MatchesUndecidedError, SamePersonError
from issuance.enrolment.errors import (
    BeingEditedError,
    CardNotStoppedError,
    EvidenceMissingError,
    NoCardToReplaceError,
    UnknownDocumentError,
    VersionConflictError,
)
from issuance.inspection.errors import OwnCardError
from issuance.lookups.errors import PurposeError, PurposeMissingError
from issuance.massactions.errors import CardHeldError, MassActionError, OwnProposalError
from issuance.operators.errors import (
    AccountStateError,
    CardLoginNotSetUpError,
    CardLoginUnavailableError,
    CardRefusedError,
    ChangeOverError,
    FactorStateError,
    FreshProofNeededError,
    LastAdministratorsError,
    MethodNotAllowedError,
    OwnAccountError,
    SecondAdministratorError,
    WrongCodeError,
)
from issuance.orders.errors import OrderError, UrgentQuotaError
from issuance.production.errors import ProductionError, failure_kind
from issuance.rekeying.errors import KeyProofError
from issuance.selfservice.errors import CitizenNotSignedInError, NoRecordError
from issuance.stations.errors import (
    CountersBusyError,
    HandoverError,
    NotSignedError,
    StationCodeError,
    StationCodeWaitError,
    StationError,
)
from issuance.stock.errors import InvalidRangeError, SecondPersonError, StockError
from issuance.tracking.codes import TrackingCodeError
from issuance.tracking.errors import SlipError, StatusThrottledError, StatusUnknownError, TrackingError
from issuance.unblocking.errors import LoginKeyNotCertifiedError, UnblockingProofError
from issuance.web.titles import N_, TITLES
from pki.errors import PkiError

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Refusal:
    """How a failure is told over HTTP."""

    status: HTTPStatus
    kind: str
    title: str
    """English, marked for translation."""
    detail: str | None = None
    wait_s: int | None = None


_TITLES: dict[type[Exception], tuple[HTTPStatus, str]] = {
    errors.InvalidNationalCodeError: (HTTPStatus.UNPROCESSABLE_ENTITY, N_("This is not a national code")),
    errors.InvalidNameError: (HTTPStatus.UNPROCESSABLE_ENTITY, N_("A Latin name can't be printed")),
    errors.InvalidPortraitError: (HTTPStatus.UNPROCESSABLE_ENTITY, N_("The portrait can't be used")),
    errors.InvalidInputError: (HTTPStatus.UNPROCESSABLE_ENTITY, N_("Something was filled in wrongly")),
    errors.UnknownCitizenError: (HTTPStatus.NOT_FOUND, N_("The civil register knows nobody by this code")),
    errors.BirthDateMismatchError: (
        HTTPStatus.CONFLICT,
        N_("The civil register has another birth date for this code"),
    ),
    PurposeMissingError: (HTTPStatus.BAD_REQUEST, N_("Say why you look at this record")),
    PurposeError: (HTTPStatus.BAD_REQUEST, N_("This is no purpose")),
    errors.CivilRegisterUnavailableError: (
        HTTPStatus.SERVICE_UNAVAILABLE,
        N_("The civil register does not answer"),
    ),
    errors.CivilRegisterAnswerError: (
        HTTPStatus.BAD_GATEWAY,
        N_("The civil register's answer can't be used"),
    ),
    errors.DeceasedError: (HTTPStatus.CONFLICT, N_("The civil register has this person's death")),
    errors.RecordChangedError: (
        HTTPStatus.CONFLICT,
        N_("The civil register's record has changed; take it over first"),
    ),
    errors.CivilRegisterError: (HTTPStatus.CONFLICT, N_("The civil register does not confirm this person")),
    errors.LoginRefusedError: (HTTPStatus.UNAUTHORIZED, N_("Wrong user name, password or code")),
    errors.LoginThrottledError: (HTTPStatus.TOO_MANY_REQUESTS, N_("Too many failed logins; wait a little")),
    CitizenNotSignedInError: (HTTPStatus.UNAUTHORIZED, N_("Sign in with your card first")),
    NoRecordError: (HTTPStatus.NOT_FOUND, N_("Nothing is held here of this card's holder")),
    errors.NotSignedInError: (HTTPStatus.UNAUTHORIZED, N_("Sign in first")),
    CardRefusedError: (HTTPStatus.UNAUTHORIZED, N_("This card was not accepted")),
    CardLoginNotSetUpError: (HTTPStatus.NOT_FOUND, N_("Nobody logs in with a card here")),
    CardLoginUnavailableError: (HTTPStatus.SERVICE_UNAVAILABLE, N_("Nobody can log in with a card now")),
    MethodNotAllowedError: (HTTPStatus.FORBIDDEN, N_("Your role signs in another way")),
    FactorStateError: (HTTPStatus.CONFLICT, N_("That is not possible with your second factor")),
    WrongCodeError: (HTTPStatus.FORBIDDEN, N_("This code is not right")),
    FreshProofNeededError: (HTTPStatus.FORBIDDEN, N_("Prove once more who you are")),
    SecondAdministratorError: (HTTPStatus.FORBIDDEN, N_("Another administrator has to confirm it")),
    OwnAccountError: (HTTPStatus.FORBIDDEN, N_("Nobody changes their own account")),
    ChangeOverError: (HTTPStatus.CONFLICT, N_("This change is over; propose it anew")),
    AccountStateError: (HTTPStatus.CONFLICT, N_("That is not possible with this account")),
    LastAdministratorsError: (HTTPStatus.CONFLICT, N_("Two administrators have to stay")),
    errors.RouteClosedError: (HTTPStatus.FORBIDDEN, N_("Nobody may do this")),
    errors.RoleRequiredError: (HTTPStatus.FORBIDDEN, N_("Your role does not allow this")),
    OwnCardError: (HTTPStatus.FORBIDDEN, N_("Nobody inspects a card that they made")),
    errors.SealBrokenError: (HTTPStatus.CONFLICT, N_("The record is not what the registry wrote")),
    errors.OwnWorkError: (HTTPStatus.FORBIDDEN, N_("Nobody decides on their own application")),
    errors.AccessError: (HTTPStatus.FORBIDDEN, N_("You may not do this")),
    errors.NotFoundError: (HTTPStatus.NOT_FOUND, N_("There is no such thing")),
    errors.ForbiddenTransitionError: (HTTPStatus.CONFLICT, N_("That is not possible in this state")),
    errors.OpenApplicationError: (HTTPStatus.CONFLICT, N_("This person has an open application already")),
    errors.LiveCardError: (HTTPStatus.CONFLICT, N_("This person has a live card already")),
    UnknownDocumentError: (HTTPStatus.UNPROCESSABLE_ENTITY, N_("A document can't be taken")),
    TrackingCodeError: (HTTPStatus.UNPROCESSABLE_ENTITY, N_("This is no tracking code")),
    EvidenceMissingError: (HTTPStatus.CONFLICT, N_("Documents have not been shown yet")),
    BeingEditedError: (HTTPStatus.CONFLICT, N_("Somebody else is editing this application")),
    VersionConflictError: (HTTPStatus.CONFLICT, N_("Somebody else changed this meanwhile; look again")),
    NoCardToReplaceError: (HTTPStatus.CONFLICT, N_("There is no card to replace")),
    CardNotStoppedError: (HTTPStatus.CONFLICT, N_("The lost card is still in use; suspend or revoke it")),
    MatchesUndecidedError: (HTTPStatus.CONFLICT, N_("Possible duplicates have to be judged first")),
    SamePersonError: (HTTPStatus.CONFLICT, N_("This person is known under another national code")),
    BatchOverError: (HTTPStatus.CONFLICT, N_("This batch is over; propose it anew")),
    StatusUnknownError: (HTTPStatus.NOT_FOUND, N_("No application has this code and birth date")),
    StatusThrottledError: (HTTPStatus.TOO_MANY_REQUESTS, N_("Too many wrong tries; wait a little")),
    SlipError: (HTTPStatus.UNPROCESSABLE_ENTITY, N_("This slip proves nothing")),
    TrackingError: (HTTPStatus.CONFLICT, N_("That is not possible now")),
    DeliveryClosedError: (HTTPStatus.CONFLICT, N_("This delivery has ended; open another")),
    DeliveryProofError: (HTTPStatus.UNPROCESSABLE_ENTITY, N_("The card's signature is not right")),
    CardMismatchError: (HTTPStatus.UNPROCESSABLE_ENTITY, N_("This is not the card on record")),
    ChecksFailedError: (HTTPStatus.CONFLICT, N_("Too many checks have failed today")),
    IdentityUncheckedError: (HTTPStatus.CONFLICT, N_("Check first who the person is")),
    CallRefusedError: (HTTPStatus.FORBIDDEN, N_("This call stops no card")),
    CallLockedError: (HTTPStatus.CONFLICT, N_("Another pass phrase has to be agreed in person")),
    OwnDecreeError: (HTTPStatus.FORBIDDEN, N_("Someone else has to do this")),
    DecreeError: (HTTPStatus.CONFLICT, N_("That is not possible with this decree")),
    KeyProofError: (HTTPStatus.UNPROCESSABLE_ENTITY, N_("This is not the card's signature")),
    LoginKeyNotCertifiedError: (HTTPStatus.CONFLICT, N_("Renew the card's login key first")),
    UnblockingProofError: (HTTPStatus.UNPROCESSABLE_ENTITY, N_("This is not the card on record")),
    NotYetError: (HTTPStatus.CONFLICT, N_("The card still waits for its person")),
    DeliveryError: (HTTPStatus.CONFLICT, N_("The card can't be handed over")),
    errors.OfficeExistsError: (HTTPStatus.CONFLICT, N_("There is an office with this code already")),
    InvalidRangeError: (HTTPStatus.UNPROCESSABLE_ENTITY, N_("These are no serials of card bodies")),
    SecondPersonError: (HTTPStatus.FORBIDDEN, N_("Someone else has to do this")),
    OwnProposalError: (HTTPStatus.FORBIDDEN, N_("Someone else has to do this")),
    CardHeldError: (HTTPStatus.CONFLICT, N_("The card's keys are held; renew them first")),
    MassActionError: (HTTPStatus.CONFLICT, N_("That is not possible with this mass action")),
    StockError: (HTTPStatus.CONFLICT, N_("That is not possible with these card bodies")),
    UrgentQuotaError: (HTTPStatus.CONFLICT, N_("No more orders may be urgent here now")),
    OrderError: (HTTPStatus.CONFLICT, N_("This order can't be taken now")),
    StationCodeError: (HTTPStatus.FORBIDDEN, N_("This code takes no station in")),
    CountersBusyError: (
        HTTPStatus.SERVICE_UNAVAILABLE,
        N_("All places at stations are taken; try again soon"),
    ),
    StationCodeWaitError: (HTTPStatus.TOO_MANY_REQUESTS, N_("Too many wrong codes; wait a little")),
    HandoverError: (HTTPStatus.CONFLICT, N_("The card can't be handed over")),
    NotSignedError: (HTTPStatus.CONFLICT, N_("The card has signed nothing at the station")),
    StationError: (HTTPStatus.CONFLICT, N_("That is not possible with this station")),
    ProductionError: (HTTPStatus.CONFLICT, N_("The card can't be produced now")),
    errors.IssuanceError: (HTTPStatus.CONFLICT, N_("That is not possible now")),
    ReaderUnavailableError: (HTTPStatus.CONFLICT, N_("The card reader can't be reached")),
    NoCardError: (HTTPStatus.CONFLICT, N_("There is no card in the reader")),
    ReaderBusyError: (HTTPStatus.CONFLICT, N_("Another program uses the card")),
    TransportError: (HTTPStatus.CONFLICT, N_("The card did not answer")),
    CardError: (HTTPStatus.CONFLICT, N_("The card did not answer as it should")),
    StaleDataError: (HTTPStatus.CONFLICT, N_("Somebody else changed this meanwhile; look again")),
    PkiError: (HTTPStatus.BAD_GATEWAY, N_("The certificate authority refused")),
    DataError: (HTTPStatus.UNPROCESSABLE_ENTITY, N_("A value can't be stored")),
    SQLAlchemyError: (HTTPStatus.SERVICE_UNAVAILABLE, N_("The database can't be reached")),
}
TOLD = (errors.IssuanceError, TransportError, CardError, PkiError, SQLAlchemyError)
"""Failures that are told as problems; anything else is a fault of the program."""

STATUSES = frozenset(status for status, _ in _TITLES.values())
"""In which the API's refusals end."""


def refusal(error: Exception) -> Refusal:
    """The refusal for any error of TOLD: the entry of its nearest class, and the title of its type."""
    for ancestor in type(error).__mro__:
        if ancestor in _TITLES:
            status, title = _TITLES[ancestor]
            break
    else:
        raise error
    if isinstance(error, SQLAlchemyError):
        _LOG.error("database: %s", type(error).__name__)  # its text would hold the statement's values
        return Refusal(status, _database_kind(error), title)
    if isinstance(error, CardError):
        kind = failure_kind(error)
        return Refusal(status, kind, TITLES.get(kind, title))  # its text may hold what the card said
    throttled = errors.LoginThrottledError, StationCodeWaitError, StatusThrottledError, CountersBusyError
    wait_s = error.wait_s if isinstance(error, throttled) else None
    kind = failure_kind(error)
    return Refusal(status, kind, TITLES.get(kind, title), str(error), wait_s)


def _database_kind(error: SQLAlchemyError) -> str:
    if isinstance(error, StaleDataError):
        return "changed-meanwhile"
    return "value-not-storable" if isinstance(error, DataError) else "database-unavailable"
