"""`hoviat pki …`: CRLs, status changes, audit, export. Services are imported when a command runs."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pki.ceremony.cli import ceremony
from pki.commandline import actor_of as _actor_of
from pki.commandline import json_option as _json_option
from pki.commandline import note_option as _note_option
from pki.commandline import officers_option as _officers_option
from pki.commandline import opened_pki as _opened
from pki.commandline import record_signed as _record_signed
from pki.commandline import show as _show
from pki.lazycommand import LazyCommand

if TYPE_CHECKING:
    from pki.bootstrap import Pki

ACTOR = "cli"
# pki.status.state has the standard's own list; `--help` must not import it to show the same words.
_REASONS = (
    "unspecified",
    "keyCompromise",
    "cACompromise",
    "affiliationChanged",
    "superseded",
    "cessationOfOperation",
    "privilegeWithdrawn",
    "aACompromise",
)


@click.group()
def pki() -> None:
    """Certificates: ceremonies, CRLs, revocation, suspension, mass actions, audit, export."""


pki.add_command(LazyCommand("mass", "pki.massactions.cli", "Hold, release or revoke many certificates."))
pki.add_command(LazyCommand("expiring", "pki.massactions.cli", "List certificates that end soon."))


pki.add_command(LazyCommand("ocsp", "pki.status.ocsp.cli", "Sign a certificate's OCSP answer, or all ahead."))
pki.add_command(LazyCommand("serve", "pki.status.ocsp.cli", "Serve CA certificates, CRLs and OCSP alone."))
pki.add_command(LazyCommand("validate", "pki.validation.cli", "Validate a certificate path; explain why."))
pki.add_command(LazyCommand("clock", "pki.clockcommand", "Compare the clock with what is on record."))
pki.add_command(ceremony)
for _name, _attribute, _summary in (
    ("issue", "issue", "Issue a certificate for an operator, a station, a service or a seal."),
    ("list", "list_certificates", "List certificates."),
    ("show", "show_certificate", "Show what is on record of a certificate."),
):
    pki.add_command(LazyCommand(_name, "pki.counter.cli", _summary, _attribute))


@pki.command()
@click.argument("names", nargs=-1, metavar="[NAME]…")
@click.option("--full", "kind", flag_value="full", default="full", help="Full CRLs (the default).")
@click.option("--delta", "kind", flag_value="delta", help="Deltas: what has changed since the full CRL.")
@click.option("--due", is_flag=True, help="Publish what is due and nothing else.")
@click.option("--list", "listing", is_flag=True, help="Publish nothing; list the editions there are.")
@_json_option
def crl(names: tuple[str, ...], kind: str, *, due: bool, listing: bool, as_json: bool) -> None:
    """Publish the next CRLs: of the CAs NAME (root-g1, citizen-auth-g1…), or of every CA.

    A partition is named citizen-auth-g1-p0007, its delta citizen-auth-g1-p0007-delta.
    """
    from pki.status.crl.commands import CrlChoiceError, crls_for, editions, publish_each, summary

    if due and (names or listing):
        raise click.UsageError("--due stands alone: it publishes what is due, of every CA")
    with _opened() as opened:
        try:
            if due:
                published = opened.crls.publish_due(ACTOR)
            else:
                chosen = crls_for(opened, names, delta=kind == "delta")
                published = editions(opened, chosen) if listing else publish_each(opened, chosen, ACTOR)
        except (CrlChoiceError, OSError) as error:
            raise click.ClickException(str(error)) from error
    for item in published:
        data, words = summary(item)
        _show(data, words, as_json)


@pki.command()
@click.argument("certificate")
@click.option("--reason", type=click.Choice(_REASONS), required=True, help="CRLReason of RFC 5280.")
@click.option("--invalidity-date", metavar="TIME", help="Since when the key is suspect (ISO 8601, UTC).")
@_officers_option
@_note_option
@_json_option
def revoke(
    certificate: str,
    *,
    reason: str,
    invalidity_date: str | None,
    officer: tuple[str, ...],
    note: str,
    as_json: bool,
) -> None:
    """Revoke CERTIFICATE (serial in hexadecimal, or a PEM file) for good."""
    from pki.massactions.reading import read_time
    from pki.status import RevocationReason

    with _opened() as opened:
        serial = _serial_of(certificate)
        actor = _who_decides(opened, serial, officer, stops=True)
        suspect_since = read_time("invalidity_date", invalidity_date)
        with _record_signed(opened.checkpointer.make):
            opened.authority.revoke(serial, RevocationReason(reason), actor, note, suspect_since)
        _show_state(opened, serial, as_json)


@pki.command()
@click.argument("certificate")
@_officers_option
@_note_option
@_json_option
def suspend(certificate: str, *, officer: tuple[str, ...], note: str, as_json: bool) -> None:
    """Put CERTIFICATE (serial in hexadecimal, or a PEM file) on hold."""
    from pki.status import Hold

    with _opened() as opened:
        serial = _serial_of(certificate)
        actor = _who_decides(opened, serial, officer, stops=True)
        with _record_signed(opened.checkpointer.make):
            opened.authority.suspend(serial, actor, note, Hold.OFFICER)
        _show_state(opened, serial, as_json)


@pki.command()
@click.argument("certificate")
@_officers_option
@_note_option
@_json_option
def resume(certificate: str, *, officer: tuple[str, ...], note: str, as_json: bool) -> None:
    """Make CERTIFICATE (serial in hexadecimal, or a PEM file) good again after a hold."""
    from pki.status import Hold

    with _opened() as opened:
        serial = _serial_of(certificate)
        actor = _who_decides(opened, serial, officer, stops=False)
        with _record_signed(opened.checkpointer.make):
            opened.authority.resume(serial, actor, note, Hold.OFFICER)
        _show_state(opened, serial, as_json)


@pki.group()
def audit() -> None:
    """The authority's hash-linked log."""


