"""Cards and readers that come and go, over both stacks; and a PC/SC service that ends."""

from collections.abc import Iterator

import pytest

from cardio.transport import pcsc
from cardio.transport.watching import CardInserted, CardRemoved, CardWatch, Event, ServiceFound, ServiceLost
from simulators.readers.pcscd import pcscd_service
from tests.contract.conftest import Bench

PATIENCE_S = 10.0


def until(watch: CardWatch, kind: type[Event]) -> Iterator[Event]:
    """Events up to one of this kind; the test fails where it never comes."""
    while True:
        found = watch.wait(PATIENCE_S)
        assert found, f"no {kind.__name__}"
        yield from found
        if any(isinstance(event, kind) for event in found):
            return


def test_a_card_is_seen_to_go_and_to_come_back(bench: Bench) -> None:
    watch = CardWatch()
    assert CardInserted(bench.name, bench.card.atr) in watch.changes()
    bench.remove()
    assert CardRemoved(bench.name) in list(until(watch, CardRemoved))
    bench.put_in(bench.card)
    assert CardInserted(bench.name, bench.card.atr) in list(until(watch, CardInserted))


def test_watching_takes_no_card_from_whoever_works_with_it(bench: Bench) -> None:
    watch = CardWatch()
    connection = bench.connect()
    with connection.transaction():
        for _ in range(20):
            watch.changes()
            assert connection.transmit(bytes.fromhex("00F8000000"))[-2:] == b"\x90\x00"


@pytest.mark.pcscd
@pytest.mark.xdist_group("pcscd")
def test_a_service_that_is_restarted_is_found_again() -> None:
    if pcsc.service_answers():
        pytest.skip("a PC/SC service that isn't ours runs here: it is not for us to end")
    watch = CardWatch()
    watch.changes()
    for _ in range(2):
        with pcscd_service():
            assert ServiceFound() in list(until(watch, ServiceFound))
        assert ServiceLost() in list(until(watch, ServiceLost))
