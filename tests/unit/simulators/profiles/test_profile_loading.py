from pathlib import Path

import pytest

from cardio.piv.objects import ObjectId
from cardio.piv.slots import Algorithm, Slot
from pki.errors import ProfileError
from pki.profiles.identities import Scheme
from pki.status.state import RevocationReason
from simulators.profiles.loading import MAX_FILE_BYTES, load_profile, profile_names, read_profile
from simulators.profiles.shape import Fault, Foreign, Status

GOOD = """
title = "A card"
status = "delivered"

[holder]
given_name = "پریسا"
surname = "رحمانی"
latin_name = "Parisa Rahmani"
born = "1990-04-12"
sex = "F"

[keys.9A]
algorithm = "ecc-p256"
certificate = "authentication"
"""
WANTED = {
    *("adult", "child", "centenarian", "mononym", "longest-names", "right-to-left", "combining-marks"),
    *("mixed-scripts", "rsa2048", "rsa3072", "p384", "expired", "suspended", "revoked", "foreign-national"),
}


def refused(text: str) -> ProfileError:
    with pytest.raises(ProfileError) as caught:
        read_profile("card.toml", text.encode())
    assert caught.value.file == "card.toml"
    return caught.value


def test_every_wanted_profile_is_there() -> None:
    assert set(profile_names()) >= WANTED


@pytest.mark.parametrize("name", profile_names())
def test_each_packaged_profile_loads_under_its_name_with_a_line_of_description(name: str) -> None:
    profile = load_profile(name)
    assert profile.name == name
    assert profile.title
    assert profile.hostile == name.startswith("hostile-")


def test_titles_differ() -> None:
    assert len({load_profile(name).title for name in profile_names()}) == len(profile_names())


