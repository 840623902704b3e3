"""`hoviat sim readers`: the virtual readers under a script's hand."""

import json
import secrets
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import click

from simulators.installation.cli import current_home

_FILE = "readers.json"
_OWNER_ONLY = 0o600
_TOKEN_BYTES = 32
_TIMEOUT_S = 60.0
_LOOK_SECONDS = 0.5


@click.group()
def readers() -> None:
    """Both slots of the virtual reader, under the control of scripts."""


@readers.command()
@click.option(
    "--port", default=0, show_default=True, type=click.IntRange(0, 65_535), help="0 takes a free one."
)
def serve(port: int) -> None:
    """Hold both slots of pcscd's virtual reader, and move cards of HOME/cards as the control API says.

    Listens on 127.0.0.1 until interrupted. Address and token are in HOME/readers.json, readable by you alone.
    Starts pcscd if none runs, and ends that one afterwards.
    """
    from pki.home import HomeError, load
    from simulators.control.app import create_app
    from simulators.control.desk import Desk
    from simulators.installation.server import PortTakenError, ServerStartError, running
    from simulators.readers.cli import interruption
    from simulators.readers.errors import ReaderSimulationError
    from simulators.readers.pcscd import pcscd_service
    from simulators.readers.slots import VpcdSlot
    from simulators.readers.vpcd import SLOTS

    try:
        home = load(current_home())
        with ExitStack() as stack:
            interrupted = stack.enter_context(interruption())
            stack.enter_context(pcscd_service())
            desk = Desk([VpcdSlot(number) for number in SLOTS], home.cards)
            stack.callback(desk.clear)
            token = secrets.token_urlsafe(_TOKEN_BYTES)
            url = stack.enter_context(running(create_app(desk, token), port=port))
            stack.callback(_write(home.root / _FILE, {"url": url, "token": token}).unlink)
            click.echo(url)
            while not interrupted.wait(_LOOK_SECONDS):
                continue
    except (HomeError, ReaderSimulationError, PortTakenError, ServerStartError) as error:
        raise click.ClickException(str(error)) from None


def _write(path: Path, content: Mapping[str, str]) -> Path:
    path.unlink(missing_ok=True)
    path.touch(_OWNER_ONLY, exist_ok=False)
    path.write_text(json.dumps(content), "utf-8")
    return path


@readers.command("list")
def list_readers() -> None:
    """Print a JSON line a reader: reader, card (null where it is empty), pad."""
    for entry in _ask("GET", "/readers"):
        click.echo(json.dumps(entry, ensure_ascii=False))


@readers.command()
@click.argument("reader")
@click.argument("card")
@click.option("--other", help="The card that a fault script's swap brings.")
@click.option(
    "--conditions",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="JSON: faults, max_command, silent, t0, contactless, ta1, pace, seed.",
)
def insert(reader: str, card: str, other: str | None, conditions: Path | None) -> None:
    """Put CARD, a file of HOME/cards, into READER; what was in comes out first."""
    body: dict[str, object] = {"card": card} if other is None else {"card": card, "other": other}
    if conditions is not None:
        body |= _conditions(conditions)
    _ask("PUT", f"/readers/{reader}/card", body)


@readers.command()
@click.argument("reader")
def remove(reader: str) -> None:
    """Pull the card out of READER, in the middle of whatever it is doing."""
    _ask("DELETE", f"/readers/{reader}/card")


@readers.command()
@click.argument("reader")
@click.option("--change", is_flag=True, help="A new PIN is pressed too.")
@click.option("--cancel", is_flag=True, help="Cancel is pressed.")
@click.option("--timeout", is_flag=True, help="Nothing is pressed.")
@click.option("--off", is_flag=True, help="The reader has no pad any more.")
def pad(reader: str, change: bool, cancel: bool, timeout: bool, off: bool) -> None:
    """Give READER a PIN pad, and say what is pressed there from now on.

    The PIN, and with --change the new one, is asked for, or taken from HOVIAT_PIN and HOVIAT_NEW_PIN. The pad
    is reached by pseudo-APDUs (PC/SC part 10, supplement); the virtual reader's driver passes nothing else.
    """
    if change + cancel + timeout + off > 1:
        raise click.UsageError("--change, --cancel, --timeout and --off exclude one another")
    path = f"/readers/{reader}/pad"
    if off:
        _ask("DELETE", path)
    elif cancel or timeout:
        _ask("PUT", path, {"otherwise": "cancel" if cancel else "timeout"})
    else:
        _ask("PUT", path, _pins(change=change))


def _pins(*, change: bool) -> dict[str, object]:
    from cardio.cli.common import NEW_PIN_VARIABLE, PIN_VARIABLE, secret

    keys: dict[str, object] = {"pin": secret(PIN_VARIABLE, "PIN")}
    return keys | {"new_pin": secret(NEW_PIN_VARIABLE, "New PIN")} if change else keys


def _conditions(path: Path) -> dict[str, object]:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{path}: {error}") from None
    if not isinstance(value, dict) or {"card", "other"} & value.keys():
        raise click.ClickException(f"{path}: conditions are an object without card and other")
    return value


def _ask(method: str, path: str, body: Mapping[str, object] | None = None) -> list[dict[str, object]]:
    """What the server answers, as a list; its refusal becomes a message."""
    import httpx

    try:
        place = json.loads((current_home() / _FILE).read_bytes())
        answer = httpx.request(
            method,
            place["url"] + path,
            json=body,
            headers={"Authorization": f"Bearer {place['token']}"},
            timeout=_TIMEOUT_S,
        )
    except (OSError, ValueError, KeyError, httpx.HTTPError):
        raise click.ClickException("no readers are served here; start: hoviat sim readers serve") from None
    if answer.is_error:
        document = answer.json()
        raise click.ClickException(document.get("detail") or document["title"])
    return answer.json() if method == "GET" else []
