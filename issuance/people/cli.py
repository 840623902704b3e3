"""`hoviat registry person`: what is held of somebody, and its erasure. Codes are asked for."""

import os
from pathlib import Path

import click

from issuance.console import purpose_option

CODE_VARIABLE = "HOVIAT_NATIONAL_CODE"
_GROUNDS = ("request", "court", "retention")
_operator = click.option(
    "--operator", required=True, metavar="NAME", help="Your user name; the password is asked for."
)


@click.group()
def person() -> None:
    """What is held of a person: export it for them; erase it, by two people.

    The national code is asked for, or taken from HOVIAT_NATIONAL_CODE: what stands on a command line is seen
    by others and kept in histories.
    """


@person.command()
@click.argument("folder", type=click.Path(path_type=Path))
@_operator
@purpose_option
def export(folder: Path, operator: str, purpose: str) -> None:
    """Write everything held of a person into FOLDER, a new one: person.json, portraits, a signature."""
    from issuance.console import signed_in
    from issuance.lookups.service import Lookups
    from issuance.people.export import Exports, write
    from issuance.tracking.keys import SlipKeys

    code = _code()
    with signed_in(operator) as office:
        shop = office.shop
        lookups = Lookups(shop.database, shop.clock, shop.randomness)
        exports = Exports(lookups, shop.audit, shop.clock, SlipKeys(office.pki.keys).sign_document)
        made = exports.make(office.looker(purpose), code)
    try:
        write(made, folder)
    except OSError as error:
        raise click.ClickException(f"{folder}: {error.strerror}") from error
    rows = sum(made.tables.values())
    click.echo(
        f"{rows} rows of {len(made.tables)} tables. Check with: hoviat registry receipt keys, openssl dgst"
    )


@person.group()
def erase() -> None:
    """Erase a person's data: one asks, another confirms. A live card stands in the way."""


@erase.command()
@click.option("--ground", type=click.Choice(_GROUNDS), required=True, help="Why it may, or must, go.")
@_operator
def request(ground: str, operator: str) -> None:
    """Ask for it; prints the number that the other person confirms."""
    from issuance.console import signed_in
    from issuance.people.erasure import Erasures
    from issuance.people.models import Ground

    code = _code()
    with signed_in(operator) as office:
        shop = office.shop
        erasures = Erasures(shop.database, shop.audit, shop.clock, shop.randomness)
        click.echo(erasures.request(office.actor, code, Ground(ground)))


@erase.command()
@click.argument("number")
@_operator
def confirm(number: str, operator: str) -> None:
    """Erase, for good: only a backup from before brings it back."""
    from issuance.console import signed_in
    from issuance.people.erasure import Erasures

    with signed_in(operator) as office:
        shop = office.shop
        Erasures(shop.database, shop.audit, shop.clock, shop.randomness).confirm(office.actor, number)
    click.echo("Erased.")


def _code() -> str:
    from issuance.errors import InvalidNationalCodeError
    from issuance.registry.nationalcode import normalise

    given = os.environ.get(CODE_VARIABLE) or click.prompt("National code", hide_input=True, err=True)
    try:
        return normalise(str(given))
    except InvalidNationalCodeError as error:
        raise click.ClickException(str(error)) from error
