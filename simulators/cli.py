"""`hoviat sim`: cards for testers, without a clerk and without plastic."""

import json
from collections.abc import Iterator
from pathlib import Path

import click

from simulators.control.cli import readers
from simulators.installation.cli import current_home
from simulators.population.cli import register
from simulators.readers.cli import insert


@click.group()
def sim() -> None:
    """Simulated citizens, cards and readers."""


sim.add_command(insert)
sim.add_command(readers)
sim.add_command(register)


@sim.command()
@click.option(
    "--count", default=1, show_default=True, type=click.IntRange(1, 100_000), help="How many citizens."
)
@click.option("--seed", default=1, show_default=True, help="Chooses the citizens and their PINs.")
@click.option("--profile", "profile_name", help="A kind of card: see `hoviat sim profiles`, or FILE.toml.")
def issue(count: int, seed: int, profile_name: str | None) -> None:
    """Issue cards to synthetic citizens: enrolment, approval, production, delivery, all of it.

    Prints a JSON line a card: card_number, file, national_code, pin, puk, can, certificates. The cards lie
    under HOME/cards/. An empty home is initialised first. In a new home, one seed gives the same people.

    With --profile the registry is not asked: the home's PKI certifies the keys of such a card at once. The
    line ends with `profile`.
    """
    from cardio.errors import CardError
    from pki.errors import PkiError
    from pki.home import HomeError
    from simulators.actors.operator import RefusedError

    try:
        for card in _issued(count, seed, profile_name):
            click.echo(json.dumps(card, ensure_ascii=False))
    except (HomeError, RefusedError) as error:
        raise click.ClickException(str(error)) from error
    except (CardError, PkiError) as error:
        if profile_name is None:
            raise
        raise click.ClickException(str(error)) from error


def _issued(count: int, seed: int, profile_name: str | None) -> Iterator[dict[str, object]]:
    from pki.home import load
    from simulators.installation.services import initialise, is_initialised
    from simulators.issuing import issue_cards
    from simulators.profiles.issuing import issue_profile
    from simulators.profiles.loading import load_profile

    root = current_home()
    profile = None if profile_name is None else load_profile(profile_name)
    if not is_initialised(root):
        click.echo(f"{root} is no home yet: initialising it", err=True)
        initialise(root)
    if profile is None:
        yield from issue_cards(root, count, seed)
    else:
        yield from (card.to_json() for card in issue_profile(load(root), profile, count, seed))


@sim.command()
@click.option(
    "--json", "as_json", is_flag=True, help="Print a JSON line a profile: name, title, status, hostile."
)
def profiles(*, as_json: bool) -> None:
    """List the kinds of cards that `hoviat sim issue --profile NAME` makes."""
    from simulators.profiles.loading import load_profile, profile_names

    found = [load_profile(name) for name in profile_names()]
    width = max(len(profile.name) for profile in found)
    for profile in found:
        click.echo(
            json.dumps(profile.summary(), ensure_ascii=False)
            if as_json
            else f"{profile.name:{width}}  {profile.title}"
        )


@sim.command()
@click.option("--number", default=1000, show_default=True, type=click.IntRange(0), help="Which of them.")
@click.option(
    "--portrait", type=click.Path(path_type=Path, dir_okay=False), help="Write a drawn portrait there."
)
def person(number: int, portrait: Path | None) -> None:
    """Print somebody of the synthetic civil register, as JSON: whom to enrol on the clerks' pages."""
    from pki.jalali import to_jalali
    from simulators.installation.services import REGISTER_SEED
    from simulators.population.people import People
    from simulators.population.portrait import draw_portrait

    people = People(REGISTER_SEED)
    if number >= people.size:
        raise click.BadParameter(f"people have the numbers 0 to {people.size - 1}", param_hint="--number")
    somebody = people.person(number)
    if portrait is not None:
        try:
            portrait.write_bytes(draw_portrait(somebody))
        except OSError as error:
            raise click.ClickException(f"{portrait}: {error.strerror}") from error
    click.echo(
        json.dumps(
            {
                "national_code": somebody.national_code,
                "birth_date": somebody.birth_date.isoformat(),
                "birth_date_jalali": to_jalali(somebody.birth_date),
                "given_name": somebody.given_name.persian,
                "surname": somebody.surname.persian,
            },
            ensure_ascii=False,
        )
    )


@sim.command()
@click.option(
    "--random-challenges",
    is_flag=True,
    help="Its secure channel's challenges are random, not pseudo-random (SCP03, i = 60).",
)
def blank(*, random_challenges: bool) -> None:
    """Make a blank card body under HOME/cards/, as the factory delivers it, in stock; prints its file.

    Put it into the virtual reader with `hoviat sim insert FILE`; then the clerks' pages can produce on it.
    """
    from issuance.bootstrap import PASSWORDS_FILE
    from pki.bootstrap import open_pki
    from pki.errors import PkiError
    from pki.home import HomeError, load
    from simulators.depot import take_in_at
    from simulators.factory import make_blank
    from simulators.manufacturer import AuthorityFileError

    try:
        home = load(current_home())
        opened = open_pki(home)
        try:
            factory_key = opened.master_keys["factory"]
            made = make_blank(home.cards, factory_key, random_challenges=random_challenges)
        finally:
            opened.close()
        if (home.secrets / PASSWORDS_FILE).exists():
            take_in_at(home, [made])
        else:
            click.echo("this home has no registry: the body is in nobody's stock", err=True)
        click.echo(str(made))
    except (HomeError, PkiError, AuthorityFileError) as error:
        raise click.ClickException(str(error)) from error
