"""A token explained step by step, for the command line."""

import codecs
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import IO, TypeAlias

from pki.errors import ValidationError
from pki.validation import ValidatedPath
from pki.validation.batch import lines_in
from pki.validation.inputs import InputError, objects_in
from verifier.authentication import strictjson
from verifier.authentication.errors import LoginRefusedError
from verifier.authentication.identity import Identity
from verifier.authentication.policy import AuthenticationPolicy
from verifier.authentication.status import StatusAnswer, check_status
from verifier.authentication.steps import Step
from verifier.authentication.strictjson import JsonValue, StrictJsonError
from verifier.authentication.token import WebEidToken
from verifier.authentication.trust import GivenTrust, Trust
from verifier.authentication.verification import TokenVerifier
from verifier.status.addresses import network
from verifier.status.once import ask_once
from verifier.status.settings import Mode

PROBLEM_TYPE_PREFIX = "urn:hoviat:problem:"
MAXIMUM_LINE_BYTES = 1_000_000
_MAXIMUM_DEPTH = 10
_UTF_8 = codecs.getincrementaldecoder("utf-8")
EXPLAINED_STEPS = tuple(step for step in Step if step is not Step.CHALLENGE)
"""What can be checked of a token without the verifier that issued its challenge."""

AskStatus: TypeAlias = Callable[[ValidatedPath, datetime], StatusAnswer]
"""Step 8's question: the card's certificate and what stands above it, the time. Raises StatusError."""


class QuestionError(Exception):
    """A token can't be examined because the question is unclear; the text says what is missing or wrong."""


@dataclass(frozen=True)
class Question:
    """A token and everything it is to be checked against."""

    token: str
    nonce: str
    origin: str
    at: datetime
    policy: AuthenticationPolicy
    trust: Trust
    status: AskStatus | None = None
    """None leaves step 8 out."""


@dataclass(frozen=True)
class Explanation:
    """How it ended: an identity, or the error of the step that refused."""

    identity: Identity | None
    error: LoginRefusedError | None
    answer: StatusAnswer | None = None
    """What the issuer says of the certificate, if somebody was asked and told."""

    def status_members(self) -> dict[str, str | None] | None:
        """The answer for machines."""
        if self.answer is None:
            return None
        since = None if self.answer.since is None else self.answer.since.isoformat()
        return {"status": self.answer.status.value, "since": since, "reason": self.answer.reason}

    def status_words(self) -> str | None:
        """The answer for people, on one line."""
        if self.answer is None:
            return None
        since = "" if self.answer.since is None else f" since {self.answer.since.isoformat()}"
        reason = "" if self.answer.reason is None else f" ({self.answer.reason})"
        return f"{self.answer.status.value.replace('_', ' ')}{since}{reason}"

    def problem_type(self) -> str | None:
        """The stable type of the failure, None for an accepted token."""
        return None if self.error is None else PROBLEM_TYPE_PREFIX + self.error.kind

    def passed(self, step: Step) -> bool | None:
        """True, False, or None for a step that was not reached."""
        if self.error is None or step < self.error.step:
            return True
        return False if step == self.error.step else None


def explain(question: Question) -> Explanation:
    """Takes steps 1 to 7, and 8 if the question says whom to ask for the status; then it blocks."""
    answer = None
    try:
        token = WebEidToken.parse(question.token)
        verifier = TokenVerifier(question.policy, question.trust, status=None)
        checked = verifier.check(token, question.origin, question.nonce, question.at)
        if question.status is not None:
            answer = question.status(checked.path, question.at)
            check_status(answer)
    except LoginRefusedError as error:
        return Explanation(None, error, answer)
    return Explanation(checked.identity(), None, answer)


def read_time(text: str) -> datetime:
    """An ISO 8601 time with its offset, or Z; raises QuestionError."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise QuestionError(f"not an ISO 8601 time: {text!a}") from error
    if time.tzinfo is None:
        raise QuestionError(f"a time needs Z or an offset: {text!a}")
    return time


def read_token(data: bytes) -> str:
    """A token's file, or its beginning; raises QuestionError for what is no text."""
    try:
        return _UTF_8().decode(data).strip()  # a character that was cut off at the end is left out
    except UnicodeDecodeError as error:
        raise QuestionError(f"the token is not UTF-8: {error.reason} at byte {error.start}") from error


