"""`hoviat station`: the reader station."""

from pathlib import Path

import click

from cardio.cli.common import NEW_PIN_VARIABLE, expected_errors, reader_name, reader_option, secret

PASSWORD_VARIABLE = "HOVIAT_OPERATOR_PASSWORD"  # noqa: S105 - the variable's name


@click.group()
def station() -> None:
    """The reader station: what is done where the citizen, the clerk and the card meet."""


@station.command()
@click.argument("card_number")
@click.option("--server", default="http://127.0.0.1:8080", show_default=True, help="The registry's address.")
@click.option("--cafile", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="PEM to trust.")
@click.option("--operator", required=True, help="Your user name; the password is asked for.")
@reader_option
def deliver(card_number: str, server: str, cafile: Path | None, operator: str, reader: str | None) -> None:
    """Hand a produced card over: the citizen sets a PIN, the card signs, its certificates go live.

    Secrets are asked for, or taken from HOVIAT_OPERATOR_PASSWORD and HOVIAT_NEW_PIN.
    """
    from cardio.station.delivery import RegistryClient, accept
    from cardio.transport import pcsc

    with expected_errors():
        name = reader_name(reader)
        password = secret(PASSWORD_VARIABLE, f"Password of {operator}")
        registry = RegistryClient(server, operator, password, cafile)
        try:
            delivery = registry.open(card_number)
            pin = secret(NEW_PIN_VARIABLE, "The citizen's new PIN (6 to 8 digits)", confirm=True)
            with pcsc.connect(name) as connection, connection.exclusive():
                signature = accept(connection, delivery, pin)
            registry.complete(delivery, signature)
        finally:
            registry.close()
    click.echo(f"Card {card_number} is live.")
