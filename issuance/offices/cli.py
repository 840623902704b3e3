"""`hoviat registry office`: offices, before anybody can sign in at one of them."""

# Imported when a command runs, so that --help is fast.

import json
from typing import TYPE_CHECKING

import click

from cardio.cli.common import json_option
from issuance.console import signed_in

if TYPE_CHECKING:
    from issuance.offices.models import Office

_by = click.option(
    "--operator", required=True, metavar="NAME", help="Your user name; the password is asked for."
)


@click.group()
def office() -> None:
    """Offices: add, list."""


@office.command("add")
@click.argument("code")
@click.option("--persian-name", required=True, help="As citizens read it.")
@click.option("--latin-name", required=True)
@click.option("--province", required=True)
@_by
@json_option
def add_office(
    code: str, persian_name: str, latin_name: str, province: str, operator: str, *, as_json: bool
) -> None:
    """Open an office; a supervisor's work. CODE, digits or capital letters, never changes."""
    from issuance.offices.service import NewOffice, Offices

    with signed_in(operator) as opened:
        offices = Offices(opened.database, opened.shop.audit)
        added = offices.open(opened.actor, NewOffice(code, persian_name, latin_name, province))
        _print(added, as_json=as_json)


@office.command("list")
@_by
@json_option
def list_offices(operator: str, *, as_json: bool) -> None:
    """List all offices, by code."""
    from issuance.offices.service import Offices

    with signed_in(operator) as opened:
        for each in Offices(opened.database, opened.shop.audit).all():
            _print(each, as_json=as_json)


def _print(office: "Office", *, as_json: bool) -> None:
    facts = {
        "code": office.code,
        "persian_name": office.persian_name,
        "latin_name": office.latin_name,
        "province": office.province,
        "inspects": office.inspects,
    }
    line = f"{office.code}  {office.persian_name}  {office.latin_name}  {office.province}"
    click.echo(json.dumps(facts, ensure_ascii=False) if as_json else line)
