"""What is held of a person is told to them whole, and erased by two people; what has to stay names nobody."""

import json
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from issuance.audit import AuditEntry
from issuance.enrolment.kinds import RULES
from issuance.enrolment.models import Application
from issuance.errors import NotFoundError, RoleRequiredError
from issuance.lifecycle.models import Card, CardCertificate
from issuance.lifecycle.states import RevocationCause
from issuance.lookups.models import RecordLookup
from issuance.lookups.purposes import Purpose, Said
from issuance.lookups.service import Looker
from issuance.models import Base
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.people import erasure
from issuance.people.erasure import GONE, Erasures
from issuance.people.errors import ErasedAlreadyError, NotErasableError, OwnErasureError
from issuance.people.export import DOCUMENT, SIGNATURE, Exports, write
from issuance.people.holdings import Holdings, holdings_of
from issuance.people.models import Erasure, Ground
from issuance.registry.models import Citizen
from pki.auditchain import verify_table
from pki.store.encrypted import DisguisedText
from simulators.actors.operator import add_operator
from simulators.population.register import record_of
from tests.integration.issuance.office import CLERK, SUPERVISOR, Office, initialise, open_home
from tests.integration.issuance.staff import HERE, staff

SECOND = Actor("supervisor-2", Role.SUPERVISOR)
LOOKER = Looker(SUPERVISOR, Said(Purpose.HOLDER_REQUEST))


def erasures(office: Office) -> Erasures:
    return office.registry.erasures


def exports(office: Office) -> Exports:
    return office.registry.exports


def code(office: Office, number: int = 0) -> str:
    return office.people.person(number).national_code


def with_ended_card(office: Office) -> str:
    add_operator(office.registry.accounts, SECOND.username, SECOND.role)
    card = office.issue(0)
    office.registry.lifecycle.revoke(CLERK, card, RevocationCause.LOST)
    return card


def ended_long_ago(office: Office) -> str:
    card = with_ended_card(office)
    with office.registry.database.writing() as session:
        row = session.get_one(Card, card)
        assert row.ended_at is not None
        row.ended_at -= RULES.kept + timedelta(days=1)
    return card


def erase(office: Office) -> str:
    number = erasures(office).request(SUPERVISOR, code(office), Ground.REQUEST)
    erasures(office).confirm(SECOND, number)
    return number


def test_an_export_holds_everything_and_is_signed(office: Office, tmp_path: Path) -> None:
    card = office.issue(0)
    office.enrol(1)
    made = exports(office).make(LOOKER, code(office))
    write(made, tmp_path / "out")
    content = (tmp_path / "out" / DOCUMENT).read_bytes()
    document = json.loads(content)
    record = record_of(office.people.person(0))
    (person,) = document["held"]["citizens"]
    assert (person["national_code"], person["given_name"]) == (record.national_code, record.given_name)
    assert person["birth_date"] == record.birth_date.isoformat()
    assert [each["card_number"] for each in document["held"]["cards"]] == [card]
    assert {
        "applications",
        "card_certificates",
        "deliveries",
        "orders",
        "productions",
        "production_journal",
    } <= set(document["held"])
    (answer,) = {each["record"]["national_code"] for each in document["held"]["register_answers"]}
    assert answer == record.national_code
    assert {entry["action"] for entry in document["audit"]} >= {"card.produced", "application.submitted"}
    (application,) = document["held"]["applications"]
    assert (tmp_path / "out" / application["portrait"]).read_bytes().startswith(b"\xff\xd8")
    assert code(office, 1).encode() not in content
    key = next(iter(office.registry.tracking.keys.public.values()))
    key.verify((tmp_path / "out" / SIGNATURE).read_bytes(), content, ec.ECDSA(SHA256()))
    assert {path.stat().st_mode & 0o77 for path in (tmp_path / "out").iterdir()} == {0}
    with pytest.raises(FileExistsError):
        write(made, tmp_path / "out")
    with office.registry.database.reading() as session:
        told = session.scalar(select(func.count()).where(AuditEntry.action == "person.exported"))
        seen = session.scalars(select(RecordLookup.what).where(RecordLookup.what == "export")).all()
    assert (told, seen) == (1, ["export"])


def test_nobody_elses_matter_is_exported(office: Office) -> None:
    office.enrol(0)
    with pytest.raises(NotFoundError):
        exports(office).make(LOOKER, code(office, 1))
    with pytest.raises(RoleRequiredError):
        exports(office).make(Looker(CLERK, LOOKER.said), code(office))


def test_erased_and_nothing_but_references_is_left(office: Office) -> None:
    card = ended_long_ago(office)
    with office.registry.database.reading() as session:
        serials = set(session.scalars(select(CardCertificate.serial)))
    erase(office)
    record = record_of(office.people.person(0))
    with office.registry.database.reading() as session:
        assert session.get(Citizen, record.national_code) is None
        row = session.get_one(Card, card)
        application = session.get_one(Application, row.application_id)
        assert (application.portrait, application.latin_surname, application.tracking_code) == (
            b"",
            GONE,
            None,
        )
        assert application.citizen.given_name == application.citizen.surname == GONE
        assert row.national_code == application.national_code == application.citizen.national_code
        assert not row.national_code.isdigit()
        assert {each.serial for each in row.certificates} == serials
        assert {each.der for each in row.certificates} == {b""}
        verify_table(session, AuditEntry)
    assert office.registry.people.find(CLERK, record.national_code).people == []
    assert office.registry.people.find(CLERK, f"{record.given_name} {record.surname}").people == []
    with pytest.raises(NotFoundError):
        exports(office).make(LOOKER, record.national_code)
    again = office.enrol(0)  # whoever was erased can come again
    assert again != application.id


