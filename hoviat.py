"""The `hoviat` command. Sub-commands live with what they command; they are imported only when called."""

import gc
import importlib
from dataclasses import dataclass
from pathlib import Path

import click

_NEW_OBJECTS = 50_000
"""Until Python looks for cycles. At its own 700, a fifth of a start goes to modules, which stay anyway."""


@dataclass(frozen=True)
class Entry:
    """Where a sub-command lives, and the line that `hoviat --help` shows without importing it."""

    module: str
    attribute: str
    summary: str


COMMANDS = {
    "demo": Entry("simulators.demo.cli", "demo", "Take one citizen from the civil register to a login."),
    "init": Entry(
        "simulators.installation.cli", "init", "Create PKI, databases and operators in an empty home."
    ),
    "serve": Entry(
        "simulators.installation.cli", "serve", "Serve issuance, verifier and status on one port."
    ),
    "backup": Entry(
        "simulators.installation.backup.cli", "backup", "Write a signed set of the home while it serves."
    ),
    "restore": Entry(
        "simulators.installation.backup.cli", "restore", "Bring a home back from a backup, or check one."
    ),
    "pki": Entry("pki.cli", "pki", "Certificates: CRLs, revocation, suspension, audit, export."),
    "card": Entry("cardio.cli", "card", "A card in a PC/SC reader: info, read, login, sign, PINs."),
    "station": Entry("cardio.station.cli", "station", "The reader station: enrol, run, hand a card over."),
    "registry": Entry(
        "issuance.cli", "registry", "The registry's cards, people, operators, offices and stations."
    ),
    "service": Entry("verifier.cli", "service", "Relying sites: register, list."),
    "verifier": Entry("verifier.cli", "verifier", "Serve logins alone; receipts: verify, show, purge."),
    "token": Entry("verifier.cli", "token", "Web eID tokens: verify and explain."),
    "sim": Entry("simulators.cli", "sim", "Simulated citizens, cards and readers."),
    "bench": Entry("simulators.load.cli", "bench", "Benchmarks, each beside its limit."),
}


class LazyGroup(click.Group):
    """A group that imports a sub-command when it is called and not before."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Names in the order of COMMANDS."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The imported sub-command, or None."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command = getattr(importlib.import_module(entry.module), entry.attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{entry.module}:{entry.attribute} is not a command")
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Runs a sub-command; a database that fails, whosever it is, becomes a message."""
        gc.set_threshold(_NEW_OBJECTS)
        try:
            return super().invoke(ctx)
        except Exception as error:
            from sqlalchemy.exc import DBAPIError  # noqa: PLC0415 - heavy, and most commands end without

            if not isinstance(error, DBAPIError):
                raise
            # The driver's first line says what is the matter; statement, values and passwords aren't in it.
            first, *_ = str(error.orig).splitlines() or [""]
            raise click.ClickException(f"the database failed: {first}") from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Writes the list of sub-commands from COMMANDS, importing none."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("hoviat-home"),
    envvar="HOVIAT_HOME",
    show_default=True,
    show_envvar=True,
    help="Folder of the installation's databases, keys and simulated cards.",
)
@click.version_option(package_name="hoviat")
def main(home: Path) -> None:
    """Hoviat (هویت) issues national smart ID cards and lets e-services trust them.

    Start with `hoviat demo`. Every command has --help; those with data to give take --json.
    """


if __name__ == "__main__":
    main()
