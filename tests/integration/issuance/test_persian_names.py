"""A Persian name, however the civil register spells it, is one name from the form to the claim of a login.

The form gets codes and days in any digits and calendar; database, certificate, chip and login say the same.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from sqlalchemy import select

import verifier.app
import verifier.bootstrap
from cardio.piv.session import PivSession
from cardio.piv.slots import Slot
from cardio.transport import pcsc
from cardio.webeid import create_token
from issuance.app import create_app
from issuance.registry.civilregister import CivilRecord
from issuance.registry.models import Citizen
from issuance.registry.text import persian_digits
from issuance.web.access import cookie_name, csrf_token
from pki.jalali import to_jalali
from simulators.actors.operator import first_password
from simulators.installation.server import running
from simulators.population.portrait import draw_portrait
from simulators.population.register import record_of
from tests.integration.issuance.office import (
    CITIZENS_PIN,
    CLERK,
    SUPERVISOR,
    Office,
    Readers,
    open_registry,
)

ORIGIN = "https://e-service.example"
SITE = "site"
LEAP_DAY = date(2021, 3, 20)  # 30 Esfand 1399


@dataclass(frozen=True)
class Spelling:
    """What the civil register says, and what it must be everywhere from then on."""

    said: tuple[str, str]
    name: tuple[str, str]


SPELLINGS = {
    "Arabic letters": Spelling(("علي", "كريمي"), ("علی", "کریمی")),
    "a joiner that is meant": Spelling(
        ("امیر\u200cعلی", "پور\u200cحسین"), ("امیر\u200cعلی", "پور\u200cحسین")
    ),
    "joiners that are not": Spelling(("\u200cمریم\u200c", "نیک\u200c\u200cنام"), ("مریم", "نیک\u200cنام")),
    "short vowels": Spelling(("مُحَمَّد", "رِضایی"), ("محمد", "رضایی")),
    "direction marks": Spelling(("\u202eزهرا\u202c", "\u2067صادقی\u2069\u200f"), ("زهرا", "صادقی")),
    "shapes of old systems": Spelling(("ﻋﻠﯽ", "ﺍﮐﺒﺮﯼ"), ("علی", "اکبری")),
    "stretched and spaced": Spelling(("فـــاطمه", "  حاجی   آقایی "), ("فاطمه", "حاجی آقایی")),
    "hamza and alef": Spelling(("مؤمن", "آیت\u200cاللهي"), ("مؤمن", "آیت\u200cاللهی")),
}


class Spelt:
    """A civil register that spells one person's name so."""

    def __init__(self, record: CivilRecord) -> None:
        self._record = record

    def find(self, national_code: str) -> CivilRecord | None:
        return self._record if national_code == self._record.national_code else None


def know(office: Office, spelling: Spelling, born: date) -> CivilRecord:
    """The registry asks another civil register from now on."""
    given_name, surname = spelling.said
    known = record_of(office.people.person(0))
    record = replace(known, given_name=given_name, surname=surname, birth_date=born)
    office.registry.close()
    readers = Readers(office.reader.name)
    office.registry = open_registry(office.home, office.pki, Spelt(record), readers, office.clock)
    return record


def fill_in(office: Office, code: str, day: str) -> str:
    """The clerk's form, posted as a browser does; the application's identifier."""
    registry = office.registry
    session = registry.operators.sign_in("clerk-1", first_password(office.home, "clerk-1"), "127.0.0.1")
    form = {"csrf": csrf_token(session), "national_code": code, "birth_date": day}
    portrait = {"portrait": ("p.jpg", draw_portrait(office.people.person(0)), "image/jpeg")}
    with running(create_app(registry)) as address:
        answer = httpx.post(
            f"{address}/applications/new",
            data=form,
            files=portrait,
            headers={"Origin": address, "Cookie": f"{cookie_name(registry)}={session}"},
        )
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].rpartition("/")[2]


@contextmanager
def site_at(office: Office) -> Iterator[httpx.Client]:
    """A site at a verifier of this installation."""
    verifier.bootstrap.initialise(office.home, office.clock)
    checker = verifier.bootstrap.open_verifier(office.home, office.pki, office.clock)
    try:
        key = checker.services.register_site(SITE, ORIGIN).api_key
        with running(verifier.app.create_app(checker)) as address:
            headers = {"Authorization": f"Bearer {key}"}
            with httpx.Client(base_url=address, headers=headers, timeout=30) as site:
                yield site
    finally:
        checker.close()


def claims_of_login(office: Office, site: httpx.Client) -> dict[str, Any]:
    nonce = site.post("/v1/challenges", json={}).json()["nonce"]
    with pcsc.connect(office.reader.name) as connection:
        token = create_token(PivSession(connection), CITIZENS_PIN, ORIGIN, nonce)
    answer = site.post("/v1/authentications", json={"token": token, "nonce": nonce})
    assert answer.status_code == 200, answer.text
    claims: dict[str, Any] = answer.json()
    return claims


def names_on_the_chip(office: Office, slot: Slot) -> tuple[str, str]:
    with pcsc.connect(office.reader.name) as connection:
        subject = x509.load_der_x509_certificate(PivSession(connection).read_certificate(slot)).subject
    ((given,), (surname,)) = (
        [str(found.value) for found in subject.get_attributes_for_oid(kind)]
        for kind in (NameOID.GIVEN_NAME, NameOID.SURNAME)
    )
    return given, surname


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_one_name_from_the_form_to_the_login(office: Office, spelling: Spelling) -> None:
    record = know(office, spelling, LEAP_DAY)
    typed = persian_digits(
        f"{record.national_code[:3]}-{record.national_code[3:9]}-{record.national_code[9:]}"
    )
    application = fill_in(office, typed, persian_digits("1399/12/30"))
    registry = office.registry
    registry.enrolment.submit(CLERK, application)
    registry.approval.approve(SUPERVISOR, application)
    office.insert(office.blank())
    card = office.produce(application).card_number
    assert card is not None
    opened = office.open_delivery(card)
    registry.deliveries.complete(CLERK, opened.delivery_id, office.accept(opened))

    with registry.database.reading() as session:
        (citizen,) = session.scalars(select(Citizen))
    assert (citizen.given_name, citizen.surname) == spelling.name
    assert (citizen.birth_date, to_jalali(citizen.birth_date)) == (LEAP_DAY, "1399/12/30")
    for slot in (Slot.AUTHENTICATION, Slot.SIGNATURE):
        assert names_on_the_chip(office, slot) == spelling.name
    with site_at(office) as site:
        claims = claims_of_login(office, site)["claims"]
    assert (claims["given_name"], claims["surname"]) == spelling.name
    assert record.national_code in claims.values()
