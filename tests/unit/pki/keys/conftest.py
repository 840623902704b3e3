"""A store on a fresh SoftHSM2 token."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pki.keys.store import KeyStore
from pki.keys.token.place import TokenKeys
from tests.softhsm import PIN, SoftHsm


@pytest.fixture
def store(softhsm: SoftHsm, tmp_path: Path) -> Iterator[KeyStore]:
    opened = KeyStore.from_settings(tmp_path, softhsm.location, bytes, PIN)
    yield opened
    opened.close()


@pytest.fixture
def token_keys(store: KeyStore) -> TokenKeys:
    assert store._token is not None
    return store._token
