"""docs/client.md: its example runs as it is printed."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from simulators.forge.inprocess import AppTransport
from tests.unit.verifier.logins.test_verifier_http import CARD, ORIGIN, World

PAGE = Path(__file__).parents[3] / "docs/client.md"
REAL_CLIENT = httpx.Client


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.http.close()
    made.verifier.close()


@pytest.fixture
def site(world: World, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names that the example defines."""
    transport = AppTransport(world.app)
    monkeypatch.setattr("httpx.Client", lambda **given: REAL_CLIENT(**{**given, "transport": transport}))
    monkeypatch.setenv("VERIFIER_URL", "http://verifier")
    monkeypatch.setenv("SITE_KEY", world.key)
    [example] = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(example, str(PAGE), "exec"), names)  # noqa: S102 - the page is ours
    return names


def test_a_login(site: dict[str, Any]) -> None:
    session = {"left": "over"}
    nonce = site["challenge"](session)["nonce"]
    status, said = site["log_in"](session, CARD.token(nonce, ORIGIN))
    assert (status, set(said)) == (200, {"receipt"})
    assert set(session) == {"person"}
    site["verifier"].close()


def test_a_refusal(site: dict[str, Any]) -> None:
    session: dict[str, Any] = {}
    nonce = site["challenge"](session)["nonce"]
    status, said = site["log_in"](session, CARD.token(nonce, "https://evil.example.ir"))
    assert (status, set(said["say"]), len(said["receipt"])) == (403, {"fa", "en"}, 10)
    assert session == {}
    site["verifier"].close()
