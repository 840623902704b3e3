"""What the status service publishes as it is: CA and link certificates, master list, policy, disclosure.

Certificates of citizens are not among it, and no route leads to them.
"""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from pki.bootstrap import Pki
from pki.certificatepolicy import policy_text
from pki.disclosure import STATEMENT
from pki.httpcaching import cached
from pki.problems import problem

_CERTIFICATE_TYPE = "application/pkix-cert"  # RFC 2585 §4.1
_SECONDS = 86_400
_MASTER_LIST_TYPE = "application/pkcs7-mime; smime-type=signed-data"  # RFC 8551 §3.2
_MASTER_LIST_SECONDS = 3600
_FIXED = ("policy.txt", "pds-en.txt", "masterlist.ml", "ocsp")


def document_routes(pki: Pki) -> list[Route]:
    """Relative to where the status service is mounted."""

    async def ca_certificate(request: Request) -> Response:
        certificate = pki.published.get(request.path_params["name"])
        if certificate is None:
            return problem(404, "unknown-ca", "There is no CA of this name")
        return Response(certificate, media_type=_CERTIFICATE_TYPE, headers=cached(_SECONDS))

    def master_list(_request: Request) -> Response:
        content = pki.documents.master_list()
        if content is None:
            return problem(404, "no-master-list", "There is no master list yet")
        return Response(content, media_type=_MASTER_LIST_TYPE, headers=cached(_MASTER_LIST_SECONDS))

    async def disclosure(_request: Request) -> Response:
        return PlainTextResponse(STATEMENT, headers=cached(_SECONDS))

    async def policy(_request: Request) -> Response:
        return PlainTextResponse(policy_text(), headers=cached(_SECONDS))

    async def index(_request: Request) -> Response:
        """What certificates of travel documents' signers name as their contact (ICAO Doc 9303-12 §7.1)."""
        lines = [
            *(f"ca/{name}.cer" for name in pki.published),
            *(f"crl/{name}.crl" for name in pki.certificates),
        ]
        return PlainTextResponse("\n".join([*_FIXED, *lines, ""]), headers=cached(_SECONDS))

    return [
        Route("/", index, methods=["GET"]),
        Route("/policy.txt", policy, methods=["GET"]),
        Route("/ca/{name}.cer", ca_certificate, methods=["GET"]),
        Route("/masterlist.ml", master_list, methods=["GET"]),
        Route("/pds-en.txt", disclosure, methods=["GET"]),
    ]
