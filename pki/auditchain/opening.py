"""What every `hoviat pki audit` command begins with: the home, its database, errors as one line."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlalchemy import Engine

from pki.bootstrap import open_engine
from pki.errors import PkiError
from pki.home import Home, HomeError, load


def current_home() -> Home:
    """The home that the command was given. Raises HomeError."""
    return load(click.get_current_context().find_root().params["home"])


@contextmanager
def opened_database(home: Home) -> Iterator[Engine]:
    """The home's database, closed at the end."""
    engine = open_engine(home)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def errors_told() -> Iterator[None]:
    """Errors of this project end the command in one line."""
    try:
        yield
    except (PkiError, HomeError) as error:
        raise click.ClickException(str(error)) from error