for _name, _module, _summary in (
    ("entries", "lookup", "Print entries with their numbers."),
    ("holder", "lookup", "Open an entry's commitment to a certificate's subject."),
    ("verify", "cli", "Check every link, node and checkpoint, or one proof."),
    ("checkpoint", "cli", "Sign the log's present state."),
    ("prove", "cli", "Prove an entry, or that the log only grew."),
    ("restored", "cli", "After a restore: officers accept a log that lost signed entries."),
    ("key", "cli", "Print the public key of the checkpoints."),
):
    audit.add_command(LazyCommand(_name, f"pki.auditchain.{_module}", _summary))


@pki.command()
@click.option(
    "--dir", "folder", type=click.Path(path_type=Path, file_okay=False), required=True, help="Where to."
)
@click.option(
    "--certificates",
    is_flag=True,
    help="For officers: also every certificate ever issued, as certificates/CA/PROFILE/XX/SERIAL.pem.",
)
@click.option("--officer", metavar="NAME", help="With --certificates: who answers for it. It is recorded.")
@_json_option
def export(folder: Path, *, certificates: bool, officer: str | None, as_json: bool) -> None:
    """Write CA and link certificates, CRLs and master list: NAME.pem, NAME.cer, NAME.crl, chain.pem…

    Citizens' names stand in certificates: who exports them is on record before the first is written.
    """
    from pki.certificateexport import export_certificates
    from pki.export import write_public_files

    if certificates and officer is None:
        raise click.UsageError("--certificates needs --officer: somebody answers for it")
    with _opened() as opened:
        actor = _actor_of(officer)
        try:
            written = write_public_files(opened, folder)
            count = 0
            if certificates:
                with _record_signed(opened.checkpointer.make):
                    count = export_certificates(opened.engine, folder, actor, opened.clock)
        except OSError as error:
            raise click.ClickException(f"can't write to {folder}: {error.strerror}") from error
    names = [str(path) for path in written]
    counted = f"\n{count} certificates in {folder / 'certificates'}" if certificates else ""
    _show({"files": names, "certificates": count}, "\n".join(names) + counted, as_json)


def _who_decides(opened: "Pki", serial: int, officers: tuple[str, ...], *, stops: bool) -> str:
    """The actor on record. With a CA's certificate falls everything below it: that takes two officers."""
    from pki.counter.listing import profile_of
    from pki.officers import two_officers
    from pki.profiles.definitions import DEFINITIONS

    # What a profile is for, no file of an installation changes: a broken one stops no revocation.
    definition = DEFINITIONS[profile_of(opened.engine, serial)]
    if stops and definition.self_signed:
        raise click.ClickException(
            f"{serial:032x} is a root: nothing above it could tell. `hoviat pki ceremony renew` makes its "
            "successor, `ceremony retire` ends its use, and relying parties are told to trust it no more"
        )
    if len(officers) > 1 or definition.ca is not None:
        return f"officers:{'+'.join(sorted(two_officers(officers)))}"
    return _actor_of(officers[0] if officers else None)


def _serial_of(certificate: str) -> int:
    """A serial from hexadecimal digits (colons allowed), or from a PEM or DER file."""
    from pki.certificatefile import CertificateFileError, read_serial

    try:
        return read_serial(certificate)
    except CertificateFileError as error:
        raise click.ClickException(str(error)) from error


def _show_state(opened: "Pki", serial: int, as_json: bool) -> None:
    state = opened.status.state_of(serial)
    _show(
        {
            "serial": f"{serial:032x}",
            "status": state.status.value,
            "reason": state.reason.value if state.reason else None,
            "since": state.since.isoformat(),
        },
        f"certificate {serial:032x} is {state.status.value}",
        as_json,
    )
