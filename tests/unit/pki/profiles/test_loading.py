"""Profile files: what may stand in one, what can't stand together, and how an installation replaces one."""

import os
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pki import oids
from pki.errors import ProfileError
from pki.profiles import Profile
from pki.profiles.combinations import check_combinations
from pki.profiles.definitions import (
    DEFINITIONS,
    MAX_FILE_BYTES,
    Life,
    faults_of,
    load_definitions,
    warn_of_faults,
)
from pki.profiles.identifiers import KEY_PURPOSES, POLICIES, is_dotted
from pki.profiles.loading import read_profile

DATA = files("pki.profiles") / "data"
FILES = {profile: (DATA / f"{profile.value}.toml").read_text("utf-8") for profile in Profile}


def read(text: str, profile: Profile = Profile.AUTHENTICATION) -> None:
    check_combinations("a.toml", read_profile("a.toml", text.encode(), profile))


def with_line(profile: Profile, key: str, line: str) -> str:
    """The profile's own file with one key's line replaced, or added where there was none."""
    kept = [old for old in FILES[profile].splitlines() if not old.startswith(f"{key} =")]
    return "\n".join([*kept, line, ""])


def test_every_profile_has_its_file_and_no_file_is_left_over() -> None:
    assert {item.name for item in DATA.iterdir()} == {f"{profile.value}.toml" for profile in Profile}
    assert set(DEFINITIONS) == set(Profile)


def test_names_stand_for_identifiers() -> None:
    authentication = DEFINITIONS[Profile.AUTHENTICATION]
    assert authentication.policies == ("0.4.0.2042.1.2", oids.HOVIAT_AUTHENTICATION_POLICY)
    assert authentication.key_purposes == ("1.3.6.1.5.5.7.3.2",)
    assert all(is_dotted(oid) for oid in (*KEY_PURPOSES.values(), *POLICIES.values()))


WRONG_LINES = [
    ("colour", 'colour = "red"'),
    ("title", "title = 7"),
    ("title", 'title = ""'),
    ("title", f'title = "{"x" * 301}"'),
    ("title", 'title = "a\\u202eb"'),
    ("title", ""),
    ("issued_by", "issued_by = []"),
    ("issued_by", 'issued_by = "citizen-auth"'),
    ("issued_by", 'issued_by = ["citizens"]'),
    ("issued_by", 'issued_by = ["citizen-auth", "citizen-auth"]'),
    ("subject", 'subject = "anybody"'),
    ("life", "life = {}"),
    ("life", "life = 5"),
    ("life.years", "life = { years = -1 }"),
    ("life.years", "life = { years = 41 }"),
    ("life.years", "life = { years = true }"),
    ("life.years", "life = { years = 1.5 }"),
    ("life.weeks", "life = { weeks = 3 }"),
    ("keys", 'keys = ["rsa1024"]'),
    ("keys", "keys = [256]"),
    ("keys", "keys = []"),
    ("key_usage", "key_usage = []"),
    ("key_usage", 'key_usage = ["digitalsignature"]'),
    ("key_purposes", 'key_purposes = ["clientauth"]'),
    ("key_purposes", 'key_purposes = ["1.3"]'),
    ("key_purposes", 'key_purposes = ["1.40.3"]'),
    ("key_purposes", 'key_purposes = ["3.1.3"]'),
    ("key_purposes", 'key_purposes = ["1.3.06"]'),
    ("policies", 'policies = ["2.25.323296896243554783179224682153459310915"]'),
    ("ca.length", "ca = { length = 3 }"),
    ("ca.path_length", "ca = { path_length = -1 }"),
    ("crl_pointer", 'crl_pointer = "yes"'),
    ("crl_pointer", "crl_pointer = 1"),
    ("document_types", 'document_types = ["ID1"]'),
    ("document_types", 'document_types = ["i"]'),
    ("document_types", 'document_types = ["é"]'),
]


@pytest.mark.parametrize(("field", "line"), WRONG_LINES)
def test_a_wrong_line_is_refused_by_its_field(field: str, line: str) -> None:
    with pytest.raises(ProfileError) as caught:
        read(with_line(Profile.AUTHENTICATION, field.partition(".")[0], line))
    assert (caught.value.file, caught.value.field) == ("a.toml", field)


