"""Who may dial the hub: stations with their own good certificate, once at a time, and nobody else."""

import ssl
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy.exc import OperationalError
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from cardio.station.identity import tls_context
from cardio.station.wire import MAX_FRAME_BYTES, Hello, Open, Reader, ReadersChanged, encode
from issuance.stations.listener import Patience
from pki.hierarchy import Role as CaRole
from pki.oids import HOVIAT_OPERATOR_POLICY
from simulators.faults.delay import slow_link
from tests.integration.issuance.office import CLERK, Office
from tests.integration.issuance.stationing import (
    ADMINISTRATOR,
    HASTY,
    Yard,
    client_tls,
    forged,
    open_desk,
    open_yard,
    raw_connection,
)
from tests.waiting import WAIT_SECONDS, wait_for

HELLO = encode(Hello(agent="by hand", readers=(Reader(name="Reader", atr=None, movements=0),)))
NOT_AT_ALL = (OSError, ConnectionClosed, InvalidHandshake)
"""TLS 1.3 tells a client of its refusal when it first reads."""


def greet(yard: Yard, folder: Path, name: str = "st-1") -> ClientConnection:
    client = yard.dial(tls_context(folder))
    client.send(HELLO)
    yard.line(name)
    return client


def refused(yard: Yard, tls: ssl.SSLContext, status: int, headers: dict[str, str] | None = None) -> None:
    with pytest.raises(InvalidStatus) as told:
        yard.dial(tls, headers)
    assert told.value.response.status_code == status
    assert yard.office.registry.hub.lines == ()


def ended(client: ClientConnection) -> bool:
    """Reads until the hub has ended the connection."""
    with suppress(ConnectionClosed):
        while True:
            client.recv(WAIT_SECONDS)
    return client.close_code is not None


def serial_of(folder: Path) -> int:
    return x509.load_pem_x509_certificates((folder / "station.pem").read_bytes())[0].serial_number


def test_an_enrolled_station_is_admitted_and_shows_its_readers(yard: Yard) -> None:
    folder = yard.enrol("st-1")
    with greet(yard, folder) as client:
        registry = yard.office.registry
        assert "st-1/Reader" in registry.production.readers(CLERK)
        client.send(encode(ReadersChanged(readers=())))
        wait_for(lambda: registry.hub.names() == [])
        assert yard.office.reader.name in registry.production.readers(CLERK)
    yard.wait_gone("st-1")


def test_nobody_without_a_certificate(yard: Yard) -> None:
    folder = yard.enrol("st-1")
    with pytest.raises(NOT_AT_ALL):
        yard.dial(client_tls(folder))


@pytest.mark.parametrize("issuer", [role for role in CaRole if role not in {CaRole.OPERATOR, CaRole.CSCA}])
def test_no_certificate_of_another_ca(issuer: CaRole, yard: Yard, tmp_path: Path) -> None:
    """Citizens' cards stand under the same root, and would show their CA's certificate too."""
    folder = yard.enrol("st-1")
    own = forged(yard.office, tmp_path / "own.pem", issuer, serial=serial_of(folder))
    with pytest.raises(NOT_AT_ALL):
        yard.dial(client_tls(folder, own))


def test_no_certificate_that_nobody_signed(yard: Yard, tmp_path: Path) -> None:
    folder = yard.enrol("st-1")
    key = tmp_path / "own.pem"
    forged(yard.office, key, CaRole.OPERATOR)
    own, ca = x509.load_pem_x509_certificates(key.read_bytes())
    broken = bytearray(own.public_bytes(Encoding.DER))
    broken[-1] ^= 1
    pem = x509.load_der_x509_certificate(bytes(broken)).public_bytes(Encoding.PEM)
    private = key.read_bytes().split(b"-----BEGIN CERTIFICATE-----")[0]
    key.write_bytes(private + pem + ca.public_bytes(Encoding.PEM))
    with pytest.raises(NOT_AT_ALL):
        yard.dial(client_tls(folder, key))


