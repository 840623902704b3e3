"""`hoviat verifier serve` as real processes, sites and software cards beside it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from simulators.installation.services import initialise, open_installation
from simulators.load.login.cards import CURVES, ORIGIN, SoftwareCard, issue_cards

_SECONDS = 60


@dataclass
class Nation:
    """A home with delivered cards and a registered site, and the replicas that serve it."""

    root: Path
    cards: list[SoftwareCard]
    key: str = field(repr=False)

    @contextmanager
    def replica(self, workers: int = 1) -> "Iterator[Replica]":
        """One more server process for this home."""
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        command = [sys.executable, "-m", "hoviat", "--home", str(self.root), "verifier", "serve"]
        process = subprocess.Popen(
            [*command, "--port", str(port), "--workers", str(workers)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        made = Replica(process, f"http://127.0.0.1:{port}/verifier", self.key)
        try:
            until(made.answers)
            yield made
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(_SECONDS)


@dataclass(frozen=True)
class Replica:
    """A server."""

    process: "subprocess.Popen[bytes]"
    url: str
    key: str = field(repr=False)

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", trust_env=False, timeout=10).status_code == 200
        except httpx.HTTPError:
            return False

    def post(self, path: str, body: object) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx.post(f"{self.url}{path}", json=body, headers=headers, trust_env=False, timeout=_SECONDS)

    def nonce(self) -> str:
        nonce: str = self.post("/v1/challenges", {}).json()["nonce"]
        return nonce

    def present(self, card: SoftwareCard, nonce: str) -> httpx.Response:
        return self.post("/v1/authentications", {"token": card.token(nonce), "nonce": nonce})

    def receipt(self, code: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.key}"}
        response = httpx.get(
            f"{self.url}/v1/receipts/{code}", headers=headers, trust_env=False, timeout=_SECONDS
        )
        receipt: dict[str, Any] = response.json()
        return receipt

    def signal_child(self, name: str, number: signal.Signals) -> None:
        """To one that shows this name; the parent begins another for one that is killed."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        named = [int(pid) for pid in children if Path(f"/proc/{pid}/comm").read_text().strip() == name]
        os.kill(named[0], number)


def make_nation(root: Path, cards: int) -> Nation:
    """A new home; the environment's databases are in force already."""
    initialise(root)
    with open_installation(root) as installation:
        made = issue_cards(installation.pki, CURVES[0], cards)
        key = installation.verifier.services.register_site("bench", ORIGIN).api_key
    return Nation(root, made, key)


def kind_of(response: httpx.Response) -> str:
    """`accepted`, or the kind of the problem."""
    if response.status_code == 200:
        return "accepted"
    kind: str = response.json()["type"]
    return kind.removeprefix("urn:hoviat:problem:")


def until(condition: Callable[[], bool], seconds: float = _SECONDS) -> None:
    """Waits for another process."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.05)
