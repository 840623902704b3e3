"""The model of time: what the line and the chip cost, without waiting."""

import random

import pytest

from simulators.card.meter import KeyOperation
from simulators.card.piv.identifiers import Algorithm
from simulators.clock import VirtualClock
from simulators.timing.costs import COSTS, WRITE, Costs, Pace, Spread
from simulators.timing.line import Ta1, bytes_on_the_line, line_seconds
from simulators.timing.model import TimedLine, TimedMeter


@pytest.mark.parametrize(
    ("length", "on_the_line"), [(0, 4), (2, 6), (254, 258), (255, 267), (508, 520), (509, 529)]
)
def test_blocks_of_254_bytes_each_with_four_more_and_one_back_between_two(
    length: int, on_the_line: int
) -> None:
    assert bytes_on_the_line(length) == on_the_line


def test_the_line_is_as_fast_as_ta1_says() -> None:
    times = [line_seconds(246, ta1) for ta1 in (Ta1.X11, Ta1.X95, Ta1.X96, Ta1.X97)]
    assert times == [250 / 800, 0.02, 0.01, 0.005]


def test_every_key_that_a_card_may_hold_has_its_cost() -> None:
    elliptic = {Algorithm.ECC_P256, Algorithm.ECC_P384}
    for algorithm in elliptic | {Algorithm.RSA_2048, Algorithm.RSA_3072}:
        operations = (
            set(KeyOperation) if algorithm in elliptic else {KeyOperation.GENERATE, KeyOperation.PRIVATE}
        )
        assert {operation for operation, of in COSTS if of is algorithm} == operations


@pytest.mark.parametrize("spread", [*COSTS.values(), WRITE])
def test_a_drawn_time_lies_between_the_ends_half_of_them_below_the_median(spread: Spread) -> None:
    chance = random.Random(1)  # noqa: S311 - no secret
    drawn = [spread.milliseconds(Pace.DRAWN, chance) for _ in range(2000)]
    assert spread.fastest <= min(drawn)
    assert max(drawn) <= spread.slowest
    assert 0.45 < sum(time < spread.median for time in drawn) / len(drawn) < 0.55
    assert spread.milliseconds(Pace.FASTEST, chance) < spread.milliseconds(Pace.MEDIAN, chance)
    assert spread.milliseconds(Pace.MEDIAN, chance) < spread.milliseconds(Pace.SLOWEST, chance)


def test_one_seed_draws_the_same_times_again() -> None:
    work = (KeyOperation.GENERATE, Algorithm.RSA_2048)
    first, again, other = (Costs(Pace.DRAWN, seed) for seed in (7, 7, 8))
    times = [[costs.work(work) for _ in range(5)] for costs in (first, again, other)]
    assert times[0] == times[1] != times[2]


def test_the_chip_s_work_is_spent_on_the_clock() -> None:
    clock = VirtualClock()
    meter = TimedMeter(clock, Costs())
    meter.works((KeyOperation.PRIVATE, Algorithm.ECC_P256))
    meter.writes()
    assert clock.elapsed == pytest.approx(0.059)


class _Echo:
    atr = b"\x3b\x00"

    def power_on(self) -> bytes:
        return self.atr

    def power_off(self) -> None:
        return None

    def reset(self) -> bytes:
        return self.atr

    def transmit(self, command: bytes) -> bytes:
        return command


def test_a_command_and_its_answer_take_the_line_s_time() -> None:
    clock = VirtualClock()
    line = TimedLine(_Echo(), clock, Ta1.X96)
    assert line.transmit(bytes(246)) == bytes(246)
    assert clock.elapsed == pytest.approx(0.02)
