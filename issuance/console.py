"""What the registry's commands share: the database of --home, and an operator who signs in at the machine."""

# Imported when a command runs, so that --help is fast.
# ruff: noqa: PLC0415

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cardio.cli.common import expected_errors, secret
from cardio.station.cli import OPERATOR_CODE_VARIABLE, PASSWORD_VARIABLE

if TYPE_CHECKING:
    from issuance.database import Database
    from issuance.lookups.service import Looker
    from issuance.operators.service import Actor
    from issuance.production.work import Workshop
    from pki.bootstrap import Pki

SECOND_PASSWORD_VARIABLE = "HOVIAT_SECOND_OPERATOR_PASSWORD"  # noqa: S105 - the variable's name
SECOND_CODE_VARIABLE = "HOVIAT_SECOND_OPERATOR_CODE"

purpose_option = click.option(
    "--purpose",
    default="holder-request",
    show_default=True,
    metavar="WORD[; case=NUMBER]",
    help="Why the record is looked at; the person is told (docs/operators.md).",
)


@dataclass(frozen=True)
class SignedIn:
    """The registry of --home, and who works with it."""

    pki: "Pki"
    database: "Database"
    shop: "Workshop"
    actor: "Actor"

    def looker(self, purpose: str) -> "Looker":
        """This operator, looking at a person's record for that purpose. Raises PurposeError."""
        from issuance.lookups.purposes import parse
        from issuance.lookups.service import Looker

        return Looker(self.actor, parse(purpose))


@contextmanager
def registry_database() -> Iterator["Database"]:
    """The registry's database, without keys for personal data; what it refuses is one line on stderr."""
    from issuance.bootstrap import impersonal_database
    from pki.home import load

    with _told(), impersonal_database(load(_home_folder())) as database:
        yield database


@contextmanager
def keyed_database() -> Iterator["Database"]:
    """The same with the installation's keys: what seals are checked with."""
    from issuance.bootstrap import registry_database as with_keys
    from pki.home import load

    with _told(), with_keys(load(_home_folder())) as database:
        yield database


@contextmanager
def signed_in(operator: str) -> Iterator[SignedIn]:
    """The registry with its keys, and an operator signed in; its refusals become one line on stderr."""
    from issuance.bootstrap import open_database, open_workshop
    from pki.bootstrap import open_pki
    from pki.home import load

    with _told(), expected_errors(), ExitStack() as stack:
        home = load(_home_folder())
        pki = open_pki(home)
        stack.callback(pki.close)
        database = open_database(home, pki.master_keys)
        stack.callback(database.close)
        shop = open_workshop(database, pki)
        actor = stack.enter_context(_session(shop, operator, PASSWORD_VARIABLE, OPERATOR_CODE_VARIABLE))
        yield SignedIn(pki, database, shop, actor)


@contextmanager
def both_signed_in(first: str, second: str) -> Iterator[tuple[SignedIn, "Actor"]]:
    """As `signed_in`, with another operator beside the first: what two people do in one command."""
    if first.strip() == second.strip():
        raise click.ClickException("two different people sign in")
    with signed_in(first) as office, _told():
        variables = SECOND_PASSWORD_VARIABLE, SECOND_CODE_VARIABLE
        with _session(office.shop, second, *variables) as other:
            if other.username == office.actor.username:
                raise click.ClickException("two different people sign in")
            yield office, other


@contextmanager
def _session(shop: "Workshop", operator: str, password: str, code: str) -> Iterator["Actor"]:
    """`password`, `code`: the variables that are looked at before anything is asked for."""
    from issuance.operators.service import Operators

    operators = Operators(shop.database, shop.audit, shop.clock, secrets.token_bytes)
    token = operators.sign_in_at_the_machine(
        operator,
        secret(password, f"Password of {operator}"),
        lambda: secret(code, f"Code of {operator}'s authenticator app"),
    )
    try:
        yield operators.actor(token)
    finally:
        operators.sign_out(token)


@contextmanager
def _told() -> Iterator[None]:
    from issuance.errors import IssuanceError
    from pki.errors import PkiError
    from pki.home import HomeError

    try:
        yield
    except (IssuanceError, PkiError, HomeError) as error:
        raise click.ClickException(str(error)) from error


def _home_folder() -> Path:
    return Path(click.get_current_context().find_root().params["home"])
