"""Handing a card over: the citizen's own PIN, and the card's signature that makes it live.

The citizen's PIN never leaves the station (docs/adr/0002).
"""

import base64
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from cryptography.hazmat.primitives import hashes

from cardio.errors import CardError, InvalidPinError, TransportPinError
from cardio.piv.objects import ObjectId
from cardio.piv.session import PivSession
from cardio.piv.slots import Slot
from cardio.station.handovercontent import signed_content
from cardio.transport.base import CardConnection
from cardio.transport.pinpad import PinPad

_API = "/issuance/v1"
_TIMEOUT_SECONDS = 30.0
_HOLDER_SECONDS = 420.0
"""As long as two PINs may take at a station."""
_PASSED = "passed"


class RegistryError(CardError):
    """The registry can't be reached, refuses, or answers what no registry answers."""

    def __init__(self, server: str, detail: str) -> None:
        super().__init__(f"{server}: {detail}")
        self.server = server
        self.detail = detail


@dataclass(frozen=True)
class Handover:
    """What is done to a card that is handed over. Raises ValueError for a challenge that is none."""

    transport_pin: str = field(repr=False)
    challenge: bytes = field(repr=False)

    def __post_init__(self) -> None:
        signed_content(self.challenge)  # before a PIN is asked for


@dataclass(frozen=True)
class Delivery(Handover):
    """A delivery that waits for its card's answer."""

    delivery_id: str

    @classmethod
    def from_json(cls, answer: Mapping[str, Any]) -> "Delivery":
        """Reads the registry's answer; raises KeyError or ValueError for anything else."""
        challenge = base64.b64decode(answer["challenge"], validate=True)
        return cls(str(answer["transport_pin"]), challenge, str(answer["delivery_id"]))


@dataclass(frozen=True)
class CardIdentity:
    """What a card tells everybody of itself."""

    chuid: bytes = field(repr=False)
    """The content of object CHUID."""
    certificate: bytes = field(repr=False)
    """Of key 9A, DER."""


def read_identity(connection: CardConnection) -> CardIdentity:
    """Which card this is, and whose; needs no PIN. Raises a CardError."""
    session = PivSession(connection)
    return CardIdentity(session.get_object(ObjectId.CHUID), session.read_certificate(Slot.AUTHENTICATION))


def accept(connection: CardConnection, handover: Handover, new_pin: str) -> bytes:
    """Replaces the transport PIN and has key 9A sign `signed_content` (SHA-256); returns the DER signature.

    Can be repeated: a card that got `new_pin` in an earlier, torn try goes straight on to the signature. An
    unblocked card has the transport PIN as any other PIN: what asking cost comes back with its change.
    """
    session = PivSession(connection)
    try:
        session.verify_pin(new_pin)
    except (TransportPinError, InvalidPinError):
        session.change_pin(handover.transport_pin, new_pin)
        session.verify_pin(new_pin)
    key = session.public_key(Slot.AUTHENTICATION)
    return session.sign(Slot.AUTHENTICATION, key, signed_content(handover.challenge), hashes.SHA256())


@dataclass(frozen=True)
class CardAnswer:
    """What the registry wants to hear of the card that is handed over."""

    identity: CardIdentity
    signature: bytes = field(repr=False)

    def as_json(self) -> dict[str, str]:
        """The body of a completion."""
        parts = {
            "signature": self.signature,
            "chuid": self.identity.chuid,
            "certificate": self.identity.certificate,
        }
        return {name: base64.b64encode(octets).decode() for name, octets in parts.items()}


def answer(connection: CardConnection, handover: Handover, new_pin: str) -> CardAnswer:
    """The whole of it at a local reader: which card this is, then as `accept`."""
    identity = read_identity(connection)
    return CardAnswer(identity, accept(connection, handover, new_pin))


