"""Codes of authenticator apps, by RFC 6238's own vectors."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from issuance.operators.totp import (
    DIGITS,
    SECRET_BYTES,
    STEP_SECONDS,
    code_at,
    matching_step,
    new_secret,
    provisioning_uri,
    step_of,
)

VECTORS = json.loads((Path(__file__).parents[3] / "vectors" / "rfc6238_totp.json").read_text("utf-8"))
KEY = bytes.fromhex(VECTORS["key"])
NOW = datetime(2026, 3, 1, 8, 0, 15, tzinfo=UTC)


@pytest.mark.parametrize("vector", VECTORS["codes"], ids=lambda vector: vector["seconds"])
def test_appendix_b(vector: dict[str, str | int]) -> None:
    moment = datetime.fromtimestamp(int(vector["seconds"]), UTC)
    step, code = int(str(vector["step"]), 16), str(vector["code"])[-DIGITS:]
    assert step_of(moment) == step
    assert code_at(KEY, step) == code
    assert matching_step(KEY, code, moment) == step


@pytest.mark.parametrize(("off", "right"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_one_step_to_each_side(off: int, right: bool) -> None:
    step = step_of(NOW) + off
    assert matching_step(KEY, code_at(KEY, step), NOW) == (step if right else None)


def test_a_step_begins_and_ends_with_its_seconds() -> None:
    begin = NOW.replace(second=0)
    last = begin + timedelta(seconds=STEP_SECONDS, microseconds=-1)
    assert step_of(begin) == step_of(last)
    assert step_of(begin + timedelta(seconds=STEP_SECONDS)) == step_of(begin) + 1


def test_persian_digits_and_spaces_are_as_good() -> None:
    code = code_at(KEY, step_of(NOW))
    persian = code.translate(str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹"))
    assert matching_step(KEY, f" {persian[:3]} {persian[3:]} ", NOW) == step_of(NOW)


@pytest.mark.parametrize("cut", [slice(0, 5), slice(0, 0), slice(1, 6)])
def test_a_part_of_a_code_is_none(cut: slice) -> None:
    assert matching_step(KEY, code_at(KEY, step_of(NOW))[cut], NOW) is None


@pytest.mark.parametrize("text", ["0" * 16, "-1", "\0" * 6, "\ud800", "١٢٣", "1e5000", "None"])
def test_hostile_texts_are_no_codes(text: str) -> None:
    assert matching_step(KEY, text, NOW) is None


def test_what_the_app_is_told() -> None:
    secret = new_secret(lambda length: bytes(range(length)))
    assert len(secret) == SECRET_BYTES
    uri = urlsplit(provisioning_uri(secret, "clerk-1"))
    assert (uri.scheme, uri.netloc, uri.path) == ("otpauth", "totp", "/Hoviat:clerk-1")
    told = parse_qs(uri.query)
    assert told["secret"] == ["AAAQEAYEAUDAOCAJBIFQYDIOB4IBCEQT"]
    assert (told["issuer"], told["digits"], told["period"]) == (["Hoviat"], ["6"], ["30"])
    assert told["algorithm"] == ["SHA1"]
