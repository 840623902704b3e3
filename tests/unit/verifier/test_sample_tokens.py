"""Each published sample token ends as its line says, through the command that is published with them."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from simulators.forge.samples import SampleForge
from verifier.authentication.errors import ChallengeError, LoginRefusedError, PolicyUnavailableError
from verifier.authentication.statuserrors import StatusError
from verifier.cli import token

PUBLISHED = Path(__file__).parents[3] / "docs" / "samples" / "tokens.jsonl"
PREFIX = "urn:hoviat:problem:"


def verdicts(text: str) -> list[dict[str, Any]]:
    result = CliRunner().invoke(token, ["verify", "--batch", "-"], input=text)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def kinds(base: type[LoginRefusedError]) -> set[str]:
    own = {base.kind} if hasattr(base, "kind") else set()
    return own.union(*map(kinds, base.__subclasses__()))


@pytest.mark.parametrize("which", ["published", "fresh"])
def test_samples_end_as_they_say(which: str) -> None:
    text = PUBLISHED.read_text(encoding="utf-8") if which == "published" else "\n".join(SampleForge().lines())
    samples = [json.loads(line) for line in text.splitlines()]
    expected = [{"name": sample["name"], **sample["expect"]} for sample in samples]
    assert verdicts(text) == expected
    assert len({sample["name"] for sample in samples}) == len(samples)


def test_samples_hold_every_algorithm_and_every_kind_of_refusal() -> None:
    samples = [json.loads(line) for line in PUBLISHED.read_text(encoding="utf-8").splitlines()]
    accepted = {sample["name"] for sample in samples if sample["expect"]["ok"]}
    names = [f"{scheme}{bits}" for scheme in ("ES", "PS", "RS") for bits in (256, 384, 512)]
    assert {f"valid-{name}" for name in names} <= accepted
    told = {sample["expect"]["error"] for sample in samples} - {None}
    elsewhere = kinds(ChallengeError) | kinds(StatusError) | {PolicyUnavailableError.kind}
    assert told == {PREFIX + kind for kind in kinds(LoginRefusedError) - elsewhere}


def test_samples_hold_no_private_key() -> None:
    assert "PRIVATE" not in PUBLISHED.read_text(encoding="utf-8")