def test_lists_and_pages_show_the_erased_as_such(office: Office, server: str, clerk: httpx.Client) -> None:
    card = ended_long_ago(office)
    erase(office)
    with office.registry.database.reading() as session:
        application = session.get_one(Card, card).application_id
    listed = clerk.get("/applications").json()["applications"]
    assert [each["citizen"]["surname"] for each in listed] == [GONE]
    assert clerk.get(f"/applications/{application}").json()["citizen"]["birth_date_jalali"]
    assert clerk.post("/people/searches", json={"words": f"{GONE} {GONE}"}).status_code == 200
    with staff(server, office, (HERE,)) as people:
        for page in ("/applications", f"/applications/{application}"):
            for language, word in (("en", "Erased"), ("fa", "پاک‌شده")):
                people[HERE, Role.CLERK].ask(f"GET /language/{language}")
                shown = people[HERE, Role.CLERK].ask(f"GET {page}")
                assert (shown.status_code, GONE in shown.text) == (200, False)
                assert word in shown.text


def test_no_row_of_any_table_leads_to_the_erased(office: Office) -> None:
    ended_long_ago(office)
    erase(office)
    with office.registry.database.reading() as session:
        for table in Base.metadata.sorted_tables:
            for column in table.columns:
                if isinstance(column.type, DisguisedText):
                    query = select(func.count()).select_from(table).where(column == code(office))
                    assert session.scalar(query) == 0, column


def test_two_people_and_once(office: Office) -> None:
    ended_long_ago(office)
    number = erasures(office).request(SUPERVISOR, code(office), Ground.REQUEST)
    with pytest.raises(ErasedAlreadyError):
        erasures(office).request(SECOND, code(office), Ground.REQUEST)
    with pytest.raises(OwnErasureError):
        erasures(office).confirm(SUPERVISOR, number)
    with pytest.raises(RoleRequiredError):
        erasures(office).confirm(CLERK, number)
    with pytest.raises(NotFoundError):
        erasures(office).confirm(SECOND, "NOBODY")
    with pytest.raises(IntegrityError), office.registry.database.writing() as session:
        session.execute(text("UPDATE erasures SET confirmed_by = requested_by, confirmed_at = requested_at"))
    erasures(office).confirm(SECOND, number)
    with pytest.raises(ErasedAlreadyError):
        erasures(office).confirm(SECOND, number)


def test_what_is_alive_stands_in_the_way(office: Office) -> None:
    add_operator(office.registry.accounts, SECOND.username, SECOND.role)
    application = office.enrol(1)
    with pytest.raises(NotErasableError, match="open application"):
        erasures(office).request(SUPERVISOR, code(office, 1), Ground.COURT)
    office.registry.enrolment.withdraw(SUPERVISOR, application)
    card = office.issue(0)
    for ground in Ground:
        with pytest.raises(NotErasableError, match="live card"):
            erasures(office).request(SUPERVISOR, code(office), ground)
    office.registry.lifecycle.revoke(CLERK, card, RevocationCause.LOST)
    with pytest.raises(NotErasableError) as kept:
        erasures(office).request(SUPERVISOR, code(office), Ground.REQUEST)
    assert kept.value.until is not None
    court = erasures(office).request(SUPERVISOR, code(office), Ground.COURT)
    office.enrol(0)  # an application between the request and the confirmation
    with pytest.raises(NotErasableError, match="open application"):
        erasures(office).confirm(SECOND, court)
    with office.registry.database.reading() as session:
        assert session.get_one(Erasure, court).confirmed_by is None
        assert session.get(Citizen, code(office)) is not None
    with pytest.raises(NotFoundError):
        erasures(office).request(SUPERVISOR, "0" * 10, Ground.COURT)


def test_who_comes_during_an_erasure_finds_nobody(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two servers: nothing that is written meanwhile goes over to the code that nobody has."""
    monkeypatch.setenv("HOVIAT_ISSUANCE_DATABASE", postgres_url)
    initialise(tmp_path / "home")
    with open_home(tmp_path / "home") as office, ThreadPoolExecutor(1) as elsewhere:
        ended_long_ago(office)
        number = erasures(office).request(SUPERVISOR, code(office), Ground.REQUEST)
        comes: list[Future[str]] = []
        real = holdings_of

        def meanwhile(session: Session, national_code: str) -> Holdings:
            comes.append(elsewhere.submit(office.enrol, 0))
            wait(comes, timeout=1)  # it waits for the lock, or is through: both are tried
            return real(session, national_code)

        monkeypatch.setattr(erasure, "holdings_of", meanwhile)
        erasures(office).confirm(SECOND, number)
        problem = comes[0].exception()
        assert problem is None or isinstance(problem, (StaleDataError, IntegrityError)), problem
        with office.registry.database.reading() as session:
            for application in session.scalars(select(Application)):
                assert (application.national_code == code(office)) == (application.latin_surname != GONE)
        assert office.enrol(0) if problem is not None else True
