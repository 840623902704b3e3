"""`hoviat card`: what a citizen or a tester does with a card in a PC/SC reader."""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from cardio.piv.session import PivSession
    from cardio.piv.slots import PublicKey
    from cardio.transport.base import CardConnection

PIN_VARIABLE = "HOVIAT_PIN"
NEW_PIN_VARIABLE = "HOVIAT_NEW_PIN"
PUK_VARIABLE = "HOVIAT_PUK"
_WATCH_SECONDS = 5.0
_NEW_PIN_PROMPT = "New PIN (6 to 8 digits)"
_JOINERS = "\u200c\u200d"  # Persian text needs them, and Python calls them unprintable
_OBJECT_NAMES = (
    "authentication-certificate",
    "card-authentication-certificate",
    "card-capability-container",
    "chuid",
    "discovery",
    "facial-image",
    "fingerprints",
    "iris-images",
    "key-history",
    "key-management-certificate",
    "printed-information",
    "security-object",
    "signature-certificate",
)

reader_option = click.option(
    "--reader", metavar="NAME", help="The reader's full name; may be left out if there is only one."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout.")


@click.group()
@click.option("--trace", is_flag=True, help="Write every APDU to stderr, without PINs, keys and contents.")
@click.pass_context
def card(context: click.Context, trace: bool) -> None:
    """A card in a PC/SC reader: info, read, login, sign, PINs.

    The PIN is asked for, or taken from the environment variable HOVIAT_PIN; it is never an argument.
    """
    context.obj = trace


def shown(text: str) -> str:
    """The text without control characters: a card or a site could steer the terminal with them."""
    kept = (sign if sign.isprintable() or sign in _JOINERS else "\ufffd" for sign in text)
    return "".join(kept)


@contextmanager
def expected_errors() -> Iterator[None]:
    """Turns this package's errors into a line on stderr and exit status 1."""
    from cardio.errors import CardError

    try:
        yield
    except CardError as error:
        raise click.ClickException(shown(str(error))) from None
    except OSError as error:
        raise click.ClickException(
            f"{error.filename}: {error.strerror}" if error.filename else str(error)
        ) from None


@contextmanager
def _session(reader: str | None) -> Iterator["PivSession"]:
    """A PIV session in a transaction of its own."""
    from cardio.piv.session import PivSession
    from cardio.transport import pcsc
    from cardio.transport.base import CardConnection
    from cardio.transport.tracing import TracingConnection

    with expected_errors(), pcsc.connect(reader_name(reader)) as connection, connection.transaction():
        traced: CardConnection = connection
        if click.get_current_context().find_object(bool):
            traced = TracingConnection(connection, lambda line: click.echo(line, err=True))
        yield PivSession(traced)


def reader_name(given: str | None) -> str:
    """The name given, or the only reader there is."""
    from cardio.transport import pcsc

    if given is not None:
        return given
    names = pcsc.list_readers()
    if len(names) == 1:
        return names[0]
    if not names:
        raise click.ClickException("no reader is connected")
    raise click.ClickException("several readers; name one with --reader: " + ", ".join(names))


def secret(variable: str, prompt: str, *, confirm: bool = False) -> str:
    """A PIN from the environment, or asked for without echo on stderr."""
    value = os.environ.get(variable)
    if value is not None:
        return value
    answer: str = click.prompt(prompt, hide_input=True, confirmation_prompt=confirm, err=True)
    return answer


def _pin(reader: str | None) -> str | None:
    """The PIN, from the environment or asked for; None: it is typed at the reader, which has a pad.

    Asked before the transaction: other programs must not wait for someone to type.
    """
    return None if _typed_at_pad(reader) else secret(PIN_VARIABLE, "PIN")


def _typed_at_pad(reader: str | None) -> bool:
    from cardio.transport import pcsc

    with expected_errors(), pcsc.connect(reader_name(reader)) as connection:
        return _announces_pad(connection)


def _announces_pad(connection: "CardConnection") -> bool:
    """Whether the PIN is typed at the reader; says so."""
    from cardio.transport.pinpad import PinPad

    found = PIN_VARIABLE not in os.environ and PinPad.find(connection) is not None
    if found:
        click.echo("The PIN is typed at the reader.", err=True)
    return found


def _print_json(value: object) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


@card.command()
@reader_option
@json_option
def info(reader: str | None, as_json: bool) -> None:
    """Show what the card tells without a PIN: serial, PIN tries, identifier, certificates."""
    with _session(reader) as session:
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
        _print_json(facts)
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
    click.echo(f"Reader       {facts['reader']}")
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


@card.command()
@click.argument("object_name", metavar="OBJECT", type=click.Choice(_OBJECT_NAMES))
@reader_option
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write the bytes to a file.")
@json_option
def read(object_name: str, reader: str | None, output: Path | None, as_json: bool) -> None:
    """Read a data object: certificates as PEM, the others as hexadecimal; asks for the PIN if need be."""
    content = _read_object(object_name, reader)
    if output is not None:
        with expected_errors():
            output.write_bytes(content)
    if as_json:
        _print_json({"object": object_name, "length": len(content), "content": content.hex()})
    elif output is None:
        click.echo(_readable(object_name, content))


def _read_object(object_name: str, reader: str | None) -> bytes:
    """An object's content; for a certificate object, the DER certificate."""
    from cardio.errors import PinRequiredError
    from cardio.piv.objects import ObjectId, parse_certificate

    object_id = ObjectId[object_name.replace("-", "_").upper()]
    with _session(reader) as session:
        try:
            content = session.get_object(object_id)
        except PinRequiredError:
            at_pad = _announces_pad(session.channel.connection)
            session.enter_pin(None if at_pad else secret(PIN_VARIABLE, "PIN"))
            content = session.get_object(object_id)
        return parse_certificate(content) if object_name.endswith("certificate") else content


def _readable(object_name: str, content: bytes) -> str:
    import ssl

    if object_name.endswith("certificate"):
        return ssl.DER_cert_to_PEM_cert(content).rstrip()
    return content.hex()


@card.command()
@reader_option
@click.option("--site", metavar="URL", help="Log in at this site (https://host[:port]).")
@click.option(
    "--cafile", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="PEM to trust for --site."
)
@click.option("--origin", help="Without --site: the origin to make a token for.")
@click.option("--nonce", help="Without --site: the site's nonce.")
@json_option
def login(
    reader: str | None,
    site: str | None,
    cafile: Path | None,
    origin: str | None,
    nonce: str | None,
    as_json: bool,
) -> None:
    """Log in at a site with the card, or print the Web eID token for an origin and a nonce."""
    if site is not None and origin is None and nonce is None:
        _login_at(reader, site.rstrip("/"), cafile, as_json=as_json)
    elif site is None and origin is not None and nonce is not None:
        _print_json(_token(reader, origin, nonce))
    else:
        raise click.UsageError("give either --site, or --origin and --nonce")


def _token(reader: str | None, origin: str, nonce: str) -> dict[str, str]:
    from cardio.webeid import create_token

    pin = _pin(reader)
    with _session(reader) as session:
        return create_token(session, pin, origin, nonce)


def _login_at(reader: str | None, site: str, cafile: Path | None, *, as_json: bool) -> None:
    from cardio.sitelogin import log_in
    from cardio.webeid import require_origin

    with expected_errors():
        require_origin(site)
        answer = log_in(site, cafile, lambda origin, nonce: _token(reader, origin, nonce))
    if as_json:
        _print_json(answer)
        return
    click.echo(f"Logged in at {site}.", err=True)
    for name, value in answer.get("claims", {}).items():
        click.echo(shown(f"{name}: {value}"))


@card.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@reader_option
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where the signature goes; FILE.sig if left out.",
)
@json_option
def sign(file: Path, reader: str | None, output: Path | None, as_json: bool) -> None:
    """Sign FILE with the signature key (9C): a detached DER signature, as `openssl dgst -verify` takes it."""
    target = output or file.with_name(file.name + ".sig")
    if target.exists():
        raise click.ClickException(f"{target} exists already; it is left alone")
    with expected_errors():
        message = file.read_bytes()
    signature, key, hash_name = _signature(reader, message)
    with expected_errors():
        target.write_bytes(signature)
    if as_json:
        _print_json(
            {"signature": str(target), "hash": hash_name, "bytes": len(signature), "public_key": _pem(key)}
        )
    else:
        click.echo(f"{target}: {hash_name}, {len(signature)} bytes", err=True)


