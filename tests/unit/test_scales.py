"""Scales around a target: the target is a bound, steps are round, no more classes than can be told apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gisapp.analytics.scales import around, class_of, round_step, side_of


@pytest.mark.parametrize(
    ("least", "step"), [(1, 1), (1.01, 2), (2.3, 2.5), (9.4, 10), (20.7, 25), (0.03, 0.05)]
)
def test_steps_are_round(least: float, step: float) -> None:
    assert round_step(least) == pytest.approx(step)


def test_a_rate_around_its_target() -> None:
    bounds = around([66.7, 80.0, 96.4, 100.0], 95.0)
    assert bounds == [75.0, 85.0, 95.0]
    sides = [side_of(class_of(value, bounds), bounds, 95.0) for value in (60, 75, 94.9, 95, 100)]
    assert sides == [-3, -2, -1, 1, 1]


def test_values_on_one_side_only_and_none_at_all() -> None:
    assert around([], 95.0) == [95.0]
    assert around([95.0], 95.0) == [95.0]
    assert around([4.0, 7.0], 1.0) == [1.0, 3.0, 5.0]
    assert around([10.0], 40.0) == [20.0, 30.0, 40.0]


@given(
    st.lists(st.floats(-1e6, 1e6), max_size=30),
    st.floats(-1e6, 1e6).map(lambda number: round(number, 3)),
)
def test_no_scale_has_more_classes_than_asked_for(values: list[float], target: float) -> None:
    bounds = around(values, target)
    # Beside a large target a very small spread vanishes in rounding; bounds are then no longer told apart by it.
    assert bounds == sorted(bounds) and 1 <= len(bounds) <= 5
    for value in values:
        if abs(value - target) > 1e-6:
            number = class_of(value, bounds)
            assert 0 <= number <= len(bounds)
            assert (value >= target) == (number > bounds.index(target))
