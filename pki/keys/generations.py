"""A service's own signing keys in the installation's key store: `NAME-g1`, `NAME-g2`…, the newest signs."""

import re
from contextlib import suppress

from pki.errors import KeyExistsError
from pki.keys.kinds import KeyKind
from pki.keys.signer import Signer
from pki.keys.store import KeyStore


def open_generations(store: KeyStore, name: str, kind: KeyKind) -> dict[int, Signer]:
    """Every generation; makes the first where there is none. Raises KeyStoreError."""
    if not _uris(store, name):
        with suppress(KeyExistsError):  # another process of this installation was first
            store.create(f"{name}-g1", kind)
    return {generation: store.open(uri) for generation, uri in _uris(store, name).items()}


def next_generation(store: KeyStore, name: str, kind: KeyKind) -> int:
    """Makes the next generation's key, which signs from the next start on. Raises KeyStoreError."""
    generation = max(_uris(store, name), default=0) + 1
    store.create(f"{name}-g{generation}", kind)
    return generation


def _uris(store: KeyStore, name: str) -> dict[int, str]:
    form = re.compile(rf"{re.escape(name)}-g([1-9][0-9]{{0,2}})", re.ASCII)
    found = ((form.fullmatch(each), each) for each in store.names())
    return {int(match[1]): store.uri_of(each) for match, each in found if match}
