"""A server that listens elsewhere than the home's public URL says: nobody's card logs in there."""

import pytest

from simulators.installation.publicplace import elsewhere


@pytest.mark.parametrize(
    ("public_url", "host", "port"),
    [
        ("http://127.0.0.1:8080", "127.0.0.1", 8081),
        ("http://127.0.0.1:8080", "0.0.0.0", 8081),  # noqa: S104 - what is told apart
        ("http://127.0.0.1:8080", "127.0.0.2", 8080),
        ("http://192.0.2.1:8080", "127.0.0.1", 8080),
        ("http://[::1]:8080", "127.0.0.1", 8080),
        ("http://id.example.ir", "127.0.0.1", 8080),
    ],
)
def test_elsewhere(public_url: str, host: str, port: int) -> None:
    assert elsewhere(public_url, host, port)


@pytest.mark.parametrize(
    ("public_url", "host", "port"),
    [
        ("http://127.0.0.1:8080", "127.0.0.1", 8080),
        ("http://127.0.0.1:8080", "localhost", 8080),
        ("http://192.0.2.1:8080", "0.0.0.0", 8080),  # noqa: S104 - what is told apart
        ("http://[::1]:8080", "::", 8080),
        ("http://id.example.ir", "127.0.0.1", 80),
        ("https://id.example.ir", "127.0.0.1", 8080),
    ],
)
def test_there(public_url: str, host: str, port: int) -> None:
    assert not elsewhere(public_url, host, port)
