"""`hoviat card sign`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cardio.cli.common import card_session, expected_errors, given_pin, json_option, print_json, reader_option

if TYPE_CHECKING:
    from cardio.piv.slots import PublicKey


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@reader_option
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where the signature goes; FILE.sig if left out.",
)
@click.option("--force", is_flag=True, help="Write over a signature that is there already.")
@json_option
def sign(file: Path, reader: str | None, output: Path | None, force: bool, as_json: bool) -> None:
    """Sign FILE with the signature key (9C): a detached DER signature, as `openssl dgst -verify` takes it."""
    target = output or file.with_name(file.name + ".sig")
    if target.exists() and not force:
        raise click.ClickException(f"{target} exists already and is left alone; --force writes over it")
    with expected_errors():
        message = file.read_bytes()
    signature, key, hash_name = _signature(reader, message)
    with expected_errors():
        target.write_bytes(signature)
    if as_json:
        print_json(
            {"signature": str(target), "hash": hash_name, "bytes": len(signature), "public_key": _pem(key)}
        )
    else:
        click.echo(f"{target}: {hash_name}, {len(signature)} bytes", err=True)


def _signature(reader: str | None, message: bytes) -> tuple[bytes, "PublicKey", str]:
    """The signature, the key it verifies under, and its hash's name."""
    from cardio.piv.slots import Slot
    from cardio.webeid import scheme_for

    pin = given_pin(reader)
    with card_session(reader) as session:
        key = session.public_key(Slot.SIGNATURE)
        hash_algorithm = scheme_for(key).hash_algorithm
        session.enter_pin(pin)  # last: 9C takes it right before the signature
        return session.sign(Slot.SIGNATURE, key, message, hash_algorithm), key, hash_algorithm.name


def _pem(key: "PublicKey") -> str:
    from cryptography.hazmat.primitives import serialization

    encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(encoding, form).decode()
