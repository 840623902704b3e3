"""`hoviat pki validate`: one path explained, or many as JSON lines. Imported when it runs."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import click

from pki.errors import ValidationError
from pki.validation.anchors import AnchorSet, TrustAnchors
from pki.validation.batch import MAX_LINE, judge_line, lines_in
from pki.validation.decoders import Usage
from pki.validation.evidence import Evidence
from pki.validation.explain import explain
from pki.validation.inputs import InputError, file_in, moment_in, objects_in, require_identifier
from pki.validation.policy import PathPolicy, RevocationMode

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("chain", nargs=-1, type=_FILE)
@click.option("--trust", multiple=True, type=_FILE, help="Trust anchors, PEM or DER; may be repeated.")
@click.option(
    "--anchors", type=_FOLDER, help="A folder of trust anchors, and of CAs that help to find a path."
)
@click.option("--at", help="The moment, ISO 8601, UTC if it names no zone.")
@click.option("--crl", "crls", multiple=True, type=_FILE, help="CRLs; each certificate must be covered.")
@click.option("--ocsp", multiple=True, type=_FILE, help="OCSP answers; each certificate must be covered.")
@click.option("--status", type=click.Choice([mode.value for mode in RevocationMode]), help="Where from.")
@click.option("--policy", "policies", multiple=True, metavar="OID", help="user-initial-policy-set.")
@click.option("--explicit-policy", is_flag=True, help="initial-explicit-policy.")
@click.option("--inhibit-policy-mapping", is_flag=True, help="initial-policy-mapping-inhibit.")
@click.option("--inhibit-any-policy", is_flag=True, help="initial-any-policy-inhibit.")
@click.option("--key-usage", type=click.Choice([usage.name.lower() for usage in Usage]), help="Of the leaf.")
@click.option("--purpose", metavar="OID", help="Which the leaf's extKeyUsage must name.")
@click.option("--no-sha1", is_flag=True, help="Refuse signatures over SHA-1.")
@click.option("--strict", is_flag=True, help="Also ask what RFC 5280 asks of those who issue.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON on stdout.")
@click.option("--batch", type=click.File("rb"), help="JSON lines; - is stdin.")
def validate(
    *,
    chain: tuple[Path, ...],
    trust: tuple[Path, ...],
    anchors: Path | None,
    at: str | None,
    crls: tuple[Path, ...],
    ocsp: tuple[Path, ...],
    status: str | None,
    policies: tuple[str, ...],
    explicit_policy: bool,
    inhibit_policy_mapping: bool,
    inhibit_any_policy: bool,
    key_usage: str | None,
    purpose: str | None,
    no_sha1: bool,
    strict: bool,
    as_json: bool,
    batch: IO[bytes] | None,
) -> None:
    """Validate the certificate path in CHAIN by RFC 5280 and explain the verdict.

    CHAIN is one or more files of certificates, PEM or DER; the first certificate is the one in question,
    the others help in any order.
    """
    if batch is not None:
        if chain or trust or anchors:
            raise click.UsageError("--batch reads chains and anchors from its lines")
        _judge(batch)
        return
    if not chain or not (trust or anchors) or at is None:
        raise click.UsageError("CHAIN, --trust or --anchors, and --at are needed, or else --batch")
    for identifier in (*policies, *([purpose] if purpose is not None else [])):
        _require_identifier(identifier)
    policy = PathPolicy(
        key_usage=key_usage,
        key_purpose=purpose,
        policies=frozenset(policies),
        explicit_policy=explicit_policy,
        mapping_inhibited=inhibit_policy_mapping,
        any_policy_inhibited=inhibit_any_policy,
        revocation=RevocationMode(status) if status else _mode(crls, ocsp),
        sha1=not no_sha1,
        strict=strict,
    )
    try:
        evidence = Evidence.of(_objects(crls), list(map(file_in, ocsp)))
        found = _folder(anchors)
        verdict = explain(
            [*_objects(chain), *found.intermediates],
            [*_objects(trust), *found.anchors],
            moment_in(at),
            policy,
            evidence,
        )
    except (InputError, ValidationError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(json.dumps(verdict.as_data()) if as_json else "\n".join(verdict.as_lines()))
    if verdict.error is not None:
        raise SystemExit(1)


def _mode(crls: tuple[Path, ...], ocsp: tuple[Path, ...]) -> RevocationMode:
    if crls and ocsp:
        return RevocationMode.EITHER
    if crls:
        return RevocationMode.CRL
    return RevocationMode.OCSP if ocsp else RevocationMode.NONE


def _require_identifier(text: str) -> None:
    try:
        require_identifier(text)
    except InputError as error:
        raise click.UsageError(f"{text[:80]!r}: {error}") from error


def _folder(path: Path | None) -> AnchorSet:
    """What the folder holds; each file that can't be used is told, and stops nothing."""
    found = AnchorSet() if path is None else TrustAnchors.load(path).current()
    for name, fault in found.faults.items():
        click.echo(f"warning: {name!r} is not used: {fault}", err=True)
    return found


def _objects(paths: Iterable[Path]) -> list[bytes]:
    found = []
    for path in paths:
        try:
            found += objects_in(file_in(path))
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
    return found


def _judge(stream: IO[bytes]) -> None:
    """A verdict a line, empty lines excepted; ends with 1 if a line was no case."""
    complete = True
    for line in lines_in(stream, MAX_LINE):
        verdict = judge_line(line)
        complete = complete and verdict.processed
        click.echo(verdict.as_line())
    if not complete:
        raise SystemExit(1)
