"""`hoviat demo`."""

import json
import sys

import click

from simulators.installation.cli import current_home

_PASSWORDS = "Passwords: HOME/secrets/operators.json"


@click.command()
@click.option(
    "--reader",
    "kind",
    type=click.Choice(["auto", "pcscd", "in-process"]),
    default="auto",
    show_default=True,
    help="The PC/SC stack: the real pcscd with its virtual reader, or a reader inside this process.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the steps as one JSON document.")
def demo(*, kind: str, as_json: bool) -> None:
    """Take one citizen from the civil register to a login, and to a refused one.

    PKI, enrolment, approval, a card personalised through PC/SC, delivery, a login at a sample e-service, the
    loss of the card, a refused login. Works in a new home and in a used one. Exits 0 only if every step held.
    """
    if not as_json:
        click.echo(f"One citizen, from the civil register to a login. Home: {current_home()}")

    from rich.console import Console

    from simulators.demo.journey import run
    from simulators.demo.report import Report
    from simulators.readers.choice import ReaderKind

    report = Report(None if as_json else Console())
    failure: str | None = None
    try:
        run(current_home(), report, None if kind == "auto" else ReaderKind(kind))
    except Exception as error:  # noqa: BLE001 - whatever ends the demo is shown and fails it
        failure = f"{type(error).__name__}: {error}"
    ok = report.ok and failure is None
    if as_json:
        document = {"ok": ok, "failure": failure, "steps": report.as_data()}
        click.echo(json.dumps(document, ensure_ascii=False))
    elif ok:
        click.echo(f"Every step held. Again: hoviat demo. The clerks' pages: hoviat serve. {_PASSWORDS}")
    else:
        click.echo(failure, err=True)
    sys.exit(0 if ok else 1)
