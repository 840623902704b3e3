"""`hoviat pki issue | list | show`: certificates of our own people and machines, and what is on record."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pki.commandline import actor_of, json_option, officer_option, opened_pki, record_signed, show

if TYPE_CHECKING:
    from pki.authority.values import IssuedCertificate

_PROFILES = ("operator", "station", "service", "seal")
_STATUSES = ("good", "on_hold", "revoked")


@click.command()
@click.option("--profile", type=click.Choice(_PROFILES), required=True, help="What the certificate is for.")
@click.option(
    "--csr",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="PKCS#10 request (PEM or DER), signed by its own key.",
)
@click.option("--name", "common_name", required=True, help="Staff number, station, host or seal's name.")
@click.option("--request-id", help="A name for this request; the same again gives the same certificate.")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="File for the certificate (PEM)."
)
@officer_option
@json_option
def issue(
    *,
    profile: str,
    csr: Path,
    common_name: str,
    request_id: str | None,
    out: Path | None,
    officer: str | None,
    as_json: bool,
) -> None:
    """Issue a certificate for the key of a request. Its names come from here, not from the request."""
    from pki.counter.desk import RequestFileError, issue_from_file, to_pem

    with opened_pki() as opened, record_signed(opened.checkpointer.make):
        try:
            actor = actor_of(officer)
            issued = issue_from_file(opened.authority, profile, csr, common_name, request_id, actor)
        except RequestFileError as error:
            raise click.ClickException(str(error)) from error
    pem = to_pem(issued.der)
    if out is not None:
        try:
            out.write_text(pem, encoding="ascii")
        except OSError as error:
            raise click.ClickException(
                f"{issued.serial:032x} is issued, but {out} can't be written: {error.strerror}; "
                "the same command again writes it"
            ) from error
    _show_issued(issued, pem, out, as_json)


def _show_issued(issued: "IssuedCertificate", pem: str, out: Path | None, as_json: bool) -> None:
    data: dict[str, object] = {
        "serial": f"{issued.serial:032x}",
        "profile": issued.profile.value,
        "not_before": issued.not_before.isoformat(),
        "not_after": issued.not_after.isoformat(),
        "certificate": pem,
    }
    show(data, pem.rstrip() if out is None else f"certificate {issued.serial:032x}: {out}", as_json)


@click.command("list")
@click.option("--profile", help="Only this profile.")
@click.option("--issuer", help="Only of this CA (service-g1…).")
@click.option("--status", type=click.Choice(_STATUSES), help="Only in this state.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1), help="At most so many.")
@json_option
def list_certificates(
    *, profile: str | None, issuer: str | None, status: str | None, limit: int, as_json: bool
) -> None:
    """List certificates, newest first: serial, profile, CA, state, end. Names are not in it."""
    from pki.counter.listing import listed

    with opened_pki() as opened:
        for item in listed(opened.engine, profile, issuer, status, limit):
            text = f"{item['serial']}  {item['profile']:19}  {item['issuer']:16}  {item['status']:8}"
            show(item, f"{text}  until {item['not_after']}", as_json)


@click.command("show")
@click.argument("certificate")
@click.option("--pem", is_flag=True, help="Print the certificate itself.")
@json_option
def show_certificate(certificate: str, *, pem: bool, as_json: bool) -> None:
    """Show what is on record of CERTIFICATE (serial in hexadecimal, or a file)."""
    from pki.certificatefile import CertificateFileError, read_serial
    from pki.counter.desk import to_pem
    from pki.counter.listing import details_of

    with opened_pki() as opened:
        try:
            data, der = details_of(opened.engine, read_serial(certificate))
        except CertificateFileError as error:
            raise click.ClickException(str(error)) from error
    if pem:
        data["certificate"] = to_pem(der)
    text = data["certificate"] if pem else json.dumps(data, indent=2)
    show(data, str(text).rstrip(), as_json)
