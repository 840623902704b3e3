"""Issues cards to synthetic citizens through the whole registry, onto simulated cards in a home."""

import random
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from cardio.piv.session import PivSession
from cardio.piv.slots import Slot
from issuance.production.cardsecrets import issuer_secrets
from simulators.actors.citizen import Citizen
from simulators.actors.issue import Staff, choose_pin, deliver, enrol_someone, produce, signed_in
from simulators.certificateline import described
from simulators.depot import take_in
from simulators.factory import make_blank
from simulators.installation.server import create_app, running
from simulators.installation.services import Installation, open_installation
from simulators.population.people import People
from simulators.readers.choice import OccupiedReader, ReaderChoice, ReaderKind, chosen_reader

_BOX = 50
"""Bodies that are made ahead."""
_SLOTS = (Slot.AUTHENTICATION, Slot.SIGNATURE)


def issue_cards(root: Path, count: int, seed: int) -> Iterator[dict[str, object]]:
    """Issues `count` cards in the home `root`; yields each when it is delivered."""
    with ExitStack() as stack:
        installation = stack.enter_context(open_installation(root))
        server = stack.enter_context(running(create_app(installation)))
        staff = stack.enter_context(signed_in(installation.home, server))
        readers = stack.enter_context(chosen_reader(ReaderKind.IN_PROCESS))
        chance = random.Random(f"hoviat issue {seed}")  # noqa: S311 - repeatable; test cards only
        numbers = _numbers(installation.people, chance)
        for blank in _blanks(installation, count):
            yield _issue_one(installation, staff, readers, numbers, chance, blank)


def _blanks(installation: Installation, count: int) -> Iterator[Path]:
    """As the factory delivers them: a box at a time, counted into stock."""
    factory_key = installation.pki.master_keys["factory"]
    for start in range(0, count, _BOX):
        box = [make_blank(installation.home.cards, factory_key) for _ in range(min(_BOX, count - start))]
        take_in(installation.issuance, box)
        yield from box


def _numbers(people: People, chance: random.Random) -> Iterator[int]:
    while True:
        yield chance.randrange(people.size)


def _issue_one(
    installation: Installation,
    staff: Staff,
    readers: ReaderChoice,
    numbers: Iterator[int],
    chance: random.Random,
    blank: Path,
) -> dict[str, object]:
    person, application = enrol_someone(staff, installation.people, numbers)
    staff.supervisor.approve(application)
    master_keys = installation.pki.master_keys
    pin = choose_pin(chance)
    with readers.holding(blank) as reader:
        production = produce(staff, application, reader)
        card_number = str(production["card_number"])
        deliver(staff, card_number, Citizen(reader.connect, pin))
        certificates = _certificates(reader)
    own = issuer_secrets(master_keys["card"], int(blank.stem))
    return {
        "card_number": card_number,
        "file": str(blank),
        "national_code": person.national_code,
        "pin": pin,
        "puk": own.puk,
        "can": own.can,
        "certificates": certificates,
    }


def _certificates(reader: OccupiedReader) -> list[dict[str, str]]:
    connection = reader.connect()
    try:
        session = PivSession(connection)
        return [described(slot, session.read_certificate(slot)) for slot in _SLOTS]
    finally:
        connection.close()
