"""Fault scripts: what can be written, what is refused, what a seed draws."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.faults.script import Effect, Fault, FaultScript, FaultScriptError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.sampled_from(list(Effect)),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["apdu", "effect", "value", "more"]), inner, max_size=4)
    ),
)


@given(st.integers(), st.integers(1, 60), st.data())
def test_one_seed_gives_one_script_that_survives_json(seed: int, apdus: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, apdus))
    script = FaultScript.drawn(seed, apdus, count)
    assert script == FaultScript.drawn(seed, apdus, count)
    assert len(script.faults) == count
    assert FaultScript.from_json(json.loads(json.dumps(script.to_json()))) == script


@given(JSON)
def test_any_json_is_a_script_or_a_clear_error(entries: object) -> None:
    with suppress(FaultScriptError):
        script = FaultScript.from_json(entries)
        assert isinstance(entries, list)
        assert len(script.faults) == len(entries)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(0, Effect.MUTE),
        Fault(1_000_001, Effect.MUTE),
        Fault(1, Effect.MUTE, 1),
        Fault(1, Effect.CUT_AT_WRITE, -1),
        Fault(1, Effect.CUT_AT_WRITE, 1_000_001),
        Fault(1, Effect.STATUS, 0x1_0000),
        Fault(1, Effect.TRUNCATE, -1),
        Fault(1, Effect.DELAY, 600_001),
    ],
)
def test_impossible_faults_are_refused(fault: Fault) -> None:
    with pytest.raises(FaultScriptError):
        FaultScript((fault,))


def test_one_fault_an_apdu() -> None:
    with pytest.raises(FaultScriptError, match="fault 1"):
        FaultScript((Fault(3, Effect.MUTE), Fault(3, Effect.CUT_AFTER)))


def test_more_faults_than_apdus_are_refused() -> None:
    with pytest.raises(FaultScriptError):
        FaultScript.drawn(1, apdus=3, count=4)


def test_seeds_draw_every_effect() -> None:
    drawn = {fault.effect for seed in range(20) for fault in FaultScript.drawn(seed, apdus=9, count=9).faults}
    assert drawn == set(Effect)


def test_seeds_cut_before_and_after_several_writes() -> None:
    script = FaultScript.drawn(1, apdus=60, count=60, effects=[Effect.CUT_AT_WRITE])
    assert {fault.value for fault in script.faults} == {0, 1, 2, 3}
