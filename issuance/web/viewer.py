"""What every page of a signed-in operator needs."""

from fastapi import Request

from issuance.operators.service import Actor
from issuance.web.access import csrf_token, session_token


def viewer(request: Request, actor: Actor) -> dict[str, object]:
    """The operator and the token of their forms."""
    return {"actor": actor, "csrf": csrf_token(session_token(request))}