def accept_at_pad(connection: CardConnection, handover: Handover, pad: PinPad) -> bytes:
    """As `accept`, the new PIN typed at the reader: twice to set it and once to use it.

    :raises PinEntryError: it was not typed
    """
    session = PivSession(connection)
    if _has_transport_pin(session, handover):
        session.replace_pin_at(pad, handover.transport_pin)
    session.verify_pin_at(pad)
    key = session.public_key(Slot.AUTHENTICATION)
    return session.sign(Slot.AUTHENTICATION, key, signed_content(handover.challenge), hashes.SHA256())


def _has_transport_pin(session: PivSession, handover: Handover) -> bool:
    """Not where a torn try has replaced it before; what asking costs comes back with the right PIN."""
    try:
        session.verify_pin(handover.transport_pin)
    except TransportPinError:
        return True
    except InvalidPinError:
        return False
    return True  # unblocked: any other PIN by now, and still to be replaced


class RegistryClient:
    """Deliveries and renewals by a registry's JSON API, for one signed-in operator."""

    def __init__(
        self, server: str, username: str, password: str, code: str | None = None, cafile: Path | None = None
    ) -> None:
        """`code`: of the operator's authenticator app, where the account has one."""
        self._server = server
        trust = ssl.create_default_context(cafile=None if cafile is None else str(cafile))
        self._http = httpx.Client(base_url=server.rstrip("/") + _API, timeout=_TIMEOUT_SECONDS, verify=trust)
        login = {"username": username, "password": password}
        answer = self._post("/sessions", login if code is None else login | {"code": code})
        self._http.headers["Authorization"] = f"Bearer {answer.get('token')}"

    def close(self) -> None:
        """Drops the connection."""
        self._http.close()

    def check(self, card_number: str, document: str) -> None:
        """Puts on record that the card's person is there, known by that document. Raises RegistryError."""
        answer = self._post(_of(card_number, "identity-checks"), {"document": document, "same_person": True})
        self._require_passed(answer.get("check"))

    def meet(self, card_number: str, document: str) -> None:
        """As `check`, about a card in use."""
        body = {"document": document, "same_person": True}
        self._require_passed(self._post(_of(card_number, "presence-checks"), body))

    def renew(self, card_number: str, reader: str, key: str) -> None:
        """Has a key of the card in a station's reader made anew. Raises RegistryError."""
        path = _of(card_number, "station-renewals")
        self._post(path, {"reader": reader, "key": key}, _HOLDER_SECONDS)

    def _require_passed(self, check: object) -> None:
        if not isinstance(check, dict) or check.get("outcome") != _PASSED:
            raise RegistryError(self._server, "the check of the person failed; the card stays here")

    def open(self, card_number: str) -> Delivery:
        """Begins handing a card over. Raises RegistryError."""
        answer = self._post(_of(card_number, "deliveries"), {})
        try:
            return Delivery.from_json(answer)
        except (KeyError, ValueError) as error:
            raise RegistryError(self._server, "its answer is no delivery") from error

    def complete(self, delivery: Delivery, answer: CardAnswer) -> None:
        """Hands in what the card said. Raises RegistryError."""
        self._post(f"/deliveries/{quote(delivery.delivery_id, safe='')}/completion", answer.as_json())

    def _post(
        self, path: str, body: Mapping[str, object], timeout_s: float = _TIMEOUT_SECONDS
    ) -> Mapping[str, Any]:
        try:
            response = self._http.post(path, json=body, timeout=timeout_s)
            answer = response.json() if response.content else {}
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise RegistryError(self._server, str(error) or type(error).__name__) from error
        if not isinstance(answer, dict):
            raise RegistryError(self._server, "its answer is no JSON object")
        if not response.is_success:
            told = (str(answer[part]) for part in ("title", "detail") if answer.get(part))
            raise RegistryError(self._server, "; ".join(told) or response.reason_phrase)
        return answer


def _of(card_number: str, what: str) -> str:
    return f"/cards/{quote(card_number, safe='')}/{what}"
