"""`hoviat sim register`: a civil register of synthetic people over HTTP."""

import click

_FAULTS, _QUESTIONS = 2_000, 10_000


@click.command()
@click.option("--seed", default=1, show_default=True, help="Chooses the people; 1: those of `hoviat serve`.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", default=0, show_default=True, help="Port to listen at; 0 takes a free one.")
@click.option(
    "--eventful", is_flag=True, help="Deaths, new names, dates known in part, wrong dates, old spellings."
)
@click.option("--faults", metavar="SEED", type=int, help="A fifth of the questions fails, by this seed.")
def register(seed: int, host: str, port: int, faults: int | None, *, eventful: bool) -> None:
    """Serve a civil register of a million computed people until interrupted; prints its URL.

    Give that URL to `hoviat serve` as HOVIAT_CIVIL_REGISTER. To the registry it is a register as any other:
    the home is in service from then on, for good, and no password alone opens an account there.
    """
    import threading

    from simulators.faults.register import RegisterFaults
    from simulators.installation.server import PortTakenError, running
    from simulators.population.lives import EVENTFUL, PLAIN
    from simulators.population.people import People
    from simulators.population.register import SyntheticCivilRegister
    from simulators.population.registerserver import PATH, RegisterServer

    script = RegisterFaults() if faults is None else RegisterFaults.drawn(faults, _QUESTIONS, _FAULTS)
    people = SyntheticCivilRegister(People(seed), EVENTFUL if eventful else PLAIN)
    try:
        with running(RegisterServer(people, script).app(), host, port) as address:
            click.echo(address + PATH)
            threading.Event().wait()
    except PortTakenError as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        return
