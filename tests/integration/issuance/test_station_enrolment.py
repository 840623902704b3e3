"""Taking stations in: one code, one machine, once; and who may say so."""

import base64
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import cast

import httpx
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError
from starlette.applications import Starlette
from starlette.routing import Mount

from cardio.station.enrolling import enrol
from cardio.station.errors import EnrolmentError, StationIdentityError
from cardio.station.identity import Enrolled, StationKey, tls_context
from hoviat import main
from issuance.app import create_app
from issuance.audit import Audit, AuditEntry
from issuance.bootstrap import open_stations
from issuance.database import Database
from issuance.errors import InvalidInputError, NotFoundError, RoleRequiredError
from issuance.models import Base
from issuance.operators.models import Role
from issuance.operators.service import Actor, Operators
from issuance.stations.errors import (
    StationCodeError,
    StationCodeWaitError,
    StationExistsError,
    StationRevokedError,
)
from issuance.stations.models import Station, StationCode, StationState
from issuance.stations.service import CODE_LIFE, CODE_TRIES, Stations
from pki.auditchain import verify_table
from pki.errors import PkiError
from pki.status.state import Status
from simulators.installation.server import running
from tests.columnkey import CIPHER
from tests.integration.issuance.office import Office
from tests.integration.issuance.stationing import ADMINISTRATOR, Yard

HERE = "192.0.2.1"


def request() -> bytes:
    return StationKey().request()


def code_for(stations: Stations, name: str = "st-1") -> str:
    stations.add(ADMINISTRATOR, name, "1")
    return stations.create_code(ADMINISTRATOR, name).code


@pytest.fixture
def stations(office: Office) -> Stations:
    return office.registry.stations


def test_a_code_makes_a_station_of_a_machine(office: Office, stations: Stations) -> None:
    enrolled = stations.enrol(code_for(stations), request(), HERE)
    own, ca = x509.load_pem_x509_certificates(enrolled.certificates.encode())
    assert own.issuer == ca.subject
    assert own.subject.rfc4514_string().startswith("CN=st-1")
    assert office.status(own.serial_number).status is Status.GOOD
    (station,) = stations.all(ADMINISTRATOR)
    assert (station.state, station.serial) == (StationState.ENROLLED, f"{own.serial_number:x}")
    admitted = stations.admit(own.public_bytes(Encoding.DER))
    assert (admitted.station, admitted.serial) == ("st-1", own.serial_number)
    with office.registry.database.reading() as session:
        verify_table(session, AuditEntry)


def test_a_code_is_good_once(stations: Stations) -> None:
    code = code_for(stations)
    csr = request()
    stations.enrol(code, csr, HERE)
    for again in (csr, request()):
        with pytest.raises(StationCodeError):
            stations.enrol(code, again, HERE)


def test_a_code_is_good_once_for_many_at_the_same_time(stations: Stations) -> None:
    code = code_for(stations)

    def attempt(number: int) -> bool:
        try:
            stations.enrol(code, request(), f"192.0.2.{number}")
        except StationCodeError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(8))) == 1


def test_a_code_ends_with_its_day(office: Office, stations: Stations) -> None:
    code = code_for(stations)
    office.clock.ahead = CODE_LIFE + timedelta(seconds=1)
    with pytest.raises(StationCodeError):
        stations.enrol(code, request(), HERE)


def test_a_new_code_ends_the_one_before(stations: Stations) -> None:
    first = code_for(stations)
    second = stations.create_code(ADMINISTRATOR, "st-1").code
    with pytest.raises(StationCodeError):
        stations.enrol(first, request(), HERE)
    stations.enrol(second, request(), HERE)


def wrong(code: str) -> str:
    return code[:-1] + ("1" if code[-1] == "0" else "0")


def test_a_code_has_few_tries_wherever_they_come_from(stations: Stations) -> None:
    code = code_for(stations)
    for number in range(CODE_TRIES):
        with pytest.raises(StationCodeError):
            stations.enrol(wrong(code), request(), f"192.0.2.{number}")
    with pytest.raises(StationCodeError):
        stations.enrol(code, request(), HERE)


def test_whoever_guesses_waits(stations: Stations) -> None:
    for _ in range(5):
        with pytest.raises(StationCodeError):
            stations.enrol("ABCD-EFGH", request(), HERE)
    with pytest.raises(StationCodeWaitError) as told:
        stations.enrol(code_for(stations), request(), HERE)
    assert told.value.wait_s > 0
    stations.enrol(stations.create_code(ADMINISTRATOR, "st-1").code, request(), "192.0.2.2")


def signed_by_nobody() -> bytes:
    broken = bytearray(request())
    broken[-1] ^= 1
    return bytes(broken)


def of_rsa() -> bytes:
    key = rsa.generate_private_key(65537, 2048)
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def of_p521() -> bytes:
    key = ec.generate_private_key(ec.SECP521R1())
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