def test_what_a_file_says() -> None:
    text = GOOD.replace('"delivered"', '"revoked"\nreason = "superseded"')
    text = text.replace('sex = "F"', 'sex = "X"\nforeign = { scheme = "PAS", country = "NG" }')
    profile = read_profile("card.toml", (text + '\n[faults]\nchuid = "other-card"\n').encode())
    assert (profile.status, profile.reason) == (Status.REVOKED, RevocationReason.SUPERSEDED)
    assert profile.holder.foreign == Foreign(Scheme.PASSPORT, "NG")
    assert [(plan.slot, plan.algorithm) for plan in profile.keys] == [
        (Slot.AUTHENTICATION, Algorithm.ECC_P256)
    ]
    assert profile.faults == {ObjectId.CHUID: Fault.OTHER_CARD}


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ('title = "A card"', "title"),
        ('status = "delivered"', "status"),
        ('latin_name = "Parisa Rahmani"', "holder.latin_name"),
        ('born = "1990-04-12"', "holder.born"),
        ('sex = "F"', "holder.sex"),
        ('algorithm = "ecc-p256"', "keys.9A.algorithm"),
        ('certificate = "authentication"', "keys.9A.certificate"),
    ],
)
def test_a_missing_field_is_named(line: str, field: str) -> None:
    error = refused(GOOD.replace(line, ""))
    assert (error.field, error.detail) == (field, "is missing")


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("title", 'colour = "green"\ntitle', "colour"),
        ("sex", 'height = "1.8"\nsex', "holder.height"),
        ("algorithm", "bits = 256\nalgorithm", "keys.9A.bits"),
        ("[keys.9A]", "[keys.9D]\nbits = 1\n[keys.9A]", "keys.9D"),
        ("[holder]", 'reason = "superseded"\n[holder]', "reason"),
        ("[keys.9A]", '[faults]\nface = "garbage"\n[keys.9A]', "faults.face"),
        ("[keys.9A]", '[faults]\nCHUID = "garbage"\n[keys.9A]', "faults.CHUID"),
        ("[keys.9A]", '[faults]\ndiscovery = "garbage"\n[keys.9A]', "faults.discovery"),
        ('"F"', '"F"\nforeign = { scheme = "PAS", country = "NG", x = 1 }', "holder.foreign.x"),
    ],
)
def test_an_unknown_field_is_named(old: str, new: str, field: str) -> None:
    error = refused(GOOD.replace(old, new, 1))
    assert (error.field, error.detail) == (field, "is no key of this file")


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('"A card"', "7", "title"),
        ('"A card"', '""', "title"),
        ('"delivered"', '"lost"', "status"),
        ('"delivered"', '"revoked"', "reason"),
        ('"delivered"', '"revoked"\nreason = "certificateHold"', "reason"),
        ('"1990-04-12"', '"1990-13"', "holder.born"),
        ('"1990-04-12"', "1990-04-12", "holder.born"),
        ('"1990-04-12"', '"2015-02-29"', "holder.born"),
        ('"1990-04-12"', '"1990-04-12T00"', "holder.born"),
        ('"F"', '"W"', "holder.sex"),
        ('"F"', '"F"\nforeign = { scheme = "XXX", country = "NG" }', "holder.foreign.scheme"),
        ('"F"', '"F"\nforeign = { scheme = "PAS", country = "IR" }', "holder.foreign.country"),
        ('"F"', '"F"\nforeign = { scheme = "PAS", country = "ZZ" }', "holder.foreign.country"),
        ('"Parisa Rahmani"', '"پریسا"', "holder.latin_name"),
        ('"Parisa Rahmani"', f'"{"a" * 126}"', "holder.latin_name"),
        ('"پریسا"', f'"{"a" * 129}"', "holder.given_name"),
        ('"پریسا"', '"12"', "holder.given_name"),
        ('"پریسا"', r'"a\u0000b"', "holder.given_name"),
        ('"پریسا"', "{ a = 1 }", "holder.given_name"),
        ('"ecc-p256"', '"aes-128"', "keys.9A.algorithm"),
        ('"ecc-p256"', '"ECC_P256"', "keys.9A.algorithm"),
        ('"authentication"', '"root_ca"', "keys.9A.certificate"),
        ("[keys.9A]", "[keys.9C]", "keys.9A"),
        ("[keys.9A]", '[faults]\nchuid = "gzip"\n[keys.9A]', "faults.chuid"),
        ("[keys.9A]", '[faults]\nsignature-certificate = "gzip"\n[keys.9A]', "faults.signature-certificate"),
        (
            "[keys.9A]",
            '[faults]\nauthentication-certificate = "other-card"\n[keys.9A]',
            "faults.authentication-certificate",
        ),
    ],
)
def test_a_value_that_cannot_be_is_named(old: str, new: str, field: str) -> None:
    assert refused(GOOD.replace(old, new, 1)).field == field


def test_somebody_without_a_name_is_refused() -> None:
    text = GOOD.replace('given_name = "پریسا"', "").replace('surname = "رحمانی"', "")
    assert refused(text).field == "holder.surname"


@pytest.mark.parametrize("born", ["1919", "1938-07", "2016-02-29"])
def test_births_known_in_part(born: str) -> None:
    profile = read_profile("card.toml", GOOD.replace("1990-04-12", born).encode())
    assert profile.holder.born == born


@pytest.mark.parametrize("text", [b"\xff", b"title =", b"a=" + b"[" * 5000])
def test_what_is_no_toml_is_refused(text: bytes) -> None:
    with pytest.raises(ProfileError) as caught:
        read_profile("card.toml", text)
    assert caught.value.field == ""


def test_a_testers_own_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(GOOD, "utf-8")
    assert load_profile(str(path)).name == "mine"
    path.write_bytes(b"#" * (MAX_FILE_BYTES + 1))
    with pytest.raises(ProfileError, match="too long"):
        load_profile(str(path))
    with pytest.raises(ProfileError, match="can't be read"):
        load_profile(str(tmp_path / "none.toml"))


@pytest.mark.parametrize("name", ["nobody", "", "../adult", "data/adult"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ProfileError, match="hoviat sim profiles"):
        load_profile(name)
