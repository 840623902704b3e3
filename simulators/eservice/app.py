"""The sample e-service's pages and its login with a Web eID token."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path

from fastapi import FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

from pki.clock import Clock, utc_now
from pki.problems import problem
from simulators.eservice.sessions import Session, Sessions
from simulators.eservice.texts import LANGUAGES, TEXTS
from verifier import bodies
from verifier.client import (
    LoginRefusedError,
    RequestRefusedError,
    VerifierClient,
    VerifierUnavailableError,
)

COOKIE = "__Host-session"
_FOLDER = Path(__file__).parent
_TOKEN_MEMBER = "auth-token"  # noqa: S105 - the member's name in Web eID's login request
_DEFAULT_LANGUAGE = "fa"
_SAME_SITE = frozenset({"same-origin", "none"})
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

Next = Callable[[Request], Awaitable[Response]]


def create_app(verifier: VerifierClient, origin: str, clock: Clock = utc_now) -> FastAPI:
    """The site at `origin`, whose logins `verifier` verifies."""
    app = FastAPI(title="Sample e-service", docs_url=None, redoc_url=None, openapi_url=None)
    app.mount("/static", StaticFiles(directory=_FOLDER / "static"))
    site = _Site(verifier, Sessions(clock))
    _add_defences(app, origin)
    _add_pages(app, site)
    _add_login(app, site)
    return app


class _Site:
    """What the routes share."""

    def __init__(self, verifier: VerifierClient, sessions: Sessions) -> None:
        self.verifier = verifier
        self.sessions = sessions
        self.templates = Jinja2Templates(_FOLDER / "templates")

    def session_of(self, request: Request) -> Session | None:
        return self.sessions.find(request.cookies.get(COOKIE))

    def page(self, request: Request, name: str, session: Session | None) -> Response:
        asked = request.query_params.get("lang", _DEFAULT_LANGUAGE)
        language = asked if asked in LANGUAGES else _DEFAULT_LANGUAGE
        return self.templates.TemplateResponse(
            request,
            name,
            {
                "language": language,
                "direction": LANGUAGES[language].direction,
                "other": LANGUAGES[language].other,
                "t": TEXTS[language],
                "session": session,
            },
        )


def _set_cookie(response: Response, session: Session) -> Response:
    # The prefix __Host- makes browsers insist on secure, path / and no domain (RFC 6265bis, section 4.1.3.2).
    response.set_cookie(COOKIE, session.session_id, secure=True, httponly=True, samesite="strict", path="/")
    return response


def _add_defences(app: FastAPI, origin: str) -> None:
    @app.middleware("http")
    async def defend(request: Request, call_next: Next) -> Response:
        response = _refuse_cross_site(request, origin) or await call_next(request)
        for name, value in SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        return response


def _refuse_cross_site(request: Request, origin: str) -> Response | None:
    """A browser tells where a POST comes from; what comes from another site is refused."""
    if request.method in {"GET", "HEAD"}:
        return None
    foreign_origin = request.headers.get("origin", origin) != origin
    foreign_fetch = request.headers.get("sec-fetch-site", "none") not in _SAME_SITE
    if foreign_origin or foreign_fetch:
        return problem(HTTPStatus.FORBIDDEN, "cross-site-request", "The request comes from another site")
    return None


def _add_pages(app: FastAPI, site: _Site) -> None:
    @app.get("/")
    async def index(request: Request) -> Response:
        """The page with the login button."""
        return site.page(request, "index.html", site.session_of(request))

    @app.get("/account")
    async def account(request: Request) -> Response:
        """What the site knows of the visitor who logged in."""
        session = site.session_of(request)
        if session is None or session.claims is None:
            return RedirectResponse("/", HTTPStatus.SEE_OTHER)
        return site.page(request, "account.html", session)

    @app.get("/healthz")
    async def healthz() -> Response:
        """200 while the process serves."""
        return JSONResponse({"status": "ok"})

    @app.post("/auth/logout")
    async def log_out(request: Request) -> Response:
        """Ends the session."""
        session = site.session_of(request)
        if session is not None:
            site.sessions.end(session)
        response = RedirectResponse("/", HTTPStatus.SEE_OTHER)
        response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="strict")
        return response


def _add_login(app: FastAPI, site: _Site) -> None:
    @app.post("/auth/challenge")
    async def challenge(request: Request) -> Response:
        """A nonce for the card to sign, kept in the visitor's session; it replaces an earlier one."""
        session = site.session_of(request) or site.sessions.start()
        issued = await run_in_threadpool(site.verifier.challenge)
        session.nonce = issued.nonce
        return _set_cookie(JSONResponse({"nonce": issued.nonce}), session)

    @app.post("/auth/login")
    async def log_in(request: Request) -> Response:
        """Takes {"auth-token": {…}} and logs in, or passes the verifier's problem document on."""
        body = await bodies.read_object(request)
        session = site.session_of(request)
        token = body.get(_TOKEN_MEMBER)
        if not isinstance(token, dict):
            return problem(HTTPStatus.BAD_REQUEST, "request-malformed", f"{_TOKEN_MEMBER} must be an object")
        if session is None or session.nonce is None:
            return problem(HTTPStatus.FORBIDDEN, "challenge-missing", "This session asked for no challenge")
        # Taken out before it is used: this session never answers it again, whatever comes of it.
        nonce, session.nonce = session.nonce, None
        login = await run_in_threadpool(site.verifier.authenticate, token, nonce)
        fresh = site.sessions.log_in(session, login.claims, login.receipt)
        return _set_cookie(
            JSONResponse({"claims": dict(login.claims), "receipt": dict(login.receipt)}), fresh
        )

    _add_refusals(app)


def _add_refusals(app: FastAPI) -> None:
    @app.exception_handler(LoginRefusedError)
    async def refused(_request: Request, error: LoginRefusedError) -> Response:
        return JSONResponse(
            dict(error.problem.document), error.problem.status, None, "application/problem+json"
        )

    @app.exception_handler(RequestRefusedError)
    async def misconfigured(_request: Request, error: RequestRefusedError) -> Response:
        # The site's own fault (a wrong API key, say), not the visitor's.
        return problem(
            HTTPStatus.BAD_GATEWAY, "verifier-refused", "The verifier refused this site", error.title
        )

    @app.exception_handler(VerifierUnavailableError)
    async def unavailable(_request: Request, error: VerifierUnavailableError) -> Response:
        return problem(
            HTTPStatus.SERVICE_UNAVAILABLE, "verifier-unavailable", "The verifier does not answer", str(error)
        )

    @app.exception_handler(bodies.BodyError)
    async def unreadable(_request: Request, error: bodies.BodyError) -> Response:
        return problem(HTTPStatus.BAD_REQUEST, "request-malformed", "The request can't be read", str(error))
