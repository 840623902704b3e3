"""`hoviat card watch`."""

import json
import time

import click

_WATCH_SECONDS = 5.0


@click.command()
@click.option("--for", "seconds", type=click.FloatRange(min=0), help="Stop after so many seconds.")
def watch(seconds: float | None) -> None:
    """Print a JSON line whenever a card or a reader comes or goes, until interrupted.

    Survives restarts of the PC/SC service and readers that are unplugged.
    """
    from cardio.transport.watching import CardWatch, described

    watching, deadline = CardWatch(), None if seconds is None else time.monotonic() + seconds
    while True:
        left = _WATCH_SECONDS if deadline is None else deadline - time.monotonic()
        if left <= 0:
            return
        for event in watching.wait(min(left, _WATCH_SECONDS)):
            click.echo(json.dumps(described(event)))
