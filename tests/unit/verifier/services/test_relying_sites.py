"""Registering sites: names, origins, keys."""

import json
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from pki.auditchain import verify_table
from pki.store.database import create_database_engine, migrate
from simulators.forge.certificates import NOW
from verifier.audit import AuditEntry
from verifier.bootstrap import MIGRATIONS
from verifier.services.apikeys import ApiKey, new_api_key, new_site_id, parse_api_key
from verifier.services.errors import (
    ApiKeyInvalidError,
    OriginInvalidError,
    PolicyUnknownError,
    SiteMissingError,
    SiteNameError,
    SiteNameTakenError,
)
from verifier.services.models import Site
from verifier.services.origin import validate_origin
from verifier.services.registry import SiteRegistry
from verifier.store.sessions import Database


def clock() -> datetime:
    return NOW


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    engine = create_database_engine(f"sqlite:///{tmp_path / 'verifier.sqlite3'}")
    migrate(engine, MIGRATIONS)
    opened = Database(engine)
    yield opened
    opened.close()


@pytest.fixture
def registry(database: Database) -> SiteRegistry:
    return SiteRegistry(database, ("national",), clock)


GOOD_ORIGINS = [
    "https://ria.ee",
    "https://ria.ee:8443",
    "https://localhost:9443",
    "https://xn--mgba3a4f16a.ir",
    "https://a.b-c.d1.example",
    "https://127.0.0.1:1",
]


@pytest.mark.parametrize("origin", GOOD_ORIGINS)
def test_origins_as_browsers_write_them(origin: str) -> None:
    assert validate_origin(origin) == origin


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "not-url",
        "https://",
        "https:///ria.ee",
        "http://ria.ee",
        "ria://ria.ee",
        "HTTPS://ria.ee",
        "https://Ria.ee",
        "https://ria.ee/",
        "https://ria.ee/excessive-element",
        "https://ria.ee?x=1",
        "https://ria.ee#x",
        "https://user@ria.ee",
        "https://ria.ee:443",
        "https://ria.ee:0",
        "https://ria.ee:08443",
        "https://ria.ee:65536",
        "https://ria.ee:99999",
        "https://ria.ee:",
        "https://ria.ee:x",
        "https://ria.ee.",
        "https://.ria.ee",
        "https://-ria.ee",
        "https://ria..ee",
        "https://ria_x.ee",
        "https://ایران.ir",
        "https://ria.ee\\x",
        "https://ria.ee\n",
        " https://ria.ee",
        "https://" + "a" * 64 + ".ee",
        "https://" + "a." * 130 + "ee",
    ],
)
def test_origins_that_are_none(origin: str) -> None:
    with pytest.raises(OriginInvalidError) as caught:
        validate_origin(origin)
    assert caught.value.why


def test_public_origin_vectors(test_data: Path) -> None:
    """Those of the web-eid validation libraries (MIT)."""
    cases = json.loads((test_data / "webeid" / "vectors.json").read_text("utf-8"))["origin_configuration"]
    assert len(cases) == 11
    for case in cases:
        with nullcontext() if case["valid"] else pytest.raises(OriginInvalidError):
            validate_origin(case["origin"])


@given(st.text(max_size=40))
def test_any_text_is_an_origin_or_refused(text: str) -> None:
    try:
        accepted = validate_origin("https://" + text)
    except OriginInvalidError as error:
        accepted = ""
        shown = str(error)
        assert ascii(error.origin) in shown  # noqa: PT017 - either outcome is right, each with its property
    assert accepted.isascii()


def test_registered_site_is_recognised_by_its_key(registry: SiteRegistry) -> None:
    credentials = registry.register_site("پورتال استان", "https://portal.example.ir")
    site = registry.authenticate(credentials.api_key)
    assert (site.site_id, site.name, site.origin) == (
        credentials.site_id,
        "پورتال استان",
        "https://portal.example.ir",
    )
    assert registry.sites() == [site]


def test_only_a_hash_of_the_key_is_stored_and_shown(registry: SiteRegistry, database: Database) -> None:
    credentials = registry.register_site("portal", "https://portal.example.ir")
    secret = credentials.api_key.partition(".")[2]
    assert secret not in repr(credentials) + repr(parse_api_key(credentials.api_key))
    assert secret not in str(parse_api_key(credentials.api_key))
    with database.read() as session:
        site = session.scalars(select(Site)).one()
        assert secret not in f"{vars(site)}"
        assert len(site.key_hash) == 64


def test_every_change_is_audited(registry: SiteRegistry, database: Database) -> None:
    registry.register_site("portal", "https://portal.example.ir")
    registry.renew_key("portal", "https://new.example.ir")
    with database.read() as session:
        assert verify_table(session, AuditEntry).sequence == 2
        assert [entry.action for entry in session.scalars(select(AuditEntry))] == [
            "site.register",
            "site.renew-key",
        ]


def test_renewed_key_ends_the_old_one(registry: SiteRegistry) -> None:
    old = registry.register_site("portal", "https://portal.example.ir").api_key
    new = registry.renew_key("portal", "https://new.example.ir").api_key
    with pytest.raises(ApiKeyInvalidError):
        registry.authenticate(old)
    assert registry.authenticate(new).origin == "https://new.example.ir"


def test_key_of_one_site_with_the_id_of_another(registry: SiteRegistry) -> None:
    first = registry.register_site("first", "https://first.example.ir").api_key
    second = registry.register_site("second", "https://second.example.ir").api_key
    with pytest.raises(ApiKeyInvalidError):
        registry.authenticate(first.partition(".")[0] + "." + second.partition(".")[2])


@pytest.mark.parametrize(
    "key", ["", ".", "x", "a" * 16 + "." + "b" * 43, "a" * 16 + "." + "b" * 44, "۱" * 60]
)
def test_keys_of_nobody(registry: SiteRegistry, key: str) -> None:
    with pytest.raises(ApiKeyInvalidError):
        registry.authenticate(key)


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "a\nb", "a\x00", "a\u202eb"])
def test_names_that_mislead(registry: SiteRegistry, name: str) -> None:
    with pytest.raises(SiteNameError):
        registry.register_site(name, "https://portal.example.ir")


def test_name_taken(registry: SiteRegistry) -> None:
    registry.register_site("portal", "https://portal.example.ir")
    with pytest.raises(SiteNameTakenError):
        registry.register_site("portal", "https://other.example.ir")
    assert len(registry.sites()) == 1


def test_unknown_policy_and_unknown_site(registry: SiteRegistry) -> None:
    with pytest.raises(PolicyUnknownError) as caught:
        registry.register_site("portal", "https://portal.example.ir", "lenient")
    assert caught.value.known == ("national",)
    with pytest.raises(SiteMissingError):
        registry.renew_key("portal")


@given(st.binary(min_size=10, max_size=10), st.binary(min_size=32, max_size=32))
def test_api_keys_are_read_back(site: bytes, secret: bytes) -> None:
    key = new_api_key(new_site_id(lambda _count: site), lambda _count: secret)
    assert parse_api_key(key.reveal()) == key
    assert key.is_known_by(key.digest())
    other = new_api_key(key.site_id, lambda _count: b"\xff" * 32)
    assert not ApiKey(key.site_id, "A" * 43).is_known_by(other.digest())