IMPOSSIBLE = [
    (Profile.AUTHENTICATION, "key_usage", 'key_usage = ["keyCertSign"]'),
    (Profile.AUTHENTICATION, "key_usage", 'key_usage = ["keyAgreement", "digitalSignature"]'),
    (Profile.AUTHENTICATION, "key_usage", 'key_usage = ["nonRepudiation"]'),
    (Profile.AUTHENTICATION, "key_purposes", 'key_purposes = ["serverAuth"]'),
    (Profile.AUTHENTICATION, "key_purposes", 'key_purposes = ["clientAuth", "2.5.29.37.0"]'),
    (Profile.AUTHENTICATION, "key_purposes", 'key_purposes = ["clientAuth", "OCSPSigning"]'),
    (Profile.CARD_AUTHENTICATION, "key_purposes", 'key_purposes = ["OCSPSigning"]'),
    (Profile.AUTHENTICATION, "policies", 'policies = ["any"]'),
    (Profile.AUTHENTICATION, "policies", "policies = []"),
    (Profile.AUTHENTICATION, "self_signed", "self_signed = true"),
    (Profile.AUTHENTICATION, "link", "link = true"),
    (Profile.AUTHENTICATION, "crl_pointer", "crl_pointer = false"),
    (Profile.AUTHENTICATION, "no_check", "no_check = true"),
    (Profile.AUTHENTICATION, "country_names", "country_names = true"),
    (Profile.AUTHENTICATION, "document_types", 'document_types = ["P"]'),
    (Profile.AUTHENTICATION, "private_key_use", "private_key_use = { years = 6 }"),
    (Profile.SIGNATURE, "key_usage", 'key_usage = ["nonRepudiation", "digitalSignature"]'),
    (Profile.SIGNATURE, "key_purposes_critical", "key_purposes_critical = true"),
    (Profile.SEAL, "qualified", "qualified = true"),
    (Profile.ISSUING_CA, "key_usage", 'key_usage = ["keyCertSign"]'),
    (Profile.ISSUING_CA, "key_usage", 'key_usage = ["keyCertSign", "cRLSign", "digitalSignature"]'),
    (Profile.ISSUING_CA, "key_purposes", 'key_purposes = ["clientAuth"]'),
    (Profile.ISSUING_CA, "qualified", "qualified = true"),
    (Profile.ISSUING_CA, "subject", 'subject = "person"'),
    (Profile.ROOT_CA, "issued_by", 'issued_by = ["root", "service"]'),
    (Profile.ROOT_CA, "issuer_pointer", "issuer_pointer = true"),
    (Profile.CSCA, "link", "link = true"),
    (Profile.CSCA, "country_names", "country_names = false"),
    (Profile.CSCA, "document_types", 'document_types = ["I"]'),
    (Profile.OCSP_RESPONDER, "no_check", "life = { days = 32 }"),
    (Profile.OCSP_RESPONDER, "key_purposes", "no_check = false\ncrl_pointer = true"),
]


@pytest.mark.parametrize(("profile", "field", "line"), IMPOSSIBLE)
def test_what_can_not_stand_together_is_refused(profile: Profile, field: str, line: str) -> None:
    key = line.partition(" =")[0]
    with pytest.raises(ProfileError) as caught:
        read(with_line(profile, key, line), profile)
    assert (caught.value.file, caught.value.field) == ("a.toml", field)


@given(st.binary(max_size=200))
def test_garbage_is_refused(data: bytes) -> None:
    with pytest.raises(ProfileError):
        read_profile("a.toml", data, Profile.SEAL)


@given(cut=st.integers(0, 500))
def test_a_torn_file_is_refused_or_says_the_same(cut: int) -> None:
    text = FILES[Profile.SIGNATURE]
    try:
        definition = read_profile("a.toml", text[:cut].encode(), Profile.SIGNATURE)
        check_combinations("a.toml", definition)
    except ProfileError:
        return
    assert definition.key_usage == DEFINITIONS[Profile.SIGNATURE].key_usage


def test_a_file_nested_without_end_is_refused() -> None:
    with pytest.raises(ProfileError):
        read_profile("a.toml", b"x = " + b"[" * 10_000, Profile.SEAL)


def test_without_a_folder_the_projects_own_profiles_hold(tmp_path: Path) -> None:
    assert load_definitions(None) is DEFINITIONS
    assert load_definitions(tmp_path / "profiles") is DEFINITIONS


def test_an_installation_replaces_one_profile(tmp_path: Path) -> None:
    text = with_line(Profile.AUTHENTICATION, "life", "life = { years = 3 }")
    (tmp_path / "authentication.toml").write_text(text, "utf-8")
    definitions = load_definitions(tmp_path)
    assert definitions[Profile.AUTHENTICATION].life == Life(years=3)
    others = set(Profile) - {Profile.AUTHENTICATION}
    assert all(definitions[profile] is DEFINITIONS[profile] for profile in others)


