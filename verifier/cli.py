"""The commands `hoviat service`, `hoviat verifier` and `hoviat token`."""

import json
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from verifier.receipts.cli import receipt

if TYPE_CHECKING:
    from collections.abc import Callable

    from verifier.explaining import Explanation
    from verifier.services.registry import SiteCredentials, SiteRegistry

_MAXIMUM_TOKEN_FILE_BYTES = 400_000
"""More than any token has: one that is too long is to be called so."""


def _home_folder() -> Path:
    folder = click.get_current_context().find_root().params["home"]
    if not isinstance(folder, Path):
        raise click.ClickException("this command needs --home")
    return folder


@click.group()
def service() -> None:
    """Register the sites that log citizens in through this verifier."""


@service.command("add")
@click.argument("name")
@click.option("--origin", required=True, help="The site's web origin, such as https://portal.example.ir")
@click.option(
    "--policy", default="national", show_default=True, help="Whose cards log in: national, webeid, operator."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def add(name: str, origin: str, policy: str, *, as_json: bool) -> None:
    """Register NAME and print its API key, the only time that it is shown.

    The policy national takes our own cards, webeid those of the foreign authorities under HOME/anchors/login,
    operator those of the registry's own people.
    """
    _print_credentials(lambda sites: sites.register_site(name, origin, policy), name, as_json=as_json)


@service.command("renew-key")
@click.argument("name")
@click.option("--origin", help="The site's new web origin, if it has moved.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def renew_key(name: str, origin: str | None, *, as_json: bool) -> None:
    """Give NAME a new API key; the old one ends at once."""
    _print_credentials(lambda sites: sites.renew_key(name, origin), name, as_json=as_json)


def _print_credentials(
    make: "Callable[[SiteRegistry], SiteCredentials]", name: str, *, as_json: bool
) -> None:
    from pki.home import HomeError, load
    from verifier.bootstrap import open_registry
    from verifier.services.errors import SiteError

    try:
        registry, database = open_registry(load(_home_folder()))
        try:
            made = make(registry)
        finally:
            database.close()
    except (HomeError, SiteError) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps({"site_id": made.site_id, "api_key": made.api_key}))
    else:
        click.echo(f"API key of {name} (keep it; it is not shown again):", err=True)
        click.echo(made.api_key)


@service.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one line a site.")
def list_sites(*, as_json: bool) -> None:
    """List the registered sites."""
    from pki.home import HomeError, load
    from verifier.bootstrap import open_registry

    try:
        registry, database = open_registry(load(_home_folder()))
    except HomeError as error:
        raise click.ClickException(str(error)) from error
    try:
        for site in registry.sites():
            members = {
                "site_id": site.site_id,
                "name": site.name,
                "origin": site.origin,
                "policy": site.policy,
            }
            click.echo(json.dumps(members, ensure_ascii=False) if as_json else "  ".join(members.values()))
    finally:
        database.close()


@click.group()
def verifier() -> None:
    """The verifier by itself, and its receipts."""


verifier.add_command(receipt)


@verifier.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=8082, show_default=True, type=click.IntRange(0, 65535), help="Port to listen on."
)
@click.option(
    "--workers", default=2, show_default=True, type=click.IntRange(1, 64), help="Processes that answer."
)
def serve(host: str, port: int, workers: int) -> None:
    """Serve logins under /verifier, alone; Ctrl-C or SIGTERM ends it gently."""
    from pki.errors import PkiError
    from pki.home import HomeError, load
    from pki.workers import ServiceStoppedError, listen
    from verifier.serving import Serving, check, run

    try:
        home = load(_home_folder())
        check(home)
        with listen(host, port) as listener:
            click.echo(f"serving http://{host}:{listener.getsockname()[1]}/verifier/ (Ctrl-C ends)", err=True)
            run(Serving(home, listener, workers))
    except (HomeError, PkiError, ServiceStoppedError) as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"can't listen on {host}:{port}: {error.strerror}") from error


