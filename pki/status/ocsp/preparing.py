"""Answers made ahead, and made anew at half of their life."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from pki.bootstrap import Pki
from pki.errors import KeyCheckError
from pki.status.ocsp.answerstore import KEY_BYTES
from pki.status.ocsp.forms import FORM_ID_BYTES, CertIdForm
from pki.status.ocsp.keeping import AnswerKeeper
from pki.status.ocsp.policy import STORED_LIFE
from pki.status.ocsp.record import StoredAnswer, read_tag, read_times
from pki.status.ocsp.verifying import verified

_BATCH = 1_000
_PASS_SECONDS = STORED_LIFE.total_seconds() / 8
"""How long one pass over the store may take: an answer is then made anew at five eighths of its life."""
_MAX_STEP = 5_000


class Preparer:
    """Signs ahead. Raises SQLAlchemyError, PkiError, lmdb.Error."""

    def __init__(self, pki: Pki) -> None:
        self._pki = pki
        self._maker = pki.ocsp.maker
        self._keeper = AnswerKeeper(pki.answers, pki.feed, pki.ocsp.forms)
        self._forms = {
            form.form_id: form for issuer in self._maker.sources for form in pki.ocsp.forms.of_issuer(issuer)
        }
        self._place = b""

    def prepare(self, issuer: str) -> Iterator[int]:
        """Makes the answers of RFC 5019's form for all of a CA's certificates that live.

        Those that are young enough stay. Yields how many were made, batch by batch.
        """
        form = self._pki.ocsp.forms.of_issuer(issuer)[0]
        self._check_responders()
        self._maker.sources[issuer]()  # its own certificate is one of those that are answered for
        floors = self._keeper.follow()
        last = 0
        while serials := self._pki.feed.issued(issuer, last, self._pki.clock(), _BATCH):
            last = serials[-1]
            due = [serial for serial in serials if self._is_due(form, serial, floors.get(issuer, 0))]
            yield self._make({form: due})

    def step(self, seconds: float) -> int:
        """Goes on with the endless pass over the store, `seconds` further; returns how many it made."""
        share = math.ceil(self._pki.answers.count() * seconds / _PASS_SECONDS)
        found = self._pki.answers.after(self._place, min(max(share, _BATCH // 10), _MAX_STEP))
        self._place = found[-1][0] if found else b""
        return self._make(self._due(found)) if found else 0

    def _due(self, found: Sequence[tuple[bytes, bytes]]) -> dict[CertIdForm, list[int]]:
        """Which of these to make anew. Those of a CA or a form that is no longer answered for are removed."""
        floors = self._keeper.follow()
        self._check_responders()
        due: dict[CertIdForm, list[int]] = defaultdict(list)
        strays = []
        for key, record in found:
            form = self._forms.get(key[:FORM_ID_BYTES])
            if form is None or len(key) != KEY_BYTES:
                strays.append(key)
            elif self._is_old(form, record, floors.get(form.issuer, 0)):
                due[form].append(int.from_bytes(key[FORM_ID_BYTES:], "big"))
        if strays:
            self._pki.answers.remove(strays)
        return due

    def renew_responders(self) -> None:
        """Makes responders whose time is near."""
        self._check_responders()
        for source in self._maker.sources.values():
            source.renew()

    def _check_responders(self) -> None:
        for source in self._maker.sources.values():
            source.check()

    def _is_due(self, form: CertIdForm, serial: int, floor: int) -> bool:
        record = self._pki.answers.get(form.form_id + serial.to_bytes(KEY_BYTES - FORM_ID_BYTES, "big"))
        return record is None or self._is_old(form, record, floor)

    def _is_old(self, form: CertIdForm, record: bytes, floor: int) -> bool:
        if self._maker.credential_by_tag(form.issuer, read_tag(record)) is None:
            return True  # its responder was revoked, or is forgotten
        version, produced, _, next_update = read_times(record)
        half = (next_update - produced) // 2
        now = int(self._pki.clock().timestamp())
        return version < floor or not produced <= now < produced + half

    def _make(self, due: Mapping[CertIdForm, Sequence[int]]) -> int:
        versions = self._pki.feed.positions()  # before the states, see OcspResponder
        states = self._pki.status.states({serial for serials in due.values() for serial in serials})
        head = self._pki.feed.head()
        made: list[StoredAnswer] = []
        for form, serials in due.items():
            for serial in serials:
                found = states.get(serial)
                if found is not None and found[0] == form.issuer and form.issuer in versions:
                    made.append(self._maker.stored(form, serial, found[1], versions[form.issuer]))
        right = verified(self._maker, made)
        kept = self._keeper.add(right, head) if right else 0
        if len(right) < len(made):
            raise KeyCheckError(f"OCSP responder, {len(made) - len(right)} of {len(made)} answers")
        return kept
