"""`hoviat backup` and `hoviat restore`."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from simulators.installation.cli import current_home

if TYPE_CHECKING:
    from simulators.installation.backup.manifest import Manifest

PASSPHRASE_VARIABLE = "HOVIAT_BACKUP_PASSPHRASE"  # noqa: S105 - the variable's name
_SET = click.Path(path_type=Path, dir_okay=False)
_key = click.option(
    "--key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The checkpoint key (PEM) that must have signed it, noted elsewhere.",
)
_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout.")


@click.command()
@click.argument("target", type=_SET)
@click.option("--encrypt", is_flag=True, help="Encrypt it, and take HOME/secrets along.")
@_json
def backup(target: Path, *, encrypt: bool, as_json: bool) -> None:
    """Write one consistent, signed set of databases, keys, CRLs, checkpoints to TARGET; the service runs on.

    With --encrypt the set is encrypted under a passphrase, asked for or from HOVIAT_BACKUP_PASSPHRASE, and
    HOME/secrets is in it. Without, the secrets are left out: a restored home needs HOVIAT_PASSPHRASE then.
    """
    from pki.home import load
    from simulators.installation.backup.making import make_backup

    passphrase = _passphrase(confirm=True) if encrypt else None
    with _told():
        manifest = make_backup(load(current_home()), target, passphrase)
    _print(manifest, {"file": str(target)}, as_json=as_json)


@click.command()
@click.argument("source", type=click.Path(exists=True, path_type=Path, dir_okay=False))
@click.option("--check", "only_check", is_flag=True, help="Prove it whole; bring nothing back.")
@click.option(
    "--officer", "officers", multiple=True, metavar="NAME", help="Two, by labels, who answer for it."
)
@click.option("--note", default="", help="Why, in words, for the audit. No personal data.")
@_key
@_json
def restore(
    source: Path, *, only_check: bool, officers: tuple[str, ...], note: str, key: Path | None, as_json: bool
) -> None:
    """Bring the home of SOURCE back into --home, a new or empty folder; or --check SOURCE alone.

    Nothing appears before every part, the signature and the three audit chains hold. Orders that were waiting
    are held until somebody has looked whether their card was made meanwhile: `hoviat registry reconcile`.
    """
    from simulators.installation.backup import restoring
    from simulators.installation.backup.sealing import MAGIC

    with _told():
        pem = None if key is None else _pem(key)
        with source.open("rb") as file:
            sealed = file.read(len(MAGIC)) == MAGIC
        passphrase = _passphrase(confirm=False) if sealed else None
        if only_check:
            _print(restoring.check(source, passphrase, pem), {"whole": True}, as_json=as_json)
            return
        done = restoring.restore(source, current_home(), passphrase, officers, note, pem)
    more = {"home": str(current_home()), "orders_held": done.orders_held, "runs_torn": done.runs_torn}
    _print(done.manifest, more, as_json=as_json)
    if not done.manifest.with_secrets and not os.environ.get("HOVIAT_PASSPHRASE"):
        click.echo("HOME/secrets was not in it: give the keys' passphrase by HOVIAT_PASSPHRASE.", err=True)


def _pem(path: Path) -> str:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        content = path.read_bytes()
        load_pem_public_key(content)
        return content.decode("ascii")
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise click.ClickException(f"{path} is no public key in PEM") from error


def _passphrase(*, confirm: bool) -> bytes:
    given = os.environ.get(PASSPHRASE_VARIABLE)
    if given is None:
        given = click.prompt(
            "Passphrase of the backup", hide_input=True, confirmation_prompt=confirm, err=True
        )
    if not given:
        raise click.ClickException("an empty passphrase protects nothing")
    return str(given).encode()


@contextmanager
def _told() -> Iterator[None]:
    from pki.errors import PkiError
    from pki.home import HomeError

    try:
        yield
    except (PkiError, HomeError) as error:
        raise click.ClickException(str(error)) from error


def _print(manifest: "Manifest", more: dict[str, object], *, as_json: bool) -> None:
    facts = {"made_at": manifest.made_at, "parts": len(manifest.parts), "heads": dict(manifest.heads), **more}
    if as_json:
        click.echo(json.dumps(facts))
        return
    heads = ", ".join(f"{service} {head['sequence']}" for service, head in manifest.heads.items())
    click.echo(f"Backup of {manifest.made_at}: {len(manifest.parts)} parts; audit entries: {heads}.")
    for name, value in more.items():
        click.echo(f"{name.replace('_', ' ')}: {value}")
