"""A decree extends the cards that it means, and no certificate: stock software takes a renewed card again."""

import shutil
import subprocess
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from cardio.piv.session import PivSession
from cardio.piv.slots import Slot
from cardio.transport import pcsc
from issuance.decrees.errors import DecreeDecidedError, DecreeExistsError, OwnDecreeError
from issuance.decrees.models import DecreeState
from issuance.decrees.service import Proposal
from issuance.decrees.validity import end_of
from issuance.errors import InvalidInputError, NotFoundError, RoleRequiredError
from issuance.lifecycle.cards import get_card
from issuance.lifecycle.states import RevocationCause
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.production.errors import CardExpiredError
from pki.export import write_public_files
from pki.profiles import Profile
from pki.status.state import Status
from tests.integration.issuance.office import CITIZENS_PIN, CLERK, SUPERVISOR, Office
from tests.integration.issuance.tearing import DyingRegistry, ProcessDiedError

DAY = timedelta(days=1)
MOST_PLACES = 40
"""Around commits of one renewal; more than there are."""
OPENSSL = shutil.which("openssl") or "openssl"


def certificate(office: Office) -> x509.Certificate:
    with pcsc.connect(office.reader.name) as connection:
        return x509.load_der_x509_certificate(PivSession(connection).read_certificate(Slot.AUTHENTICATION))


def proposal(office: Office, card: str) -> Proposal:
    """Of cards that end about when this one does, for a year more."""
    end = office.registry.decrees.validity(card).printed_until.date()
    today = office.clock().date()
    return Proposal("۱۴۰۵/۱۲", today, end - 30 * DAY, end + 30 * DAY, end + 365 * DAY)


def enact(office: Office, wanted: Proposal) -> int:
    return office.registry.decrees.enact(SUPERVISOR, office.registry.decrees.propose(CLERK, wanted))


