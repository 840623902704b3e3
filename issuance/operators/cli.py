"""`hoviat registry operator`: accounts, by two administrators, and operators' cards."""

# Imported when a command runs, so that --help is fast.

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cardio.cli.common import NEW_PIN_VARIABLE, json_option, reader_name, reader_option, secret

if TYPE_CHECKING:
    from issuance.console import SignedIn
    from issuance.operators.accounts import Accounts

KEY_VARIABLE = "HOVIAT_VERIFIER_KEY"
_KINDS = ("create", "change", "lock", "unlock", "card", "totp-reset")
_ROLES = ("clerk", "supervisor", "production", "stock", "pki-officer", "auditor", "administrator")
_by = click.option(
    "--operator", required=True, metavar="NAME", help="Your user name; the password is asked for."
)


@click.group()
def operator() -> None:
    """Operators' accounts and cards: one administrator proposes, another confirms."""


@operator.command("list")
@_by
@json_option
def list_accounts(operator: str, *, as_json: bool) -> None:
    """List all accounts, and the changes that wait for a second administrator."""
    with _accounts(operator) as (office, accounts):
        known, waiting = accounts.all(office.actor), accounts.open_changes(office.actor)
    for account in known:
        _print(asdict(account), as_json=as_json)
    for change in waiting:
        told = {"change": change.id, "kind": change.kind, "username": change.username}
        _print(told | {"proposed_by": change.proposed_by}, as_json=as_json)


@operator.command()
@click.argument("kind", type=click.Choice(_KINDS))
@click.argument("username")
@click.option("--role", type=click.Choice(_ROLES), help="Of a new or changed account.")
@click.option("--office", help="Of a new or changed account.")
@_by
@json_option
def propose(
    kind: str, username: str, role: str | None, office: str | None, operator: str, *, as_json: bool
) -> None:
    """Propose a change of USERNAME's account; prints the number that another administrator confirms."""
    from issuance.operators.accounts import Wanted
    from issuance.operators.changes import ChangeKind
    from issuance.operators.models import Role

    wanted = Wanted(ChangeKind(kind), username, None if role is None else Role(role), office)
    with _accounts(operator) as (signed, accounts):
        change = accounts.propose(signed.actor, wanted)
    _print({"change": change}, as_json=as_json)


@operator.command()
@click.argument("change")
@_by
@json_option
def confirm(change: str, operator: str, *, as_json: bool) -> None:
    """Confirm another administrator's CHANGE; prints a new account's first password, this once."""
    with _accounts(operator) as (office, accounts):
        done = accounts.confirm(office.actor, change)
    facts = {"username": done.username}
    _print(facts if done.password is None else facts | {"password": done.password}, as_json=as_json)


@operator.command()
@click.argument("change")
@_by
@json_option
def withdraw(change: str, operator: str, *, as_json: bool) -> None:
    """End a CHANGE that nobody has confirmed."""
    with _accounts(operator) as (office, accounts):
        accounts.withdraw(office.actor, change)
    _print({"withdrawn": change}, as_json=as_json)


@operator.command()
@click.argument("change")
@_by
@reader_option
@json_option
def card(change: str, operator: str, reader: str | None, *, as_json: bool) -> None:
    """Make the card of a confirmed CHANGE out of the blank in the reader.

    Its holder types a PIN of their own. It is asked for, or taken from HOVIAT_NEW_PIN.
    """
    from issuance.operators.cardmaking import make_card
    from issuance.production.connection import PcscReaders

    with _accounts(operator) as (office, accounts):
        pin = secret(NEW_PIN_VARIABLE, "The holder's new PIN", confirm=True)
        made = make_card(office.shop, accounts, PcscReaders(), office.actor, change, reader_name(reader), pin)
    _print({"serial": f"{made.serial:x}", "not_after": made.not_after.isoformat()}, as_json=as_json)


@operator.command()
@click.option(
    "--verifier", required=True, help="Where the verifier is, such as https://id.example.ir/verifier"
)
@click.option("--citizens", is_flag=True, help="For citizens with national cards, instead of operators.")
@click.option(
    "--operator",
    "administrators",
    required=True,
    multiple=True,
    metavar="NAME",
    help="An administrator; twice, for two of them. Their passwords are asked for.",
)
def connect(verifier: str, administrators: tuple[str, ...], *, citizens: bool) -> None:
    """Make the registry a site of that verifier, so that operators log in with cards; for older homes.

    Two administrators sign in: from then on that verifier says whose session a card opens. The second one's
    password is asked for, or taken from HOVIAT_SECOND_OPERATOR_PASSWORD (code: HOVIAT_SECOND_OPERATOR_CODE).
    The key comes from `hoviat service add registry --policy operator --origin …` (for citizens
    `registry-citizens`, policy national); it is asked for, or taken from HOVIAT_VERIFIER_KEY. The verifier is
    asked for a challenge before anything is written, so it has to be there.
    """
    from cardio.station.enrolling import is_protected
    from issuance.console import both_signed_in
    from issuance.operators.connecting import connect_to
    from issuance.verifiersite import CITIZENS_SITE, OPERATORS_SITE
    from pki.home import load

    if not is_protected(verifier):
        raise click.UsageError("the verifier's address begins with https:// (http:// on this machine)")
    if len(administrators) != 2:  # noqa: PLR2004 - two people
        raise click.UsageError("two administrators: --operator NAME --operator ANOTHER")
    file = CITIZENS_SITE if citizens else OPERATORS_SITE
    with both_signed_in(*administrators) as (office, second):
        api_key = secret(KEY_VARIABLE, "The site's API key")
        home = load(Path(click.get_current_context().find_root().params["home"]))
        people = (office.actor, second)
        try:
            connect_to(home, office.database, office.shop.audit, people, verifier, api_key, file)
        except OSError as error:
            raise click.ClickException(str(error)) from error
    whose = "Citizens'" if citizens else "Operators'"
    click.echo(f"{whose} cards are asked about there from now on.")


@operator.command()
def found() -> None:
    """Add the second administrator that homes of earlier days lack; prints the first password, this once."""
    from issuance.bootstrap import add_second_administrator
    from pki.home import HomeError, load

    try:
        home = load(Path(click.get_current_context().find_root().params["home"]))
        added = add_second_administrator(home)
    except HomeError as error:
        raise click.ClickException(str(error)) from error
    if added is None:
        raise click.ClickException("there are two administrators already: they make any other account")
    click.echo(json.dumps(added))


@contextmanager
def _accounts(name: str) -> "Iterator[tuple[SignedIn, Accounts]]":
    from issuance.console import signed_in
    from issuance.operators.accounts import Accounts

    with signed_in(name) as office:
        shop = office.shop
        yield office, Accounts(shop.database, shop.audit, shop.certificates, shop.clock, shop.randomness)


def _print(facts: Mapping[str, object], *, as_json: bool) -> None:
    words = "  ".join(f"{name}: {value}" for name, value in facts.items())
    click.echo(json.dumps(facts) if as_json else words)
