"""`hoviat card info`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from cardio.cli.common import card_session, json_option, print_json, reader_option, shown

if TYPE_CHECKING:
    from cardio.piv.session import PivSession


@click.command()
@reader_option
@json_option
def info(reader: str | None, as_json: bool) -> None:
    """Show what the card tells without a PIN: serial, PIN tries, identifier, certificates."""
    with card_session(reader) as session:
        facts = {
            "reader": session.channel.connection.name,
            "atr": session.channel.connection.atr.hex(),
            "serial": _optional(session.card_serial),
            "version": _version(session),
            "pin": _pin_facts(session),
            "chuid": _optional(lambda: _chuid_facts(session)),
            "certificates": _certificates(session),
        }
    if as_json:
        print_json(facts)
    else:
        _print_info(facts)


def _optional(read: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever `read` returns
    """What `read` returns; None where the card has no such thing."""
    from cardio.errors import ApduError, ObjectNotFoundError

    try:
        return read()
    except (ApduError, ObjectNotFoundError):
        return None


def _version(session: "PivSession") -> str | None:
    version = _optional(session.version)
    return None if version is None else ".".join(map(str, version))


def _pin_facts(session: "PivSession") -> dict[str, object] | None:
    """None where the interface, a contactless one, doesn't tell."""
    status = _optional(session.pin_status)
    if status is None:
        return None
    return {"verified": status.verified, "tries_left": status.tries_left}


def _chuid_facts(session: "PivSession") -> dict[str, str]:
    chuid = session.read_chuid()
    return {"guid": str(chuid.guid), "expires": chuid.expires.isoformat()}


def _certificates(session: "PivSession") -> dict[str, dict[str, str] | None]:
    """By slot, in hexadecimal; None where there is no certificate."""
    from cardio.errors import ObjectNotFoundError, PinRequiredError
    from cardio.piv.slots import Slot

    found: dict[str, dict[str, str] | None] = {}
    for slot in Slot:
        try:
            found[f"{slot:02X}"] = _certificate_facts(session.read_certificate(slot))
        except ObjectNotFoundError:
            found[f"{slot:02X}"] = None
        except PinRequiredError:  # never with contacts: certificates are free there (part 1, table 2)
            found[f"{slot:02X}"] = {"error": "not shown over this interface"}
    return found


def _certificate_facts(der: bytes) -> dict[str, str]:
    from cryptography import x509

    from cardio.piv.certificates import UNREADABLE

    try:
        certificate = x509.load_der_x509_certificate(der)
        return {
            "subject": certificate.subject.rfc4514_string(),
            "issuer": certificate.issuer.rfc4514_string(),
            "serial": f"{certificate.serial_number:x}",
            "not_before": certificate.not_valid_before_utc.isoformat(),
            "not_after": certificate.not_valid_after_utc.isoformat(),
        }
    except UNREADABLE as error:
        return {"error": f"not readable as X.509: {error}"}


def _print_info(facts: dict[str, Any]) -> None:
    click.echo(f"Reader       {shown(facts['reader'])}")
    click.echo(f"ATR          {facts['atr']}")
    click.echo(f"Serial       {facts['serial'] if facts['serial'] is not None else 'not told'}")
    if facts["version"]:
        click.echo(f"Version      {facts['version']}")
    click.echo(f"PIN          {_pin_sentence(facts['pin'])}")
    chuid = facts["chuid"]
    click.echo(f"Identifier   {chuid['guid']}, expires {chuid['expires']}" if chuid else "Identifier   none")
    for slot, certificate in facts["certificates"].items():
        click.echo(f"Key {slot}       {_certificate_sentence(certificate)}")


def _pin_sentence(pin: dict[str, Any] | None) -> str:
    if pin is None:
        return "not told"
    if pin["verified"]:
        return "verified"
    return f"{pin['tries_left']} tries left" if pin["tries_left"] else "blocked"


def _certificate_sentence(certificate: dict[str, str] | None) -> str:
    if certificate is None:
        return "no certificate"
    if "error" in certificate:
        return shown(certificate["error"])
    return shown(f"{certificate['subject']}, until {certificate['not_after']}")
