"""Key URIs: RFC 7512's own examples, round trips, and nothing taken that isn't understood."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pki.errors import KeyUriError
from pki.keys.uris import FileUri, Pkcs11Uri, parse_key_uri, require_key_name

text = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=40)


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        # RFC 7512 §3: the examples that name no library, slot or PIN
        ("pkcs11:", Pkcs11Uri()),
        ("pkcs11:object=my-pubkey;type=public", Pkcs11Uri(object="my-pubkey", type="public")),
        (
            "pkcs11:object=my-key;type=private?pin-source=file:/etc/token",
            Pkcs11Uri(object="my-key", type="private", pin_source="file:/etc/token"),
        ),
        (
            "pkcs11:token=Softtoken;object=my-certificate;type=cert;id=%69%95;serial=?pin-source=file:/etc/token_pin",
            None,
        ),
        (
            "pkcs11:token=Software%20PKCS%2311;manufacturer=Snake%20Oil,%20Inc.?module-path=/path/to/module.so",
            Pkcs11Uri(
                token="Software PKCS#11",
                manufacturer="Snake Oil, Inc.",
                module_path="/path/to/module.so",
            ),
        ),
        ("pkcs11:id=%69%95%3E%5C%F4%BD%EC%91", Pkcs11Uri(id=bytes.fromhex("69953e5cf4bdec91"))),
        ("file:root-g1.pem", FileUri("root-g1")),
    ],
)
def test_examples(uri: str, expected: Pkcs11Uri | FileUri | None) -> None:
    if expected is None:
        with pytest.raises(KeyUriError):
            parse_key_uri(uri)
    else:
        assert parse_key_uri(uri) == expected


@given(
    st.builds(
        Pkcs11Uri,
        token=st.none() | text,
        manufacturer=st.none() | text,
        serial=st.none() | text,
        model=st.none() | text,
        object=st.none() | text,
        type=st.sampled_from([None, "private", "secret-key", "public"]),
        id=st.none() | st.binary(min_size=1, max_size=40),
        module_path=st.none() | text,
        pin_source=st.none() | text,
    )
)
def test_what_is_written_is_read(uri: Pkcs11Uri) -> None:
    written = str(uri)
    assert written.isascii()
    if len(written) <= 2048:
        assert parse_key_uri(written) == uri


@given(st.text(max_size=60))
def test_any_text_is_a_uri_or_refused(rest: str) -> None:
    for uri in (rest, "pkcs11:" + rest, "file:" + rest):
        try:
            parsed = parse_key_uri(uri)
        except KeyUriError:
            continue
        assert parse_key_uri(str(parsed)) == parsed


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "root-g1",
        "PKCS11:token=a",
        "http://localhost/root.pem",
        "pkcs11:token",
        "pkcs11:token=",
        "pkcs11:=a",
        "pkcs11:token=a;",
        "pkcs11:;token=a",
        "pkcs11:token=a;token=a",
        "pkcs11:token=a b",
        "pkcs11:token=a/b",
        "pkcs11:token=%4",
        "pkcs11:token=%zz",
        "pkcs11:token=%ff",
        "pkcs11:token=%00",
        "pkcs11:token=a%0ab",
        "pkcs11:token=آ",
        "pkcs11:token=a?",
        "pkcs11:token=a?module-path=a#b",
        "pkcs11:token=a?module-path=/a&module-path=/b",
        "pkcs11:token=a?token=b",
        "pkcs11:module-path=a",
        "pkcs11:type=pgp",
        "pkcs11:" + "a" * 3000,
        "pkcs11:slot-id=0",
        "pkcs11:library-version=3",
        "pkcs11:token=a?module-name=softhsm",
        "pkcs11:token=a;x-vendor=1",
        "pkcs11:token=a?x-vendor=1",
        "file:",
        "file:.pem",
        "file:../root.pem",
        "file:/etc/root.pem",
        "file:a/b.pem",
        "file:a%2Fb.pem",
        "file:..pem",
        "file:Root.pem",
        "file:-root.pem",
        "file:root-.pem",
        "file:root\n.pem",
        "file:" + "a" * 65 + ".pem",
        "file:root.key",
        "file:root.pem?x",
    ],
)
def test_hostile_uris_are_refused(uri: str) -> None:
    with pytest.raises(KeyUriError):
        parse_key_uri(uri)


@pytest.mark.parametrize("uri", ["pkcs11:token=a?pin-value=471100", "pkcs11:pin-value=471100"])
def test_a_pin_in_a_uri_is_refused_and_not_repeated(uri: str) -> None:
    with pytest.raises(KeyUriError) as caught:
        parse_key_uri(uri)
    assert caught.value.attribute == "pin-value"
    assert "471100" not in str(caught.value)


@pytest.mark.parametrize("name", ["root-g1", "a", "7", "a" * 64])
def test_names(name: str) -> None:
    assert require_key_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "a.b", "a_b", "a/b", "..", "a b", "a\n", "A", "-a", "a-", "آ", "a" * 65]
)
def test_no_names(name: str) -> None:
    with pytest.raises(KeyUriError):
        require_key_name(name)