def test_no_expired_certificate(yard: Yard, tmp_path: Path) -> None:
    folder = yard.enrol("st-1")
    own = forged(yard.office, tmp_path / "own.pem", CaRole.OPERATOR, serial=serial_of(folder), ended=True)
    with pytest.raises(NOT_AT_ALL):
        yard.dial(client_tls(folder, own))


def test_no_certificate_that_the_authority_never_issued(yard: Yard, tmp_path: Path) -> None:
    folder = yard.enrol("st-1")
    refused(yard, client_tls(folder, forged(yard.office, tmp_path / "own.pem", CaRole.OPERATOR)), 403)


def test_no_operators_certificate(yard: Yard, tmp_path: Path) -> None:
    folder = yard.enrol("st-1")
    own = forged(
        yard.office,
        tmp_path / "own.pem",
        CaRole.OPERATOR,
        serial=serial_of(folder),
        policy=HOVIAT_OPERATOR_POLICY,
    )
    refused(yard, client_tls(folder, own), 403)


def test_no_other_stations_name(yard: Yard, tmp_path: Path) -> None:
    folder = yard.enrol("st-1")
    own = forged(yard.office, tmp_path / "own.pem", CaRole.OPERATOR, name="st-2", serial=serial_of(folder))
    refused(yard, client_tls(folder, own), 403)


def test_a_revoked_station_is_refused_and_dropped(yard: Yard) -> None:
    folder = yard.enrol("st-1")
    with greet(yard, folder) as client:
        yard.office.registry.stations.revoke(ADMINISTRATOR, "st-1")
        assert ended(client)
    yard.wait_gone("st-1")
    refused(yard, tls_context(folder), 403)


def test_a_certificate_that_an_officer_revokes_elsewhere(yard: Yard) -> None:
    """Nobody tells the hub: it looks."""
    folder = yard.enrol("st-1")
    with greet(yard, folder) as client:
        yard.office.pki.authority.suspend(serial_of(folder), "officer-1", "stolen?")
        assert ended(client)
    yard.wait_gone("st-1")
    refused(yard, tls_context(folder), 403)
    yard.office.pki.authority.resume(serial_of(folder), "officer-1", "found")
    greet(yard, folder).close()


def test_a_certificate_that_ends_while_its_station_is_connected(yard: Yard) -> None:
    with greet(yard, yard.enrol("st-1")) as client:
        yard.office.clock.ahead = timedelta(days=400)
        assert ended(client)


