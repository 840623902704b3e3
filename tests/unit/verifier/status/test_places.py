"""URLs as certificates and settings give them, and how strangers might write others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.authentication.statuserrors import StatusSourceUnknownError
from verifier.status.places import is_host, read_place, require_allowed

GOOD = {
    "http://ocsp.example": "http://ocsp.example/",
    "HTTP://OCSP.Example/": "http://ocsp.example/",
    "http://ocsp.example:80/a/b?c=d": "http://ocsp.example/a/b?c=d",
    "https://ocsp.example:443": "https://ocsp.example/",
    "https://ocsp.example:80/": "https://ocsp.example:80/",
    "http://[2606:4700::1111]:8080/x": "http://[2606:4700::1111]:8080/x",
    "http://192.0.2.1/x": "http://192.0.2.1/x",
    "http://ocsp_1.example/": "http://ocsp_1.example/",
    "http://xn--mgba3a4f16a.example/%20": "http://xn--mgba3a4f16a.example/%20",
}
BAD = [
    "",
    "http:",
    "http://",
    "http:///x",
    "ocsp.example",
    "//ocsp.example/",
    "file:///etc/passwd",
    "ftp://ocsp.example/",
    "gopher://ocsp.example:70/_x",
    "unix:///run/socket",
    "http+unix://socket/",
    "http://user@ocsp.example/",
    "http://user:word@ocsp.example/",
    "http://ocsp.example@127.0.0.1/",
    "http://ocsp.example#@127.0.0.1/",
    "http://ocsp.example/#x",
    "http://ocsp.example\\@127.0.0.1/",
    "http:\\\\ocsp.example\\",
    "http://ocsp.example./",
    "http://.example/",
    "http://a..b/",
    "http://-a.example/",
    "http://ocsp.example:0/",
    "http://ocsp.example:65536/",
    "http://ocsp.example:x/",
    "http://ocsp.example:8:8/",
    "http://ocsp.example /",
    " http://ocsp.example/",
    "http://ocsp.example/\r\nX: y",
    "http://ocsp.example/\t",
    "http://ocsp.example/\0",
    "http://ocsp.example/ا",
    "http://اسپ.example/",
    "http://%6fcsp.example/",
    "http://[::1%25eth0]/",
    "http://[::1/",
    "http://::1/",
    "http://[v1.x]/",
    "http://" + "a." * 130 + "b/",
    "http://ocsp.example/" + "a" * 3000,
]


@pytest.mark.parametrize(("url", "spelling"), GOOD.items())
def test_read_in_one_spelling(url: str, spelling: str) -> None:
    place = read_place(url)
    assert place.url == spelling
    assert read_place(place.url) == place


@pytest.mark.parametrize("url", BAD)
def test_refused(url: str) -> None:
    with pytest.raises(StatusSourceUnknownError):
        read_place(url)


@given(st.text() | st.from_regex(r"https?://[!-~]{0,40}", fullmatch=True))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        place = read_place(text)
    except StatusSourceUnknownError:
        return
    assert place.scheme in {"http", "https"}
    assert read_place(place.url) == place
    assert "@" not in place.authority  # in a path it is a character like others
    assert not set("#\\ \r\n") & set(place.url)


def test_hosts_with_and_without_their_port() -> None:
    hosts = frozenset({"a.example", "b.example:8080"})
    for url in ("http://a.example/", "https://a.example/x", "http://A.example:80/", "http://b.example:8080/"):
        require_allowed(read_place(url), hosts)
    for url in (
        "http://a.example:22/",
        "http://b.example/",
        "http://x.a.example/",
        "http://a.example.x/",
        "http://aaexample/",
    ):
        with pytest.raises(StatusSourceUnknownError):
            require_allowed(read_place(url), hosts)
    require_allowed(read_place("http://anything.example:99/"), None)


def test_hosts_as_settings_write_them() -> None:
    for good in ("a.example", "a.example:8080", "192.0.2.1", "[2606:4700::1111]:8080", "a"):
        assert is_host(good)
    for bad in (
        "A.example",
        "*.example",
        "http://a.example",
        "a.example/",
        "a.example:",
        "::1",
        "",
        "a b",
        "a@b",
    ):
        assert not is_host(bad)
