"""`hoviat registry receipt`: the slips that citizens carry, verified off line, and the keys for it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

if TYPE_CHECKING:
    from issuance.tracking.slips import Slip, SlipKeySet

_LONGEST = 4096
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group()
def receipt() -> None:
    """The slips that citizens carry until their card comes."""


@receipt.command("verify")
@click.argument("file", type=click.File("r", encoding="utf-8"))
@click.option(
    "--key",
    "key_file",
    type=_FILE,
    help="Public keys in PEM, as `receipt keys` prints them; else this home's.",
)
@click.option("--at", metavar="TIME", help="Verify as of this time (ISO 8601, with zone); else now.")
@click.option(
    "--ending", metavar="DIGITS", help="Last four digits of the national code that the bearer shows."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify_command(
    file: IO[str], key_file: Path | None, at: str | None, ending: str | None, *, as_json: bool
) -> None:
    """Verify the slip in FILE (- for standard input): the text of its QR code. Needs no network.

    Exit status 0 only if one of the keys signed it, it is still good, and DIGITS, if given, are its bearer's.
    """
    from issuance.tracking.errors import TrackingError
    from issuance.tracking.slips import verify

    with _told(as_json=as_json):
        moment = _moment(at)
        keys = _keys(key_file)
        try:
            slip = verify(file.read(_LONGEST).strip("\r\n"), keys, moment)
        except (TrackingError, UnicodeDecodeError) as error:
            kind = error.kind if isinstance(error, TrackingError) else "slip-malformed"
            raise _RefusedError(
                kind, "this is no slip" if kind == "slip-malformed" else str(error)
            ) from error
        if ending is not None and ending != slip.code_ending:
            raise _RefusedError("slip-bearer", "the slip is another person's")
    _show(slip, as_json=as_json)


@receipt.command("keys")
def keys_command() -> None:
    """Print this home's public keys for slips, PEM, the newest first."""
    from issuance.tracking.keys import as_pem

    with _told(as_json=False):
        click.echo(as_pem(_keys(None)), nl=False)


@receipt.command("roll-over")
def roll_over_command() -> None:
    """Make the next key for slips; it signs from the next start on, and older slips stay good."""
    from issuance.tracking.keys import KEY_NAME
    from pki.bootstrap import open_key_store
    from pki.home import load
    from pki.keys.generations import next_generation
    from pki.keys.kinds import KeyKind

    with _told(as_json=False):
        store = open_key_store(load(_home_folder()))
        try:
            generation = next_generation(store, KEY_NAME, KeyKind.P256)
        finally:
            store.close()
    click.echo(f"{KEY_NAME}-g{generation} signs from the next start on.")


class _RefusedError(Exception):
    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


@contextmanager
def _told(*, as_json: bool) -> Iterator[None]:
    from pki.errors import PkiError
    from pki.home import HomeError

    try:
        yield
    except _RefusedError as error:
        if not as_json:
            raise click.ClickException(str(error)) from error
        click.echo(json.dumps({"ok": False, "cause": error.kind, "detail": str(error)}))
        raise click.exceptions.Exit(1) from error
    except (PkiError, HomeError) as error:
        raise click.ClickException(str(error)) from error


def _moment(text: str | None) -> datetime:
    from pki.clock import utc_now

    if text is None:
        return utc_now()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter("not a time in ISO 8601", param_hint="--at") from error
    if moment.tzinfo is None:
        raise click.BadParameter("say its zone: 2026-03-01T12:00Z", param_hint="--at")
    return moment


def _home_folder() -> Path:
    return Path(click.get_current_context().find_root().params["home"])


def _keys(file: Path | None) -> "SlipKeySet":
    from issuance.tracking.errors import SlipMalformedError
    from issuance.tracking.keys import SlipKeys, read_pem
    from pki.bootstrap import open_key_store
    from pki.home import load

    if file is not None:
        try:
            return read_pem(file.read_bytes())
        except SlipMalformedError as error:
            raise click.BadParameter("no public keys on P-256 in PEM", param_hint="--key") from error
    store = open_key_store(load(_home_folder()))
    try:
        return SlipKeys(store).public
    finally:
        store.close()


def _show(slip: "Slip", *, as_json: bool) -> None:
    from issuance.tracking.codes import printed

    facts = {
        "tracking_code": printed(slip.tracking_code),
        "national_code_ends": slip.code_ending,
        "kind": slip.kind.value,
        "printed_at": slip.printed_at.isoformat(),
        "good_until": slip.good_until.isoformat(),
    }
    if as_json:
        click.echo(json.dumps({"ok": True, **facts}))
        return
    click.echo(f"A good slip of this registry, {facts['tracking_code']}, until {facts['good_until']}.")
    click.echo(f"Its bearer's national code ends in {slip.code_ending}: let them show it.")