def test_nobody_comes_or_stays_while_nothing_can_be_known(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = yard.enrol("st-1")

    def fail(_certificates: object) -> set[str]:
        raise OperationalError("SELECT", {}, Exception("no database"))

    with greet(yard, folder) as client:
        monkeypatch.setattr(yard.office.registry.stations, "admitted", fail)
        assert ended(client)
    yard.wait_gone("st-1")
    refused(yard, tls_context(folder), 503)
    monkeypatch.undo()
    greet(yard, folder).close()


def test_the_machine_before_a_new_enrolment(yard: Yard) -> None:
    folder = yard.enrol("st-1")
    before = tls_context(folder)
    with greet(yard, folder) as client:
        yard.take_in("st-1")
        assert ended(client)
    yard.wait_gone("st-1")
    refused(yard, before, 403)
    greet(yard, folder).close()


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://127.0.0.1"])
def test_no_browser(origin: str, yard: Yard) -> None:
    refused(yard, tls_context(yard.enrol("st-1")), 403, {"Origin": origin})


def test_no_other_path_and_no_other_protocol(yard: Yard) -> None:
    tls = tls_context(yard.enrol("st-1"))
    with pytest.raises(InvalidStatus):
        connect(f"{yard.address}/elsewhere", ssl=tls, proxy=None, legacy=True)
    with pytest.raises((InvalidHandshake, ConnectionClosed)):
        connect(yard.address, ssl=tls, proxy=None, legacy=True)


def test_a_second_connection_while_the_first_lives(yard: Yard) -> None:
    folder = yard.enrol("st-1")
    with greet(yard, folder) as client:
        first = yard.line("st-1")
        with pytest.raises(InvalidStatus) as told:
            yard.dial(tls_context(folder))
        assert told.value.response.status_code == 409
        client.send(encode(ReadersChanged(readers=())))
        wait_for(lambda: first.readers == ())
        assert yard.office.registry.hub.line("st-1") is first


def test_a_second_connection_when_the_first_is_dead(office: Office, tmp_path: Path) -> None:
    """Its network has swallowed it, and no TCP end was ever seen."""
    patience = Patience(HASTY.handshake_s, HASTY.ping_s, HASTY.standing_s, takeover_s=0.2)
    with open_yard(office, tmp_path, patience) as yard:
        folder = yard.enrol("st-1")
        with slow_link("127.0.0.1", yard.port, 0.0) as (link, port):
            distant = Yard(office, port, tmp_path)
            greet(distant, folder)
            first = yard.line("st-1")
            link.freeze()
            with greet(yard, folder):
                assert yard.line("st-1") is not first


def test_a_dead_station_is_noticed_by_ping(office: Office, tmp_path: Path) -> None:
    patience = Patience(HASTY.handshake_s, ping_s=2, standing_s=HASTY.standing_s)
    with open_yard(office, tmp_path, patience) as yard:
        folder = yard.enrol("st-1")
        with slow_link("127.0.0.1", yard.port, 0.0) as (link, port):
            greet(Yard(office, port, tmp_path), folder)
            link.freeze()
            yard.wait_gone("st-1")


def test_slow_handshakes_end_and_keep_nobody_waiting(office: Office, tmp_path: Path) -> None:
    patience = Patience(handshake_s=3, ping_s=HASTY.ping_s, standing_s=HASTY.standing_s)
    with open_yard(office, tmp_path, patience) as yard:
        folder = yard.enrol("st-1")
        silent = [raw_connection(yard) for _ in range(50)]
        with greet(yard, folder):
            for one in silent:
                assert one.recv(1) == b""
                one.close()
        with tls_context(folder).wrap_socket(raw_connection(yard), server_hostname="127.0.0.1") as half:
            half.send(b"GET / HTTP/1.1\r\n")
            assert half.recv(1) == b""


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param("x" * 10_000_000, id="10 MB"),
        pytest.param("x" * (MAX_FRAME_BYTES + 1), id="one byte too long"),
        pytest.param("{}", id="nothing"),
        pytest.param('{"type":"unknown"}', id="an unknown type"),
        pytest.param(b"\x00\x01", id="binary"),
        pytest.param("[" * 1000, id="no JSON"),
        pytest.param(HELLO, id="hello again"),
        pytest.param(encode(Open(job="0" * 16, reader="R", operator="o", card=None)), id="the hub's own"),
    ],
)
def test_a_frame_that_is_no_message_ends_the_connection(frame: str | bytes, yard: Yard) -> None:
    folder = yard.enrol("st-1")
    with greet(yard, folder) as client:
        with suppress(ConnectionClosed):  # before the whole of it was sent
            client.send(frame)
        assert ended(client)
    yard.wait_gone("st-1")
    greet(yard, folder).close()


@pytest.mark.parametrize("first", ['{"type":"readers","readers":[]}', "x", b"x"])
def test_something_before_hello(first: str | bytes, yard: Yard) -> None:
    with yard.dial(tls_context(yard.enrol("st-1"))) as client:
        client.send(first)
        assert ended(client)


def test_a_hub_that_ends_takes_its_lines_with_it(office: Office, tmp_path: Path) -> None:
    with open_yard(office, tmp_path) as yard:
        client = greet(yard, yard.enrol("st-1"))
    assert ended(client)
    assert office.registry.hub.lines == ()


def test_an_agent_comes_back_by_itself(office: Office, yard: Yard) -> None:
    with slow_link("127.0.0.1", yard.port, 0.0) as (link, port), open_desk(yard, port=port):
        first = yard.line("st-1")
        link.cut()
        wait_for(lambda: office.registry.hub.line("st-1") not in {None, first})
        yard.line("st-1")
