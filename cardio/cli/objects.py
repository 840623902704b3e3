"""`hoviat card read`."""

from pathlib import Path

import click

from cardio.cli.common import (
    PIN_VARIABLE,
    announces_pad,
    card_session,
    expected_errors,
    json_option,
    print_json,
    reader_option,
    secret,
)

OBJECT_NAMES = (
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


@click.command(epilog="\b\n" + "\n  ".join(("OBJECT is one of:", *OBJECT_NAMES)))
@click.argument("object_name", metavar="OBJECT", type=click.Choice(OBJECT_NAMES))
@reader_option
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the bytes to a file: a certificate as DER.",
)
@json_option
def read(object_name: str, reader: str | None, output: Path | None, as_json: bool) -> None:
    """Print a data object: certificates as PEM, the others as hexadecimal; asks for the PIN if need be."""
    content = _read_object(object_name, reader)
    if output is not None:
        with expected_errors():
            output.write_bytes(content)
    if as_json:
        print_json({"object": object_name, "length": len(content), "content": content.hex()})
    elif output is None:
        click.echo(_readable(object_name, content))


def _read_object(object_name: str, reader: str | None) -> bytes:
    """An object's content; for a certificate object, the DER certificate."""
    from cardio.errors import PinRequiredError
    from cardio.piv.objects import ObjectId, parse_certificate

    object_id = ObjectId[object_name.replace("-", "_").upper()]
    with card_session(reader) as session:
        try:
            content = session.get_object(object_id)
        except PinRequiredError:
            at_pad = announces_pad(session.channel.connection)
            session.enter_pin(None if at_pad else secret(PIN_VARIABLE, "PIN"))
            content = session.get_object(object_id)
        return parse_certificate(content) if object_name.endswith("certificate") else content


def _readable(object_name: str, content: bytes) -> str:
    import ssl

    if object_name.endswith("certificate"):
        return ssl.DER_cert_to_PEM_cert(content).rstrip()
    return content.hex()
