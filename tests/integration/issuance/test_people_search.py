"""Finding people by code, names and names one slip away, page by page, on both databases."""

from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import Select, select, text

from issuance.errors import InvalidInputError, RoleRequiredError
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.people.models import NameKey
from issuance.people.repository import Key, borne_query, keys_of, known, people_query
from issuance.people.service import PAGE_SIZE, People
from issuance.registry.citizens import Citizens
from issuance.registry.civilregister import CivilRecord
from issuance.registry.models import Citizen
from issuance.registry.search import wanted
from simulators.population.register import record_of
from tests.integration.issuance.desk import CLERK, PEOPLE, Desk
from tests.integration.issuance.office import Office

CROWD = 3 * PAGE_SIZE + 5


def someone(number: int, given_name: str = "آرش", surname: str = "طاهری") -> CivilRecord:
    return replace(record_of(PEOPLE.person(number)), given_name=given_name, surname=surname)


def settle(desk: Desk, *records: CivilRecord) -> People:
    citizens = Citizens(desk.register, desk.clock)
    with desk.database.writing() as session:
        for record in records:
            citizens.take_over(session, record)
    return People(desk.database)


def codes(people: People, words: str) -> list[tuple[str, int]]:
    return [(person.national_code, slips) for person, slips in people.find(CLERK, words).people]


def test_by_code_by_names_and_by_a_name_with_the_birth_date(desk: Desk) -> None:
    one, other = someone(0), someone(1, "سارا", "ژاله\u200cپور")
    people = settle(desk, one, other)
    assert codes(people, one.national_code) == [(one.national_code, 0)]
    assert codes(people, "0" * 10) == []
    for words in ("آرش طاهری", "تاهري ارش", f"طاهری {one.birth_date}", f"آرش طاهری {one.birth_date}"):
        assert codes(people, words) == [(one.national_code, 0)]
    for words in ("سارا ژاله پور", "سارا ژاله\u200cپور", "ژالهپور سارا"):
        assert codes(people, words) == [(other.national_code, 0)]
    assert codes(people, "آرش طاهری 1950-01-01") == []


@pytest.mark.parametrize(
    ("typed", "slips"),
    [("آرش طاهرى", 0), ("آرش طاهر", 1), ("آرش طاهیری", 1), ("آشر طاهری", 1), ("ارشش طاهر", 2)],
)
def test_names_one_slip_away(desk: Desk, typed: str, slips: int) -> None:
    one = someone(0)
    people = settle(desk, one, someone(1, "بابک", "گودرزی"))
    assert codes(people, typed) == [(one.national_code, slips)]
    assert codes(people, f"{typed} {one.birth_date}") == [(one.national_code, slips)]


def test_the_likeliest_come_first(desk: Desk) -> None:
    far, near, same = someone(0, "آرشا", "طاهرپ"), someone(1, "آرش", "طاهر"), someone(2)
    people = settle(desk, far, near, same)
    found = codes(people, "آرش طاهری")
    assert [slips for _, slips in found] == [0, 1, 2]
    assert found[0][0] == same.national_code


def test_pages_follow_each_other_and_nobody_comes_twice(desk: Desk) -> None:
    records = [someone(number, "آرش", "طاهری" if number % 3 else "طاهر") for number in range(CROWD)]
    people = settle(desk, *records)
    seen, cursor, pages = [], None, 0
    while True:
        found = people.find(CLERK, "آرش طاهری", cursor)
        seen += [person.national_code for person, _ in found.people]
        pages, cursor = pages + 1, found.cursor
        if cursor is None:
            break
        assert len(found.people) == PAGE_SIZE
        assert records[0].national_code not in cursor
    assert pages == 4
    assert sorted(seen) == sorted(record.national_code for record in records)


@pytest.mark.parametrize("words", ["طاهری", "  ", "%", "1369/04/12", "x " * 9, "\u202e"])
def test_words_that_can_find_nobody_are_refused(desk: Desk, words: str) -> None:
    with pytest.raises(InvalidInputError):
        settle(desk, someone(0)).find(CLERK, words)


