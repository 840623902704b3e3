"""The attack list, section JSON, at the parser; the same through HTTP stands with the endpoints."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.forge.tokens import Forge
from verifier.authentication import strictjson
from verifier.authentication.errors import (
    ForeignFieldError,
    FormatUnsupportedError,
    LoginRefusedError,
    ParseFault,
    TokenParseError,
)
from verifier.authentication.strictjson import JsonFault, StrictJsonError
from verifier.authentication.token import WebEidToken

TOKEN = Forge.create().card().token()
TEXT = json.dumps(TOKEN)
MEMBERS = ["unverifiedCertificate", "algorithm", "signature", "format"]


def fault_of(text: str) -> ParseFault:
    with pytest.raises(TokenParseError) as caught:
        WebEidToken.parse(text)
    return caught.value.fault


def test_good_token_is_read_and_unknown_fields_are_ignored() -> None:
    token = WebEidToken.parse(
        json.dumps({**TOKEN, "action": "web-eid:authenticate-success", "more": [1, {}]})
    )
    assert token.format == "web-eid:1.0"
    assert len(token.signature) == 64


@pytest.mark.parametrize("name", [*MEMBERS, "appVersion"])
def test_duplicate_keys(name: str) -> None:
    assert fault_of(TEXT[:-1] + f', "{name}": "ES256"}}') is ParseFault.DUPLICATE_KEY


def test_duplicate_keys_spelt_differently() -> None:
    assert fault_of(TEXT[:-1] + ', "\\u0061lgorithm": "none"}') is ParseFault.DUPLICATE_KEY


def test_duplicate_keys_below() -> None:
    assert fault_of(TEXT[:-1] + ', "x": {"y": 1, "y": 2}}') is ParseFault.DUPLICATE_KEY


@pytest.mark.parametrize("tail", ["x", "{}", ",", "null", "\x00", "\ufeff"])
def test_trailing_text(tail: str) -> None:
    assert fault_of(TEXT + tail) is ParseFault.NOT_JSON


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":'])
def test_4000_deep_nesting(opening: str) -> None:
    assert fault_of((opening * 4000)[:9999]) is ParseFault.TOO_DEEP


def test_brackets_within_strings_do_not_count_as_depth() -> None:
    WebEidToken.parse(json.dumps({**TOKEN, "appVersion": '[{"' * 500 + "\\"}))


@pytest.mark.parametrize("opening", ["[", '{"a":', ""])
def test_a_string_without_end_is_read_once(opening: str) -> None:
    """Tried anew from each quotation mark in it, a body of 80 kB would keep a worker for 20 seconds.

    Then the brackets in it would count as depth, too.
    """
    with pytest.raises(StrictJsonError) as caught:
        strictjson.loads(opening * 8 + '"' + '\\"[' * 20_000, 8)
    assert caught.value.fault is JsonFault.NOT_JSON


def test_1_mb() -> None:
    assert fault_of(json.dumps({**TOKEN, "appVersion": "x" * 1_000_000})) is ParseFault.TOO_LONG


@pytest.mark.parametrize(("characters", "fault"), [(99, ParseFault.TOO_SHORT), (10_001, ParseFault.TOO_LONG)])
def test_length_bounds(characters: int, fault: ParseFault) -> None:
    assert (
        fault_of(TEXT[:1] + " " * (characters - len(TEXT)) + TEXT[1:] if characters > 99 else TEXT[:99])
        is fault
    )


def test_longest_token_is_read() -> None:
    WebEidToken.parse(TEXT[:1] + " " * (10_000 - len(TEXT)) + TEXT[1:])


@pytest.mark.parametrize("name", MEMBERS)
@pytest.mark.parametrize("value", [1, 1.5, True, [], ["x"], {}, {"x": 1}])
def test_wrong_types(name: str, value: object) -> None:
    assert fault_of(json.dumps({**TOKEN, name: value})) is ParseFault.FIELD_TYPE


@pytest.mark.parametrize("name", MEMBERS)
@pytest.mark.parametrize("value", [None, ""])
def test_missing_or_empty_members(name: str, value: object) -> None:
    assert fault_of(json.dumps({**TOKEN, name: value})) is ParseFault.FIELD_MISSING
    assert fault_of(json.dumps({k: v for k, v in TOKEN.items() if k != name}).ljust(100)) in {
        ParseFault.FIELD_MISSING
    }


@pytest.mark.parametrize("value", [[], "x" * 200, [TOKEN], 10**150])
def test_not_an_object(value: object) -> None:
    assert fault_of(json.dumps(value).ljust(100)) is ParseFault.NOT_OBJECT


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_constants_that_are_no_json(constant: str) -> None:
    assert fault_of(TEXT[:-1] + f', "x": {constant}}}') is ParseFault.NOT_JSON


def test_enormous_number() -> None:
    assert fault_of(TEXT[:-1] + ', "x": ' + "9" * 5000 + "}") is ParseFault.NOT_JSON


@pytest.mark.parametrize("surrogate", ["\\ud800", "\\udfff", "a\\udc00b"])
def test_unpaired_surrogates(surrogate: str) -> None:
    assert fault_of(TEXT[:-1] + f', "x": "{surrogate}"}}') is ParseFault.NOT_UNICODE


def test_paired_surrogates_are_a_character() -> None:
    WebEidToken.parse(TEXT[:-1] + ', "x": "\\ud83d\\ude00"}')


@pytest.mark.parametrize(
    "name",
    [
        "web-eid:1.0TEST",
        "web-eid:1.1TEST",
        "web-eid:1.",
        "web-eid:1.2",
        "web-eid:1.10",
        "web-eid:1.1.0",
        "web-eid:10",
        "web-eid",
        "WEB-EID:1.0",
        "web-eid:1.0\n",
        "web-eid:1.1\n",
    ],
)
def test_format_web_eid_1_0_test(name: str) -> None:
    with pytest.raises(FormatUnsupportedError):
        WebEidToken.parse(json.dumps({**TOKEN, "format": name})).accepted_algorithm()


@pytest.mark.parametrize("name", ["unverifiedSigningCertificates", "unverifiedIntermediateCertificates"])
def test_fields_of_later_formats(name: str) -> None:
    with pytest.raises(ForeignFieldError) as caught:
        WebEidToken.parse(json.dumps({**TOKEN, name: None})).accepted_algorithm()
    assert caught.value.field == name


@given(st.text(min_size=100, max_size=400))
def test_any_text_ends_in_a_typed_refusal(text: str) -> None:
    with pytest.raises(LoginRefusedError):
        WebEidToken.parse(text)


@given(st.text(alphabet='{}[]",:\\u0019nulltrefas ', min_size=100, max_size=300))
def test_any_json_like_text_ends_in_a_typed_refusal(text: str) -> None:
    with pytest.raises(LoginRefusedError):
        WebEidToken.parse(text)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc\u06cc", max_size=3), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(_VALUES)
def test_what_json_writes_is_read_back(value: strictjson.JsonValue) -> None:
    for ascii_only in (True, False):
        assert strictjson.loads(json.dumps(value, ensure_ascii=ascii_only), 20) == value


@pytest.mark.parametrize("depth", [1, 2, 8])
def test_depth_limit_is_exact(depth: int) -> None:
    assert strictjson.loads("[" * depth + "]" * depth, depth) is not None
    with pytest.raises(StrictJsonError) as caught:
        strictjson.loads("[" * (depth + 1) + "]" * (depth + 1), depth)
    assert caught.value.fault is JsonFault.TOO_DEEP
