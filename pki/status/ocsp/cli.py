"""`hoviat pki ocsp` and `hoviat pki serve`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pki.commandline import home as current_home
from pki.commandline import json_option as _json_option
from pki.commandline import opened_pki, show

if TYPE_CHECKING:
    from pki.bootstrap import Pki

_ALL = "all CAs"


@click.command()
@click.argument("certificate", required=False)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the answer (DER) there.")
@click.option(
    "--prepare",
    metavar="[CA]",
    is_flag=False,
    flag_value=_ALL,
    help="Sign the answers of all certificates of a CA (citizen-auth-g1…), or of every CA, ahead.",
)
@_json_option
def ocsp(certificate: str | None, out: Path | None, prepare: str | None, as_json: bool) -> None:
    """The OCSP answer for CERTIFICATE (serial in hexadecimal, or a PEM file), signed here.

    A running service takes up at once what --prepare makes.
    """
    if (certificate is None) == (prepare is None):
        raise click.UsageError("give either a certificate or --prepare")
    with opened_pki() as pki:
        if certificate is not None:
            _answer(pki, certificate, out, as_json)
        else:
            _prepare(pki, prepare or _ALL, as_json)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=8081, show_default=True, type=click.IntRange(0, 65535), help="Port to listen on."
)
@click.option(
    "--workers", default=2, show_default=True, type=click.IntRange(1, 64), help="Processes that answer."
)
def serve(host: str, port: int, workers: int) -> None:
    """Serve CA certificates, CRLs and OCSP under /pki, alone; Ctrl-C or SIGTERM ends it gently."""
    from pki.errors import PkiError
    from pki.home import HomeError
    from pki.serving import Serving, check, run
    from pki.workers import ServiceStoppedError, listen

    try:
        home = current_home()
        check(home)
        with listen(host, port) as listener:
            click.echo(f"serving http://{host}:{listener.getsockname()[1]}/pki/ (Ctrl-C ends)", err=True)
            run(Serving(home, listener, workers))
    except (HomeError, PkiError, ServiceStoppedError) as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"can't listen on {host}:{port}: {error.strerror}") from error


def _answer(pki: "Pki", certificate: str, out: Path | None, as_json: bool) -> None:
    from cryptography.x509 import ocsp as x509_ocsp

    from pki.certificatefile import CertificateFileError, read_serial
    from pki.errors import UnknownCertificateError
    from pki.status.ocsp.forms import plain_request
    from pki.status.ocsp.response import ResponseStatus

    try:
        serial = read_serial(certificate)
    except CertificateFileError as error:
        raise click.ClickException(str(error)) from error
    found = pki.status.states((serial,)).get(serial)
    if found is None:
        raise UnknownCertificateError(serial)
    forms = pki.ocsp.forms.of_issuer(found[0])
    if not forms:
        raise click.ClickException(f"CA {found[0]} has no OCSP responder; its CRL says it")
    answer = pki.ocsp.answer(plain_request(forms[0], serial))
    if answer.status is not ResponseStatus.SUCCESSFUL:
        raise click.ClickException("no answer can be signed now; see the log")
    if out is not None:
        _write(out, answer.body)
    response = x509_ocsp.load_der_ocsp_response(answer.body)
    data: dict[str, object] = {
        "serial": f"{serial:032x}",
        "issuer": found[0],
        "status": response.certificate_status.name.lower(),
        "reason": response.revocation_reason.value if response.revocation_reason else None,
        "this_update": response.this_update_utc.isoformat(),
        "next_update": response.next_update_utc.isoformat() if response.next_update_utc else None,
        "bytes": len(answer.body),
    }
    text = f"certificate {data['serial']} is {data['status']}, says {found[0]}'s responder"
    show(data, text, as_json)


def _write(out: Path, body: bytes) -> None:
    try:
        out.write_bytes(body)
    except OSError as error:
        raise click.ClickException(f"can't write to {out}: {error.strerror}") from error


def _prepare(pki: "Pki", issuer: str, as_json: bool) -> None:
    from pki.status.ocsp.preparing import Preparer

    names = list(pki.ocsp.maker.sources)
    if issuer not in {*names, _ALL}:
        raise click.ClickException(f"no OCSP responder for a CA {issuer}; there are {', '.join(names)}")
    preparer = Preparer(pki)
    for name in names if issuer == _ALL else [issuer]:
        made = 0
        for batch in preparer.prepare(name):
            made += batch
            click.echo(f"\r{name}: {made} answers", nl=False, err=True)
        click.echo("\r", nl=False, err=True)
        data: dict[str, object] = {"issuer": name, "made": made}
        show(data, f"{name}: {made} answers made, the others were young", as_json)
