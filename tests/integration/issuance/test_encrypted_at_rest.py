"""Who takes the registry's files, its log with them, reads nothing of a person in them."""

from collections.abc import Iterator
from itertools import count

import pytest
from sqlalchemy.exc import StatementError

from issuance.bootstrap import SERVICE, impersonal_database, registry_database
from issuance.database import Database
from issuance.enrolment.models import Application
from issuance.lifecycle.models import CardCertificate
from issuance.operators.models import Operator
from issuance.registry.models import Citizen
from pki.store.encrypted import NoCipherError
from simulators.population.people import Person
from simulators.population.register import record_of
from tests.integration.issuance.office import SUPERVISOR, Office

LEAST_BYTES = 5
"""A shorter text is found in any megabyte of noise."""


def somebody(office: Office) -> int:
    """The number of a person whose names are long enough to be told from noise."""
    return next(number for number in count() if min(map(len, names_of(office, number))) >= LEAST_BYTES)


def names_of(office: Office, number: int) -> list[bytes]:
    record = record_of(office.people.person(number))
    texts = (
        *(record.given_name, record.surname, record.father_name),
        *(record.latin_given_name, record.latin_surname),
    )
    return [text.encode() for text in texts]


def told(office: Office, number: int, person: Person) -> Iterator[bytes]:
    """Whatever the registry was told of the person, or said of them."""
    yield from names_of(office, number)
    yield person.national_code.encode()
    yield person.birth_date.isoformat().encode()
    with office.registry.database.reading() as session:
        for application in session.query(Application):
            yield application.portrait[:32]
            yield application.portrait[-32:]
        for certificate in session.query(CardCertificate):
            yield certificate.der[:64]
            yield certificate.der[-32:]
        for operator in session.query(Operator):
            yield operator.password_hash.encode()


def files(office: Office) -> bytes:
    found = list(office.home.root.glob(f"{SERVICE}.sqlite3*"))
    assert any(path.name.endswith("-wal") for path in found)
    return b"".join(path.read_bytes() for path in found)


def test_the_files_tell_nothing_of_a_person(office: Office) -> None:
    number = somebody(office)
    application = office.enrol(number)
    office.registry.approval.send_back(SUPERVISOR, application, "the chin is covered by a scarf")
    office.issue(number + 1)
    held = files(office)
    person = office.people.person(number)
    for secret in [*told(office, number, person), b"covered by a scarf"]:
        assert secret not in held
    assert application.encode() in held  # so what is not personal is, and the file is the right one


def test_without_the_key_nobody_is_read_and_stock_is(office: Office) -> None:
    office.enrol()
    with impersonal_database(office.home) as database:
        with database.reading() as session, pytest.raises(NoCipherError):
            session.query(Citizen).all()
        with database.reading() as session, pytest.raises(StatementError) as refused:
            session.get(Citizen, office.people.person(0).national_code)
        assert isinstance(refused.value.orig, NoCipherError)
        with database.reading() as session:
            assert session.query(Application.id).count() == 1


def test_who_has_the_key_reads_what_was_written(office: Office) -> None:
    application = office.enrol()
    with registry_database(office.home) as database, database.reading() as session:
        found = session.get_one(Application, application)
        assert found.citizen.national_code == office.people.person(0).national_code
        assert found.portrait.startswith(b"\xff\xd8")


def test_a_database_that_nobody_gave_a_key_or_none_is_not_opened() -> None:
    with pytest.raises(TypeError, match="cipher"):
        Database("sqlite://")  # type: ignore[call-arg]
