"""The OpenAPI document tells the truth: generated requests end as it says, and never in a 5xx."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from pki.problems import MEDIA_TYPE as PROBLEM
from tests.repeated import REPEATED
from tests.unit.verifier.logins.test_verifier_http import CARD, ORIGIN, World
from verifier.describing import document

pytestmark = REPEATED

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
PATHS: dict[str, Any] = dict(document("/")["paths"])  # type: ignore[call-overload]
OPERATIONS = [(path, method.upper()) for path, operations in PATHS.items() for method in operations]
WITH_INPUT = [("/v1/challenges", "POST"), ("/v1/authentications", "POST"), ("/v1/receipts/{code}", "GET")]
MODES = schemathesis.GenerationMode
CASES = [(*operation, MODES.POSITIVE) for operation in OPERATIONS]
CASES += [(*operation, MODES.NEGATIVE) for operation in WITH_INPUT]
BOUNDED = settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("openapi"))
    yield made
    made.http.close()
    made.verifier.close()


@pytest.fixture(scope="module")
def schema(world: World) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_asgi("/openapi.json", world.app)


def test_every_route_is_described_and_no_other(world: World) -> None:
    found = world.app.openapi()["paths"]
    routes = [(path, method.upper()) for path, operations in found.items() for method in operations]
    assert sorted(routes) == sorted(OPERATIONS)


def test_the_document_is_served_where_the_application_is_mounted(world: World) -> None:
    served = world.http.get("/openapi.json")
    assert served.json() == json.loads(json.dumps(document("/")))


@pytest.mark.parametrize("known", [True, False], ids=["known site", "nobody"])
@pytest.mark.parametrize(("path", "method", "mode"), CASES, ids=str)
def test_generated_requests_end_as_described(
    world: World, schema: schemathesis.BaseSchema, path: str, method: str, mode: Any, *, known: bool
) -> None:
    operation = schema[path][method]

    @BOUNDED
    @given(operation.as_strategy(mode))
    def request(case: schemathesis.Case[Any]) -> None:
        # A fresh challenge where the body is right: else no token would ever be looked at.
        if known and mode is MODES.POSITIVE and isinstance(case.body, dict) and "nonce" in case.body:
            case.body["nonce"] = world.nonce()
        headers = dict(world.headers) if known else {"Authorization": "Bearer x"}
        case.call_and_validate(headers=headers, checks=CHECKS)

    request()


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_MEMBERS = st.sampled_from(
    [*CARD.token(), "unverifiedSigningCertificates", "unverifiedIntermediateCertificates", "x"]
)


@seed(1)
@BOUNDED
@given(
    st.dictionaries(_MEMBERS, _VALUES, min_size=1, max_size=3),
    st.sampled_from(["web-eid:1.0", "web-eid:1.1"]),
)
def test_a_good_token_with_any_other_members(world: World, changes: dict[str, Any], version: str) -> None:
    nonce = world.nonce()
    token = CARD.token(nonce, ORIGIN) | {"format": version} | changes
    _require_described(world, json.dumps({"token": token, "nonce": nonce}).encode())


@seed(2)
@BOUNDED
@given(st.data())
def test_a_certificate_with_any_bytes_changed(world: World, data: st.DataObject) -> None:
    nonce = world.nonce()
    changed = bytearray(CARD.der)
    for place in data.draw(st.lists(st.integers(0, len(changed) - 1), min_size=1, max_size=4)):
        changed[place] = data.draw(st.integers(0, 255))
    changed = changed[: data.draw(st.sampled_from([len(changed)] * 3 + [len(changed) // 2]))]
    token = type(CARD)(CARD.key, bytes(changed)).token(nonce, ORIGIN)
    _require_described(world, json.dumps({"token": token, "nonce": nonce}).encode())


def _require_described(world: World, body: bytes) -> None:
    response = world.http.post(
        "/v1/authentications", content=body, headers={**world.headers, "Content-Type": "application/json"}
    )
    assert 200 <= response.status_code < 500
    answers = PATHS["/v1/authentications"]["post"]["responses"][str(response.status_code)]
    assert response.headers["content-type"] in answers["content"]
    assert (response.headers["content-type"] == PROBLEM) == (response.status_code >= 400)
