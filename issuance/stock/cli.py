"""`hoviat registry stock`."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cardio.cli.common import json_option

if TYPE_CHECKING:
    from issuance.database import Database
    from issuance.stock.ledger import Balance


@click.group()
def stock() -> None:
    """Card bodies: what is on hand, and whether it adds up."""


@stock.command()
@json_option
def show(*, as_json: bool) -> None:
    """Print each office's balance: received, sent, used, spoiled, destroyed, on hand."""
    from issuance.stock.check import balances

    with _database() as database, database.reading() as session:
        for balance in balances(session):
            click.echo(json.dumps(asdict(balance)) if as_json else _line(balance))


@stock.command()
@json_option
def check(*, as_json: bool) -> None:
    """Check that stock adds up: opening + received - sent - used - spoiled - destroyed = on hand.

    Also that each body's movements are one unbroken line, and that each card has spent its body. Prints what
    does not hold; the exit status is 1 then.
    """
    from issuance.stock.check import faults

    with _database() as database, database.reading() as session:
        found = list(faults(session))
    for fault in found:
        click.echo(json.dumps(asdict(fault)) if as_json else f"{fault.kind} {fault.subject}: {fault.detail}")
    if found:
        raise click.exceptions.Exit(1)
    if not as_json:
        click.echo("stock adds up")


@contextmanager
def _database() -> Iterator["Database"]:
    from issuance.bootstrap import SERVICE
    from issuance.database import Database
    from pki.errors import PkiError
    from pki.home import HomeError, load

    try:
        home = load(Path(click.get_current_context().find_root().params["home"]))
        database = Database(home.database_url(SERVICE))
        try:
            database.migrate()
            yield database
        finally:
            database.close()
    except (HomeError, PkiError) as error:
        raise click.ClickException(str(error)) from error


def _line(balance: "Balance") -> str:
    return (
        f"office {balance.office}: received {balance.received}, sent {balance.sent}, used {balance.used}, "
        f"spoiled {balance.spoiled}, destroyed {balance.destroyed}, on hand {balance.on_hand}"
    )
