"""A PC/SC service that is restarted while a program connects, works or ends; its calls are made up here."""

import gc
from collections.abc import Callable

import pytest
from smartcard import scard
from smartcard.pcsc import PCSCCardConnection

from cardio.transport import pcsc
from cardio.transport.base import ReaderUnavailableError
from cardio.transport.pcsc import readers

READER = "Virtual PCD 00 00"
CONTEXT, CARD = 7, 9
GONE = scard.SCARD_E_NO_SERVICE


class Service:
    """Answers pyscard's calls with what is in `results`, with success where nothing is."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.results: dict[str, int] = {}
        self.calls: list[str] = []
        self._fake(patch, "SCardEstablishContext", lambda code: (code, CONTEXT))
        self._fake(patch, "SCardConnect", lambda code: (code, CARD, scard.SCARD_PROTOCOL_T1))
        self._fake(patch, "SCardStatus", lambda code: (code, READER, 0, 0, [0x3B, 0x00]))
        self._fake(patch, "SCardDisconnect", lambda code: code)
        self._fake(patch, "SCardReleaseContext", lambda code: code)
        patch.setattr(readers, "service_readers", lambda: [READER])

    def _fake(self, patch: pytest.MonkeyPatch, name: str, answer: Callable[[int], object]) -> None:
        def call(*_arguments: object) -> object:
            self.calls.append(name)
            return answer(self.results.get(name, scard.SCARD_S_SUCCESS))

        patch.setattr(PCSCCardConnection, name, call)

    def goes(self, *calls: str) -> None:
        """These calls find no service from now on."""
        self.results |= dict.fromkeys(calls, GONE)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    return Service(monkeypatch)


@pytest.fixture
def unraisable(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What destructors had to say, after a garbage collection."""
    told: list[object] = []
    monkeypatch.setattr("sys.unraisablehook", told.append)
    return told


@pytest.mark.parametrize("call", ["SCardEstablishContext", "SCardConnect", "SCardStatus"])
def test_a_service_lost_while_connecting_is_told_as_that(
    service: Service, unraisable: list[object], call: str
) -> None:
    service.goes(call, "SCardDisconnect", "SCardReleaseContext")
    with pytest.raises(ReaderUnavailableError, match="no PC/SC service answers"):
        pcsc.connect(READER)
    gc.collect()
    assert not unraisable


def test_a_service_lost_later_lets_a_connection_end(service: Service, unraisable: list[object]) -> None:
    connection = pcsc.connect(READER)
    service.goes("SCardDisconnect", "SCardReleaseContext")
    connection.close()
    del connection
    gc.collect()
    assert not unraisable
    assert service.calls.count("SCardReleaseContext") == 1


def test_a_connection_that_is_forgotten_ends_silently(service: Service, unraisable: list[object]) -> None:
    connection = pcsc.connect(READER)
    service.goes("SCardDisconnect", "SCardReleaseContext")
    del connection
    gc.collect()
    assert not unraisable


def test_the_context_is_released_although_the_card_has_gone(service: Service) -> None:
    service.goes("SCardStatus", "SCardDisconnect")
    with pytest.raises(ReaderUnavailableError):
        pcsc.connect(READER)
    assert service.calls[-2:] == ["SCardDisconnect", "SCardReleaseContext"]
