"""What guards the pages, without a server."""

import ast
from pathlib import Path
from types import SimpleNamespace

import pytest
from starlette.requests import Request

import issuance.web
from issuance.errors import IssuanceError, LoginThrottledError
from issuance.web.access import csrf_token
from issuance.web.forms import ForeignFormError, own_origin
from issuance.web.headers import CONTENT_SECURITY_POLICY
from issuance.web.problems import refusal
from issuance.web.session_pages import local_path

PUBLIC = "https://registry.example"
WEB = Path(issuance.web.__file__).parent
BEFORE_A_SESSION = {"sign_in", "challenge", "card_challenge", "sign_in_with_card"}
"""They ask where the form comes from, and no more: there is no session yet."""


def request(**headers: str) -> Request:
    sent = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    served = SimpleNamespace(state=SimpleNamespace(registry=SimpleNamespace(public_url=PUBLIC)))
    where = {"scheme": "http", "path": "/", "root_path": "/issuance", "app": served}
    return Request(
        {"type": "http", "method": "POST", "headers": sent, "client": ("10.0.0.2", 40_000), **where}
    )


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"host": "registry.example", "origin": "https://evil.example"},
        {"host": "registry.example", "origin": "null"},
        {"host": "registry.example", "origin": "https://registry.example:8443"},
        {"host": "registry.example", "origin": "http://registry.example"},
        {"host": "registry.example", "origin": "http://registry.example", "x_forwarded_proto": "http"},
        {"host": "10.0.0.1:8080", "origin": "https://10.0.0.1:8080"},
        {"host": "inside.example", "origin": "http://inside.example", "x_forwarded_proto": "https"},
        {"host": "registry.example", "origin": ""},
        {"origin": "https://"},
    ],
)
def test_forms_of_other_sites_are_refused(headers: dict[str, str]) -> None:
    with pytest.raises(ForeignFormError):
        own_origin(request(**headers))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec_fetch_site": "same-origin"},
        {"host": "registry.example", "origin": "https://registry.example"},
        {"host": "10.0.0.1:8080", "origin": "http://10.0.0.1:8080"},
        {"host": "inside.example", "origin": "https://inside.example", "x_forwarded_proto": "https"},
    ],
)
def test_our_own_forms_pass(headers: dict[str, str]) -> None:
    own_origin(request(**headers))


def test_the_forms_token_does_not_tell_the_session() -> None:
    assert csrf_token("session") != csrf_token("session2")
    assert "session" not in csrf_token("session")


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example/",
        "//evil.example/",
        "/elsewhere",
        "/issuance/\\evil",
        "/issuance/\r\nSet-Cookie: x",
    ],
)
def test_going_back_never_leaves_the_pages(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("issuance.web.session_pages.path_for", lambda *_: "/issuance/applications")
    assert local_path(request(), path) == "/issuance/applications"


def test_the_policy_allows_nothing_inline_and_nobody_else() -> None:
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "http" not in CONTENT_SECURITY_POLICY
    assert "default-src 'none'" in CONTENT_SECURITY_POLICY


def test_templates_hold_no_inline_script_or_style() -> None:
    for template in (WEB / "templates").glob("*.html"):
        text = template.read_text(encoding="utf-8")
        assert " style=" not in text
        assert " onclick" not in text
        assert "<style" not in text
        assert text.count("<script") == text.count("<script src=")
        assert "|safe" not in text


def test_every_form_that_changes_something_carries_the_token() -> None:
    for template in (WEB / "templates").glob("*.html"):
        text = template.read_text(encoding="utf-8")
        posts = text.count('method="post"')
        expected = 0 if template.name in {"login.html", "my_record_login.html"} else posts
        assert text.count('name="csrf"') == expected, template.name


def test_every_page_that_changes_something_asks_for_the_token() -> None:
    for module in WEB.glob("*_pages.py"):
        tree = ast.parse(module.read_text(encoding="utf-8"))
        for function in (node for node in tree.body if isinstance(node, ast.FunctionDef)):
            posts = [d for d in function.decorator_list if isinstance(d, ast.Call) and _is_post(d)]
            asked = ast.unparse(function.args)
            if posts and function.name not in BEFORE_A_SESSION:
                assert "FormActor" in asked or "FormCitizen" in asked, f"{module.name}: {function.name}"
            elif posts:
                assert "own_origin" in asked, f"{module.name}: {function.name}"


def _is_post(decorator: ast.Call) -> bool:
    return isinstance(decorator.func, ast.Attribute) and decorator.func.attr == "post"


def subclasses(error: type[IssuanceError]) -> set[type[IssuanceError]]:
    below = set(error.__subclasses__())
    return below.union(*(subclasses(one) for one in below)) if below else below


def test_every_refusal_has_a_stable_kind_of_its_own() -> None:
    classes = subclasses(IssuanceError)
    kinds = [one.kind for one in classes]
    assert len(set(kinds)) == len(kinds)
    assert all(kind == kind.lower() and " " not in kind for kind in kinds)


def test_a_throttled_login_says_how_long() -> None:
    told = refusal(LoginThrottledError(30))
    assert (told.status, told.wait_s) == (429, 30)


def test_a_fault_of_the_program_is_not_told_as_a_refusal() -> None:
    with pytest.raises(ZeroDivisionError):
        refusal(ZeroDivisionError())
