"""A hub beside an office, and stations that dial it: by thread, by process, by hand."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from cardio.station import wire
from cardio.station.agent import Agent, Post
from cardio.station.identity import Enrolled, StationKey, tls_context
from cardio.transport import pcsc
from cardio.transport.base import CardConnection
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.stations.line import Line
from issuance.stations.listener import Patience, listening
from issuance.stations.tls import hub_tls
from pki.hierarchy import Role as CaRole
from pki.keys.adapter import private_key_of
from pki.oids import HOVIAT_STATION_POLICY
from simulators.card.card import SimulatedCard
from simulators.card.file import CardFile
from simulators.installation.server import listen
from simulators.readers.inprocess import InProcessReader
from simulators.readers.pinpad import PinPad
from simulators.readers.vpcd import Card as InsertedCard
from tests.integration.issuance.office import Office
from tests.waiting import WAIT_SECONDS, wait_for

ADMINISTRATOR = Actor("administrator-1", Role.ADMINISTRATOR)
HASTY = Patience(handshake_s=WAIT_SECONDS, ping_s=WAIT_SECONDS, standing_s=0.05, takeover_s=WAIT_SECONDS)


@dataclass
class Yard:
    """An office whose hub can be dialled."""

    office: Office
    port: int
    folder: Path

    @property
    def address(self) -> str:
        return f"wss://127.0.0.1:{self.port}"

    def enrol(self, name: str) -> Path:
        """A new station's folder."""
        stations = self.office.registry.stations
        stations.add(ADMINISTRATOR, name, "1")
        return self.take_in(name)

    def take_in(self, name: str) -> Path:
        """The station's folder, with a new key."""
        stations = self.office.registry.stations
        code = stations.create_code(ADMINISTRATOR, name).code
        key = StationKey()
        enrolled = stations.enrol(code, key.request(), "127.0.0.1")
        folder = self.folder / name
        key.keep(folder, Enrolled(enrolled.station, enrolled.certificates, enrolled.trust))
        return folder

    def line(self, name: str) -> Line:
        """The station's line, once it is there and has said hello."""
        hub = self.office.registry.hub

        def greeted() -> bool:
            line = hub.line(name)
            return line is not None and bool(line.readers)

        wait_for(greeted)
        line = hub.line(name)
        assert line is not None
        return line

    def wait_gone(self, name: str) -> None:
        wait_for(lambda: self.office.registry.hub.line(name) is None)

    def dial(self, tls: ssl.SSLContext, headers: Mapping[str, str] | None = None) -> ClientConnection:
        """A connection by hand."""
        return connect(
            self.address,
            ssl=tls,
            subprotocols=[Subprotocol(wire.SUBPROTOCOL)],
            additional_headers=headers,
            compression=None,
            proxy=None,
            open_timeout=WAIT_SECONDS,
            close_timeout=WAIT_SECONDS,
            legacy=True,
        )


@contextmanager
def open_yard(office: Office, folder: Path, patience: Patience = HASTY) -> Iterator[Yard]:
    registry = office.registry
    tls = hub_tls(office.home, office.pki, "127.0.0.1")
    with (
        listen("127.0.0.1", 0) as listener,
        listening(registry.stations, registry.hub, tls, listener, patience),
    ):
        yield Yard(office, listener.getsockname()[1], folder)


@dataclass
class Typist:
    """Types the same PIN for everybody."""

    pin: str = "24681357"
    asked: list[str] = field(default_factory=list)
    at: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    """What the card signs with the holder's PIN, each time that it was asked for."""

    def at_pad(self, card: str) -> None:
        self.at.append(card)

    def ask(self, card: str) -> str:
        self.asked.append(card)
        return self.pin

    def known_at_pad(self, card: str, what: str) -> None:
        self.at.append(card)
        self.told.append(what)

    def ask_known(self, card: str, what: str) -> str:
        self.told.append(what)
        return self.ask(card)


@dataclass
class Desk:
    """A station by thread: its reader, and who types there."""

    name: str
    reader: InProcessReader
    typist: Typist
    _files: list[CardFile] = field(default_factory=list)

    @property
    def full_name(self) -> str:
        return f"{self.name}/{self.reader.name}"

    def insert(self, path: Path, make: Callable[[CardFile], InsertedCard] = SimulatedCard) -> None:
        self.remove()
        self._files.append(CardFile.open(path))
        self.reader.insert(make(self._files[-1]))

    def remove(self) -> None:
        self.reader.remove()
        while self._files:
            self._files.pop().close()


@contextmanager
def open_desk(
    yard: Yard,
    name: str = "st-1",
    folder: Path | None = None,
    port: int | None = None,
    pad: PinPad | None = None,
    connect_card: Callable[[str], CardConnection] = pcsc.connect,
) -> Iterator[Desk]:
    """A station that is connected; `connect_card` reaches the card in its reader."""
    folder = folder or yard.enrol(name)
    address = yard.address if port is None else f"wss://127.0.0.1:{port}"
    with InProcessReader(f"desk {name} of {yard.folder.name}", pad) as reader:
        desk = Desk(name, reader, Typist())
        states = lambda: {reader.name: reader.presence()}  # noqa: E731
        agent = Agent(Post(address, tls_context(folder), states, connect_card, desk.typist))
        thread = threading.Thread(target=agent.run, name=name, daemon=True)
        thread.start()
        try:
            yard.line(name)
            yield desk
        finally:
            agent.stop()
            thread.join(WAIT_SECONDS)
            desk.remove()
            assert not thread.is_alive()


def client_tls(folder: Path, own: Path | None = None) -> ssl.SSLContext:
    """TLS with another certificate than the station's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile=str(folder / "trust.pem"))
    if own is not None:
        context.load_cert_chain(str(own))
    return context


def forged(
    office: Office,
    path: Path,
    issuer: CaRole,
    *,
    name: str = "st-1",
    serial: int | None = None,
    ended: bool = False,
    policy: str = HOVIAT_STATION_POLICY,
) -> Path:
    """A certificate that a CA's key signed and its authority never issued, with its key; PEM."""
    ca = office.pki.issuers.current(issuer)
    assert ca.key is not None
    assert ca.certificate is not None
    certificate = x509.load_der_x509_certificate(ca.certificate)
    own = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    begun, end = (now - timedelta(days=2), now + timedelta(days=-1 if ended else 1))
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(certificate.subject)
        .public_key(own.public_key())
        .serial_number(serial or x509.random_serial_number())
        .not_valid_before(begun)
        .not_valid_after(end)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(
            x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier(policy), None)]),
            critical=False,
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(certificate.public_key()),  # type: ignore[arg-type]
            critical=False,
        )
        .sign(private_key_of(ca.key), hashes.SHA256())
    )
    key = own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    chain = made.public_bytes(Encoding.PEM) + certificate.public_bytes(Encoding.PEM)
    path.write_bytes(key + chain)
    return path


def raw_connection(yard: Yard) -> socket.socket:
    """TCP, and nothing said."""
    return socket.create_connection(("127.0.0.1", yard.port), timeout=WAIT_SECONDS)
