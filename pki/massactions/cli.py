"""`hoviat pki mass …`: one officer proposes, another approves what was previewed, then it is carried out."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pki.commandline import json_option, opened_database, show, sign_home_record

if TYPE_CHECKING:
    from pki.massactions.service import MassActions
    from pki.massactions.values import MassAction, Progress

_Command = TypeVar("_Command", bound=Callable[..., None])
_number = click.argument("number", type=click.IntRange(1))
_officer = click.option(
    "--officer", required=True, metavar="NAME", help="Whose decision it is (a-z, 0-9, . _ -)."
)


@click.group()
def mass() -> None:
    """Hold, release or revoke many certificates: two officers, a preview, resumable."""


def _criteria(command: _Command) -> _Command:
    """The options that say which certificates are meant."""
    several: dict[str, Any] = {"multiple": True}
    options = (
        click.option("--issuer", "issuers", metavar="NAME", help="A CA: citizen-auth-g1.", **several),
        click.option(
            "--role", "roles", metavar="ROLE", help="A CA's every generation: citizen-auth.", **several
        ),
        click.option(
            "--profile", "profiles", metavar="PROFILE", help="authentication, signature…", **several
        ),
        click.option("--key-kind", "key_kinds", metavar="KIND", help="secp256r1, rsa2048…", **several),
        click.option("--provenance", "provenances", metavar="BATCH", help="Where keys were made.", **several),
        click.option("--status", "statuses", metavar="STATUS", help="good, on_hold, revoked.", **several),
        click.option("--held-by", "holds", metavar="OWNER", help="delivery, registry, officer.", **several),
        click.option("--issued-from", metavar="TIME", help="Valid from then on or later (ISO 8601, UTC)."),
        click.option("--issued-before", metavar="TIME", help="Valid from before then."),
        click.option("--expires-from", metavar="TIME", help="Valid until then or later."),
        click.option("--expires-before", metavar="TIME", help="Valid until before then."),
        click.option(
            "--serials",
            "serials_file",
            type=click.Path(path_type=Path, exists=True, dir_okay=False),
            help="A file with a serial in hexadecimal on each line.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@mass.command()
@click.argument("kind", type=click.Choice(["hold", "release", "revoke"]))
@_criteria
@click.option("--reason", metavar="REASON", help="With revoke: CRLReason of RFC 5280 (keyCompromise…).")
@click.option("--invalidity-date", metavar="TIME", help="With revoke: since when the keys are suspect.")
@click.option("--note", required=True, help="Why, in words, for the audit. No personal data.")
@_officer
@json_option
def propose(
    kind: str,
    reason: str | None,
    invalidity_date: str | None,
    note: str,
    officer: str,
    as_json: bool,
    **criteria: Any,  # noqa: ANN401 - click's own values, by name
) -> None:
    """Fix which certificates are meant (all criteria together), and print what would become of them."""
    from pki.massactions.reading import read_member, read_selection, read_time
    from pki.massactions.values import Kind, Terms
    from pki.status import RevocationReason

    with _deciding() as actions:
        given = None if reason is None else read_member(RevocationReason, "reason", reason)
        terms = Terms(Kind(kind), note, given, read_time("invalidity_date", invalidity_date))
        action = actions.propose(read_selection(criteria), terms, officer)
    _show_action(action, as_json)


@mass.command(name="show")
@_number
@json_option
def show_one(number: int, as_json: bool) -> None:
    """Print a mass action: what was asked for, its preview, and the digest to confirm."""
    with _actions() as actions:
        action = actions.action(number)
    _show_action(action, as_json)


@mass.command(name="list")
@json_option
def list_all(as_json: bool) -> None:
    """List every mass action, the oldest first."""
    from pki.massactions.presenting import action_data

    with _actions() as actions:
        for action in actions.actions():
            text = f"{action.number}: {action.terms.kind.value}, {action.state.value}, {action.terms.note}"
            show(action_data(action), text, as_json)


@mass.command()
@_number
@_officer
@click.option("--digest", required=True, metavar="HEX", help="What `show` prints: the preview you have seen.")
@json_option
def approve(number: int, officer: str, digest: str, as_json: bool) -> None:
    """Approve, as a second officer, what was previewed."""
    with _deciding() as actions:
        action = actions.approve(number, officer, digest)
    _show_action(action, as_json)


@mass.command()
@_number
@_officer
@click.option(
    "--part-size",
    type=click.IntRange(1, 1_000_000),
    help="Certificates in one transaction (50,000): more end sooner, and hold others up for longer.",
)
@json_option
def run(number: int, officer: str, part_size: int | None, as_json: bool) -> None:
    """Carry it out, or go on with it after a crash or a pause; prints progress part by part."""
    with _deciding(part_size) as actions:
        for progress in actions.run(number, officer):
            sign_home_record()
            _show_progress(progress, as_json)


@mass.command()
@_number
@_officer
@json_option
def pause(number: int, officer: str, as_json: bool) -> None:
    """Stop after the part that is under way; `run` goes on."""
    with _deciding() as actions:
        action = actions.pause(number, officer)
    _show_action(action, as_json)


@mass.command()
@_number
@_officer
@json_option
def cancel(number: int, officer: str, as_json: bool) -> None:
    """End it for good; what was changed so far stays changed."""
    with _deciding() as actions:
        action = actions.cancel(number, officer)
    _show_action(action, as_json)


@mass.command()
@_number
@json_option
def report(number: int, as_json: bool) -> None:
    """Hold the record of a mass action against its digests, and print what was done."""
    from pki.massactions.presenting import action_data, action_text, progress_data, progress_text

    with _actions() as actions:
        actions.check(number)
        action, progress = actions.action(number), actions.progress(number)
    lines = [action_text(action), progress_text(progress), "the record holds"]
    show({**action_data(action), "progress": progress_data(progress)}, "\n".join(lines), as_json)


@contextmanager
def _actions(part_size: int | None = None) -> "Iterator[MassActions]":
    from pki.massactions.service import PART_SIZE, MassActions

    with opened_database() as engine:
        yield MassActions(engine, part_size=part_size or PART_SIZE)


@contextmanager
def _deciding(part_size: int | None = None) -> "Iterator[MassActions]":
    """What is decided with it is signed at the end, however that comes: parts carried out stand."""
    with _actions(part_size) as actions:
        try:
            yield actions
        finally:
            sign_home_record()


def _show_action(action: "MassAction", as_json: bool) -> None:
    from pki.massactions.presenting import action_data, action_text

    show(action_data(action), action_text(action), as_json)


def _show_progress(progress: "Progress", as_json: bool) -> None:
    from pki.massactions.presenting import progress_data, progress_text

    show(progress_data(progress), progress_text(progress), as_json)


@click.command()
@click.option("--within", "days", type=click.IntRange(0, 36_600), required=True, help="In how many days.")
@click.option("--count", "counted", is_flag=True, help="Numbers by CA and profile instead of serials.")
@json_option
def expiring(days: int, counted: bool, as_json: bool) -> None:
    """List the certificates that end within DAYS and are not revoked, the first to end first."""
    from datetime import timedelta

    from pki.authority.expiry import count_expiring
    from pki.authority.expiry import expiring as ending
    from pki.clock import utc_now

    within = timedelta(days=days)
    with opened_database() as engine:
        for count in count_expiring(engine, utc_now(), within) if counted else ():
            show(count._asdict(), f"{count.certificates:,} of {count.issuer}, {count.profile}", as_json)
        for found in () if counted else ending(engine, utc_now(), within):
            serial, end = f"{found.serial:032x}", found.not_after.isoformat()
            text = f"{serial} {end} {found.issuer} {found.profile} {found.status}"
            show({**found._asdict(), "serial": serial, "not_after": end}, text, as_json)
