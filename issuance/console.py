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
def signed_in(operator: str) -> Iterator[SignedIn]:
    """The registry with its keys, and an operator signed in; its refusals become one line on stderr."""
    from issuance.bootstrap import open_database, open_workshop
    from issuance.operators.service import Operators
    from pki.bootstrap import open_pki
    from pki.home import load

    with _told(), expected_errors(), ExitStack() as stack:
        home = load(_home_folder())
        pki = open_pki(home)
        stack.callback(pki.close)
        database = open_database(home, pki.master_keys)
        stack.callback(database.close)
        shop = open_workshop(database, pki)
        operators = Operators(database, shop.audit, shop.clock, secrets.token_bytes)
        password = secret(PASSWORD_VARIABLE, f"Password of {operator}")
        token = operators.sign_in_at_the_machine(
            operator, password, lambda: secret(OPERATOR_CODE_VARIABLE, "Code of your authenticator app")
        )
        stack.callback(operators.sign_out, token)
        yield SignedIn(pki, database, shop, operators.actor(token))


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