@pytest.mark.parametrize("make", [signed_by_nobody, of_rsa, of_p521, lambda: b"", lambda: bytes(9000)])
def test_a_request_that_is_none_costs_no_code(make: Callable[[], bytes], stations: Stations) -> None:
    code = code_for(stations)
    with pytest.raises(InvalidInputError):
        stations.enrol(code, make(), HERE)
    stations.enrol(code, request(), HERE)


def test_only_a_digest_of_the_code_is_kept(office: Office, stations: Stations) -> None:
    code = code_for(stations)
    locator, *secret = code.split("-")
    with office.registry.database.reading() as session:
        (row,) = session.scalars(select(StationCode))
        entries = [str(entry.details) + entry.subject for entry in session.scalars(select(AuditEntry))]
    assert row.locator == locator
    assert "".join(secret) not in row.digest
    assert not any("".join(secret) in entry or code in entry for entry in entries)


def test_a_code_by_sql_makes_no_station(office: Office, stations: Stations) -> None:
    code = code_for(stations)
    for name in ("st-2", "st-3"):
        stations.add(ADMINISTRATOR, name, "1")
    plain = hashlib.sha256(code.replace("-", "").encode()).hexdigest()
    with office.registry.database.reading() as session:
        kept = session.scalars(select(StationCode)).one().digest
    later = office.clock() + 2 * CODE_LIFE
    altered: list[dict[str, object]] = [
        {"digest": plain},
        {"digest": kept, "station_id": "st-2"},
        {"station_id": "st-1", "expires_at": later},
    ]
    for number, values in enumerate(altered):
        with office.registry.database.writing() as session:
            session.execute(update(StationCode).values(**values))
        with pytest.raises(StationCodeError):
            stations.enrol(code, request(), f"192.0.2.{number}")


def test_a_revoked_station_stays_revoked(office: Office, stations: Stations) -> None:
    enrolled = stations.enrol(code_for(stations), request(), HERE)
    (own, _) = x509.load_pem_x509_certificates(enrolled.certificates.encode())
    late = stations.create_code(ADMINISTRATOR, "st-1").code
    for _ in range(2):
        assert stations.revoke(ADMINISTRATOR, "st-1").state is StationState.REVOKED
    assert office.status(own.serial_number).status is Status.REVOKED
    with pytest.raises(StationRevokedError):
        stations.create_code(ADMINISTRATOR, "st-1")
    with pytest.raises(StationCodeError):
        stations.enrol(late, request(), HERE)
    with pytest.raises(StationExistsError):
        stations.add(ADMINISTRATOR, "st-1", "1")


def test_a_lost_answer_leaves_no_good_certificate(
    office: Office, stations: Stations, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The authority issued, and the process died before the registry knew: the next code's use ends it."""
    code = code_for(stations)

    def die(*_arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(stations, "_take_in", die)
        with pytest.raises(KeyboardInterrupt):
            stations.enrol(code, request(), HERE)
    lost = office.pki.authority.certificate(f"station-{code.split('-')[0]}")
    assert lost is not None
    stations.enrol(stations.create_code(ADMINISTRATOR, "st-1").code, request(), HERE)
    assert office.status(lost.serial).status is Status.REVOKED


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMINISTRATOR])
def test_stations_are_an_administrators(role: Role, stations: Stations) -> None:
    actor = Actor("clerk-1", role)
    stations.add(ADMINISTRATOR, "st-1", "1")
    for act in (
        lambda: stations.add(actor, "st-2", "1"),
        lambda: stations.create_code(actor, "st-1"),
        lambda: stations.revoke(actor, "st-1"),
    ):
        with pytest.raises(RoleRequiredError):
            act()
    if role is Role.AUDITOR:
        assert [station.id for station in stations.all(actor)] == ["st-1"]
    else:
        with pytest.raises(RoleRequiredError):
            stations.all(actor)


def test_an_administrator_makes_no_cards(office: Office) -> None:
    application = office.approved()
    with pytest.raises(RoleRequiredError):
        office.registry.production.start(ADMINISTRATOR, application, office.reader.name)
    with pytest.raises(RoleRequiredError):
        office.registry.handovers.hand_over(ADMINISTRATOR, "0000000001", "st-1/Reader")


@pytest.mark.parametrize("name", ["", "ST-1", "-st", "st/1", "st 1", "x" * 33, "ایستگاه", "st-1\n"])
def test_names_that_no_station_has(name: str, stations: Stations) -> None:
    with pytest.raises(InvalidInputError):
        stations.add(ADMINISTRATOR, name, "1")


@pytest.mark.parametrize("office_name", ["", "x" * 65, "a\nb", "a\x1b[2J"])
def test_names_that_no_office_has(office_name: str, stations: Stations) -> None:
    with pytest.raises(InvalidInputError):
        stations.add(ADMINISTRATOR, "st-1", office_name)


