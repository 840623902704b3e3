"""Power is cut everywhere in what is done to an issued card: it goes on, and nothing is half done."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import pytest

from cardio.transport.base import TransportError
from tests.conftest import RecordPoints
from tests.integration.issuance.office import Office
from tests.integration.issuance.tearing import Cut, DyingRegistry, ProcessDiedError, Tally
from tests.integration.issuance.torn_operations import OPERATIONS, RECORDED, Operation
from tests.repeated import REPEATED

pytestmark = REPEATED


def tally(operation: Operation) -> Tally:
    """An undisturbed run."""
    counted = Tally()
    operation.prepare()
    operation.office.insert_made(operation.file, counted.card)
    operation.run()
    operation.office.insert(operation.file)
    operation.finish()
    return counted


def tear(operation: Operation, cut: Cut, place: int) -> None:
    """One run whose power is cut."""
    operation.office.insert_made(operation.file, lambda store: cut.card(store, place))
    with pytest.raises(TransportError):
        operation.run()
    operation.office.insert(operation.file)
    operation.check_torn()


@contextmanager
def named(kind: type[Operation], what: str, place: int) -> Iterator[None]:
    """Says of any failure where the cut was."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"{kind.title}: {what}, place {place}")
        raise


each_cut = pytest.mark.parametrize("cut", Cut, ids=lambda cut: cut.name.lower())


def each_kind(kinds: Sequence[type[Operation]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("kind", kinds, ids=lambda kind: kind.title.replace(" ", "-"))


@pytest.mark.slow
@each_cut
@each_kind(OPERATIONS)
def test_power_is_cut_everywhere(
    office: Office, kind: type[Operation], cut: Cut, record_points: RecordPoints
) -> None:
    operation = kind(office)
    whole = tally(operation)
    places = cut.places(whole.apdus, whole.writes)
    for place in places:
        with named(kind, f"power cut {cut.value}", place):
            operation.prepare()
            tear(operation, cut, place)
            operation.finish()
    record_points(kind.title, cut.value, len(places))


@pytest.mark.slow
@each_cut
@each_kind(RECORDED)
def test_what_goes_on_is_torn_again(office: Office, kind: type[Operation], cut: Cut) -> None:
    """Going on takes another way than the first time: it is cut there until it gets through."""
    operation = kind(office)
    whole = tally(operation)
    for place in cut.places(whole.apdus, whole.writes):
        with named(kind, f"power cut {cut.value} every time", place):
            operation.prepare()
            tear(operation, cut, place)
            with suppress(pytest.fail.Exception):  # the way was shorter than that
                tear(operation, cut, place)
            operation.office.insert(operation.file)
            operation.finish()


@pytest.mark.slow
@each_kind(RECORDED)
def test_the_process_dies_at_every_commit(
    office: Office, kind: type[Operation], record_points: RecordPoints
) -> None:
    operation = kind(office)
    whole = DyingRegistry()
    operation.prepare()
    with pytest.MonkeyPatch.context() as patch:
        whole.watch(office, patch)
        operation.run()
    operation.finish()
    for place in range(1, whole.places + 1):
        with named(kind, "the process died around a commit", place):
            operation.prepare()
            with pytest.MonkeyPatch.context() as patch:
                DyingRegistry(place).watch(office, patch)
                with pytest.raises(ProcessDiedError):
                    operation.run()
            operation.check_torn()
            operation.finish()
    record_points(kind.title, "around a commit", whole.places)
