"""`hoviat registry`: what staff do with an issued card at the registry's own machine."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cardio.cli.common import PIN_VARIABLE, expected_errors, json_option, reader_name, reader_option, secret
from cardio.station.cli import PASSWORD_VARIABLE
from issuance.tracking.cli import receipt

if TYPE_CHECKING:
    from issuance.operators.service import Actor
    from issuance.production.renewal import RenewalView
    from issuance.production.work import Workshop

_KEYS = ("authentication", "signature")

operator_option = click.option(
    "--operator", required=True, metavar="NAME", help="Your user name; the password is asked for."
)


@dataclass(frozen=True)
class _Office:
    shop: "Workshop"
    actor: "Actor"


@click.group()
def registry() -> None:
    """Issued cards at the registry's machine: renew keys, rotate channel keys; citizens' slips.

    Secrets are asked for, or taken from HOVIAT_OPERATOR_PASSWORD and HOVIAT_PIN. What was torn is finished by
    the same command again, with the same card.
    """


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


registry.add_command(receipt)


@contextmanager
def _office(operator: str) -> Iterator[_Office]:
    """The registry of --home, with an operator signed in; its refusals become one line on stderr."""
    import secrets

    from issuance.bootstrap import SERVICE, open_workshop
    from issuance.database import Database
    from issuance.errors import IssuanceError
    from issuance.operators.service import Operators
    from pki.bootstrap import open_pki
    from pki.errors import PkiError
    from pki.home import HomeError, load

    try:
        with expected_errors(), ExitStack() as stack:
            home = load(_home_folder())
            authority = open_pki(home)
            stack.callback(authority.close)
            database = Database(home.database_url(SERVICE))
            stack.callback(database.close)
            database.migrate()
            shop = open_workshop(database, authority)
            operators = Operators(database, shop.audit, shop.clock, secrets.token_bytes)
            password = secret(PASSWORD_VARIABLE, f"Password of {operator}")
            token = operators.sign_in(operator, password, "console")
            stack.callback(operators.sign_out, token)
            yield _Office(shop, operators.actor(token))
    except (IssuanceError, PkiError, HomeError) as error:
        raise click.ClickException(str(error)) from error


def _home_folder() -> Path:
    folder = click.get_current_context().find_root().params["home"]
    return Path(folder)


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