def read_trust(pems: Iterable[bytes]) -> Trust:
    """Trust anchors from PEM texts of one or more certificates each; raises QuestionError.

    One that can't be read refuses the question; one that is expired, or no authority, vouches for nobody.
    """
    try:
        return GivenTrust([der for pem in pems for der in objects_in(pem)])
    except (InputError, ValidationError) as error:
        raise QuestionError(f"a trust anchor is not a PEM certificate: {error}") from error


def find_policy(policies: Mapping[str, AuthenticationPolicy], name: str) -> AuthenticationPolicy:
    """The policy of this name; raises QuestionError naming those there are."""
    if name not in policies:
        raise QuestionError(f"unknown policy {name!a}; known: {', '.join(sorted(policies))}")
    return policies[name]


def find_status(name: str, networks: Iterable[str] = ()) -> AskStatus | None:
    """Whom `--status` asks in step 8; None leaves the step out. Raises QuestionError.

    :param networks: that may be asked though they aren't public, as `127.0.0.0/8`
    """
    try:
        permitted = tuple(network(text) for text in networks)
    except ValueError as error:
        raise QuestionError(f"not a network: {error}") from error
    if name == "none":
        return None
    mode = Mode(name)
    return lambda path, at: ask_once(path, at, mode, permitted)


def answer_lines(
    stream: IO[bytes], policies: Mapping[str, AuthenticationPolicy]
) -> Iterator[dict[str, object]]:
    """One answer `{name, ok, error, step}` per line `{name, token, nonce, origin, at, trust, policy}`, UTF-8.

    Step 8 is left out: nobody is asked about certificates by the thousand. A line that is no question is
    answered with error `…:request-malformed` and a `detail`.
    """
    for line in lines_in(stream, MAXIMUM_LINE_BYTES):
        yield _answer_line(line, policies)


def _answer_line(line: bytes, policies: Mapping[str, AuthenticationPolicy]) -> dict[str, object]:
    name: str | None = None
    try:
        members = _members(line)
        name = _text(members, "name")
        explanation = explain(_question(members, policies))
    except QuestionError as error:
        kind = PROBLEM_TYPE_PREFIX + "request-malformed"
        return {"name": name, "ok": False, "error": kind, "step": None, "detail": str(error)}
    step = None if explanation.error is None else explanation.error.step.value
    return {
        "name": name,
        "ok": explanation.error is None,
        "error": explanation.problem_type(),
        "step": step,
    }


def _members(line: bytes) -> dict[str, JsonValue]:
    if len(line) > MAXIMUM_LINE_BYTES:
        raise QuestionError(f"a line has at most {MAXIMUM_LINE_BYTES} bytes")
    try:
        value = strictjson.loads(line.decode("utf-8"), _MAXIMUM_DEPTH)
    except UnicodeDecodeError as error:
        raise QuestionError("a line is not UTF-8") from error
    except StrictJsonError as error:
        raise QuestionError(f"not a JSON line: {error.fault.value}") from error
    if not isinstance(value, dict):
        raise QuestionError("a line is a JSON object")
    return value


def _question(members: Mapping[str, JsonValue], policies: Mapping[str, AuthenticationPolicy]) -> Question:
    trust = members.get("trust")
    if not isinstance(trust, list):
        raise QuestionError("trust is a list of PEM texts")
    token = members.get("token")
    return Question(
        token if isinstance(token, str) else json.dumps(token, ensure_ascii=False),
        _text(members, "nonce"),
        _text(members, "origin"),
        read_time(_text(members, "at")),
        find_policy(policies, _text(members, "policy")),
        read_trust(_pem(entry) for entry in trust),
    )


def _pem(entry: JsonValue) -> bytes:
    if not isinstance(entry, str):
        raise QuestionError("trust is a list of PEM texts")
    return entry.encode()


def _text(members: Mapping[str, JsonValue], name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str):
        raise QuestionError(f"{name} is missing or not a string")
    return value