def test_stations_that_are_not_there(stations: Stations) -> None:
    for act in (stations.create_code, stations.revoke):
        with pytest.raises(NotFoundError):
            act(ADMINISTRATOR, "st-1")


# Over HTTP


@pytest.fixture
def server(office: Office) -> Iterator[str]:
    with running(Starlette(routes=[Mount("/issuance", create_app(office.registry))])) as address:
        yield address


@contextmanager
def api(server: str, office: Office, username: str) -> Iterator[httpx.Client]:
    password = json.loads((office.home.secrets / "operators.json").read_text())[username]
    with httpx.Client(base_url=f"{server}/issuance/v1", timeout=30) as client:
        answer = client.post("/sessions", json={"username": username, "password": password})
        client.headers["Authorization"] = f"Bearer {answer.json()['token']}"
        yield client


def test_the_way_of_a_station_over_http(server: str, office: Office, tmp_path: Path) -> None:
    with api(server, office, "administrator-1") as admin:
        added = admin.post("/stations", json={"id": "st-1", "office": "1"})
        assert (added.status_code, added.json()["state"]) == (201, "waiting")
        assert admin.post("/stations", json={"id": "st-1", "office": "1"}).status_code == 409
        code = admin.post("/stations/st-1/codes", json={}).json()["code"]
        assert enrol(server, code, tmp_path / "st-1") == "st-1"
        tls_context(tmp_path / "st-1")
        with pytest.raises(EnrolmentError, match="code"):
            enrol(server, code, tmp_path / "again")
        assert not (tmp_path / "again").exists()
        (listed,) = admin.get("/stations").json()
        assert (listed["state"], listed["connected"], listed["office"]) == ("enrolled", False, "1")
        assert admin.post("/stations/st-1/revocation", json={}).json()["state"] == "revoked"
        assert admin.post("/stations/st-1/codes", json={}).status_code == 409
        assert admin.post("/stations/st-2/codes", json={}).status_code == 404


@pytest.mark.parametrize("username", ["clerk-1", "supervisor-1"])
def test_nobody_else_over_http(username: str, server: str, office: Office) -> None:
    office.registry.stations.add(ADMINISTRATOR, "st-1", "1")
    with api(server, office, username) as client:
        assert client.get("/stations").status_code == 403
        assert client.post("/stations", json={"id": "st-2", "office": "1"}).status_code == 403
        assert client.post("/stations/st-1/codes", json={}).status_code == 403
        assert client.post("/stations/st-1/revocation", json={}).status_code == 403
    with httpx.Client(base_url=f"{server}/issuance/v1", timeout=30) as nobody:
        assert nobody.get("/stations").status_code == 401
        assert nobody.post("/stations/st-1/codes", json={}).status_code == 401
        handing = nobody.post("/cards/0000000001/station-deliveries", json={"reader": "st-1/Reader"})
        assert handing.status_code == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"code": "A", "request": "", "more": 1}, 422),
        ({"code": "", "request": "AAAA"}, 422),
        ({"code": "x" * 65, "request": "AAAA"}, 422),
        ({"code": "ABCD", "request": "%%"}, 422),
        ({"code": "ABCD", "request": "AAAA"}, 422),
        ({"code": "ABCD", "request": base64.b64encode(bytes(20_000)).decode()}, 422),
        ({"code": ["A"], "request": "AAAA"}, 422),
    ],
)
def test_enrolments_that_are_none(body: dict[str, object], status: int, server: str) -> None:
    answer = httpx.post(f"{server}/issuance/v1/station-enrolments", json=body, timeout=30)
    assert answer.status_code == status
    assert "ABCD" not in answer.text


def test_a_wrong_code_over_http_and_then_a_wait(server: str) -> None:
    body = {"code": "ABCD-EFGH", "request": base64.b64encode(request()).decode()}
    statuses = [
        httpx.post(f"{server}/issuance/v1/station-enrolments", json=body, timeout=30) for _ in range(6)
    ]
    assert [answer.status_code for answer in statuses] == [403] * 5 + [429]
    assert int(statuses[-1].headers["retry-after"]) > 0
    assert "ABCD-EFGH" not in "".join(answer.text for answer in statuses)


@pytest.mark.parametrize(
    "address",
    ["http://registry.example", "ftp://127.0.0.1", "registry.example", "http://[::1", "http://10.0.0.1"],
)
def test_no_enrolment_over_a_network_that_others_read(address: str, tmp_path: Path) -> None:
    with pytest.raises(EnrolmentError, match="https"):
        enrol(address, "ABCD", tmp_path / "st-1")


