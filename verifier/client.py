"""A small client for sites: challenges, logins, receipts.

with VerifierClient("https://id.example/verifier", api_key) as verifier:
    challenge = verifier.challenge()                       # keep challenge.nonce in the visitor's session
    ...                                                    # the browser signs it with the card
    login = verifier.authenticate(token, challenge.nonce)  # raises LoginRefusedError
    print(login.claims["national_code"], login.receipt_code)
    verifier.verify_receipt(login.receipt)                 # who keeps receipts as evidence checks them once
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Any
from urllib.parse import quote

import httpx

from verifier.receipts.proof import (
    Keys,
    KeyUnknownError,
    hash_of_certificate,
    read_jwk_set,
    verify_receipt,
)

DEFAULT_TIMEOUT_SECONDS = 10.0
_JSON = {"Content-Type": "application/json"}


class VerifierError(Exception):
    """The verifier did not log anyone in. Base of:

    VerifierError
    ├── LoginRefusedError          the token was checked and refused; a receipt says why
    ├── RequestRefusedError        the request itself was refused: key, size, form
    └── VerifierUnavailableError   no answer, or none that can be understood
    """


@dataclass(frozen=True)
class ProblemDocument:
    """An RFC 9457 problem as the verifier sent it."""

    status: int
    type: str
    """Stable: `urn:hoviat:problem:` and the name of the failure."""
    title: str
    document: Mapping[str, Any] = field(repr=False)
    """The whole document, to be passed on."""


_NO_JSON = ProblemDocument(
    HTTPStatus.BAD_REQUEST, "urn:hoviat:problem:request-malformed", "The request can't be read", {}
)
"""What the verifier would say of a token that can't even be written as JSON."""


class RequestRefusedError(VerifierError):
    """Nobody looked at a token; `problem` says why.

    A visitor who posts what no card's software makes causes it, too: then its `type` is request-malformed or
    request-too-large.
    """

    def __init__(self, problem: ProblemDocument) -> None:
        super().__init__(f"{problem.title} ({problem.type})")
        self.problem = problem
        self.type = problem.type
        self.title = problem.title


class LoginRefusedError(VerifierError):
    """The login was refused at `step` (0 to 8); citizen, site and help desk share `receipt_code`."""

    def __init__(self, problem: ProblemDocument) -> None:
        super().__init__(f"{problem.title} ({problem.type})")
        receipt = problem.document["receipt"]
        self.problem = problem
        self.type = problem.type
        self.title = problem.title
        self.receipt: Mapping[str, Any] = receipt
        self.receipt_code: str = receipt["code"]
        self.step: int = receipt["failed_step"]


class VerifierUnavailableError(VerifierError):
    """Try again later; nobody was logged in."""


@dataclass(frozen=True)
class Challenge:
    """A nonce for one attempt, to be kept in the visitor's session."""

    nonce: str = field(repr=False)
    origin: str
    expires_at: str
    """ISO 8601, with its offset."""


@dataclass(frozen=True)
class Login:
    """An accepted login."""

    claims: Mapping[str, str] = field(repr=False)
    """identity_code, national_code, given_name, surname, country."""
    receipt: Mapping[str, Any] = field(repr=False)

    def used(self, certificate_sha256: str) -> bool:
        """Whether the card's certificate was the one with this fingerprint, 64 hexadecimal digits."""
        told = self.receipt.get("certificate_hash")
        return told is not None and told == hash_of_certificate(self.receipt_code, certificate_sha256)

    @property
    def receipt_code(self) -> str:
        """The code to show and to keep."""
        code: str = self.receipt["code"]
        return code


class VerifierClient:
    """Speaks to one verifier with one site's API key. Use it as a context manager, or close it."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """`base_url` is where the verifier is mounted, such as http://127.0.0.1:8080/verifier.

        `transport` replaces the network, for tests.
        """
        self._keys: Keys = {}
        self._http = httpx.Client(
            base_url=base_url.rstrip("/"),
            headers={"Authorization": f"Bearer {api_key}"},
            timeout=timeout_seconds,
            transport=transport,
        )

    def __enter__(self) -> "VerifierClient":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connections."""
        self._http.close()

    def challenge(self) -> Challenge:
        """A fresh nonce; raises VerifierError."""
        answer = self._call("POST", "/v1/challenges", {})
        return Challenge(
            _text(answer, "nonce"),
            _text(answer, "origin"),
            _text(answer, "expires_at"),
        )

    def authenticate(self, token: object, nonce: str) -> Login:
        """Has the token verified that answers `nonce`; raises LoginRefusedError or another VerifierError.

        `token` is what the visitor's browser posted, whatever that is: nobody else needs to look at it.
        A nonce serves once: after any answer, take a new challenge.
        """
        answer = self._call("POST", "/v1/authentications", {"token": token, "nonce": nonce})
        return Login(_mapping(answer, "claims"), _mapping(answer, "receipt"))

    def receipt(self, code: str) -> Mapping[str, Any]:
        """One of this site's receipts, by its code as people write it; raises VerifierError."""
        return self._call("GET", f"/v1/receipts/{quote(code, safe='', errors='replace')}")

    def receipt_keys(self) -> Keys:
        """The keys that sign receipts, as the verifier publishes them now.

        Raises VerifierError; ProofMalformedError for what is no set of keys.
        """
        return read_jwk_set(self._call("GET", "/v1/receipt-keys"))

    def verify_receipt(self, receipt: Mapping[str, Any]) -> None:
        """Checks a receipt's signature; the keys are fetched when it names one that isn't at hand.

        Raises ReceiptProofError (see `verifier.receipts.proof`), VerifierError.
        """
        try:
            verify_receipt(receipt, self._keys)
        except KeyUnknownError:
            self._keys = self.receipt_keys()
            verify_receipt(receipt, self._keys)

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        content = None if body is None else _json_text(body)
        try:
            response = self._http.request(method, path, content=content, headers=_JSON)
        except httpx.HTTPError as error:
            raise VerifierUnavailableError(f"the verifier does not answer: {type(error).__name__}") from error
        answer = _json_object(response)
        if response.status_code < HTTPStatus.BAD_REQUEST:
            return answer
        raise _error_of(response.status_code, answer)


def _json_text(body: Mapping[str, Any]) -> bytes:
    """In ASCII: what a stranger's JSON held, lone surrogates too, is for the verifier to refuse."""
    try:
        return json.dumps(body, allow_nan=False).encode("ascii")
    except (ValueError, TypeError, RecursionError) as error:
        raise RequestRefusedError(_NO_JSON) from error


def _json_object(response: httpx.Response) -> Mapping[str, Any]:
    try:
        content = response.json()
    except ValueError as error:
        raise VerifierUnavailableError(f"HTTP {response.status_code} without JSON") from error
    if not isinstance(content, dict):
        raise VerifierUnavailableError(f"HTTP {response.status_code} without a JSON object")
    return content


def _error_of(status: int, content: Mapping[str, Any]) -> VerifierError:
    problem = ProblemDocument(status, _text(content, "type"), _text(content, "title"), content)
    if isinstance(content.get("receipt"), dict):
        return LoginRefusedError(problem)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return VerifierUnavailableError(f"{problem.title} ({problem.type})")
    return RequestRefusedError(problem)


def _text(content: Mapping[str, Any], name: str) -> str:
    value = content.get(name)
    if not isinstance(value, str):
        raise VerifierUnavailableError(f"the verifier's answer lacks {name}")
    return value


def _mapping(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = content.get(name)
    if not isinstance(value, dict):
        raise VerifierUnavailableError(f"the verifier's answer lacks {name}")
    return value
