"""Whatever is done in whatever order: the grids tile the community, every point has one grid, undo restores."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gisapp.analytics.fabric import Change, locate, merge, move_vertex, next_code, remove_vertex, split
from gisapp.analytics.fabric.lattice import SCALE, crossing, foot, passes, rings_of, to_node
from gisapp.errors import InputError
from tests.unit.fabric_world import (
    COMMUNITY,
    across,
    assert_tiles,
    awkward_points,
    blob,
    exact_owners,
    random_line,
)

SEEDS = st.integers(0, 2**32)


class Drawing(RuleBasedStateMachine):
    """A grid manager who tries anything."""

    @initialize(seed=SEEDS)
    def start(self, seed: int) -> None:
        self.fabric = blob(seed)
        self.used = set(self.fabric.grids)
        self.states = [self.fabric]
        self.changes: list[Change] = []

    def attempt(self, operation, *args, **kwargs) -> None:
        before = self.fabric
        try:
            after = operation(before, *args, **kwargs)
        except InputError as error:
            assert error.message and error.remedy
            return
        self.changes.append(Change.between({"kind": operation.__name__}, before, after))
        self.fabric = after
        self.states.append(after)
        self.used.update(after.grids)

    @rule(seed=SEEDS)
    def split_across(self, seed: int) -> None:
        rng = random.Random(seed)
        code = rng.choice(sorted(self.fabric.grids))
        self.attempt(split, code, across(self.fabric, code, rng), next_code(COMMUNITY, self.used))

    @rule(seed=SEEDS)
    def split_anyhow(self, seed: int) -> None:
        rng = random.Random(seed)
        code = rng.choice(sorted(self.fabric.grids))
        self.attempt(split, code, random_line(self.fabric, rng), next_code(COMMUNITY, self.used))

    @rule(seed=SEEDS)
    def merge_some(self, seed: int) -> None:
        rng = random.Random(seed)
        count = min(len(self.fabric.grids), rng.randint(2, 3))
        self.attempt(merge, rng.sample(sorted(self.fabric.grids), count))

    @rule(seed=SEEDS)
    def move_a_corner(self, seed: int) -> None:
        rng = random.Random(seed)
        nodes = sorted({n for s in self.fabric.grids.values() for ring in rings_of(s) for n in ring})
        start = rng.choice(nodes)
        reach = rng.choice([3, 1000, 100_000, 1_000_000])
        end = rng.choice(
            [
                rng.choice(nodes),
                (start[0] + rng.randint(-reach, reach), start[1] + rng.randint(-reach, reach)),
            ]
        )
        self.attempt(move_vertex, *[(x / SCALE, y / SCALE) for x, y in (start, end)])

    @rule(seed=SEEDS)
    def remove_a_corner(self, seed: int) -> None:
        rng = random.Random(seed)
        nodes = sorted({n for s in self.fabric.grids.values() for ring in rings_of(s) for n in ring})
        x, y = rng.choice(nodes)
        self.attempt(remove_vertex, (x / SCALE, y / SCALE))

    @rule()
    def undo(self) -> None:
        if self.changes:
            self.states.pop()
            self.fabric = self.changes.pop().undo(self.fabric)
            assert self.fabric.same_as(self.states[-1])

    @invariant()
    def tiles(self) -> None:
        assert_tiles(self.fabric)

    @invariant()
    def every_point_has_one_grid(self) -> None:
        points = awkward_points(self.fabric, random.Random(len(self.states)))[:60]
        got = locate(self.fabric.grids, np.array([x for x, _ in points]), np.array([y for _, y in points]))
        for (x, y), code in zip(points, got, strict=True):
            owners = exact_owners(self.fabric, x, y)
            assert code == (owners[0] if owners else None)


TestDrawing = Drawing.TestCase
TestDrawing.settings = settings(
    max_examples=25, stateful_step_count=12, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@given(SEEDS)
@settings(max_examples=200, deadline=None)
def test_a_rounded_point_of_an_edge_is_found_on_it(seed: int) -> None:
    rng = random.Random(seed)
    size = rng.choice([50, 10_000, 4_000_000])
    nodes = [(rng.randint(-size, size), rng.randint(-size, size)) for _ in range(4)]
    one, two = (nodes[0], nodes[1]), (nodes[2], nodes[3])
    node = crossing(one, two)
    if node is not None:
        for edge in (one, two):
            assert (
                node in edge
                or passes(edge, node)
                or min(abs(node[0] - n[0]) + abs(node[1] - n[1]) for n in edge) <= 2
            )
    on = foot(one, nodes[2], 1.0)
    assert on in one or passes(one, on) or min(abs(on[0] - n[0]) + abs(on[1] - n[1]) for n in one) <= 2


@pytest.mark.parametrize("value", [120.168123456, 0.000000001, 73.5])
def test_nine_decimals_survive(value: float) -> None:
    assert to_node(value, 0.0)[0] / SCALE == value
