"""`hoviat registry`: what staff do at the registry's own machine, with cards, stock and stations."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import click

from cardio.cli.common import PIN_VARIABLE, json_option, reader_name, reader_option, secret
from issuance.console import keyed_database, purpose_option, registry_database, signed_in
from issuance.massactions.cli import mass
from issuance.notices.cli import notices
from issuance.offices.cli import office
from issuance.operators.cli import operator
from issuance.people.cli import person
from issuance.stock.cli import stock
from issuance.tracking.cli import receipt

if TYPE_CHECKING:
    from issuance.chaincheck import Discrepancy
    from issuance.operators.service import Actor
    from issuance.production.renewalsteps import RenewalView
    from issuance.production.work import Workshop
    from issuance.stations.service import NewCode, Stations

_KEYS = ("authentication", "signature")
_WHOSE = ("citizen", "order", "card", "batch")
CODE_VARIABLE = "HOVIAT_NATIONAL_CODE"

operator_option = click.option(
    "--operator", required=True, metavar="NAME", help="Your user name; the password is asked for."
)


@dataclass(frozen=True)
class _Office:
    shop: "Workshop"
    stations: "Stations"
    actor: "Actor"


@click.group()
def registry() -> None:
    """At the registry's machine: renew keys, rotate channel keys, check the stock. Stations; citizens' slips.

    Secrets are asked for, or taken from HOVIAT_OPERATOR_PASSWORD and HOVIAT_PIN. What was torn is finished by
    the same command again, with the same card.
    """


registry.add_command(stock)
registry.add_command(person)
registry.add_command(office)
registry.add_command(operator)


@registry.command()
@json_option
def check(*, as_json: bool) -> None:
    """Check that applications, cards, accounts and erasures stand as the audit chain tells, by whom it tells.

    First that the chain itself is whole. Prints a line for each that doesn't; the exit status is 1 then.
    """
    from sqlalchemy.orm import Session

    from issuance.audit import AUDIT
    from issuance.chaincheck import discrepancies
    from pki.auditchain.verification import snapshot, verify_record

    with registry_database() as database, Session(snapshot(database.engine)) as session:
        verify_record(session, AUDIT)
        _tell(discrepancies(session), "tables and chain agree", as_json=as_json)


@registry.command()
@json_option
def seals(*, as_json: bool) -> None:
    """Check that approvals, accounts, second factors, sessions and renewals are as the registry sealed them.

    Opens the home's keys. Prints a line for each that isn't; the exit status is 1 then.
    """
    from sqlalchemy.orm import Session

    from issuance.sealcheck import broken_seals
    from pki.auditchain.verification import snapshot

    with keyed_database() as database, Session(snapshot(database.engine)) as session:
        _tell(broken_seals(session), "all seals are whole", as_json=as_json)


def _tell(found: Iterable["Discrepancy"], none: str, *, as_json: bool) -> None:
    """A line for each, or that there is none."""
    whole = True
    for each in found:
        whole = False
        click.echo(json.dumps(asdict(each)) if as_json else f"{each.subject}: {each.detail}")
    if not whole:
        raise click.exceptions.Exit(1)
    if not as_json:
        click.echo(none)


@registry.command()
@click.argument("key", type=click.Choice(_KEYS))
@operator_option
@reader_option
@json_option
def renew(key: str, operator: str, reader: str | None, *, as_json: bool) -> None:
    """Make a new KEY on the card, and get and write its certificate; the old certificate is revoked first."""
    from issuance.production.connection import PcscReaders
    from issuance.production.renewal import Renewals
    from pki.profiles import Profile

    with _office(operator) as office:
        name = reader_name(reader)
        pin = secret(PIN_VARIABLE, "The holder's PIN")
        renewals = Renewals(office.shop, PcscReaders())
        renewal = renewals.renew(office.actor, name, Profile(key), pin)
    _print(renewal, as_json=as_json)


@registry.command("give-up")
@click.argument("card_number")
@operator_option
@json_option
def give_up(card_number: str, operator: str, *, as_json: bool) -> None:
    """Give up the card's torn renewals: what was issued for them is revoked. Needs no card."""
    from issuance.production.connection import PcscReaders
    from issuance.production.renewal import Renewals

    with _office(operator) as office:
        renewals = Renewals(office.shop, PcscReaders())
        ended = [renewals.give_up(office.actor, torn.id) for torn in renewals.open_on(card_number)]
    if not ended:
        raise click.ClickException("this card has no torn renewal")
    for renewal in ended:
        _print(renewal, as_json=as_json)


@registry.command("rotate-keys")
@operator_option
@reader_option
@json_option
def rotate_keys(operator: str, reader: str | None, *, as_json: bool) -> None:
    """Give the card the next version of its secure channel's keys."""
    from issuance.production.channelkeys import ChannelKeys
    from issuance.production.connection import PcscReaders

    with _office(operator) as office:
        version = ChannelKeys(office.shop, PcscReaders()).rotate(office.actor, reader_name(reader))
    click.echo(
        json.dumps({"key_version": version}) if as_json else f"The card has keys of version {version}."
    )


