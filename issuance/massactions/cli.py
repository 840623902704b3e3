"""`hoviat registry mass`."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cardio.cli.common import json_option
from issuance.console import signed_in

if TYPE_CHECKING:
    from issuance.console import SignedIn
    from issuance.massactions.running import MassRuns
    from issuance.massactions.selection import KeySelection
    from issuance.massactions.service import MassActions
    from issuance.massactions.views import ActionView, MassProgress, Report
    from issuance.operators.service import Actor

_Command = TypeVar("_Command", bound=Callable[..., None])
_MemberT = TypeVar("_MemberT", bound=Enum)
_action = click.argument("action_id", metavar="ACTION")
_operator = click.option(
    "--operator", required=True, metavar="NAME", help="Your user name; the password is asked for."
)
_reason = click.option("--reason", required=True, help="Why, in words, for the record. No personal data.")


@click.group()
def mass() -> None:
    """A weak-key crisis: hold all keys of one origin, tell their holders, release what is left.

    Two people decide; what was cut off goes on by `run` again. Keys leave an action as cards are renewed
    (`hoviat registry renew`).
    """


def _criteria(command: _Command) -> _Command:
    """The options that say which keys are meant, all of them together."""
    options = (
        ("--batch", "body_batches", "BATCH", "A delivery of chips, by stock's identifier."),
        ("--chip-type", "chip_types", "NAME", "The supplier's name of chip and body."),
        ("--key-type", "key_types", "TYPE", "ec or rsa."),
        ("--algorithm", "algorithms", "NAME", "secp256r1, secp384r1, rsa2048, rsa3072, rsa4096."),
        ("--slot", "slots", "SLOT", "9A or 9C."),
        ("--office", "offices", "CODE", "Where keys were made."),
        ("--station", "stations", "NAME", "At which reader station."),
        ("--origin", "origins", "WHERE", "card or imported."),
    )
    windows = (
        ("--made-from", "made_from", "Made then or later (ISO 8601, with zone)."),
        ("--made-before", "made_before", "Made before then."),
    )
    for flag, name, text in reversed(windows):
        command = click.option(flag, name, metavar="TIME", help=text)(command)
    for flag, name, metavar, text in reversed(options):
        command = click.option(flag, name, metavar=metavar, multiple=True, help=text)(command)
    return command


@mass.command()
@_criteria
@_operator
@json_option
def preview(operator: str, *, as_json: bool, **criteria: Any) -> None:  # noqa: ANN401 - click's own values
    """Print which keys a selection means now: counts, and some of them as samples. Changes nothing."""
    with _crisis(operator) as crisis:
        found = crisis.actions.preview(crisis.actor, _selection(criteria))
    click.echo(json.dumps(found) if as_json else _counts(found))


@mass.command()
@_criteria
@_reason
@click.option(
    "--tolerance",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="By how many keys the selection may differ when it is confirmed.",
)
@_operator
@json_option
def propose(
    operator: str,
    reason: str,
    tolerance: int,
    *,
    as_json: bool,
    **criteria: Any,  # noqa: ANN401 - click's own values
) -> None:
    """Fix which keys are meant, for another person to confirm. Holds nothing yet."""
    with _crisis(operator) as crisis:
        view = crisis.actions.propose(crisis.actor, _selection(criteria), reason, tolerance)
    _show(view, as_json=as_json)


@mass.command()
@_action
@_operator
@json_option
def confirm(action_id: str, operator: str, *, as_json: bool) -> None:
    """Confirm, as a second person, what was proposed: the action, or its lifting."""
    with _crisis(operator) as crisis:
        lifting = crisis.actions.view(crisis.actor, action_id).lift_proposed_by is not None
        decide = crisis.actions.confirm_lift if lifting else crisis.actions.confirm
        view = decide(crisis.actor, action_id)
    _show(view, as_json=as_json)


@mass.command()
@_action
@_operator
@json_option
def cancel(action_id: str, operator: str, *, as_json: bool) -> None:
    """End an action that has not begun."""
    with _crisis(operator) as crisis:
        view = crisis.actions.cancel(crisis.actor, action_id)
    _show(view, as_json=as_json)


@mass.command()
@_action
@_reason
@_operator
@json_option
def lift(action_id: str, reason: str, operator: str, *, as_json: bool) -> None:
    """Propose to release what is left of an action; another person confirms it, and `run` does it."""
    with _crisis(operator) as crisis:
        view = crisis.actions.propose_lift(crisis.actor, action_id, reason)
    _show(view, as_json=as_json)


@mass.command()
@_action
@_operator
@json_option
def run(action_id: str, operator: str, *, as_json: bool) -> None:
    """Carry out what was confirmed, or go on with it after a crash; prints progress part by part."""
    with _crisis(operator) as crisis:
        try:
            for progress in crisis.runs.run(crisis.actor, action_id):
                _show_progress(progress, as_json=as_json)
        finally:
            crisis.sign_record()


@mass.command()
@_action
@_operator
@json_option
def progress(action_id: str, operator: str, *, as_json: bool) -> None:
    """Print how far an action is."""
    with _crisis(operator) as crisis:
        crisis.actions.view(crisis.actor, action_id)
        found = crisis.runs.progress(action_id)
    _show_progress(found, as_json=as_json)


@mass.command()
@_action
@click.option("--keys", is_flag=True, help="Then each key of it on a line.")
@_operator
@json_option
def report(action_id: str, operator: str, *, keys: bool, as_json: bool) -> None:
    """Print what came of an action so far: keys by state, failures by reason."""
    with _crisis(operator) as crisis:
        _show_report(crisis.actions.report(crisis.actor, action_id), as_json=as_json)
        for line in crisis.lines(action_id) if keys else ():
            click.echo(json.dumps(line) if as_json else " ".join(_word(value) for value in line.values()))


@dataclass(frozen=True)
class _Crisis:
    opened: "SignedIn"
    actions: "MassActions"
    runs: "MassRuns"

    @property
    def actor(self) -> "Actor":
        return self.opened.actor

    def sign_record(self) -> None:
        """What was done stands under a checkpoint before the command ends."""
        self.opened.pki.checkpointer.make()

    def lines(self, action_id: str) -> Iterator[dict[str, Any]]:
        """Each key of an action."""
        from issuance.massactions.views import lines_of

        with self.opened.database.reading() as session:
            for line in lines_of(session, action_id):
                yield asdict(line)


@contextmanager
def _crisis(operator: str) -> Iterator[_Crisis]:
    from issuance.bootstrap import open_mass_actions

    with signed_in(operator) as opened:
        yield _Crisis(opened, *open_mass_actions(opened.shop, opened.pki))


def _selection(criteria: Mapping[str, Any]) -> "KeySelection":
    from issuance.massactions.selection import KeySelection
    from issuance.provenance.models import KeyType, Origin
    from pki.keys.kinds import KeyKind
    from pki.massactions.selection import Window

    return KeySelection(
        body_batches=frozenset(criteria["body_batches"]),
        chip_types=frozenset(criteria["chip_types"]),
        key_types=_members(KeyType, "--key-type", criteria["key_types"]),
        algorithms=_members(KeyKind, "--algorithm", criteria["algorithms"]),
        slots=frozenset(slot.upper() for slot in criteria["slots"]),
        offices=frozenset(criteria["offices"]),
        stations=frozenset(criteria["stations"]),
        origins=_members(Origin, "--origin", criteria["origins"]),
        made=Window(
            _time("--made-from", criteria["made_from"]), _time("--made-before", criteria["made_before"])
        ),
    )


def _members(enumeration: type[_MemberT], option: str, texts: Iterable[str]) -> frozenset[_MemberT]:
    try:
        return frozenset(enumeration(text) for text in texts)
    except ValueError as error:
        known = ", ".join(str(member.value) for member in enumeration)
        raise click.BadParameter(f"there are {known}", param_hint=option) from error


def _time(option: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter("not a time in ISO 8601", param_hint=option) from error
    if moment.tzinfo is None:
        raise click.BadParameter("say its zone: 2026-03-01T12:00Z", param_hint=option)
    return moment


def _show(view: "ActionView", *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(asdict(view), default=_plain))
        return
    click.echo(f"Mass action {view.id}: {view.state.value}, {view.keys:,} keys. {view.reason}")
    click.echo(_counts(view.preview))


def _counts(found: Mapping[str, Any]) -> str:
    """A preview for people; the samples are for machines."""
    lines = []
    for name, value in found.items():
        if isinstance(value, dict):
            text = ", ".join(f"{each} {count:,}" for each, count in value.items())
            lines.append(f"  {name}: {text}")
        elif name != "samples":
            lines.append(f"  {name}: {_word(value)}")
    return "\n".join(lines)


def _word(value: object) -> str:
    """A value for people: nothing is `-`, the two ends of a time are `first to last`."""
    if value is None:
        return "-"
    return " to ".join(str(each) for each in value) if isinstance(value, list) else str(value)


def _plain(value: object) -> str:
    """What JSON has no form for; times in ISO 8601, as everywhere."""
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _show_progress(found: "MassProgress", *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(asdict(found), default=_plain))
        return
    counts = f"held {found.held:,}, released {found.released:,}, skipped {found.skipped:,}"
    click.echo(f"{found.state.value}: {counts} of {found.keys:,} keys in {found.parts} parts")


def _show_report(found: "Report", *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(asdict(found), default=_plain))
        return
    _show(found.action, as_json=False)
    _show_progress(found.progress, as_json=False)
    for name, counts in (("keys", found.states), ("not held or released", found.failures)):
        click.echo(f"{name}: {', '.join(f'{each} {n:,}' for each, n in counts.items()) or 'none'}")
