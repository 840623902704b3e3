"""`hoviat init` and `hoviat serve`."""

import json
from contextlib import ExitStack, suppress
from datetime import timedelta
from pathlib import Path

import click

from pki.home import DEFAULT_KEY_LOCATION, DEFAULT_PUBLIC_URL, HomeError


def current_home() -> Path:
    """The folder given by --home."""
    home = click.get_current_context().find_root().params["home"]
    return Path(home)


@click.command()
@click.option(
    "--public-url", default=DEFAULT_PUBLIC_URL, show_default=True, help="Address that certificates name."
)
@click.option(
    "--keys",
    default=DEFAULT_KEY_LOCATION,
    show_default=True,
    help="Where keys are made: file: or a token, pkcs11:token=…?module-path=…",
)
@click.option("--shards", default=1, show_default=True, help="Partitions of the citizens' CRLs.")
@click.option(
    "--after-ceremony", is_flag=True, help="Only what is lacking after `hoviat pki ceremony found`."
)
@click.option("--json", "as_json", is_flag=True, help="Print what was made as JSON.")
def init(*, public_url: str, keys: str, shards: int, after_ceremony: bool, as_json: bool) -> None:
    """Create PKI, databases and operators in an empty home; refuses a used one.

    The operators' first passwords are in HOME/secrets/operators.json, readable by you alone.
    """
    from pki.errors import PkiError
    from simulators.installation.services import initialise, initialise_after_ceremony

    try:
        if after_ceremony:
            home = initialise_after_ceremony(current_home())
        else:
            home = initialise(current_home(), public_url, key_location=keys, shards=shards)
    except (HomeError, PkiError) as error:
        raise click.ClickException(str(error)) from error
    ceremony = "attended" if after_ceremony else "unattended"
    if not after_ceremony:
        click.echo(
            "The roots were made unattended, and their keys stay on line: for trials. "
            "`hoviat pki ceremony found` makes them with officers.",
            err=True,
        )
    if as_json:
        summary = {"home": str(home.root), "public_url": home.public_url, "ceremony": ceremony}
        click.echo(json.dumps(summary))
    else:
        click.echo(
            f"{home.root} is ready. First passwords: {home.secrets / 'operators.json'}. Next: hoviat serve"
        )


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="Port to listen on."
)
@click.option(
    "--stations-port",
    type=click.IntRange(0, 65535),
    help="Port for reader stations (WebSocket over TLS); without it none can connect.",
)
@click.option(
    "--run-lease",
    default=60,
    show_default=True,
    type=click.IntRange(1, 3600),
    metavar="SECONDS",
    help="How long a run waits for the server that died at it, before it can be resumed.",
)
@click.option(
    "--office",
    default="1",
    show_default=True,
    metavar="CODE",
    help="The office in which this machine and its own readers stand.",
)
@click.option(
    "--behind-proxy",
    is_flag=True,
    help="A proxy has the home's public URL; no warning then.",
)
def serve(
    *, host: str, port: int, stations_port: int | None, run_lease: int, office: str, behind_proxy: bool
) -> None:
    """Serve issuance, verifier and status on one port (/issuance, /verifier, /pki).

    Listen where the home's public URL says (`hoviat init --public-url`), or behind a proxy that has it: the
    registry asks the verifier there who holds a card, and cards name it. Another address is warned about.
    """
    from issuance.errors import NotFoundError
    from pki.errors import PkiError
    from simulators.installation.publicplace import elsewhere
    from simulators.installation.server import PortTakenError, create_app, listen, uvicorn_server
    from simulators.installation.services import open_installation
    from simulators.installation.stations import stations_served

    lease = timedelta(seconds=run_lease)
    try:
        with ExitStack() as stack:
            listener = stack.enter_context(listen(host, port))
            installation = stack.enter_context(open_installation(current_home(), lease=lease, office=office))
            click.echo(installation.register, err=True)
            click.echo(f"this machine's readers are office {office}'s", err=True)
            if stations_port is not None:
                hub = stack.enter_context(stations_served(installation, host, stations_port))
                click.echo(f"stations dial {hub}", err=True)
            address = f"http://{host}:{listener.getsockname()[1]}"
            public = installation.home.public_url
            if not behind_proxy and elsewhere(public, host, listener.getsockname()[1]):
                click.echo(
                    f"Warning: this home's public URL is {public}, not {address}: logins with cards, and "
                    "status that cards name, are looked for there. Listen there, or say --behind-proxy.",
                    err=True,
                )
            click.echo(f"serving {address}/issuance/ (Ctrl-C ends)", err=True)
            with suppress(KeyboardInterrupt):  # uvicorn ends its work and then raises it once more
                uvicorn_server(create_app(installation), "info").run([listener])
    except NotFoundError as error:
        raise click.ClickException(f"there is no office {office}: see `hoviat registry office`") from error
    except (HomeError, PkiError, PortTakenError) as error:
        raise click.ClickException(str(error)) from error
