"""`hoviat verifier receipt`: check one off line, look at one for the help desk, purge old ones, keys."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pki.home import Home
    from verifier.receipts.helpdesk import Case
    from verifier.receipts.proof import Keys
    from verifier.store.sessions import Database

_LONGEST_DAYS = 36_500
_LEAD_HOURS = 24 * 7
_OPERATOR = click.option("--operator", required=True, help="Who you are: a label such as desk-7, no name.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def receipt() -> None:
    """Receipts of logins: verify, show, purge, and the keys that sign them."""


@receipt.command("verify")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--keys",
    "keys_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="What the verifier publishes at /verifier/v1/receipt-keys; else this home's keys.",
)
@_JSON
def verify(file: Path, keys_file: Path | None, *, as_json: bool) -> None:
    """Check the receipt in FILE, or in the answer in FILE, off line; exit 0 only if its signature holds."""
    from verifier.receipts.files import ReceiptFileError, read_keys, read_receipt
    from verifier.receipts.proof import ReceiptProofError, verify_receipt

    try:
        document = read_receipt(file)
        keys = _own_keys() if keys_file is None else read_keys(keys_file)
        verify_receipt(document, keys)
    except (ReceiptFileError, ReceiptProofError) as error:
        if as_json:
            click.echo(json.dumps({"ok": False, "error": str(error)}, ensure_ascii=False))
            raise click.exceptions.Exit(1) from error
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps({"ok": True, "code": document["code"]}))
    else:
        click.echo(f"The receipt {document['code']} is as the verifier signed it.")


@receipt.command("show")
@click.argument("code")
@_OPERATOR
@click.option("--reason", required=True, help="Why you look: a ticket's number. Stands in the audit.")
@_JSON
def show(code: str, operator: str, reason: str, *, as_json: bool) -> None:
    """Show the help desk's view of CODE; that you looked, and why, is recorded."""
    from pki.clock import utc_now
    from pki.errors import OfficerLabelError
    from verifier.receipts.codes import ReceiptCodeError
    from verifier.receipts.helpdesk import HelpDesk, LookReasonError
    from verifier.receipts.service import ReceiptAlteredError, ReceiptMissingError

    keys = _own_keys()
    with _database() as database:
        try:
            case = HelpDesk(database, keys, utc_now).look(code, operator, reason)
        except ReceiptAlteredError as error:
            raise click.ClickException("this receipt was changed: it says what no attempt can") from error
        except ReceiptMissingError as error:
            raise click.ClickException("there is no receipt with this code") from error
        except (ReceiptCodeError, OfficerLabelError, LookReasonError) as error:
            raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps(case.as_json(), ensure_ascii=False))
    else:
        _print_case(case)


@receipt.command("purge")
@click.option(
    "--older-than", required=True, type=click.IntRange(1, _LONGEST_DAYS), help="Days that receipts are kept."
)
@_OPERATOR
@_JSON
def purge(older_than: int, operator: str, *, as_json: bool) -> None:
    """Delete receipts that are older than so many days; the audit keeps its entries."""
    from pki.clock import utc_now
    from pki.errors import OfficerLabelError
    from verifier.receipts import retention

    with _database() as database:
        try:
            deleted = retention.purge(database, utc_now, timedelta(days=older_than), operator)
        except OfficerLabelError as error:
            raise click.ClickException(str(error)) from error
    click.echo(json.dumps({"deleted": deleted}) if as_json else f"deleted {deleted} receipts")


@receipt.command("keys")
def keys() -> None:
    """Print the public keys, the newest first, as they are published (JSON)."""
    from verifier.receipts.proof import jwk_set

    click.echo(json.dumps(jwk_set(_own_keys())))


@receipt.command("roll-over")
@_OPERATOR
@click.option(
    "--in-hours",
    default=_LEAD_HOURS,
    show_default=True,
    type=click.IntRange(0, 24 * _LONGEST_DAYS),
    help="How long it is published before it signs; 0 after the old one was lost to somebody.",
)
def roll_over(operator: str, in_hours: int) -> None:
    """Make a new key: running services publish it at once, sign by it later, and keep the old ones."""
    from pki.clock import utc_now
    from pki.errors import KeyStoreError, OfficerLabelError
    from pki.home import HomeError
    from verifier.receipts.rollover import roll_over_on_record

    with _database() as database:
        try:
            lead = timedelta(hours=in_hours)
            generation, signs_from = roll_over_on_record(_home(), database, utc_now, operator, lead)
        except (HomeError, KeyStoreError, OfficerLabelError) as error:
            raise click.ClickException(str(error)) from error
    click.echo(f"receipt-g{generation} is published, and signs from {signs_from:%F %T} UTC on", err=True)


def _home() -> "Home":
    from pki.home import HomeError, load

    folder = click.get_current_context().find_root().params["home"]
    if not isinstance(folder, Path):
        raise click.ClickException("this command needs --home")
    try:
        return load(folder)
    except HomeError as error:
        raise click.ClickException(str(error)) from error


@contextmanager
def _database() -> "Iterator[Database]":
    from verifier.bootstrap import open_database

    database = open_database(_home())
    try:
        yield database
    finally:
        database.close()


def _own_keys() -> "Keys":
    from pki.bootstrap import open_key_store
    from pki.errors import KeyStoreError
    from pki.home import HomeError
    from verifier.receipts.keys import open_receipt_keys

    try:
        store = open_key_store(_home())
        try:
            return open_receipt_keys(store).public
        finally:
            store.close()
    except (HomeError, KeyStoreError) as error:
        raise click.ClickException(str(error)) from error


def _print_case(case: "Case") -> None:
    from verifier.authentication.steps import Step
    from verifier.receipts.advice import ADVICE, STEP_NAMES, TITLES
    from verifier.receipts.service import printable

    shown = case.receipt
    click.echo(f"{shown.code}  {shown.time.isoformat(timespec='seconds')}  {TITLES[shown.outcome].en}")
    lines = {
        "site": f"{case.site} ({shown.site_id})",
        "origin": case.origin,
        "policy": shown.policy,
        "outcome": shown.outcome,
        "detail": case.detail,
        "certificate": case.certificate_sha256,
        "signature": case.proof.value,
        "to do": ADVICE[shown.outcome].en,
        "for citizen": ADVICE[shown.outcome].fa,
    }
    for name, value in lines.items():
        if value is not None:
            click.echo(f"{name + ':':<13}{printable(value)}")
    for step in Step:
        click.echo(f"{step.value}  {shown.outcome_of(step).value:<11}  {STEP_NAMES[step.name].en}")
    for near in case.neighbours:
        kin = " ".join(
            name
            for name, same in (("challenge", near.same_challenge), ("certificate", near.same_certificate))
            if same
        )
        time = near.time.isoformat(timespec="seconds")
        line = f"near: {near.code}  {time}  {near.outcome}  {near.site}  (same {kin})"
        click.echo(printable(line))