@registry.command()
@click.argument("whose", type=click.Choice(_WHOSE))
@click.argument("identifier", required=False)
@click.option(
    "--most", default=100, show_default=True, type=click.IntRange(1, 100_000), help="The newest, so many."
)
@operator_option
@purpose_option
@json_option
def history(
    whose: str, identifier: str | None, most: int, operator: str, purpose: str, *, as_json: bool
) -> None:
    """Print what happened to a citizen, an order, a card or a batch, newest first: when, who, what, why.

    IDENTIFIER is a card number, or the identifier of an application, a delivery of bodies or a batch run. A
    citizen's national code is asked for, or taken from HOVIAT_NATIONAL_CODE: no list of processes shows it.
    """
    from issuance.histories.cli import look, show
    from issuance.histories.service import Histories

    if (identifier is None) != (whose == "citizen"):
        raise click.UsageError("IDENTIFIER goes with order, card and batch; a national code is asked for")
    with signed_in(operator) as office:
        wanted = identifier or secret(CODE_VARIABLE, "The citizen's national code")
        look(office.shop, office.looker(purpose), whose, wanted)
        show(Histories(office.shop.database), office.actor, whose, wanted, most, as_json=as_json)


@registry.group()
def station() -> None:
    """Reader stations: add, codes, list, revoke; an administrator's work."""


@station.command("add")
@click.argument("name")
@click.option("--office", required=True, help="The code of the office in which it stands.")
@operator_option
@json_option
def add_station(name: str, office: str, operator: str, *, as_json: bool) -> None:
    """Add a station, and print the one-time code with which its machine is enrolled."""
    with _office(operator) as opened:
        opened.stations.add(opened.actor, name, office)
        code = opened.stations.create_code(opened.actor, name)
    _print_code(name, code, as_json=as_json)


@station.command("code")
@click.argument("name")
@operator_option
@json_option
def station_code(name: str, operator: str, *, as_json: bool) -> None:
    """Print another one-time code: for a machine in the place of the old one, or where a code was lost."""
    with _office(operator) as opened:
        code = opened.stations.create_code(opened.actor, name)
    _print_code(name, code, as_json=as_json)


@station.command("list")
@operator_option
@json_option
def list_stations(operator: str, *, as_json: bool) -> None:
    """List all stations."""
    with _office(operator) as opened:
        stations = opened.stations.all(opened.actor)
    for one in stations:
        facts = {"id": one.id, "office": one.office, "state": one.state.value, "serial": one.serial}
        click.echo(json.dumps(facts) if as_json else f"{one.id}  {one.state.value}  {one.office}")


@station.command("revoke")
@click.argument("name")
@operator_option
@json_option
def revoke_station(name: str, operator: str, *, as_json: bool) -> None:
    """End a station for good: its certificate is revoked, and it is disconnected."""
    with _office(operator) as opened:
        ended = opened.stations.revoke(opened.actor, name)
    facts = {"id": ended.id, "state": ended.state.value}
    click.echo(json.dumps(facts) if as_json else f"Station {ended.id} is {ended.state.value}.")


def _print_code(name: str, code: "NewCode", *, as_json: bool) -> None:
    facts = {"id": name, "code": code.code, "expires_at": code.expires_at.isoformat()}
    click.echo(json.dumps(facts) if as_json else f"Code of station {name}, to be used once: {code.code}")


@registry.group()
def reconcile() -> None:
    """After a restore: look whether a waiting order's card was made meanwhile, then let it be made."""


@reconcile.command("list")
@operator_option
@json_option
def list_held(operator: str, *, as_json: bool) -> None:
    """List the applications whose orders are held; a supervisor's work."""
    from issuance.orders.reconciling import Reconciling

    with _office(operator) as opened:
        held = Reconciling(opened.shop.database, opened.shop.audit).held(opened.actor)
    for application in held:
        click.echo(json.dumps({"application": application}) if as_json else application)


@reconcile.command("release")
@click.argument("application")
@click.option(
    "--found",
    type=click.Choice(["not_made", "made"]),
    required=True,
    help="Whether its card was made after the backup; then that card has to be destroyed.",
)
@operator_option
def release_order(application: str, found: str, operator: str) -> None:
    """Put an order back into the queue, on record."""
    from issuance.orders.reconciling import Finding, Reconciling

    with _office(operator) as opened:
        reconciling = Reconciling(opened.shop.database, opened.shop.audit)
        reconciling.release(opened.actor, application, Finding(found))
    click.echo(f"The order of {application} is in the queue again.")


registry.add_command(receipt)
registry.add_command(notices)
registry.add_command(mass)


@contextmanager
def _office(operator: str) -> Iterator[_Office]:
    """The registry of --home, with an operator signed in."""
    from issuance.bootstrap import open_stations

    with signed_in(operator) as opened:
        yield _Office(opened.shop, open_stations(opened.database, opened.pki), opened.actor)


def _print(renewal: "RenewalView", *, as_json: bool) -> None:
    facts = {
        "card_number": renewal.card_number,
        "key": renewal.profile.value,
        "state": renewal.state.value,
        "serial": None if renewal.serial is None else f"{renewal.serial:x}",
    }
    click.echo(
        json.dumps(facts)
        if as_json
        else f"Card {renewal.card_number}, {renewal.profile.value} key: {renewal.state.value}."
    )
