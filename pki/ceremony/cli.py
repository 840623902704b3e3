"""`hoviat pki ceremony …`: roots and CAs, made and renewed by officers, two at least."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from pki.commandline import errors_told, json_option, show, sign_home_record
from pki.commandline import home as current_home
from pki.home import DEFAULT_KEY_LOCATION, DEFAULT_PUBLIC_URL

if TYPE_CHECKING:
    from pki.ceremony.holding import Ceremony
    from pki.ceremony.office import Attendance
    from pki.ceremony.record import SignedTranscript

FunctionT = TypeVar("FunctionT", bound=Callable[..., None])
_ISSUING = ("citizen-auth", "citizen-sign", "card", "operator", "service")
_SELF_SIGNED = ("root", "csca")
OFFLINE_PIN_VARIABLE = "HOVIAT_OFFLINE_HSM_PIN"
_TRANSCRIPTS = "ceremonies"
_FOLDER = click.Path(path_type=Path, file_okay=False)


def _attended(function: FunctionT) -> FunctionT:
    """The options of every ceremony that officers hold."""
    for option in (
        click.option("--out", type=_FOLDER, help="Folder for the transcript.  [default: HOME/ceremonies]"),
        click.option(
            "--officer",
            "officers",
            metavar="LABEL[=FILE]",
            multiple=True,
            help="Who is present, once for each: a label, and the file of their share; "
            "without a file the officer sits down at the terminal.",
        ),
        click.option("--offline", type=_FOLDER, required=True, help="Folder of the keys kept off line."),
        json_option,
    ):
        function = option(function)
    return function


def _new_custody(function: FunctionT) -> FunctionT:
    """The options of ceremonies that may make a new folder."""
    threshold = click.option(
        "--threshold",
        default=2,
        show_default=True,
        help="For a new folder: officers needed at later ceremonies.",
    )
    place = click.option(
        "--offline-keys",
        default=DEFAULT_KEY_LOCATION,
        show_default=True,
        help="For a new folder: where its keys are made, file: or a pkcs11: token that nothing else uses.",
    )
    return threshold(place(function))


@click.group()
def ceremony() -> None:
    """Make and renew roots and CAs; two officers or more. Interrupted, the same command goes on."""


@ceremony.command()
@_new_custody
@click.option("--public-url", default=DEFAULT_PUBLIC_URL, show_default=True, help="Address in certificates.")
@click.option("--keys", default=DEFAULT_KEY_LOCATION, show_default=True, help="Where keys on line are made.")
@click.option("--shards", default=1, show_default=True, help="Partitions of the citizens' CRLs.")
@_attended
def found(
    *,
    threshold: int,
    offline_keys: str,
    public_url: str,
    keys: str,
    shards: int,
    offline: Path,
    officers: tuple[str, ...],
    out: Path | None,
    as_json: bool,
) -> None:
    """Make a home's whole hierarchy: root and CSCA off line, issuing CAs on line."""
    from pki.ceremony.office import NewHome, found_home

    with errors_told():
        new = NewHome(public_url, keys, shards)
        root = _home_folder()
        folder = out or root / _TRANSCRIPTS
        there = _attendance(offline, officers, folder, (threshold, offline_keys))
        signed = found_home(root, new, there)
        sign_home_record()
        _give_out(signed, folder, as_json)


@ceremony.command()
@click.argument("role", type=click.Choice(_SELF_SIGNED))
@_new_custody
@_attended
def renew(
    role: str,
    threshold: int,
    offline_keys: str,
    offline: Path,
    officers: tuple[str, ...],
    out: Path | None,
    *,
    as_json: bool,
) -> None:
    """Make the next root, with cross certificates both ways, or the next CSCA, with its link.

    In a home that `hoviat init` made, whose roots are on line, a new folder takes the next ones off line.
    """
    from pki.ceremony import kinds
    from pki.ceremony.office import hold_in

    with errors_told():
        home = current_home()
        folder = out or home.root / _TRANSCRIPTS
        there = _attendance(offline, officers, folder, (threshold, offline_keys))
        signed = hold_in(home, there, kinds.renew(kinds.RENEWABLE_ROLES[role]))
        sign_home_record()
        _give_out(signed, folder, as_json)


@ceremony.command()
@click.argument("role", type=click.Choice(_ISSUING))
@click.option("--shards", type=int, help="Partitions of its CRL.  [default: as before]")
@_attended
def ca(
    role: str,
    shards: int | None,
    offline: Path,
    officers: tuple[str, ...],
    out: Path | None,
    *,
    as_json: bool,
) -> None:
    """Make the next generation of an issuing CA; it issues from then on."""
    from pki.ceremony import kinds

    _hold(kinds.next_ca(kinds.ISSUING_ROLES[role], shards), offline, officers, out, as_json)


@ceremony.command()
@click.argument("name")
@click.argument("above")
@_attended
def cross(
    name: str, above: str, offline: Path, officers: tuple[str, ...], out: Path | None, *, as_json: bool
) -> None:
    """Certify the key of the CA NAME by ABOVE, another generation of the root or of the CSCA."""
    from pki.ceremony import kinds

    _hold(kinds.cross(name, above), offline, officers, out, as_json)


