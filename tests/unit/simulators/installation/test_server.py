"""The one server of `hoviat serve`: the bounds of the status service's own, and refusals in one form."""

import asyncio
from pathlib import Path

import pytest
from httpx import ASGITransport, AsyncClient, Response

from pki.bootstrap import initialise
from pki.home import create
from pki.httpprotocol import BoundedProtocol
from simulators.installation.server import create_app, uvicorn_server
from simulators.installation.services import open_installation


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/nothing", 404, "not-found"),
        ("GET", "/pki/nothing", 404, "not-found"),
        ("GET", "/pkix", 404, "not-found"),
        ("POST", "/healthz", 405, "method-not-allowed"),
    ],
)
def test_refusals_are_problem_documents_everywhere(
    tmp_path: Path, method: str, path: str, status: int, kind: str
) -> None:
    initialise(create(tmp_path / "home"))
    with open_installation(tmp_path / "home") as installation:
        app = create_app(installation)
        server = uvicorn_server(app, "info")

        async def ask() -> Response:
            async with AsyncClient(transport=ASGITransport(app), base_url="http://hoviat") as client:
                return await client.request(method, path)

        response = asyncio.run(ask())
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"] == f"urn:hoviat:problem:{kind}"
    assert server.config.http is BoundedProtocol
    assert (server.config.access_log, server.config.proxy_headers) == (False, False)
