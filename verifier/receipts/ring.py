"""The receipt keys of a running verifier: an announced one is published at once and signs when it is time."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from sqlalchemy import select

from pki.clock import Clock
from pki.keys.store import KeyStore
from verifier.receipts.keys import ReceiptKeys, open_signers
from verifier.receipts.models import ReceiptKeyRow
from verifier.receipts.proof import Keys
from verifier.store.sessions import Database

LOOK_SECONDS = 1.0


class ReceiptKeyRing:
    """`current` and `public` may be read by any thread; `look` reads what was announced since."""

    def __init__(
        self,
        store: KeyStore,
        database: Database,
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises KeyStoreError, SQLAlchemyError."""
        self._store = store
        self._database = database
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._signers = open_signers(store)
        self._looked: float | None = None
        self.current = ReceiptKeys(self._signers)
        self.public: Keys = _Live(self)
        self.look()

    def look(self) -> None:
        """Once a second, whoever calls. Raises KeyStoreError, SQLAlchemyError; then nothing has changed."""
        with self._lock:
            if self._looked is not None and self._monotonic() - self._looked < LOOK_SECONDS:
                return
            self._looked = self._monotonic()
            self._take(self._announced())

    def _take(self, announced: Mapping[int, datetime]) -> None:
        if announced.keys() - self._signers.keys():  # the row comes first, then the key: it may take a moment
            self._signers = open_signers(self._store)
        now = self._clock()
        signing = max(
            (generation for generation in self._signers if announced.get(generation, now) <= now),
            default=min(self._signers),
        )
        found = ReceiptKeys(self._signers, signing)
        if (found.key_id, found.generations) != (self.current.key_id, self.current.generations):
            self.current = found

    def _announced(self) -> dict[int, datetime]:
        with self._database.read() as session:
            return {row.generation: row.signs_from for row in session.scalars(select(ReceiptKeyRow))}


class _Live(Mapping[str, EllipticCurvePublicKey]):
    """The ring's public keys at each moment."""

    def __init__(self, ring: ReceiptKeyRing) -> None:
        self._ring = ring

    def __getitem__(self, key_id: str) -> EllipticCurvePublicKey:
        return self._ring.current.public[key_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._ring.current.public)

    def __len__(self) -> int:
        return len(self._ring.current.public)