def _signature(reader: str | None, message: bytes) -> tuple[bytes, "PublicKey", str]:
    """The signature, the key it verifies under, and its hash's name."""
    from cardio.piv.slots import Slot
    from cardio.webeid import scheme_for

    pin = _pin(reader)
    with _session(reader) as session:
        key = session.public_key(Slot.SIGNATURE)
        hash_algorithm = scheme_for(key).hash_algorithm
        session.enter_pin(pin)  # last: 9C takes it right before the signature
        return session.sign(Slot.SIGNATURE, key, message, hash_algorithm), key, hash_algorithm.name


def _pem(key: "PublicKey") -> str:
    from cryptography.hazmat.primitives import serialization

    encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(encoding, form).decode()


@card.command("change-pin")
@reader_option
def change_pin(reader: str | None) -> None:
    """Replace the PIN; also the way to replace a transport PIN with one's own.

    At a reader with a PIN pad both are typed there. Else asks for both, or takes them from HOVIAT_PIN and
    HOVIAT_NEW_PIN.
    """
    if _typed_at_pad(reader):
        with _session(reader) as session:
            _change_at_pad(session)
        return
    old = secret(PIN_VARIABLE, "PIN until now")
    new = secret(NEW_PIN_VARIABLE, _NEW_PIN_PROMPT, confirm=True)
    with _session(reader) as session:
        session.change_pin(old, new)
    click.echo("The PIN was changed.", err=True)


