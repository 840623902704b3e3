"""/v1/cards/{number}/station-unblockings: a blocked PIN replaced at a station."""

import asyncio

from fastapi import APIRouter

from issuance.stations.endpoints import HandoverBody
from issuance.web.access import ApiActor, Registry

router = APIRouter(prefix="/v1/cards", tags=["unblocking"])


@router.post("/{card_number}/station-unblockings", status_code=204)
async def unblock(registry: Registry, actor: ApiActor, card_number: str, body: HandoverBody) -> None:
    """Unblocks the card in a station's reader; answers when its holder has set a PIN there."""
    work = registry.unblocking.unblock
    await asyncio.wrap_future(registry.counters.begin(actor, work, actor, card_number, body.reader))
