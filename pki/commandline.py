"""What `hoviat pki`'s commands share: the home, errors as messages, results as text or JSON."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from pki.bootstrap import Pki
    from pki.home import Home

json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout.")
officer_option = click.option(
    "--officer", metavar="NAME", help="Whose decision it is, by label; else the account's number is recorded."
)
officers_option = click.option(
    "--officer", metavar="NAME", multiple=True, help="Whose decision it is; twice for a CA's certificate."
)
note_option = click.option("--note", default="", help="Why, in words, for the audit. No personal data.")


@contextmanager
def opened_pki() -> "Iterator[Pki]":
    """The home's PKI with its keys; what it refuses becomes a message."""
    from pki.bootstrap import open_pki  # noqa: PLC0415 - heavy, and `--help` needs none of it

    with errors_told():
        opened = open_pki(home())
        try:
            yield opened
        finally:
            opened.close()


@contextmanager
def opened_database() -> "Iterator[Engine]":
    """The home's database, up to date, without any key."""
    from pki.bootstrap import migrate_home, open_engine  # noqa: PLC0415

    with errors_told():
        engine = open_engine(home())
        try:
            migrate_home(engine, home())
            yield engine
        finally:
            engine.dispose()


@contextmanager
def record_signed(make_checkpoint: Callable[[], object]) -> Iterator[None]:
    """Around what an officer decides: at its end, however it ends, the record is signed by `sign_record`."""
    try:
        yield
    finally:
        sign_record(make_checkpoint)


def sign_record(make_checkpoint: Callable[[], object]) -> None:
    """Signs a checkpoint, so that no entry of a decision can be dropped once success is reported.

    What was decided is committed and stands: where none can be signed, stderr says so.
    """
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    from pki.errors import PkiError  # noqa: PLC0415
    from pki.home import HomeError  # noqa: PLC0415

    try:
        make_checkpoint()
    except (PkiError, HomeError) as error:
        _tell_unsigned(str(error))
    except (OSError, SQLAlchemyError) as error:
        _tell_unsigned(type(error).__name__)  # only the kind: its words could name hosts and queries


def sign_home_record() -> None:
    """`sign_record` of the home that `--home` names, with its own key; for commands that opened none."""
    from pki.checkpointing import make_in  # noqa: PLC0415

    sign_record(lambda: make_in(home()))


def _tell_unsigned(cause: str) -> None:
    click.echo(
        f"no checkpoint of the audit record was signed, so its newest entries are vouched for by nobody yet: "
        f"{cause}. `hoviat pki audit checkpoint` signs one.",
        err=True,
    )


@contextmanager
def errors_told() -> Iterator[None]:
    """What this package raises on purpose, as a message and exit code 1."""
    from pki.errors import PkiError  # noqa: PLC0415
    from pki.home import HomeError  # noqa: PLC0415

    try:
        yield
    except (PkiError, HomeError) as error:
        raise click.ClickException(str(error)) from error


def actor_of(officer: str | None) -> str:
    """How the audit names who runs a command: an officer's label, else the account that ran it, by number.

    An account's name could be a person's. Raises OfficerLabelError.
    """
    from pki.officers import officer_label  # noqa: PLC0415

    return f"cli:uid-{os.getuid()}" if officer is None else officer_label(officer)


def home() -> "Home":
    """The home that `--home` names."""
    from pki.home import load  # noqa: PLC0415

    return load(click.get_current_context().find_root().params["home"])


def show(data: Mapping[str, object], text: str, as_json: bool) -> None:
    """One result."""
    click.echo(json.dumps(data) if as_json else text, file=sys.stdout)
