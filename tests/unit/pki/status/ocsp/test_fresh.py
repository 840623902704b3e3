"""A batch looks at clock and responder once, but never relies on a look that failed, or is long past."""

from datetime import UTC, datetime

import pytest

from pki.errors import ResponderEndedError
from pki.keys.files import FileSigner
from pki.keys.kinds import KeyKind
from pki.status.ocsp import fresh
from pki.status.ocsp.credential import make_credential
from pki.status.ocsp.forms import CertIdForm
from pki.status.ocsp.fresh import Frame, FreshBatch, Turn
from pki.status.state import CertificateState, Status

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_FORM = CertIdForm("card-g1", b"part", b"form-id!")
_GOOD = CertificateState(Status.GOOD, None, _NOW)


class _Looks:
    """Counts the looks; fails as often as it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.count = 0
        self._failures = failures
        signer = FileSigner.generate(KeyKind.P256)
        self._turn = Turn(make_credential(signer, b"certificate", _NOW), _NOW)

    def __call__(self, issuer: str) -> Turn:
        self.count += 1
        if self.count <= self._failures:
            raise ResponderEndedError(issuer)
        return self._turn


def _batch(looks: _Looks) -> FreshBatch:
    return FreshBatch(looks, lambda turn, *_: Frame(turn.credential, b"before", b"between"))


def test_one_look_serves_a_batch() -> None:
    looks = _Looks()
    batch = _batch(looks)

    answers = [batch.answer(_FORM, bytes((number,)), _GOOD, b"nonce") for number in range(1, 4)]

    assert looks.count == 1
    assert all(
        b"before" + bytes((number,)) + b"betweennonce" in answer for number, answer in enumerate(answers, 1)
    )


def test_a_look_that_failed_is_made_again() -> None:
    looks = _Looks(failures=1)
    batch = _batch(looks)

    with pytest.raises(ResponderEndedError):
        batch.answer(_FORM, b"\x01", _GOOD, b"")
    batch.answer(_FORM, b"\x01", _GOOD, b"")

    assert looks.count == 2


def test_a_slow_key_makes_the_batch_look_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fresh, "_LOOK_SECONDS", -1.0)
    looks = _Looks()
    batch = _batch(looks)

    for _ in range(2):
        batch.answer(_FORM, b"\x01", _GOOD, b"")

    assert looks.count == 2