def test_a_registry_that_certifies_another_key(yard: Yard, tmp_path: Path) -> None:
    pem = (yard.enrol("st-1") / "station.pem").read_text()
    trust = (tmp_path / "st-1" / "trust.pem").read_text()
    own = pem[pem.index("-----BEGIN CERTIFICATE") :]
    for certificates in (own, "", "no PEM"):
        with pytest.raises(StationIdentityError):
            StationKey().keep(tmp_path / "other", Enrolled("st-1", certificates, trust))
    assert not (tmp_path / "other").exists()
    with pytest.raises(StationIdentityError):
        tls_context(tmp_path / "other")


# At the command line


def hoviat(office: Office, *arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(main, ["--home", str(office.home.root), *arguments], env=environment)


def test_stations_at_the_command_line(office: Office, server: str, tmp_path: Path) -> None:
    passwords = json.loads((office.home.secrets / "operators.json").read_bytes())
    sign = {"HOVIAT_OPERATOR_PASSWORD": passwords["administrator-1"]}
    by = ("--operator", "administrator-1", "--json")
    added = hoviat(office, "registry", "station", "add", "st-1", "--office", "1", *by, **sign)
    assert added.exit_code == 0, added.output
    code = json.loads(added.stdout)["code"]
    folder = str(tmp_path / "st-1")
    enrolled = hoviat(office, "station", "enrol", "--server", server, "--code", code, "--dir", folder)
    assert enrolled.exit_code == 0, enrolled.output
    assert "station st-1" in enrolled.stdout
    again = hoviat(office, "station", "enrol", "--server", server, "--code", code, "--dir", folder)
    assert again.exit_code == 1
    assert code not in again.output
    listed = hoviat(office, "registry", "station", "list", *by, **sign)
    assert json.loads(listed.stdout)["state"] == "enrolled"
    another = hoviat(office, "registry", "station", "code", "st-1", *by, **sign)
    assert json.loads(another.stdout)["code"] != code
    revoked = hoviat(office, "registry", "station", "revoke", "st-1", *by, **sign)
    assert json.loads(revoked.stdout) == {"id": "st-1", "state": "revoked"}
    clerk = {"HOVIAT_OPERATOR_PASSWORD": passwords["clerk-1"]}
    refused = hoviat(office, "registry", "station", "list", "--operator", "clerk-1", **clerk)
    assert refused.exit_code == 1
    assert "administrator" in refused.output


def test_the_agents_commands_say_what_they_lack(office: Office, tmp_path: Path) -> None:
    nothing = hoviat(office, "station")
    assert nothing.exit_code == 2
    unenrolled = hoviat(office, "station", "--server", "wss://127.0.0.1:1", "--dir", str(tmp_path / "none"))
    assert unenrolled.exit_code == 1
    assert "enrol" in unenrolled.output
    assert "Traceback" not in unenrolled.output
    for command in ("enrol", "run", "deliver"):
        assert hoviat(office, "station", command, "--help").exit_code == 0


# In the database


@pytest.fixture
def on_postgres(office: Office, postgres_registry: str) -> Iterator[tuple[Database, Stations]]:
    database = Database(postgres_registry, CIPHER)
    operators = Operators(database, Audit(office.clock), office.clock, os.urandom)
    operators.create("administrator-1", Role.ADMINISTRATOR)
    yield database, open_stations(database, office.pki, office.clock)
    database.close()


def test_on_postgres(on_postgres: tuple[Database, Stations]) -> None:
    database, stations = on_postgres
    code = code_for(stations)
    with pytest.raises(StationCodeError):
        stations.enrol(wrong(code), request(), HERE)

    def attempt(number: int) -> bool:
        try:
            stations.enrol(code, request(), f"192.0.2.{number}")
        except (StationCodeError, PkiError):
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(attempt, range(4))) == 1
    assert stations.revoke(ADMINISTRATOR, "st-1").state is StationState.REVOKED
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE stations SET state = 'enrolled', serial = NULL",
        "UPDATE stations SET state = 'unknown'",
        "UPDATE stations SET ended_at = created_at",
        "UPDATE stations SET state = 'revoked'",
        "UPDATE stations SET serial = 'ab'",
        "UPDATE station_codes SET tries_left = -1",
        "UPDATE station_codes SET station_id = NULL",
    ],
)
def test_what_no_table_holds(statement: str, office: Office, stations: Stations) -> None:
    code_for(stations)
    with pytest.raises(IntegrityError), office.registry.database.writing() as session:
        session.execute(text(statement))


def test_one_serial_one_station(office: Office, stations: Stations) -> None:
    for name in ("st-1", "st-2"):
        stations.enrol(code_for(stations, name), request(), HERE)
    with office.registry.database.writing() as session:
        first = cast(Station, session.get(Station, "st-1"))
        serial = first.serial
    with pytest.raises(IntegrityError), office.registry.database.writing() as session:
        cast(Station, session.get(Station, "st-2")).serial = serial