@ceremony.command()
@_attended
def signers(offline: Path, officers: tuple[str, ...], out: Path | None, as_json: bool) -> None:
    """Make the next document signer and master list signer, and a new master list."""
    from pki.ceremony import kinds

    _hold(kinds.signers(), offline, officers, out, as_json)


@ceremony.command()
@_attended
def crl(offline: Path, officers: tuple[str, ...], out: Path | None, as_json: bool) -> None:
    """Sign new CRLs of the CAs off line. Every ceremony does that at its end."""
    from pki.ceremony import kinds

    _hold(kinds.crl(), offline, officers, out, as_json)


@ceremony.command()
@click.argument("name")
@_attended
def retire(name: str, offline: Path, officers: tuple[str, ...], out: Path | None, as_json: bool) -> None:
    """End the CA NAME: its last CRL, then its key is opened no more. All it issued must have ended."""
    from pki.ceremony import kinds

    _hold(kinds.retire(name), offline, officers, out, as_json)


@ceremony.command()
@_attended
def abandon(offline: Path, officers: tuple[str, ...], out: Path | None, as_json: bool) -> None:
    """End an interrupted ceremony that can't go on. What it certified stands, and its transcript says so."""
    from pki.ceremony.office import abandon_in

    with errors_told():
        home = current_home()
        folder = out or home.root / _TRANSCRIPTS
        signed = abandon_in(home, _attendance(offline, officers, folder))
        sign_home_record()
        _give_out(signed, folder, as_json)


@ceremony.command("show")
@json_option
def show_overview(as_json: bool) -> None:
    """List CAs, where their keys are, when their CRLs end, and the ceremonies held."""
    from pki.ceremony.office import overview

    with errors_told():
        data = overview(current_home())
    if as_json:
        click.echo(json.dumps(data))
        return
    click.echo(json.dumps(data, indent=2))


@ceremony.command()
@click.argument("number", type=int)
@click.option("--out", type=_FOLDER, required=True, help="Folder for the transcript.")
@json_option
def transcript(number: int, out: Path, as_json: bool) -> None:
    """Write the transcript of ceremony NUMBER again."""
    from pki.bootstrap import open_engine
    from pki.ceremony.record import transcripts

    with errors_told():
        engine = open_engine(current_home())
        try:
            found = [item for item in transcripts(engine) if item.number == number]
        finally:
            engine.dispose()
        if not found:
            raise click.ClickException(f"there is no finished ceremony {number}")
        _give_out(found[0], out, as_json)


@ceremony.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--trust",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Root certificates (PEM); then the home and its audit chain are not asked.",
)
@json_option
def verify(file: Path, trust: tuple[Path, ...], as_json: bool) -> None:
    """Check a transcript: a root's signature (FILE.sig beside it), and its hash in the audit chain."""
    from cryptography import x509

    from pki.ceremony.office import check_transcript

    with errors_told():
        try:
            roots = [item for path in trust for item in x509.load_pem_x509_certificates(path.read_bytes())]
        except (OSError, ValueError) as error:
            raise click.BadParameter("holds no PEM certificate", param_hint="--trust") from error
        content = check_transcript(file, roots, None if trust else current_home())
    where = "" if trust else "; the audit chain holds its hash"
    show(
        content,
        f"ceremony {content.get('ceremony')} ({content.get('kind')}): the signature holds{where}",
        as_json,
    )


def _hold(
    wanted: "Ceremony", offline: Path, officers: tuple[str, ...], out: Path | None, as_json: bool
) -> None:
    from pki.ceremony.office import hold_in

    with errors_told():
        home = current_home()
        folder = out or home.root / _TRANSCRIPTS
        signed = hold_in(home, _attendance(offline, officers, folder), wanted)
        sign_home_record()
        _give_out(signed, folder, as_json)


def _attendance(
    offline: Path, officers: tuple[str, ...], out: Path, new: tuple[int, str] | None = None
) -> "Attendance":
    from pki.ceremony.custody import NewCustody
    from pki.ceremony.desk import CommandDesk
    from pki.ceremony.office import Attendance

    pairs = [text.partition("=") for text in officers]
    files = {label: Path(path) for label, sign, path in pairs if sign}
    custody = None if new is None else NewCustody(*new, os.environ.get(OFFLINE_PIN_VARIABLE))
    return Attendance(offline, [label for label, _, _ in pairs], CommandDesk(files), custody, out)


def _give_out(signed: "SignedTranscript", folder: Path, as_json: bool) -> None:
    """Writes the transcript and shows it."""
    from pki.ceremony.office import write_transcript

    try:
        text, signature = write_transcript(signed, folder)
    except OSError as error:
        raise click.ClickException(
            f"the ceremony is done, but its transcript can't be written to {folder}: {error.strerror}; "
            f"`hoviat pki ceremony transcript {signed.number} --out DIR` writes it"
        ) from error
    click.echo(f"transcript: {text}, signature: {signature}", err=True)
    summary: dict[str, object] = {
        "ceremony": signed.number,
        "kind": signed.kind,
        "transcript": str(text),
        "signature": str(signature),
        "sha256": signed.digest,
        "created": json.loads(signed.text)["created"],
    }
    show(summary, signed.text.decode(), as_json)


def _home_folder() -> Path:
    return Path(click.get_current_context().find_root().params["home"])
