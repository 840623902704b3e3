"""`hoviat pki validate --batch`: one path a JSON line, one verdict a JSON line."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import IO

from pki.validation.crl import Crl, read_crl
from pki.validation.errors import PathError
from pki.validation.evidence import Evidence
from pki.validation.inputs import MAX_OBJECTS, InputError, moment_in, objects_in_text, require_identifier
from pki.validation.path import validate
from pki.validation.policy import DEFAULT_KEYS, PathPolicy, RevocationMode

MAX_LINE = 64 << 20
MAX_NAME = 4096
_PIECES = 1024
"""The rest of a line that is too long is read past in pieces of its bound's 1,024th part."""
_MAX_VALUES = 16_384
"""A line of nothing but brackets and commas would grow thirtyfold when it is read."""
_KEPT_BYTES = 1 << 20
_KEYS = replace(DEFAULT_KEYS, dsa_bits=1024)
"""NIST's PKITS signs four of its cases by DSA keys of 1024 bits; nothing else here admits them."""
MALFORMED_LINE = "malformed-line"
"""The error of a line that is no case at all; it doesn't count as processed."""


@dataclass(frozen=True)
class Case:
    """One line, understood."""

    name: str
    chain: tuple[bytes, ...]
    trust: tuple[bytes, ...]
    crls: tuple[bytes, ...]
    at: datetime
    policy: PathPolicy


@dataclass(frozen=True)
class Verdict:
    """What a line comes to."""

    name: str | None
    error: str | None
    """A kind of `pki.validation.errors`, or `malformed-line`."""

    @property
    def processed(self) -> bool:
        """Whether there was something to judge."""
        return self.error != MALFORMED_LINE

    def as_line(self) -> str:
        """JSON."""
        return json.dumps({"name": self.name, "ok": self.error is None, "error": self.error})


def lines_in(stream: IO[bytes], limit: int) -> Iterator[bytes]:
    """The stream's lines that are not empty, each cut off behind `limit` bytes: no more of one is kept."""
    while line := stream.readline(limit + 1):
        rest = line
        while len(rest) > limit // _PIECES and rest[-1:] != b"\n":
            rest = stream.readline(limit // _PIECES + 1)
        if line.strip():
            yield line


def judge_line(line: str | bytes) -> Verdict:
    """Never raises for what stands in the line. Bytes are UTF-8."""
    try:
        data = _data(line)
    except InputError:
        return Verdict(None, MALFORMED_LINE)
    try:
        return judge(read_case(data))
    except InputError:
        return Verdict(_name_in(data), MALFORMED_LINE)


def judge(case: Case) -> Verdict:
    """Validates one case."""
    try:
        evidence = Evidence.of(
            _kept_crl(crl) if len(crl) <= _KEPT_BYTES else read_crl(crl) for crl in case.crls
        )
        validate(case.chain, case.trust, case.at, case.policy, evidence)
    except PathError as error:
        return Verdict(case.name, error.kind)
    return Verdict(case.name, None)


@lru_cache(maxsize=16)
def _kept_crl(crl: bytes) -> Crl:
    return read_crl(crl)


def _data(line: str | bytes) -> dict[str, object]:
    if len(line) > MAX_LINE:
        raise InputError("the line is too long")
    try:
        text = line if isinstance(line, str) else line.decode("utf-8-sig")
        if sum(map(text.count, "[{,")) > _MAX_VALUES:
            raise InputError("the line has more values than a case has")
        data = json.loads(text, object_pairs_hook=_once_each)
    except (ValueError, RecursionError) as error:
        raise InputError("the line is not JSON") from error
    if not isinstance(data, dict):
        raise InputError("the line is no JSON object")
    return data


def _once_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Of two members of one name another reader may take the other."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InputError("a member stands twice")
    return found


def _name_in(data: dict[str, object]) -> str | None:
    name = data.get("name")
    return name if isinstance(name, str) and len(name) <= MAX_NAME else None


def read_case(data: dict[str, object]) -> Case:
    """Raises InputError for a missing member or one of another type; unknown members are let through."""
    name, at = _name_in(data), data.get("at")
    if name is None or not isinstance(at, str):
        raise InputError(f"name (of {MAX_NAME} characters at most) and at must be there, as strings")
    crls, chain = _objects(data, "crls"), _objects(data, "chain")
    if not chain:
        raise InputError("chain must hold a certificate")
    policy = PathPolicy(
        policies=frozenset(map(require_identifier, _strings(data, "policies"))),
        explicit_policy=_flag(data, "explicit_policy"),
        mapping_inhibited=_flag(data, "mapping_inhibited"),
        any_policy_inhibited=_flag(data, "any_policy_inhibited"),
        revocation=RevocationMode.CRL if crls else RevocationMode.NONE,
        sha1=True,
        keys=_KEYS,
    )
    return Case(name, chain, _objects(data, "trust"), crls, moment_in(at), policy)


def _flag(data: dict[str, object], member: str) -> bool:
    value = data.get(member)
    if value is not None and not isinstance(value, bool):
        raise InputError(f"{member} must be true or false")
    return bool(value)


def _strings(data: dict[str, object], member: str) -> list[str]:
    value = data.get(member)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InputError(f"{member} must be a list of strings")
    if len(value) > MAX_OBJECTS:
        raise InputError(f"{member} has more than {MAX_OBJECTS} items")
    return value


def _objects(data: dict[str, object], member: str) -> tuple[bytes, ...]:
    found: list[bytes] = []
    for text in _strings(data, member):
        found += objects_in_text(text)
        if len(found) > MAX_OBJECTS:
            raise InputError(f"{member} has more than {MAX_OBJECTS} objects")
    return tuple(found)