def _change_at_pad(session: "PivSession") -> None:
    pad = session.pin_pad()
    if pad is None:
        raise click.ClickException("the reader has no PIN pad any more")
    session.change_pin_at(pad)
    click.echo("The PIN was changed.", err=True)


@card.command()
@click.option("--for", "seconds", type=click.FloatRange(min=0), help="Stop after so many seconds.")
def watch(seconds: float | None) -> None:
    """Print a JSON line whenever a card or a reader comes or goes, until interrupted.

    Survives restarts of the PC/SC service and readers that are unplugged.
    """
    from cardio.transport.watching import CardWatch, described

    watching, deadline = CardWatch(), None if seconds is None else time.monotonic() + seconds
    while True:
        left = _WATCH_SECONDS if deadline is None else deadline - time.monotonic()
        if left <= 0:
            return
        for event in watching.wait(min(left, _WATCH_SECONDS)):
            click.echo(json.dumps(described(event)))


@card.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False}, add_help_option=False
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="COMMAND…")
@click.pass_context
def trace(context: click.Context, arguments: tuple[str, ...]) -> None:
    """Run another of these commands with every APDU on stderr, without PINs, keys and contents.

    `hoviat card trace info --reader NAME` is `hoviat card --trace info --reader NAME`.
    """
    card.main(["--trace", *arguments], prog_name="hoviat card", standalone_mode=False, parent=context.parent)


@card.command()
@reader_option
def unblock(reader: str | None) -> None:
    """Set a new PIN with the PUK, after too many wrong PINs.

    Asks for both, or takes them from HOVIAT_PUK and HOVIAT_NEW_PIN.
    """
    puk = secret(PUK_VARIABLE, "PUK")
    new = secret(NEW_PIN_VARIABLE, _NEW_PIN_PROMPT, confirm=True)
    with _session(reader) as session:
        session.unblock_pin(puk, new)
    click.echo("The card has a new PIN.", err=True)
