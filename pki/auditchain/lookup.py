"""`hoviat pki audit entries|holder`: from a certificate or a label to the numbers that `prove` takes."""

import json
from collections.abc import Iterator

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from pki.auditchain.table import StoredEntry, stored
from pki.auditchain.verification import snapshot
from pki.authority.holders import open_holder
from pki.certificatefile import CertificateFileError, read_serial
from pki.commandline import opened_database
from pki.errors import StoredValueError
from pki.store.database import read_only
from pki.store.models import AuditEntry

MAX_LISTED = 100_000
_json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout.")


@click.command()
@click.argument("certificate", required=False)
@click.option("--subject", help="About this: a CA, an action's number, as the log writes it.")
@click.option("--actor", help="By this officer's label, or whatever the log names.")
@click.option("--action", help="Of this kind: certificate.revoked…")
@click.option(
    "--limit", default=50, show_default=True, type=click.IntRange(1, MAX_LISTED), help="The newest, so many."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON line an entry on stdout.")
def entries(
    *,
    certificate: str | None,
    subject: str | None,
    actor: str | None,
    action: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """Print the log's entries, the newest last: number, time, who, what, about what.

    With CERTIFICATE (serial in hexadecimal, or a file) those about it. What is told here is not verified.
    """
    if certificate is not None and subject is not None:
        raise click.UsageError("give either CERTIFICATE or --subject")
    about = subject if certificate is None else f"{_serial(certificate):032x}"
    wanted = {"subject": about, "actor": actor, "action": action}
    if any(not _is_text(value) for value in wanted.values()):
        raise click.UsageError("--subject, --actor and --action are texts in UTF-8")
    with opened_database() as engine, Session(snapshot(engine)) as session:
        for entry in _newest(session, wanted, limit):
            _show(entry, as_json)


@click.command()
@click.argument("certificate")
@_json_option
def holder(*, certificate: str, as_json: bool) -> None:
    """Print the number of the entry that binds CERTIFICATE to its subject.

    The entry holds a commitment, no name: it is opened by the certificate and its record's own salt. One that
    was made for somebody else is refused.
    """
    serial = _serial(certificate)
    with opened_database() as engine, Session(read_only(engine)) as session:
        sequence = open_holder(session, serial)
    data = {"serial": f"{serial:032x}", "entry": sequence}
    text = f"entry {sequence} was written for the subject of {serial:032x}"
    click.echo(json.dumps(data) if as_json else text)


def _newest(session: Session, wanted: dict[str, str | None], limit: int) -> Iterator[StoredEntry]:
    """Found by the indices, then read one by one with no trust in what they hold."""
    query = select(AuditEntry.sequence).order_by(AuditEntry.sequence.desc()).limit(limit)
    for name, value in wanted.items():
        if value is not None:
            query = query.where(getattr(AuditEntry, name) == value)
    for sequence in reversed(session.scalars(query).all()):
        yield from stored(session, AuditEntry, sequence, sequence)


def _is_text(value: str | None) -> bool:
    try:
        return value is None or bool(value.encode()) or not value
    except UnicodeEncodeError:
        return False


def _show(entry: StoredEntry, as_json: bool) -> None:
    if as_json:
        data = {
            "entry": entry.sequence,
            "time": entry.time.isoformat(),
            "actor": entry.actor,
            "action": entry.action,
            "subject": entry.subject,
            "details": dict(entry.details),
            "end": f"{entry.sequence}:{entry.hash}",
        }
        click.echo(_json_line(data))
        return
    parts = (f"{entry.sequence:>8}", f"{entry.time:%F %T}", entry.actor, entry.action, entry.subject)
    click.echo("  ".join(_plain(part) for part in parts))


def _json_line(data: dict[str, object]) -> str:
    """Escaped to ASCII: control and half characters that somebody else wrote stay harmless."""
    try:
        return json.dumps(data, allow_nan=False)
    except ValueError as error:
        raise StoredValueError("an entry's details") from error


def _plain(text: str) -> str:
    """A terminal obeys control characters, and who writes SQL may have written some."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _serial(certificate: str) -> int:
    try:
        return read_serial(certificate)
    except CertificateFileError as error:
        raise click.ClickException(str(error)) from error
