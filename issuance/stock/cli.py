"""`hoviat registry stock`."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from cardio.cli.common import json_option
from issuance.console import registry_database

if TYPE_CHECKING:
    from issuance.stock.ledger import Balance


@click.group()
def stock() -> None:
    """Card bodies: what is on hand, and whether it adds up."""


@stock.command()
@json_option
def show(*, as_json: bool) -> None:
    """Print each office's balance: received, sent, used, spoiled, destroyed, on hand."""
    from issuance.stock.check import balances

    with registry_database() as database, database.reading() as session:
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

    with registry_database() as database, database.reading() as session:
        found = list(faults(session))
    for fault in found:
        click.echo(json.dumps(asdict(fault)) if as_json else f"{fault.kind} {fault.subject}: {fault.detail}")
    if found:
        raise click.exceptions.Exit(1)
    if not as_json:
        click.echo("stock adds up")


def _line(balance: "Balance") -> str:
    return (
        f"office {balance.office}: received {balance.received}, sent {balance.sent}, used {balance.used}, "
        f"spoiled {balance.spoiled}, destroyed {balance.destroyed}, on hand {balance.on_hand}"
    )
