"""The main job: a citizen's way from the civil register to a login, and to a refused one after a loss."""

import random
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from cardio.sitelogin import LoginRefusedError
from pki.jalali import to_jalali
from simulators.actors.citizen import Citizen
from simulators.actors.issue import Staff, choose_pin, deliver, enrol_someone, produce, signed_in
from simulators.demo.report import Report, Step, StepFailedError
from simulators.demo.site import Site, running_site
from simulators.demo.station import use_station
from simulators.depot import take_in
from simulators.factory import make_blank
from simulators.installation.audit import verify_chains
from simulators.installation.server import create_app, running
from simulators.installation.services import Installation, initialise, is_initialised, open_installation
from simulators.population.people import Person
from simulators.process import free_port
from simulators.readers.choice import OccupiedReader, ReaderChoice, ReaderKind, chosen_reader
from verifier.services.errors import SiteNameTakenError

SITE_NAME = "sample e-service"
REFUSED_AS = "urn:hoviat:problem:certificate-revoked"
"""The verifier's problem type for a card that was reported lost."""


@dataclass
class Journey:
    """What the steps hand on to each other."""

    report: Report
    installation: Installation
    readers: ReaderChoice
    staff: Staff
    server: str
    person: Person = field(init=False)
    application: str = field(init=False)
    card_number: str = field(init=False)
    apdus: int = 0
    receipts: list[str] = field(default_factory=list)


def run(root: Path, report: Report, kind: ReaderKind | None) -> Journey:
    """Runs every step in a home, new or used; raises at the first that does not hold."""
    with ExitStack() as stack:
        journey = _prepare(root, report, kind, stack)
        _enrol(journey)
        _approve(journey)
        blank = _make_blank(journey)
        with report.step("insert", "A blank card goes into the reader") as step:
            reader = stack.enter_context(journey.readers.holding(blank))
            step.detail = {"reader": reader.name}
        _produce(journey, reader)
        citizen = Citizen(reader.connect, choose_pin(random.SystemRandom()))
        _deliver(journey, citizen)
        site = _open_site(journey, stack)
        _log_in(journey, citizen, site)
        _report_lost(journey)
        _be_refused(journey, citizen, site)
        _use_station(journey)
        _audit(journey)
        return journey


def _prepare(root: Path, report: Report, kind: ReaderKind | None, stack: ExitStack) -> Journey:
    with report.step("home", "PKI, databases and operators") as step:
        new = not is_initialised(root)
        if new:
            initialise(root)
        installation = stack.enter_context(open_installation(root))
        step.detail = {"home": str(root), "was": "made new" if new else "there already"}
    with report.step("reader", "PC/SC reader") as step:
        readers = stack.enter_context(chosen_reader(kind))
        step.detail = {"kind": str(readers.kind), "why": readers.why}
    with report.step("services", "Issuance, verifier and status services") as step:
        server = stack.enter_context(running(create_app(installation)))
        staff = stack.enter_context(signed_in(installation.home, server))
        step.detail = {"address": server}
    return Journey(report, installation, readers, staff, server)


def _enrol(journey: Journey) -> None:
    people = journey.installation.people
    with journey.report.step("enrol", "A clerk enrols a citizen") as step:
        journey.person, journey.application = enrol_someone(journey.staff, people, iter(range(people.size)))
        person = journey.person
        step.detail = {
            "citizen": f"{person.given_name.persian} {person.surname.persian}",
            "latin": f"{person.given_name.latin} {person.surname.latin}",
            "born": to_jalali(person.birth_date),
            "by": journey.staff.clerk.username,
        }


def _approve(journey: Journey) -> None:
    with journey.report.step("approve", "A second person approves") as step:
        journey.staff.supervisor.approve(journey.application)
        step.detail = {"by": journey.staff.supervisor.username}


def _make_blank(journey: Journey) -> Path:
    installation = journey.installation
    with journey.report.step("blank", "The factory delivers a blank card; two people count it") as step:
        path = make_blank(installation.home.cards, installation.pki.master_keys["factory"])
        take_in(installation.issuance, [path])
        step.detail = {"body": path.stem}
    return path


def _produce(journey: Journey, reader: OccupiedReader) -> None:
    with journey.report.step("produce", "Keys on the card, certificates on hold, read back") as step:
        production = produce(journey.staff, journey.application, reader, partial(_tell, journey.report))
        journey.card_number = str(production["card_number"])
        journey.apdus = int(production["apdus"])
        step.detail = {"card": journey.card_number, "APDUs": journey.apdus, "steps": _times(production)}


def _tell(report: Report, production: dict[str, Any]) -> None:
    if production["steps"]:
        report.note(str(production["steps"][-1]["step"]).replace("_", " "))


def _times(production: dict[str, Any]) -> dict[str, float]:
    """Seconds of each step of a finished production."""
    return {
        step["step"]: round(
            (
                datetime.fromisoformat(step["ended_at"]) - datetime.fromisoformat(step["begun_at"])
            ).total_seconds(),
            4,
        )
        for step in production["steps"]
    }


def _deliver(journey: Journey, citizen: Citizen) -> None:
    with journey.report.step("deliver", "Person checked, own PIN, card's answer, certificates live"):
        deliver(journey.staff, journey.card_number, citizen)


def _open_site(journey: Journey, stack: ExitStack) -> Site:
    with journey.report.step("site", "A sample e-service opens, in its own process") as step:
        port = free_port()
        key = _site_key(journey.installation, f"https://localhost:{port}")
        site = stack.enter_context(running_site(port, f"{journey.server}/verifier", key))
        step.detail = {"origin": site.origin, "pid": site.pid}
    return site


def _site_key(installation: Installation, origin: str) -> str:
    registry = installation.verifier.services
    try:
        credentials = registry.register_site(SITE_NAME, origin)
    except SiteNameTakenError:
        credentials = registry.renew_key(SITE_NAME, origin)
    return credentials.api_key


def _log_in(journey: Journey, citizen: Citizen, site: Site) -> None:
    with journey.report.step("login", "The citizen logs in with the card") as step:
        answer = citizen.log_in(site.origin, site.cafile)
        if answer["claims"]["national_code"] != journey.person.national_code:
            raise StepFailedError(step, "the site was told of somebody else")
        step.detail = {"receipt": answer["receipt"]["code"]}


def _report_lost(journey: Journey) -> None:
    with journey.report.step("lost", "The card is reported lost and revoked"):
        journey.staff.supervisor.revoke(journey.card_number, "lost")


def _be_refused(journey: Journey, citizen: Citizen, site: Site) -> None:
    with journey.report.step("refused", "The next login is refused, and says why") as step:
        step.detail = _refusal(step, citizen, site)


def _refusal(step: Step, citizen: Citizen, site: Site) -> dict[str, object]:
    try:
        citizen.log_in(site.origin, site.cafile)
    except LoginRefusedError as refused:
        if refused.problem["type"] != REFUSED_AS:
            raise StepFailedError(step, f"refused for another reason: {refused}") from refused
        return {"reason": refused.problem["title"], "receipt": refused.problem["receipt"]["code"]}
    raise StepFailedError(step, "a revoked card was let in")


def _use_station(journey: Journey) -> None:
    with journey.report.step("station", "A second card, through a reader station") as step:
        step.detail = use_station(
            journey.installation, journey.staff, journey.server, partial(_tell, journey.report)
        )


def _audit(journey: Journey) -> None:
    with journey.report.step("audit", "The three audit chains verify") as step:
        step.detail = {**verify_chains(journey.installation.home)}
