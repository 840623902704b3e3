"""What the registry's commands share: the database of --home."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from issuance.database import Database


@contextmanager
def registry_database() -> Iterator["Database"]:
    """The registry's database, without keys for personal data; what it refuses is one line on stderr."""
    # Imported when a command runs, so that --help is fast.
    from issuance.bootstrap import impersonal_database  # noqa: PLC0415
    from issuance.errors import IssuanceError  # noqa: PLC0415
    from pki.errors import PkiError  # noqa: PLC0415
    from pki.home import HomeError, load  # noqa: PLC0415

    try:
        home = load(Path(click.get_current_context().find_root().params["home"]))
        with impersonal_database(home) as database:
            yield database
    except (IssuanceError, HomeError, PkiError) as error:
        raise click.ClickException(str(error)) from error
