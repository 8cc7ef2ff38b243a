"""Walking: how a grid worker moves along the streets of a grid, and what a phone makes of it.

Used by the demo's tracks and by the simulator. Coordinates: metres in any plane (EPSG:4549 in the demo).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import shapely
from numpy.typing import NDArray

from gisapp.services.demo.frame import Floats
from gisapp.services.demo.geography import Geoms, Ints, end_nodes

PACE = 1.15
"""Usual walking speed, metres per second."""


@dataclass(slots=True)
class Paths:
    """A connected net of paths: coordinates of each edge and who meets whom."""

    lines: list[Floats]
    lengths: list[float]
    ends: list[tuple[int, int]]
    at_node: dict[int, list[int]]


def paths_within(edges: Geoms, ground: shapely.Geometry) -> Paths:
    """The largest connected net of edges within a ground or on its border; a loop inside it where there is none."""
    middle = shapely.line_interpolate_point(edges, 0.5, normalized=True)
    near = np.flatnonzero(shapely.dwithin(middle, ground, 1.0) & (shapely.length(edges) > 3))
    if len(near):
        near = near[_largest_part(end_nodes(edges[near]), len(near))]
    lines = [shapely.get_coordinates(edges[i]) for i in near]
    if not lines:
        ring = shapely.buffer(ground, -8.0)
        ring = ground if ring.is_empty else ring
        lines = [shapely.get_coordinates(max(shapely.get_parts(ring), key=lambda p: p.area).exterior)]
    shapes = np.array([shapely.LineString(line) for line in lines], dtype=object)
    node = end_nodes(shapes)
    count = len(lines)
    at_node: dict[int, list[int]] = {}
    for index in range(count):
        for end in (int(node[index]), int(node[count + index])):
            at_node.setdefault(end, []).append(index)
    ends = [(int(node[i]), int(node[count + i])) for i in range(count)]
    return Paths(lines, [float(x) for x in shapely.length(shapes)], ends, at_node)


def _largest_part(node: Ints, count: int) -> Ints:
    """Rows of the edges in the connected part with the most edges."""
    parent = list(range(int(node.max()) + 1))

    def find(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for i in range(count):
        parent[find(int(node[i]))] = find(int(node[count + i]))
    root = np.array([find(int(node[i])) for i in range(count)])
    values, sizes = np.unique(root, return_counts=True)
    return np.flatnonzero(root == values[int(np.argmax(sizes))])


@dataclass(slots=True)
class Walker:
    """Somebody who wanders over a net, now and then standing still to look or to talk.

    Attributes:
        inside: ground that the walker keeps to the pavement of, or None to walk in the middle of the street.
    """

    paths: Paths
    rng: np.random.Generator
    inside: shapely.Geometry | None = None
    edge: int = 0
    forward: bool = True
    travelled: float = 0.0
    rest: float = 0.0
    pace: float = PACE
    _drift: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))

    def __post_init__(self) -> None:
        weight = np.array(self.paths.lengths)
        self.edge = int(self.rng.choice(len(weight), p=weight / weight.sum()))
        self.travelled = float(self.rng.uniform(0, self.paths.lengths[self.edge]))
        self.pace = float(self.rng.uniform(0.9, 1.3)) * PACE / 1.1

    def walk(self, seconds: float) -> float:
        """Walk on for some seconds; returns the mean speed in metres per second."""
        start, total = seconds, 0.0
        while seconds > 1e-9:
            if self.rest > 0:
                pause = min(self.rest, seconds)
                self.rest -= pause
                seconds -= pause
                continue
            left = self.paths.lengths[self.edge] - self.travelled
            step = min(left, self.pace * seconds)
            self.travelled += step
            total += step
            seconds -= step / self.pace
            if self.travelled >= self.paths.lengths[self.edge] - 1e-9:
                self._turn()
            elif self.rng.random() < 0.0025 * step:
                self.rest = float(self.rng.exponential(75.0))
        return total / start if start else 0.0

    def _turn(self) -> None:
        here = self.paths.ends[self.edge][1 if self.forward else 0]
        choices = [e for e in self.paths.at_node[here] if e != self.edge] or [self.edge]
        self.edge = int(choices[int(self.rng.integers(len(choices)))])
        self.forward = self.paths.ends[self.edge][0] == here
        self.travelled = 0.0

    def position(self) -> tuple[float, float]:
        """Where the walker is, without error."""
        line = self.paths.lines[self.edge]
        at = self.travelled if self.forward else self.paths.lengths[self.edge] - self.travelled
        step = np.hypot(*np.diff(line, axis=0).T)
        ends = np.concatenate([[0.0], np.cumsum(step)])
        x = float(np.interp(at, ends, line[:, 0]))
        y = float(np.interp(at, ends, line[:, 1]))
        if self.inside is not None and not shapely.intersects_xy(self.inside, x, y):
            # On a street that bounds the grid one walks on the grid's own pavement.
            near = shapely.get_coordinates(shapely.shortest_line(shapely.Point(x, y), self.inside))[-1]
            return float(near[0]), float(near[1])
        return x, y

    def fix(self, seconds: float) -> tuple[float, float, float]:
        """What the phone reports after some seconds more: x, y and accuracy in metres; its error drifts slowly."""
        keep = float(np.exp(-seconds / 40.0))
        self._drift = self._drift * keep + self.rng.normal(0, 2.6 * np.sqrt(1 - keep**2), 2)
        x, y = self.position()
        noise = self.rng.normal(0, 0.8, 2)
        accuracy = float(np.clip(self.rng.lognormal(np.log(6.0), 0.35), 3.0, 30.0))
        return x + float(self._drift[0] + noise[0]), y + float(self._drift[1] + noise[1]), round(accuracy, 1)


def pavement(ground: shapely.Geometry) -> shapely.Geometry:
    """Ground that a worker keeps to: its border streets' own side, where the ground is wide enough."""
    inner = shapely.buffer(ground, -6.0)
    return ground if inner.is_empty else inner