def verifies(office: Office, leaf: x509.Certificate, at: datetime, folder: Path) -> str:
    """What a stock openssl says of it then."""
    write_public_files(office.pki, folder)
    (folder / "leaf.pem").write_bytes(leaf.public_bytes(Encoding.PEM))
    trust = ["-CAfile", str(folder / "root-g1.pem"), "-untrusted", str(folder / "chain.pem")]
    command = [OPENSSL, "verify", "-attime", str(int(at.timestamp())), *trust, str(folder / "leaf.pem")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


def renew(office: Office) -> None:
    office.registry.renewals.renew(CLERK, office.reader.name, Profile.AUTHENTICATION, CITIZENS_PIN)


def test_until_it_is_renewed_a_stock_verifier_goes_by_the_certificate(office: Office, tmp_path: Path) -> None:
    card = office.issue()
    old, printed = certificate(office), office.registry.decrees.validity(card).printed_until
    wanted = proposal(office, card)
    assert enact(office, wanted) == 1
    later = printed + 90 * DAY
    office.clock.ahead = later - datetime.now(UTC)
    told = office.registry.decrees.validity(card)
    assert (told.printed_until, told.valid_until, told.decree) == (
        printed,
        end_of(wanted.extended_to),
        "۱۴۰۵/۱۲",
    )
    assert certificate(office) == old  # nothing was stretched
    assert "certificate has expired" in verifies(office, old, later, tmp_path)
    renew(office)
    new = certificate(office)
    assert old.not_valid_after_utc < later < new.not_valid_after_utc <= end_of(wanted.extended_to)
    assert "leaf.pem: OK" in verifies(office, new, later + DAY, tmp_path)
    assert "certificate has expired" in verifies(office, new, end_of(wanted.extended_to) + DAY, tmp_path)


def test_without_a_decree_an_expired_card_is_not_renewed(office: Office) -> None:
    card = office.issue()
    end = office.registry.decrees.validity(card).printed_until
    office.clock.ahead = end + 90 * DAY - datetime.now(UTC)
    with pytest.raises(CardExpiredError):
        renew(office)


def test_a_decree_keeps_no_torn_renewal_from_its_end(office: Office) -> None:
    """What the authority was asked for once is asked for again, whatever was decreed meanwhile."""
    card = office.issue()
    place = 0
    while place < MOST_PLACES:
        place += 1
        dying = DyingRegistry(place)
        with pytest.MonkeyPatch.context() as patch, suppress(ProcessDiedError):
            dying.watch(office, patch)
            renew(office)
        if dying.places < place:
            break
        end = office.registry.decrees.validity(card).valid_until.date()
        today = office.clock().date()
        assert enact(office, Proposal(str(place), today, end, end, end + DAY)) == 1
        renew(office)
        assert {office.status(serial).status for serial in in_force(office, card)} == {Status.GOOD}
    assert 4 < place < MOST_PLACES


def in_force(office: Office, card: str) -> list[int]:
    with office.registry.database.reading() as session:
        return [row.serial_number for row in get_card(session, card).certificates_in_force]


def test_a_second_decree_goes_by_what_the_first_said(office: Office) -> None:
    card = office.issue()
    first = proposal(office, card)
    assert enact(office, first) == 1
    assert enact(office, replace(first, number="2", extended_to=first.extended_to + DAY)) == 0
    second = replace(
        first,
        number="3",
        expires_from=first.extended_to,
        expires_to=first.extended_to,
        extended_to=first.extended_to + 100 * DAY,
    )
    assert enact(office, second) == 1
    assert office.registry.decrees.validity(card).decree == "3"


def test_whom_a_decree_means(office: Office) -> None:
    card = office.issue()
    wanted, born = proposal(office, card), office.people.person(0).birth_date
    early = wanted.expires_from - DAY
    for number, changes, cards in (
        ("office", {"office": "1"}, 1),
        ("born then", {"born_from": born, "born_to": born}, 1),
        ("born later", {"born_from": born + DAY, "born_to": born + 10 * DAY}, 0),
        ("ends earlier", {"expires_from": early, "expires_to": early}, 0),
    ):
        identifier = office.registry.decrees.propose(CLERK, replace(wanted, number=number, **changes))
        assert office.registry.decrees.preview(CLERK, identifier) == cards, number
    office.registry.lifecycle.revoke(CLERK, card, RevocationCause.LOST)
    assert enact(office, wanted) == 0


def test_two_people(office: Office) -> None:
    card = office.issue()
    decrees = office.registry.decrees
    identifier = decrees.propose(SUPERVISOR, proposal(office, card))
    for decide in (decrees.enact, decrees.reject):
        with pytest.raises(OwnDecreeError):
            decide(SUPERVISOR, identifier)
        with pytest.raises(RoleRequiredError):
            decide(CLERK, identifier)
    with pytest.raises(DecreeExistsError):
        decrees.propose(CLERK, proposal(office, card))
    other = Actor("clerk-1", Role.SUPERVISOR)
    decrees.reject(other, identifier)
    assert decrees.view(CLERK, identifier).state is DecreeState.REJECTED
    with pytest.raises(DecreeDecidedError):
        decrees.enact(other, identifier)
    assert decrees.in_force() == []
    assert decrees.validity(card).decree is None


@pytest.mark.parametrize("name", ["", "x" * 41, "\u200c"])
def test_numbers_that_are_none(office: Office, name: str) -> None:
    with pytest.raises(InvalidInputError):
        office.registry.decrees.propose(CLERK, replace(PROPOSAL, number=name))


PROPOSAL = Proposal("1", date(2026, 1, 1), date(2030, 1, 1), date(2030, 12, 31), date(2031, 6, 1))


@pytest.mark.parametrize(
    "changes",
    [
        {"expires_from": date(2031, 1, 1)},
        {"extended_to": date(2030, 12, 31)},
        {"extended_to": date(2099, 1, 1)},
        {"decreed_on": date(2999, 1, 1)},
        {"expires_from": date(2000, 1, 1), "expires_to": date(2000, 1, 2), "extended_to": date(2001, 1, 1)},
        {"born_from": date(1990, 1, 1)},
        {"born_from": date(1990, 1, 2), "born_to": date(1990, 1, 1)},
    ],
)
def test_decrees_that_are_none(office: Office, changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        office.registry.decrees.propose(CLERK, replace(PROPOSAL, **changes))


def test_an_office_that_is_not_there(office: Office) -> None:
    with pytest.raises(NotFoundError):
        office.registry.decrees.propose(CLERK, replace(PROPOSAL, office="9"))
    for identifier in ("", "x", "\x00", "' OR 1=1"):
        with pytest.raises(NotFoundError):
            office.registry.decrees.enact(SUPERVISOR, identifier)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE decrees SET decided_by = proposed_by",
        "UPDATE decrees SET cards = NULL",
        "UPDATE decrees SET extended_to = expires_to",
        "UPDATE card_extensions SET until = '2999-01-01'",
        "DELETE FROM card_extensions",
    ],
)
def test_the_database_itself_refuses(office: Office, statement: str) -> None:
    card = office.issue()
    assert enact(office, proposal(office, card)) == 1
    with pytest.raises(DBAPIError), office.registry.database.writing() as session:
        session.execute(text(statement))


def test_at_the_api(office: Office, server: str, clerk: httpx.Client, supervisor: httpx.Client) -> None:
    card = office.issue()
    wanted = {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in vars(proposal(office, card)).items()
    }
    proposed = clerk.post("/decrees", json=wanted)
    assert (proposed.status_code, proposed.json()["means"]) == (201, 1)
    path = f"/decrees/{proposed.json()['id']}"
    assert httpx.get(f"{server}/v1/decrees").json() == []
    assert clerk.post(f"{path}/enactment", json={}).status_code == 403
    enacted = supervisor.post(f"{path}/enactment", json={}).json()
    assert (enacted["state"], enacted["cards"]) == ("in_force", 1)
    (published,) = httpx.get(f"{server}/v1/decrees").json()
    assert published == wanted
    told = clerk.get(f"/cards/{card}/validity").json()
    assert told["decree"] == wanted["number"]
    assert told["valid_until"] > told["printed_until"]
    again = supervisor.post(f"{path}/rejection", json={})
    assert (again.status_code, again.json()["type"].rpartition(":")[2]) == (409, "decree-decided")
