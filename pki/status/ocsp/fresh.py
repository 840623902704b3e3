"""Answers made for one request each, a batch at a time: what those of a batch share is made once."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from pki.status.ocsp.credential import Credential
from pki.status.ocsp.forms import CertIdForm
from pki.status.ocsp.response import successful_response
from pki.status.state import CertificateState

FindTurn = Callable[[str], "Turn"]
"""Who signs for a CA (short name) now. Raises PkiError, SQLAlchemyError."""


class Turn(NamedTuple):
    """By whom answers are signed, and when: whole seconds, UTC."""

    credential: Credential
    now: datetime


class Frame(NamedTuple):
    """What stands around serial and nonce in a ResponseData, and who signs it."""

    credential: Credential
    before: bytes
    between: bytes


FindFrame = Callable[[Turn, CertIdForm, bytes, CertificateState, bytes], Frame]
"""The frame of an answer about a serial of this form, in this state, with this nonce."""

_LOOK_SECONDS = 0.02
"""For how long a look at clock and responder counts: 64 answers by a key in a file take 3 ms."""


class FreshBatch:
    """Answers, each about one certificate that was issued, to requests that came in one turn of the loop.

    Clock, record and responder are looked at once for each CA, when its first answer is made; again where
    the key is slow, and after a failure.
    """

    def __init__(self, turn: FindTurn, frame: FindFrame) -> None:
        self._turn = turn
        self._frame = frame
        self._turns: dict[str, Turn] = {}
        self._frames: dict[tuple[bytes, CertificateState, int, int], Frame] = {}
        self._looked = time.monotonic()

    def answer(self, form: CertIdForm, serial: bytes, state: CertificateState, nonce: bytes) -> bytes:
        """An OCSPResponse. Raises PkiError, SQLAlchemyError.

        :param serial: content of the serial's INTEGER
        :param nonce: the nonce extension in DER, echoed; may be empty
        """
        if time.monotonic() - self._looked > _LOOK_SECONDS:
            self._look_again()
        key = (form.form_id, state, len(serial), len(nonce))
        frame = self._frames.get(key)
        if frame is None:
            frame = self._frames[key] = self._frame(self._turn_of(form.issuer), form, serial, state, nonce)
        credential, before, between = frame
        data = b"".join((before, serial, between, nonce))
        return successful_response(data, credential.sign(data), credential)

    def _look_again(self) -> None:
        self._turns.clear()
        self._frames.clear()
        self._looked = time.monotonic()

    def _turn_of(self, issuer: str) -> Turn:
        turn = self._turns.get(issuer)
        if turn is None:
            turn = self._turns[issuer] = self._turn(issuer)
        return turn
