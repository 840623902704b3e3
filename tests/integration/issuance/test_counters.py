"""Stations that keep people waiting keep nobody else waiting."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from issuance.offices.service import NewOffice
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.stations.counters import MOST_OF_AN_OFFICE
from tests.integration.issuance.conftest import signed_in
from tests.integration.issuance.office import CLERK, SUPERVISOR, Office

ELSEWHERE = "TEHRAN2"
PLACES = ["station-deliveries", "station-unblockings", "station-renewals"]


@contextmanager
def nobody_types(office: Office, actor: Actor) -> Iterator[None]:
    """Every place of the actor's office is taken until this ends."""
    typed = threading.Event()
    begun = [office.registry.counters.begin(actor, typed.wait) for _ in range(MOST_OF_AN_OFFICE)]
    try:
        yield
    finally:
        typed.set()
        for each in begun:
            each.result()


@pytest.mark.parametrize("place", PLACES)
def test_no_office_takes_the_places_of_the_others(office: Office, server: str, place: str) -> None:
    office.registry.offices.open(SUPERVISOR, NewOffice(ELSEWHERE, "دفتر دوم", "Second office", "تهران"))
    office.insert(office.blank())
    card = office.produce(office.approved()).card_number
    body = {"reader": "st-1/Reader"} | ({"key": "signature"} if place == "station-renewals" else {})
    with signed_in(server, office, CLERK.username) as api:
        with nobody_types(office, CLERK):
            told = api.post(f"/cards/{card}/{place}", json=body)
            assert (told.status_code, told.json()["type"].rpartition(":")[2]) == (503, "counters-busy")
            assert int(told.headers["Retry-After"]) > 0
        with nobody_types(office, Actor("clerk-9", Role.CLERK, ELSEWHERE)):
            assert api.post(f"/cards/{card}/{place}", json=body).status_code == 404
