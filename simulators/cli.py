"""`hoviat sim`: cards for testers, without a clerk and without plastic."""

import json

import click

from simulators.control.cli import readers
from simulators.installation.cli import current_home
from simulators.readers.cli import insert


@click.group()
def sim() -> None:
    """Simulated citizens, cards and readers."""


sim.add_command(insert)
sim.add_command(readers)


@sim.command()
@click.option(
    "--count", default=1, show_default=True, type=click.IntRange(1, 100_000), help="How many citizens."
)
@click.option("--seed", default=1, show_default=True, help="Chooses the citizens and their PINs.")
def issue(count: int, seed: int) -> None:
    """Issue cards to synthetic citizens: enrolment, approval, production, delivery, all of it.

    Prints a JSON line a card: card_number, file, national_code, pin, puk, can, certificates. The cards lie
    under HOME/cards/. An empty home is initialised first. In a new home, one seed gives the same people.
    """
    from pki.home import HomeError
    from simulators.installation.services import initialise, is_initialised
    from simulators.issuing import issue_cards

    try:
        if not is_initialised(current_home()):
            click.echo(f"{current_home()} is no home yet: initialising it", err=True)
            initialise(current_home())
        for card in issue_cards(current_home(), count, seed):
            click.echo(json.dumps(card, ensure_ascii=False))
    except HomeError as error:
        raise click.ClickException(str(error)) from error


@sim.command()
def blank() -> None:
    """Make a blank card body under HOME/cards/, as the factory delivers it; prints its file.

    Put it into the virtual reader with `hoviat sim insert FILE`; then the clerks' pages can produce on it.
    """
    from pki.bootstrap import open_pki
    from pki.errors import PkiError
    from pki.home import HomeError, load
    from simulators.factory import make_blank

    try:
        home = load(current_home())
        opened = open_pki(home)
        try:
            click.echo(str(make_blank(home.cards, opened.master_keys["factory"])))
        finally:
            opened.close()
    except (HomeError, PkiError) as error:
        raise click.ClickException(str(error)) from error
