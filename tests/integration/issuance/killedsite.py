"""A whole site in processes of their own, each of which can be killed: server, station, pcscd, database.

The card alone stays with the test: it is in a virtual reader of the site's own pcscd, and tells of each APDU.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import Enum, unique
from pathlib import Path
from unittest.mock import patch

import httpx

from cardio.station.identity import Enrolled, StationKey
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.production.cardsecrets import issuer_secrets
from pki.home import Home
from pki.keys.masterkeys import MasterKey
from pki.store.encrypted import ColumnCipher
from simulators.actors.issue import Staff, signed_in
from simulators.card.card import SimulatedCard
from simulators.card.file import CardFile
from simulators.depot import take_in
from simulators.factory import make_blank
from simulators.installation.services import Installation, initialise, open_installation
from simulators.process import free_port
from simulators.readers.vpcd import VirtualReader
from tests.ownpcscd import READER, OwnPcscd, own_pcscd
from tests.postgres import PostgresServer, running_server
from tests.waiting import wait_for

STATION = "st-1"
PIN = "24681357"
_SERVICES = ("pki", "issuance", "verifier")
_ADMINISTRATOR = Actor("administrator-1", Role.ADMINISTRATOR)
_LEASE_SECONDS = 1
_RETRY_SECONDS = 0.1
_BLANKS = 150


@unique
class Victim(Enum):
    """What can be killed."""

    SERVER = "server"
    STATION = "station"
    PCSCD = "pcscd"
    DATABASE = "database"


@dataclass
class Program:
    """A command that is started again when it was killed."""

    command: Sequence[str]
    environment: Mapping[str, str]
    output: Path
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


class WatchedCard:
    """A card that calls before and after each command; `told` may do anything to the world around it."""

    def __init__(self, inner: SimulatedCard, told: Callable[[bool], None]) -> None:
        self._inner = inner
        self._told = told

    @property
    def atr(self) -> bytes:
        return self._inner.atr

    def power_on(self) -> bytes:
        return self._inner.power_on()

    def power_off(self) -> None:
        self._inner.power_off()

    def reset(self) -> bytes:
        return self._inner.reset()

    def transmit(self, command: bytes) -> bytes:
        self._told(False)  # noqa: FBT003 - before it
        answer = self._inner.transmit(command)
        self._told(True)  # noqa: FBT003 - after it
        return answer


class Site:
    """Everything runs once it is opened. `kill` from any thread; `mend` starts again what is dead."""

    def __init__(
        self,
        home: Home,
        folder: Path,
        postgres: PostgresServer,
        pcscd: OwnPcscd,
        settings: Mapping[str, str],
    ) -> None:
        self.home = home
        self.settings = settings
        self.postgres = postgres
        self.pcscd = pcscd
        self.reader = f"{STATION}/{READER}"
        self.told: Callable[[bool], None] = lambda _after: None
        self._port = free_port()
        hub = free_port()
        self.address = f"http://127.0.0.1:{self._port}"
        ports = ["--port", str(self._port), "--stations-port", str(hub)]
        serve = ["serve", *ports, "--run-lease", str(_LEASE_SECONDS)]
        dial = ["station", "--server", f"wss://127.0.0.1:{hub}", "--dir", str(folder / STATION)]
        self.server = Program(
            self._hoviat(*serve), {**settings, "PCSCLITE_CSOCK_NAME": "/nowhere"}, folder / "server.log"
        )
        self.station = Program(
            self._hoviat(*dial, "--longest-wait", str(_RETRY_SECONDS)),
            {**pcscd.environment, "HOVIAT_NEW_PIN": PIN},
            folder / "station.log",
        )
        self.staff: Staff
        self.cipher: ColumnCipher
        self._card_key: MasterKey
        self._database_is_up = True
        self._hands = threading.RLock()
        self._blanks: list[Path] = []
        self._file: CardFile | None = None
        self._slot: VirtualReader | None = None

    def _hoviat(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "hoviat", "--home", str(self.home.root), *arguments]

    def furnish(self, folder: Path) -> None:
        """A station that is enrolled, and card bodies in stock; before the server runs."""
        with open_installation(self.home.root) as installation:
            self.cipher = installation.issuance.database.cipher
            self._card_key = installation.pki.master_keys["card"]
            self._blanks = [make_blank(self.home.cards, _factory_key(installation)) for _ in range(_BLANKS)]
            take_in(installation.issuance, self._blanks)
            stations = installation.issuance.stations
            stations.add(_ADMINISTRATOR, STATION, "1")
            key = StationKey()
            code = stations.create_code(_ADMINISTRATOR, STATION).code
            enrolled = stations.enrol(code, key.request(), "127.0.0.1")
            key.keep(folder / STATION, Enrolled(enrolled.station, enrolled.certificates, enrolled.trust))

    def kill(self, victims: Sequence[Victim]) -> None:
        """SIGKILL; returns when they are dead."""
        with self._hands:
            for victim in victims:
                _KILLS[victim](self)

    def mend(self) -> None:
        """Starts what is dead, and puts the card back that was lost with its reader."""
        with self._hands:
            if not self._database_is_up:
                self.postgres.start()
                self._database_is_up = True
            if not self.pcscd.runs:
                self.pcscd.start()
            self._put_back()
            if not self.server.runs:
                self.server.start()
                wait_for(self._answers, "the server doesn't start")
            if not self.station.runs:
                self.station.start()

    def settle(self) -> None:
        """Mends, and waits until the registry has noticed that its database is back."""
        self.mend()
        wait_for(lambda: self._answers("/issuance/healthz"), "the registry doesn't recover")

    def _kill_database(self) -> None:
        if self._database_is_up:  # else an earlier kill was not mended yet
            self.postgres.kill()
            self._database_is_up = False

    def _answers(self, path: str = "/healthz") -> bool:
        assert self.server.runs, "the server ended at once"
        try:
            return httpx.get(f"{self.address}{path}", timeout=30).is_success
        except httpx.HTTPError:
            return False

    @property
    def logs(self) -> list[Path]:
        """What server and station said, over all their lives."""
        return [self.server.output, self.station.output]

    def secrets_of(self, card: str) -> list[str]:
        """Whatever opens that card."""
        secrets = issuer_secrets(self._card_key, int(card))
        return [PIN, secrets.transport_pin, secrets.puk]

    def insert_blank(self) -> str:
        """Puts a new body into the reader; its number."""
        self.remove()
        self._file = CardFile.open(self._blanks.pop())
        self._put_back()
        return self._file.path.stem

    def _put_back(self) -> None:
        lost = self._slot is not None and self._slot.wait_ended(0)
        if lost and self._slot is not None:
            self._slot.remove()
            self._slot = None
        if self._file is not None and self._slot is None:
            card = WatchedCard(SimulatedCard(self._file), self._tell)
            self._slot = VirtualReader(card, self.pcscd.port)
            self._slot.insert()

    def _tell(self, after: bool) -> None:
        self.told(after)

    def end(self) -> None:
        """Ends what this started."""
        self.station.kill()
        self.server.kill()
        self.remove()

    def remove(self) -> None:
        """Takes the card out."""
        slot, self._slot = self._slot, None
        if slot is not None:
            slot.remove()
        if self._file is not None:
            self._file.close()
            self._file = None


_KILLS: Mapping[Victim, Callable[[Site], None]] = {
    Victim.SERVER: lambda site: site.server.kill(),
    Victim.STATION: lambda site: site.station.kill(),
    Victim.PCSCD: lambda site: site.pcscd.kill(),
    Victim.DATABASE: Site._kill_database,
}


def _factory_key(installation: Installation) -> MasterKey:
    return installation.pki.master_keys["factory"]


@contextmanager
def open_site(folder: Path) -> Iterator[Site]:
    """A new site with everything at work, ended with the block."""
    with ExitStack() as stack:
        postgres = stack.enter_context(running_server(durable=True))
        settings = {
            f"HOVIAT_{service.upper()}_DATABASE": stack.enter_context(postgres.database())
            for service in _SERVICES
        }
        with patch.dict(os.environ, settings):
            home = initialise(folder / "home")
            site = Site(home, folder, postgres, stack.enter_context(own_pcscd(folder)), settings)
            site.furnish(folder)
        stack.callback(site.end)
        site.mend()
        site.staff = stack.enter_context(signed_in(site.home, site.address))
        yield site