@verifier.command("clock")
@click.option(
    "--confirm", "officer", metavar="LABEL", help="Say that the clock is right and the record was ahead."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def clock(officer: str | None, *, as_json: bool) -> None:
    """Compare the clock with the verifier's record; nobody logs in while it is behind that by over a minute.

    Set the clock right first. Should it have been ahead once, an officer confirms the present time with
    --confirm, which is recorded. The PKI's record has a command of its own: hoviat pki clock.
    """
    from pki.clock import utc_now
    from pki.errors import OfficerLabelError
    from pki.home import HomeError, load
    from verifier.bootstrap import open_database
    from verifier.clockguard import ClockGuard, ClockNotBehindError, confirm

    try:
        database = open_database(load(_home_folder()))
    except HomeError as error:
        raise click.ClickException(str(error)) from error
    try:
        if officer is not None:
            confirm(database, utc_now, officer)
        behind = int(ClockGuard(database, utc_now).behind().total_seconds())
    except ClockNotBehindError as error:
        raise click.ClickException("the clock is not behind the record: nothing to confirm") from error
    except OfficerLabelError as error:
        raise click.ClickException(str(error)) from error
    finally:
        database.close()
    said = f"the clock is behind the record by {behind} s" if behind else "the clock is not behind the record"
    click.echo(json.dumps({"behind_seconds": behind}) if as_json else said)
    if behind:
        raise click.exceptions.Exit(1)


@click.group()
def token() -> None:
    """Examine Web eID authentication tokens."""


@token.command("verify")
@click.argument("file", type=click.File("rb"))
@click.option("--policy", "policy_name", help="national, webeid or operator.")
@click.option(
    "--trust",
    "trust_files",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="PEM file of trusted authorities; may be given several times.",
)
@click.option("--origin", help="The site's origin.")
@click.option("--nonce", help="The nonce that was issued.")
@click.option("--at", help="The time of the login, ISO 8601 with offset or Z.")
@click.option(
    "--status",
    type=click.Choice(["none", "ocsp", "crl"]),
    default="none",
    help="Ask the responder, or fetch the CRL, that the certificate names; none leaves step 8 out.",
)
@click.option(
    "--network",
    "networks",
    multiple=True,
    help="A network that isn't public and may be asked all the same, such as 127.0.0.0/8.",
)
@click.option("--batch", is_flag=True, help="Read questions and write answers as JSON lines.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(
    file: IO[bytes],
    policy_name: str | None,
    trust_files: tuple[Path, ...],
    origin: str | None,
    nonce: str | None,
    at: str | None,
    status: str,
    networks: tuple[str, ...],
    *,
    batch: bool,
    as_json: bool,
) -> None:
    """Explain the token in FILE (- for standard input), step by step; exit 0 only if it is accepted.

    The status is asked last and over the network. Its answers are of now, so they count if --at is.

    With --batch nobody is asked. Each line is {name, token, nonce, origin, at, trust: [pem…], policy} and
    each answer {name, ok, error, step}, error being the problem type; exit 0 if every line was a question.
    """
    from verifier.bootstrap import POLICIES
    from verifier.explaining import (
        Question,
        QuestionError,
        explain,
        find_policy,
        find_status,
        read_time,
        read_token,
        read_trust,
    )

    if batch:
        if status != "none":
            raise click.UsageError("--batch asks nobody: it goes without --status")
        _answer_batch(file)
        return
    if policy_name is None or origin is None or nonce is None or at is None:
        raise click.UsageError("--policy, --origin, --nonce and --at are needed without --batch")
    try:
        question = Question(
            read_token(file.read(_MAXIMUM_TOKEN_FILE_BYTES)),
            nonce,
            origin,
            read_time(at),
            find_policy(POLICIES, policy_name),
            read_trust(path.read_bytes() for path in trust_files),
            find_status(status, networks),
        )
    except (QuestionError, OSError) as error:
        raise click.ClickException(str(error)) from error
    show = _show_json if as_json else _show_words
    explanation = explain(question)
    show(explanation, status)
    if explanation.error is not None:
        raise click.exceptions.Exit(1)


def _answer_batch(file: IO[bytes]) -> None:
    from verifier.bootstrap import POLICIES
    from verifier.explaining import answer_lines

    understood = True
    for answer in answer_lines(file, POLICIES):
        click.echo(json.dumps(answer, ensure_ascii=False))
        understood = understood and "detail" not in answer
    if not understood:
        raise click.ClickException("some lines could not be understood; their answers say why")


def _show_json(explanation: "Explanation", status: str) -> None:
    error = explanation.error
    members = {
        "ok": error is None,
        "error": explanation.problem_type(),
        "step": None if error is None else error.step.value,
        "detail": None if error is None else error.detail,
        "status": {"source": status, "answer": explanation.status_members()},
    }
    click.echo(json.dumps(members))


def _show_words(explanation: "Explanation", status: str) -> None:
    from verifier.authentication.steps import Step
    from verifier.explaining import EXPLAINED_STEPS
    from verifier.receipts.advice import STEP_NAMES

    error = explanation.error
    marks = {True: "passed", False: "FAILED", None: "not reached"}
    for step in EXPLAINED_STEPS:
        left_out = step is Step.STATUS and status == "none"
        mark = "left out" if left_out else marks[explanation.passed(step)]
        click.echo(f"{step.value}  {mark:<11}  {STEP_NAMES[step.name].en}")
    said = explanation.status_words()
    if said is not None:
        click.echo(f"By {status.upper()} the certificate is {said}.")
    click.echo(f"{error.title}: {error.detail}" if error else "The token is accepted.")
