"""The same way of a card through a reader station: an agent in a process of its own, a card in its reader."""

import random
import tempfile
from contextlib import closing
from pathlib import Path

from cardio.station.enrolling import enrol
from issuance.offices.models import FIRST_OFFICE
from issuance.operators.models import Role
from simulators.actors.issue import (
    ADMINISTRATOR,
    Progress,
    Staff,
    choose_pin,
    enrol_someone,
    produce,
)
from simulators.actors.operator import Operator, require_operator
from simulators.depot import take_in
from simulators.factory import make_blank
from simulators.installation.services import Installation
from simulators.installation.stations import stations_served
from simulators.readers.choice import OccupiedReader, ReaderKind
from simulators.stations.process import agent_process, reader_of

STATION, OFFICE = "demo-station", FIRST_OFFICE


def use_station(
    installation: Installation, staff: Staff, server: str, progress: Progress
) -> dict[str, object]:
    """Makes and hands over a card at a station that is enrolled for it; what there is to tell."""
    people = installation.people
    _, application = enrol_someone(staff, people, iter(range(people.size)))
    staff.supervisor.approve(application)
    blank = make_blank(installation.home.cards, installation.pki.master_keys["factory"])
    take_in(installation.issuance, [blank])
    pin = choose_pin(random.SystemRandom())
    with (
        tempfile.TemporaryDirectory(prefix="hoviat-station-") as folder,
        stations_served(installation) as hub,
    ):
        directory = Path(folder) / "station"
        enrol(server, _code(installation, server), directory)
        with agent_process(hub, directory, blank, {"HOVIAT_NEW_PIN": pin}, quiet=True) as agent:
            reader = OccupiedReader(ReaderKind.IN_PROCESS, reader_of(STATION, staff.clerk.readers))
            production = produce(staff, application, reader, progress)
            card_number = str(production["card_number"])
            staff.clerk.check_identity(card_number)
            staff.clerk.hand_over(card_number, reader.name)
            return {"reader": reader.name, "pid": agent.pid, "card": card_number}


def _code(installation: Installation, server: str) -> str:
    operators = installation.issuance.operators
    password = require_operator(installation.home, operators, ADMINISTRATOR, Role.ADMINISTRATOR)
    with closing(Operator(server, ADMINISTRATOR, password)) as administrator:
        if STATION not in administrator.stations():
            administrator.add_station(STATION, OFFICE)
        return administrator.station_code(STATION)
