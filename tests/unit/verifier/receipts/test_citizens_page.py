"""What a code opens for anybody: the page says what happened and what to do, and nothing of who."""

from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.unit.verifier.receipts.world import CARD, ORIGIN, World
from verifier.authentication.status import CertificateStatus
from verifier.receipts.advice import ADVICE, STEP_NAMES, TITLES
from verifier.receipts.negotiation import prefers_json
from verifier.receipts.throttle import ALLOWED, MAXIMUM_ADDRESSES, SECONDS, WrongCodes

JSON = "application/json"


class Elements(HTMLParser):
    """Every element with its attributes, and all text that is shown."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def named(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag == name]


def test_a_refused_login_is_told_in_both_languages(world: World) -> None:
    world.status = CertificateStatus.REVOKED
    code = world.log_in()["code"]
    answer = world.page(code)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    page = Elements(answer.text)
    assert page.named("html") == [{"lang": "fa", "dir": "rtl"}]
    for words in (TITLES["certificate-revoked"], ADVICE["certificate-revoked"], *STEP_NAMES.values()):
        assert page.text.index(words.fa) < page.text.index(words.en)
    steps = [attributes["class"] for attributes in page.named("li")]
    assert steps == [*["passed"] * 8, "failed"] * 2
    for shown in ("portal", f"{code[:5]}-{code[5:]}", "2026-03-21 15:30", "۱۴۰۵/۰۱/۰۱ ۱۵:۳۰"):
        assert shown in page.text


def test_an_accepted_login(world: World) -> None:
    page = Elements(world.page(world.log_in()["code"]).text)
    assert "ورود پذیرفته شد" in page.text
    assert "امضای رسید درست است" in page.text


@pytest.mark.parametrize("accept", ["text/html", JSON])
@pytest.mark.parametrize("origin", [ORIGIN, "https://evil.example.ir"])
def test_nothing_leaks(world: World, accept: str, origin: str) -> None:
    receipt = world.log_in(origin)
    text = world.page(receipt["code"], Accept=accept).text
    site = world.verifier.services.sites()[0]
    with world.verifier.database.read() as session:
        fingerprints = [row[0] for row in session.connection().exec_driver_sql(FINGERPRINTS)]
    hidden = [site.site_id, "portal.example.ir", "national", receipt["signed"], "0499370899", "احمدی"]
    for value in [*hidden, *filter(None, fingerprints), world.keys.current.key_id]:
        assert value not in text
    assert CARD.der.hex()[:40] not in text


FINGERPRINTS = (
    "SELECT certificate_sha256 FROM receipts UNION SELECT challenge_digest FROM receipts "
    "UNION SELECT detail FROM receipts"
)


def test_json_by_accept(world: World) -> None:
    code = world.log_in("https://evil.example.ir")["code"]
    answer = world.page(code, Accept=JSON)
    assert answer.headers["content-type"] == JSON
    shown = answer.json()
    assert set(shown) == {
        *("code", "time", "site", "outcome", "proof", "failed_step", "title", "advice", "steps"),
    }
    assert (shown["site"], shown["failed_step"], shown["proof"]) == ("portal", 7, "valid")
    missing = world.page("0000000000", Accept=JSON)
    assert (missing.status_code, missing.json()["type"]) == (404, "urn:hoviat:problem:receipt-unknown")


@pytest.mark.parametrize(
    ("accept", "json"),
    [
        ("", False),
        ("*/*", False),
        ("text/html,application/xhtml+xml,*/*;q=0.8", False),
        ("application/json", True),
        ("application/*", True),
        ("text/html;q=0.5, application/json", True),
        ("text/html;q=0.5, application/json;q=0.4", False),
        ("application/json;q=x, */*;q=0", False),
        ("APPLICATION/JSON; Q=0.9", True),
        (",;,;;q=,/", False),
        (",".join(["a/b"] * 1000 + [JSON]), False),
    ],
)
def test_negotiation(accept: str, json: bool) -> None:
    assert prefers_json(accept) is json


def test_the_policy_lets_nothing_in(world: World) -> None:
    code = world.log_in()["code"]
    for answer in (world.page(code), world.page("0000000000"), world.http.get("/verifier/receipts")):
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "unsafe" not in policy
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        page = Elements(answer.text)
        assert not page.named("script")
        assert not page.named("link")
        for _, attributes in page.elements:
            assert not {"style", "onclick", "onload", "src", "href"} & set(attributes)


def test_a_sites_name_is_only_text(tmp_path: Path) -> None:
    name = "<script>alert(1)</script>\"'&{{7*7}}"
    world = World.in_folder(tmp_path, name=name)
    page = Elements(world.page(world.log_in()["code"]).text)
    assert name in page.text
    assert not page.named("script")
    world.close()


@pytest.mark.parametrize(
    "code",
    [
        "0000000000",
        "UUUUUUUUUU",
        "x" * 3_000,
        "%00",
        "..%2f..%2fetc%2fpasswd",
        "a/b/c",
        "' OR 1=1",
        "%3Cscript%3Ealert(1)%3C/script%3E",
        "%E2%80%AE0123456789",
        "%ED%A0%80",
        "0000000000%20%20%20%20%20%20%20%20%20%20%20%20%20%20%20%20%20%20%20%20%20%20%20%20%20",
        "{{7*7}}",
    ],
)
def test_whatever_is_no_code_gets_the_same_answer(world: World, code: str) -> None:
    unknown, answer = world.page("1111111111"), world.page(code)
    assert (answer.status_code, answer.text) == (404, unknown.text)
    assert dict(answer.headers) == dict(unknown.headers)


def test_codes_as_people_write_them(world: World) -> None:
    code = world.log_in()["code"]
    persian = code.translate(str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹"))
    for spelling in (code.lower(), f"{code[:3]}-{code[3:]}", persian, f" {code} "):
        assert world.page(spelling).text == world.page(code).text


def test_a_typed_code_leads_to_its_page(world: World) -> None:
    code = world.log_in()["code"]
    answer = world.http.get("/verifier/receipts", params={"code": code.lower()})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/verifier/receipts/{code.lower()}")
    form = Elements(world.page(code).text).named("form")
    assert form == [{"method": "get", "action": "/verifier/receipts"}]
    for odd in ("//evil.example.ir", "https://evil.example.ir/", "\r\nSet-Cookie: a=b", "../x"):
        there = world.http.get("/verifier/receipts", params={"code": odd}).headers["location"]
        assert there.startswith("/verifier/receipts/")
        assert "\r" not in there
        assert there.count("/") == 3


def test_wrong_codes_end(world: World) -> None:
    code = world.log_in()["code"]
    for _ in range(ALLOWED):
        assert world.page(code).status_code == 200  # right ones cost nothing
    for _ in range(ALLOWED):
        assert world.page("0000000000").status_code == 404
    for wanted in ("0000000000", code):
        answer = world.page(wanted)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "600")
    other = world.page(code, **{"X-Forwarded-For": "203.0.114.7"})
    assert other.status_code == 200, "behind a proxy of ours, addresses are told apart"


class Hand:
    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


def test_tries_come_back_with_time() -> None:
    hand = Hand()
    wrong = WrongCodes(hand)
    assert [wrong.take("a") for _ in range(ALLOWED + 2)] == [*[True] * ALLOWED, False, False]
    wrong.give_back("a")
    assert (wrong.take("a"), wrong.take("a"), wrong.take("b")) == (True, False, True)
    hand.time = SECONDS + 1
    assert wrong.take("a")


def test_many_addresses_take_no_more_memory() -> None:
    wrong = WrongCodes(Hand())
    for number in range(MAXIMUM_ADDRESSES + 500):
        wrong.take(str(number))
    assert len(wrong._counts) == MAXIMUM_ADDRESSES
    wrong.give_back("0")
