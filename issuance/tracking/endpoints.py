"""/v1/applications/{id}/slip for the clerk; /v1/status and /v1/slip-keys for everybody."""

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from issuance.tracking import qrcode
from issuance.tracking.codes import printed
from issuance.tracking.keys import as_pem
from issuance.tracking.schemas import SlipAnswer, StatusAnswer, StatusBody
from issuance.web.access import ApiActor, Registry
from issuance.web.clients import client_network

router = APIRouter(prefix="/v1", tags=["tracking"])


@router.get("/applications/{application_id}/slip")
def read_slip(registry: Registry, _actor: ApiActor, application_id: str) -> SlipAnswer:
    """The slip that the citizen takes home."""
    slip, text = registry.tracking.slip(application_id)
    return SlipAnswer(tracking_code=printed(slip.tracking_code), slip=text, good_until=slip.good_until)


@router.get(
    "/applications/{application_id}/slip.svg",
    response_class=Response,
    responses={200: {"content": {"image/svg+xml": {}}}},
)
def slip_as_svg(registry: Registry, _actor: ApiActor, application_id: str) -> Response:
    """Its QR code as SVG."""
    _, text = registry.tracking.slip(application_id)
    return Response(qrcode.svg(text), media_type="image/svg+xml")


@router.get(
    "/applications/{application_id}/slip.png",
    response_class=Response,
    responses={200: {"content": {"image/png": {}}}},
)
def slip_as_png(registry: Registry, _actor: ApiActor, application_id: str) -> Response:
    """Its QR code as PNG."""
    _, text = registry.tracking.slip(application_id)
    return Response(qrcode.png(text), media_type="image/png")


@router.post("/status")
def status(request: Request, registry: Registry, body: StatusBody) -> StatusAnswer:
    """How far an application is; no login. Tries are counted by address and by code."""
    found = registry.tracking.status(body.tracking_code, body.birth_date, client_network(request))
    return StatusAnswer(stage=found.stage, promised_on=found.promised_on)


@router.get(
    "/slip-keys", response_class=Response, responses={200: {"content": {"application/x-pem-file": {}}}}
)
def slip_keys(registry: Registry) -> Response:
    """The public keys by which slips are verified off line, PEM, the newest first."""
    return PlainTextResponse(as_pem(registry.tracking.keys.public), media_type="application/x-pem-file")
