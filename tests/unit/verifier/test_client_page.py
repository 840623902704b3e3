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


def test_a_token_without_a_challenge_and_one_posted_twice(site: dict[str, Any]) -> None:
    session: dict[str, Any] = {}
    nonce = site["challenge"](session)["nonce"]
    token = CARD.token(nonce, ORIGIN)
    assert site["log_in"]({}, token)[0] == 400
    assert site["log_in"](session, token)[0] == 200
    assert site["log_in"](session, token)[0] == 400
    site["verifier"].close()


def test_whatever_a_visitor_posts_is_a_4xx_of_the_site(site: dict[str, Any]) -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    for posted in (
        None,
        [],
        "x",
        5,
        {},
        {"format": "\ud800"},
        {"x": float("nan")},
        {"x": "y" * 100_000},
        deep,
    ):
        session: dict[str, Any] = {}
        site["challenge"](session)
        status, said = site["log_in"](session, posted)
        assert status in {400, 403}
        assert set(said["say"]) == {"fa", "en"}
    site["verifier"].close()


def test_a_refusal(site: dict[str, Any]) -> None:
    session: dict[str, Any] = {}
    nonce = site["challenge"](session)["nonce"]
    status, said = site["log_in"](session, CARD.token(nonce, "https://evil.example.ir"))
    assert (status, set(said["say"]), len(said["receipt"])) == (403, {"fa", "en"}, 10)
    assert session == {}
    site["verifier"].close()
