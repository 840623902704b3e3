"""`hoviat registry notices`."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from cardio.cli.common import json_option
from issuance.console import registry_database


@click.group()
def notices() -> None:
    """Messages to holders: send what is due, see what waits, try again what failed."""


@notices.command()
@click.option(
    "--spool",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder into which they are written, for a gateway to fetch.",
)
@json_option
def send(spool: Path, *, as_json: bool) -> None:
    """Write all messages that are due into files of JSON lines; for a timer.

    A message may come twice, with the same key. The exit status is 1 if some were not taken; they are tried
    again by later calls, after a minute at first and six hours at most, twenty times.
    """
    from issuance.notices.dispatcher import Dispatcher
    from issuance.notices.senders import SpoolSender
    from pki.clock import utc_now

    complete = True
    with registry_database() as database:
        dispatcher = Dispatcher(database, SpoolSender(spool), utc_now)
        while (batch := dispatcher.send_due()) is not None:
            text = f"sent {batch.sent} of {batch.tried}; postponed {batch.postponed}, failed {batch.failed}"
            click.echo(json.dumps(asdict(batch)) if as_json else text)
            complete = complete and batch.sent == batch.tried
    if not complete:
        raise click.exceptions.Exit(1)


@notices.command()
@json_option
def status(*, as_json: bool) -> None:
    """Print how many messages wait, were sent, have failed."""
    from issuance.notices.models import NoticeState
    from issuance.notices.outbox import counts

    with registry_database() as database, database.reading() as session:
        found = counts(session)
    told = {state.value: found.get(state, 0) for state in NoticeState}
    click.echo(json.dumps(told) if as_json else ", ".join(f"{state} {n:,}" for state, n in told.items()))


@notices.command()
@click.argument("key")
def retry(key: str) -> None:
    """Let a message that failed wait again."""
    from issuance.notices.outbox import retry as wait_again
    from pki.clock import utc_now

    with registry_database() as database, database.writing() as session:
        wait_again(session, key, utc_now())
    click.echo("It waits again.")
