"""/v1/cards/{number}/station-renewals: a new key and certificate at a station."""

import asyncio
from typing import Literal

from fastapi import APIRouter

from issuance.production.models import RenewalState
from issuance.production.renewalsteps import RenewalView
from issuance.stations.endpoints import HandoverBody
from issuance.web.access import ApiActor, Registry
from issuance.web.schemas import Answer
from pki.profiles import Profile

router = APIRouter(prefix="/v1/cards", tags=["rekeying"])

Key = Literal["authentication", "signature"]


class RenewalBody(HandoverBody):
    """Where card and holder are, and which key is made anew."""

    key: Key


class RenewalAnswer(Answer):
    """A renewal that has ended; `serial` is the new certificate's, in hexadecimal digits."""

    id: str
    card_number: str
    key: str
    state: RenewalState
    serial: str | None


@router.post("/{card_number}/station-renewals")
async def renew(registry: Registry, actor: ApiActor, card_number: str, body: RenewalBody) -> RenewalAnswer:
    """Makes a key of the card in a station's reader anew; answers when its certificate is good.

    Its holder types their PIN there. What was torn is finished by the same again.
    """
    key, work = Profile(body.key), registry.rekeying.renew
    begun = registry.counters.begin(actor, work, actor, card_number, body.reader, key)
    return _answer(await asyncio.wrap_future(begun))


def _answer(renewal: RenewalView) -> RenewalAnswer:
    return RenewalAnswer(
        id=renewal.id,
        card_number=renewal.card_number,
        key=renewal.profile.value,
        state=renewal.state,
        serial=None if renewal.serial is None else f"{renewal.serial:x}",
    )
