"""CRLs over HTTP: from the file to the network in pieces, with what caches need to know."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from pki.bootstrap import Pki
from pki.errors import PkiError, UnknownCrlError
from pki.httpcaching import NOT_CACHED, cached
from pki.metrics import Counters
from pki.problems import problem
from pki.status.publication import PublishedCrl

_CRL_TYPE = "application/pkix-crl"  # RFC 5280 §4.2.1.13, RFC 2585 §4.2
SHARED_SECONDS = 60
"""How long caches may keep a CRL: with the spacing of deltas, the delay of a revocation outside."""


def crl_routes(pki: Pki, counters: Counters) -> list[Route]:
    """Relative to where the status service is mounted."""

    def crl(request: Request) -> Response:
        """Reads the database and may sign, so it runs in the thread pool.

        The name is parsed and looked up, never a path of the caller's making.
        """
        try:
            current = pki.crls.current(request.path_params["name"])
        except UnknownCrlError:
            return problem(404, "unknown-crl", "There is no CRL of this name")
        except (PkiError, OSError, SQLAlchemyError):
            return problem(503, "crl-unavailable", "This CRL can't be given now", headers=dict(NOT_CACHED))
        counters.add("hoviat_pki_crl_downloads_total", crl=current.name)
        headers = _headers(current, pki.clock())
        if _is_known(request, headers["ETag"]):
            return Response(status_code=304, headers=headers)
        return FileResponse(current.path, headers=headers, media_type=_CRL_TYPE)

    return [Route("/crl/{name}.crl", crl, methods=["GET"])]


def crl_gauges(pki: Pki) -> dict[str, int]:
    """When each CA's CRL and delta were published, when they end, their entries and bytes."""
    targets = [target for name in pki.crls.names for target in pki.crls.whole(name)]
    published = [crl for crl in (pki.crls.published(target.name) for target in targets) if crl is not None]
    return {
        f'{gauge}{{crl="{crl.name}"}}': value(crl) for gauge, value in _GAUGES.items() for crl in published
    }


_GAUGES: Mapping[str, Callable[[PublishedCrl], int]] = {
    "hoviat_pki_crl_published_timestamp_seconds": lambda crl: int(crl.this_update.timestamp()),
    "hoviat_pki_crl_next_update_timestamp_seconds": lambda crl: int(crl.next_update.timestamp()),
    "hoviat_pki_crl_entries": lambda crl: crl.entries,
    "hoviat_pki_crl_bytes": lambda crl: crl.size,
}


def _headers(crl: PublishedCrl, now: datetime) -> dict[str, str]:
    """One past its end may not be kept: the next one is overdue and may come at any moment."""
    left = int((crl.next_update - now).total_seconds())
    return {
        **(cached(min(SHARED_SECONDS, left)) if left > 0 else NOT_CACHED),
        "ETag": f'"{crl.name}-{crl.number}"',
        "Last-Modified": format_datetime(crl.this_update.astimezone(UTC), usegmt=True),
    }


def _is_known(request: Request, etag: str) -> bool:
    """Whether the client has this edition, by its tag alone.

    A date can't tell: two editions may share a second, and a clock that was ahead outdates the next ones.
    """
    tags = request.headers.get("if-none-match", "")
    known = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
    return "*" in known or etag in known
