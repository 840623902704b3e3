"""`hoviat card login`."""

from pathlib import Path

import click

from cardio.cli.common import (
    card_session,
    expected_errors,
    given_pin,
    json_option,
    print_json,
    reader_option,
    shown,
)


@click.command()
@reader_option
@click.option("--site", metavar="URL", help="Log in at this site (https://host[:port]).")
@click.option(
    "--cafile", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="PEM to trust for --site."
)
@click.option("--origin", help="Without --site: the origin to make a token for.")
@click.option("--nonce", help="Without --site: the site's nonce.")
@json_option
def login(
    reader: str | None,
    site: str | None,
    cafile: Path | None,
    origin: str | None,
    nonce: str | None,
    as_json: bool,
) -> None:
    """Log in at a site with the card, or print the Web eID token for an origin and a nonce."""
    if site is not None and origin is None and nonce is None:
        _login_at(reader, site.rstrip("/"), cafile, as_json=as_json)
    elif site is None and origin is not None and nonce is not None:
        print_json(_token(reader, origin, nonce))
    else:
        raise click.UsageError("give either --site, or --origin and --nonce")


def _token(reader: str | None, origin: str, nonce: str) -> dict[str, str]:
    from cardio.webeid import create_token

    pin = given_pin(reader)
    with card_session(reader) as session:
        return create_token(session, pin, origin, nonce)


def _login_at(reader: str | None, site: str, cafile: Path | None, *, as_json: bool) -> None:
    from cardio.sitelogin import log_in
    from cardio.webeid import require_origin

    with expected_errors():
        require_origin(site)
        answer = log_in(site, cafile, lambda origin, nonce: _token(reader, origin, nonce))
    if as_json:
        print_json(answer)
        return
    click.echo(f"Logged in at {site}.", err=True)
    for name, value in answer.get("claims", {}).items():
        click.echo(shown(f"{name}: {value}"))