FIXED = [
    (Profile.AUTHENTICATION, 'issued_by = ["citizen-sign"]'),
    (Profile.AUTHENTICATION, 'subject = "card"'),
    (Profile.AUTHENTICATION, "held_until_delivery = false"),
    (Profile.OPERATOR, "held_until_delivery = true"),
    (Profile.SIGNATURE, "qualified = false"),
    (Profile.CSCA_LINK, "link = false"),
]


@pytest.mark.parametrize(("profile", "line"), FIXED)
def test_what_a_profile_is_for_can_not_be_replaced(tmp_path: Path, profile: Profile, line: str) -> None:
    key = line.partition(" =")[0]
    (tmp_path / f"{profile.value}.toml").write_text(with_line(profile, key, line), "utf-8")
    with pytest.raises(ProfileError) as caught:
        load_definitions(tmp_path)[profile]
    assert (caught.value.file, caught.value.field) == (f"{profile.value}.toml", key)


def test_a_ca_can_not_be_made_of_a_seal(tmp_path: Path) -> None:
    text = with_line(Profile.SEAL, "key_usage", 'key_usage = ["keyCertSign", "cRLSign"]')
    (tmp_path / "seal.toml").write_text(text.replace('policies = ["own-seal"]', "ca = {}"), "utf-8")
    with pytest.raises(ProfileError) as caught:
        load_definitions(tmp_path)[Profile.SEAL]
    assert caught.value.field == "ca"


def test_a_misspelt_file_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "signatures.toml").write_text(FILES[Profile.SIGNATURE], "utf-8")
    definitions = load_definitions(tmp_path)
    assert dict(definitions) == dict(DEFINITIONS)
    assert [fault.file for fault in faults_of(definitions)] == ["signatures.toml"]
    warn_of_faults(definitions)
    assert "signatures.toml" in caplog.text


def test_a_folder_in_a_files_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "seal.toml").mkdir()
    with pytest.raises(ProfileError, match="can't be read"):
        load_definitions(tmp_path)[Profile.SEAL]


def test_an_endless_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "seal.toml").write_bytes(b"#" * (MAX_FILE_BYTES + 1))
    with pytest.raises(ProfileError, match="too long"):
        load_definitions(tmp_path)[Profile.SEAL]


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_dangling_link(path: Path) -> None:
    path.symlink_to("nowhere")


def a_link_to_itself(path: Path) -> None:
    path.symlink_to(path)


@pytest.mark.parametrize("make", [a_pipe, a_dangling_link, a_link_to_itself])
def test_what_is_no_file_is_neither_waited_for_nor_ignored(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "seal.toml")
    with pytest.raises(ProfileError, match=r"seal\.toml: can't be read"):
        load_definitions(tmp_path)[Profile.SEAL]


@pytest.mark.parametrize("make", [Path.touch, a_dangling_link, a_pipe])
def test_a_folder_that_is_none_is_told(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "profiles")
    faults = faults_of(load_definitions(tmp_path / "profiles"))
    assert "profiles" in {fault.file for fault in faults}


def test_a_faulty_file_stops_its_own_profile_alone_until_it_is_mended(tmp_path: Path) -> None:
    file = tmp_path / "authentication.toml"
    file.write_bytes(b"\xff")
    definitions = load_definitions(tmp_path)
    assert definitions[Profile.SIGNATURE] is DEFINITIONS[Profile.SIGNATURE]
    for _ in range(2):
        with pytest.raises(ProfileError, match=r"authentication\.toml"):
            definitions[Profile.AUTHENTICATION]
    assert [fault.file for fault in faults_of(definitions)] == [file.name]
    file.write_text(with_line(Profile.AUTHENTICATION, "life", "life = { years = 3 }"), "utf-8")
    assert faults_of(definitions) == ()
    assert definitions[Profile.AUTHENTICATION].life == Life(years=3)


def test_a_usable_file_holds_until_the_next_start(tmp_path: Path) -> None:
    file = tmp_path / "authentication.toml"
    file.write_text(with_line(Profile.AUTHENTICATION, "life", "life = { years = 3 }"), "utf-8")
    definitions = load_definitions(tmp_path)
    file.write_text("broken")
    assert definitions[Profile.AUTHENTICATION].life == Life(years=3)
    assert faults_of(load_definitions(tmp_path))
