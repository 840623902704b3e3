"""/v1/stations for an administrator, /v1/station-enrolments for a new station, and handovers at stations."""

import asyncio
from datetime import datetime

from fastapi import APIRouter
from fastapi import Request as HttpRequest
from pydantic import Base64Bytes, Field, SecretStr

from issuance.stations.codes import MAX_CODE
from issuance.stations.models import OFFICE_LENGTH, STATION_LENGTH, StationState
from issuance.stations.service import StationView
from issuance.web.access import ApiActor, Registry
from issuance.web.clients import client_network
from issuance.web.schemas import Answer, Nothing, Request
from pki.pkcs10 import MAX_CSR_BYTES

router = APIRouter(prefix="/v1", tags=["stations"])

_MAX_READER_NAME = 200


class NewStation(Request):
    """A station's name and its office."""

    id: str = Field(min_length=1, max_length=STATION_LENGTH)
    office: str = Field(min_length=1, max_length=OFFICE_LENGTH)


class StationAnswer(Answer):
    """A station; `connected` to the process that answers."""

    id: str
    office: str
    state: StationState
    serial: str | None
    created_by: str
    created_at: datetime
    enrolled_at: datetime | None
    ended_at: datetime | None
    connected: bool


class CodeAnswer(Answer):
    """A one-time code, told once."""

    code: str
    expires_at: datetime


class EnrolmentBody(Request):
    """A code and a PKCS#10 request, DER in base 64."""

    code: SecretStr = Field(min_length=1, max_length=MAX_CODE)
    request: Base64Bytes = Field(max_length=MAX_CSR_BYTES)


class EnrolmentAnswer(Answer):
    """The station's name, its certificates and whom it trusts; PEM."""

    station: str
    certificates: str
    trust: str


class HandoverBody(Request):
    """Where the card and its holder are: the reader's full name, `station/reader`."""

    reader: str = Field(min_length=1, max_length=_MAX_READER_NAME)


@router.get("/stations")
def list_stations(registry: Registry, actor: ApiActor) -> list[StationAnswer]:
    """Every station."""
    return [_answer(registry, station) for station in registry.stations.all(actor)]


@router.post("/stations", status_code=201)
def add(registry: Registry, actor: ApiActor, body: NewStation) -> StationAnswer:
    """Adds a station."""
    return _answer(registry, registry.stations.add(actor, body.id, body.office))


@router.post("/stations/{station_id}/codes", status_code=201)
def create_code(registry: Registry, actor: ApiActor, station_id: str, _body: Nothing) -> CodeAnswer:
    """A new one-time code for this station."""
    created = registry.stations.create_code(actor, station_id)
    return CodeAnswer(code=created.code, expires_at=created.expires_at)


@router.post("/stations/{station_id}/revocation")
def revoke(registry: Registry, actor: ApiActor, station_id: str, _body: Nothing) -> StationAnswer:
    """Ends a station for good."""
    return _answer(registry, registry.stations.revoke(actor, station_id))


@router.post("/station-enrolments", status_code=201)
def enrol(request: HttpRequest, registry: Registry, body: EnrolmentBody) -> EnrolmentAnswer:
    """Takes a machine in as the station of the code; the code is all that it has to show."""
    code = body.code.get_secret_value()
    return EnrolmentAnswer.model_validate(
        registry.stations.enrol(code, body.request, client_network(request))
    )


@router.post("/cards/{card_number}/station-deliveries", status_code=204)
async def hand_over(registry: Registry, actor: ApiActor, card_number: str, body: HandoverBody) -> None:
    """Hands the card in a station's reader over; answers when its holder has set a PIN there."""
    work = registry.handovers.hand_over
    await asyncio.wrap_future(registry.counters.begin(actor, work, actor, card_number, body.reader))


def _answer(registry: Registry, station: StationView) -> StationAnswer:
    connected = registry.hub.line(station.id) is not None
    return StationAnswer(**vars(station), connected=connected)
