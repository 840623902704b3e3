"""An operator of the registry, working through its JSON API as a clerk's browser does."""

import base64
import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import httpx

from cardio.station.delivery import CardAnswer, Delivery
from issuance.bootstrap import PASSWORDS_FILE
from issuance.offices.models import FIRST_OFFICE
from issuance.operators.accounts import Accounts, Wanted
from issuance.operators.changes import ChangeKind
from issuance.operators.models import Role
from issuance.operators.service import Actor, Operators
from pki.home import Home, HomeError

_TIMEOUT_SECONDS = 30.0
_EVENT_DATA = "data: "
_ADDED = "operator-{}.json"


class RefusedError(Exception):
    """The registry answered with a problem document."""

    def __init__(self, status: int, kind: str, title: str, detail: str | None) -> None:
        super().__init__(f"{title}: {detail}" if detail else title)
        self.status = status
        self.kind = kind
        self.title = title


def first_password(home: Home, username: str) -> str:
    """The password that `hoviat init`, or `require_operator`, made for an operator.

    Raises KeyError, or HomeError where the home keeps no first passwords (any more).
    """
    passwords = _first_passwords(home.secrets / PASSWORDS_FILE)
    added = home.secrets / _ADDED.format(username)
    if username not in passwords and added.exists():
        passwords |= json.loads(added.read_text(encoding="utf-8"))
    return passwords[username]


def _first_passwords(file: Path) -> dict[str, str]:
    try:
        found = json.loads(file.read_bytes())
    except FileNotFoundError:
        told = "is not there: simulated operators sign in with the first passwords of `hoviat init`"
        raise HomeError(file, told) from None
    except ValueError:
        raise HomeError(file, "is no file of first passwords") from None
    if not isinstance(found, dict):
        raise HomeError(file, "is no file of first passwords")
    return found


def require_operator(home: Home, operators: Operators, username: str, role: Role) -> str:
    """The password of a first operator; one whom a home of earlier days lacks is added now."""
    with suppress(KeyError):
        return first_password(home, username)
    password = operators.create(username, role)
    home.write_secret(_ADDED.format(username), json.dumps({username: password}).encode() + b"\n")
    return password


def add_operator(accounts: Accounts, username: str, role: Role, office: str = FIRST_OFFICE) -> str:
    """Another operator, by the two administrators that `hoviat init` made; returns the first password."""
    first, second = (Actor(name, Role.ADMINISTRATOR) for name in ("administrator-1", "administrator-2"))
    change = accounts.propose(first, Wanted(ChangeKind.CREATE, username, role, office))
    return accounts.confirm(second, change).password or ""


class Operator:
    """One signed-in operator."""

    def __init__(self, base_url: str, username: str, password: str) -> None:
        self.username = username
        self._password = password
        self._http = httpx.Client(base_url=base_url + "/issuance/v1", timeout=_TIMEOUT_SECONDS)
        token = self._post("/sessions", {"username": username, "password": password})["token"]
        self._http.headers["Authorization"] = f"Bearer {token}"

    def close(self) -> None:
        """Drops the connections."""
        self._http.close()

    def apply(self, national_code: str, birth_date: date, portrait: bytes) -> str:
        """Opens and submits a person's application; returns its id."""
        application = self._post(
            "/applications",
            {
                "national_code": national_code,
                "birth_date": birth_date.isoformat(),
                "portrait": base64.b64encode(portrait).decode(),
            },
        )
        self._post(f"/applications/{application['id']}/submission")
        return str(application["id"])

    def approve(self, application: str) -> None:
        """Approves an application that someone else submitted."""
        self._post(f"/applications/{application}/approval")

    def produce(self, application: str, reader: str) -> str:
        """Starts personalising the card in `reader`; returns the production's id."""
        return str(self._post(f"/applications/{application}/production", {"reader": reader})["id"])

    def watch(self, production: str) -> Iterator[dict[str, Any]]:
        """The states of a production run as they come (server-sent events), until it stops."""
        with self._http.stream("GET", f"/productions/{production}/events") as response:
            response.raise_for_status()
            for line in response.iter_lines():
                if line.startswith(_EVENT_DATA):
                    yield json.loads(line.removeprefix(_EVENT_DATA))

    def check_identity(self, card_number: str, document: str = "birth_certificate") -> dict[str, Any]:
        """Puts on record that the card's person stands there."""
        seen = {"document": document, "same_person": True}
        return self._post(f"/cards/{card_number}/identity-checks", seen)

    def void(self, production: str) -> None:
        """Gives a torn production run up."""
        self._post(f"/productions/{production}/voiding")

    def deliver(self, card_number: str) -> Delivery:
        """Opens the delivery of a card to the person who stands there."""
        return Delivery.from_json(self._post(f"/cards/{card_number}/deliveries"))

    def complete(self, delivery: Delivery, answer: CardAnswer) -> None:
        """Hands in what the card said: who it is, and its signature over the delivery's challenge."""
        self._post(f"/deliveries/{delivery.delivery_id}/completion", answer.as_json())

    def hand_over(self, card_number: str, reader: str) -> None:
        """Hands the card in a station's reader over; returns when its holder has set a PIN there."""
        self._post(f"/cards/{card_number}/station-deliveries", {"reader": reader})

    def readers(self) -> list[str]:
        """The readers that cards can be made in."""
        names: list[str] = self._http.get("/readers").json()
        return names

    def stations(self) -> list[str]:
        """The names of all stations."""
        return [station["id"] for station in self._http.get("/stations").json()]

    def add_station(self, name: str, office: str) -> None:
        """Adds a reader station."""
        self._post("/stations", {"id": name, "office": office})

    def station_code(self, name: str) -> str:
        """A one-time code for a station."""
        return str(self._post(f"/stations/{name}/codes")["code"])

    def revoke(self, card_number: str, reason: str) -> None:
        """Revokes a card for good: lost, stolen, damaged…"""
        self._post(f"/cards/{card_number}/revocation", {"reason": reason})

    def suspend(self, card_number: str) -> None:
        """Suspends a card."""
        self._post(f"/cards/{card_number}/suspension")

    def propose_account(self, username: str, role: Role, office: str = FIRST_OFFICE) -> str:
        """As an administrator: a new account, for another one to confirm; returns the change's id."""
        wanted = {"kind": ChangeKind.CREATE, "username": username, "role": role, "office": office}
        return str(self._post("/operator-changes", wanted)["id"])

    def confirm_account(self, change: str, password: str) -> str:
        """As another administrator, with their own password; returns the new account's first one."""
        return str(self._post(f"/operator-changes/{change}/confirmation", {"password": password})["password"])

    def _post(self, path: str, body: object | None = None) -> dict[str, Any]:
        """Says the password once more where a decision wants that."""
        sent = body if body is not None else {}
        try:
            return self._checked(self._http.post(path, json=sent))
        except RefusedError as error:
            if error.kind != "fresh-proof-needed":
                raise
        self._checked(self._http.post("/sessions/current/proof", json={"password": self._password}))
        return self._checked(self._http.post(path, json=sent))

    @staticmethod
    def _checked(response: httpx.Response) -> dict[str, Any]:
        answer: dict[str, Any] = response.json() if response.content else {}
        if response.is_success:
            return answer
        kind = str(answer.get("type", "")).rpartition(":")[2]
        raise RefusedError(
            response.status_code, kind, str(answer.get("title", response.reason_phrase)), answer.get("detail")
        )
