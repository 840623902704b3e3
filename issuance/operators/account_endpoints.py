"""/v1/operators and /v1/operator-changes: accounts, by two administrators."""

from datetime import datetime

from fastapi import APIRouter
from fastapi import Request as HttpRequest
from pydantic import Field, SecretStr

from issuance.offices.models import OFFICE_CODE_LENGTH
from issuance.operators.accounts import Wanted
from issuance.operators.changes import ChangeKind
from issuance.operators.models import USERNAME_LENGTH, AccountState, Role
from issuance.web.access import ApiActor, Registry
from issuance.web.clients import client_network
from issuance.web.schemas import Answer, Nothing, Request

router = APIRouter(prefix="/v1", tags=["operators"])


class AccountAnswer(Answer):
    """An account."""

    username: str
    role: Role
    office: str
    state: AccountState
    has_card: bool
    has_second_factor: bool
    second_factor_closed: bool
    """Too many wrong codes in a row: none is taken any more."""


class ChangeBody(Request):
    """What is to become of an account; role and office are a new or changed account's."""

    kind: ChangeKind
    username: str = Field(min_length=1, max_length=USERNAME_LENGTH)
    role: Role | None = None
    office: str | None = Field(default=None, max_length=OFFICE_CODE_LENGTH)


class ProposedAnswer(Answer):
    """A change that waits for another administrator."""

    id: str


class ChangeAnswer(Answer):
    """The same, with the account as it is to be."""

    id: str
    kind: ChangeKind
    username: str
    role: Role
    office: str
    state: AccountState
    proposed_by: str
    proposed_at: datetime
    expires_at: datetime


class ConfirmationBody(Request):
    """The second administrator's own password."""

    password: SecretStr = Field(max_length=1024)


class ConfirmedAnswer(Answer):
    """What came of it; the first password of a new account is told this once."""

    username: str
    password: str | None


@router.get("/operators")
def list_accounts(registry: Registry, actor: ApiActor) -> list[AccountAnswer]:
    """All accounts, by name."""
    return [AccountAnswer.model_validate(account) for account in registry.accounts.all(actor)]


@router.get("/operator-changes")
def list_changes(registry: Registry, actor: ApiActor) -> list[ChangeAnswer]:
    """What waits for a second administrator."""
    return [ChangeAnswer.model_validate(change) for change in registry.accounts.open_changes(actor)]


@router.post("/operator-changes", status_code=201)
def propose(registry: Registry, actor: ApiActor, body: ChangeBody) -> ProposedAnswer:
    """The first of two administrators."""
    wanted = Wanted(body.kind, body.username, body.role, body.office)
    return ProposedAnswer(id=registry.accounts.propose(actor, wanted))


@router.post("/operator-changes/{change_id}/confirmation")
def confirm(
    request: HttpRequest, registry: Registry, actor: ApiActor, change_id: str, body: ConfirmationBody
) -> ConfirmedAnswer:
    """The second, who proves once more who they are."""
    registry.operators.reauthenticate(actor, body.password.get_secret_value(), client_network(request))
    return ConfirmedAnswer.model_validate(registry.accounts.confirm(actor, change_id))


@router.post("/operator-changes/{change_id}/withdrawal", status_code=204)
def withdraw(registry: Registry, actor: ApiActor, change_id: str, _body: Nothing | None = None) -> None:
    """Any administrator ends a proposal."""
    registry.accounts.withdraw(actor, change_id)