@pytest.mark.parametrize("cursor", ["", "é", "AAAA", "=" * 9, "A" * 80])
def test_a_cursor_of_somebody_elses_making_is_refused(desk: Desk, cursor: str) -> None:
    with pytest.raises(InvalidInputError):
        settle(desk, someone(0)).find(CLERK, "آرش طاهری", cursor)


def test_a_cursor_of_another_search_is_refused(desk: Desk) -> None:
    people = settle(
        desk, *(someone(number) for number in range(PAGE_SIZE + 1)), someone(99, "بابک", "گودرزی")
    )
    cursor = people.find(CLERK, "آرش طاهری").cursor
    assert cursor is not None
    with pytest.raises(InvalidInputError):
        people.find(CLERK, "بابک گودرزی", cursor)


def test_who_may_search(desk: Desk) -> None:
    people = settle(desk, someone(0))
    for role in (Role.STOCK, Role.ADMINISTRATOR, Role.PRODUCTION):
        with pytest.raises(RoleRequiredError):
            people.find(Actor("somebody", role), "آرش طاهری")


def test_a_new_name_takes_the_old_ones_place(desk: Desk) -> None:
    people = settle(desk, someone(0))
    settle(desk, someone(0, "بابک", "گودرزی"))
    assert codes(people, "آرش طاهری") == []
    assert codes(people, "بابک گودزی") == [(PEOPLE.national_code(0), 1)]
    with desk.database.reading() as session:
        assert set(session.scalars(select(NameKey.key))) == {"ارش", "تاهری", "بابک", "گودرزی"}


def test_no_search_reads_everybody(desk: Desk) -> None:
    """The databases' own plans, once they know how many there are."""
    settle(desk, *(someone(number, "آرش", f"نام{chr(0x627 + number % 8)}") for number in range(400)))
    sqlite = desk.database.engine.dialect.name == "sqlite"
    with desk.database.engine.begin() as connection:
        connection.execute(text("ANALYZE"))
    with desk.database.reading() as session:
        keys = known(session, keys_of(session, wanted("آرش ناما")))
        dated = [Key(name, "x") for name in ("pair_birth_index", "given_birth_index", "surname_birth_index")]
        queries: list[Select[Any]] = [
            people_query(key, PEOPLE.national_code(0), 20) for key in (keys[0], *dated)
        ]
        queries += [borne_query(key.column, [key.text]) for key in (keys[0], *dated)]
        queries.append(select(Citizen).where(Citizen.national_code == PEOPLE.national_code(0)))
        for query in queries:
            compiled = query.compile(session.connection(), compile_kwargs={"literal_binds": True})
            explain = "EXPLAIN QUERY PLAN " if sqlite else "EXPLAIN "
            if not sqlite:
                session.execute(text("SET LOCAL enable_seqscan = off"))  # a table of a few pages
            rows = session.connection().exec_driver_sql(explain + str(compiled).replace("%", "%%"))
            plan = "\n".join(str(row) for row in rows)
            assert "SCAN citizens" not in plan, plan
            assert "Seq Scan on citizens" not in plan, plan
            assert "citizens" in plan, plan


def test_over_http_what_is_looked_for_stands_in_no_url(office: Office, clerk: httpx.Client) -> None:
    office.enrol()
    person = office.people.person(0)
    words = f"{person.given_name.persian} {person.surname.persian}"
    answer = clerk.post("/people/searches", json={"words": words})
    assert answer.status_code == 200
    found = answer.json()
    assert [each["national_code"] for each in found["people"]] == [person.national_code]
    assert found["cursor"] is None
    assert clerk.get("/people/searches", params={"words": words}).status_code == 405
    refused = clerk.post("/people/searches", json={"words": person.surname.persian})
    assert refused.status_code == 422
    assert person.surname.persian not in refused.text
    assert clerk.post("/people/searches", json={"words": "x" * 201}).status_code == 422
