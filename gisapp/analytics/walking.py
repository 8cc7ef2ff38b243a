"""Walking: how a grid worker moves along the streets of a grid, and what a phone makes of it.

Used by the demo's tracks and by the simulator. Coordinates: metres, (x, y), in any plane (a Gauss–Krüger zone).
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import shapely
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Lines = NDArray[np.object_]

PACE_MS = 1.1
"""Usual walking speed, metres per second."""
_CRUMB_M = 3.0
DRIFT_M, DRIFT_S, NOISE_M = 2.6, 40.0, 0.8
"""A phone's error: a slow drift (standard deviation, time constant) and noise of each position."""


@dataclass(slots=True)
class Paths:
    """A connected net of paths.

    Attributes:
        lines: coordinates of each edge.
        marks: for each edge the way along it to each of its vertices, metres.
        lengths: metres.
        ends: node at the start and at the end of each edge.
        at_node: edges that meet at each node.
        own: whether an edge belongs to the ground that is patrolled; the others are only for ways beyond it.
        places: coordinates of each node.
    """

    lines: list[Floats]
    marks: list[Floats]
    lengths: list[float]
    ends: list[tuple[int, int]]
    at_node: dict[int, list[int]]
    own: list[bool]
    places: dict[int, tuple[float, float]]

    def route(self, start: int, goal: int) -> list[int]:
        """Edges of the shortest way between two nodes; empty where there is none, or it is the same node."""
        best = {start: 0.0}
        via: dict[int, tuple[int, int]] = {}
        queue = [(0.0, start)]
        while queue:
            length, node = heapq.heappop(queue)
            if node == goal:
                break
            if length > best[node]:
                continue
            for edge in self.at_node[node]:
                one, two = self.ends[edge]
                other = two if one == node else one
                total = length + self.lengths[edge]
                if total < best.get(other, np.inf):
                    best[other] = total
                    via[other] = (node, edge)
                    heapq.heappush(queue, (total, other))
        way: list[int] = []
        while goal in via and goal != start:
            goal, edge = via[goal]
            way.append(edge)
        return way[::-1]


def paths_within(edges: Lines, ground: shapely.Geometry, reach: float = 0.0) -> Paths:
    """The net to patrol a ground.

    Args:
        edges: street edges that meet at equal end points, metres.
        ground: what is patrolled; streets on its border belong to it.
        reach: how far beyond the ground the net goes, for ways out of it, metres.

    Returns:
        The largest connected part; a loop inside the ground where it has no street.
    """
    ground_and_border = shapely.buffer(ground, 1.0, join_style="mitre")
    near = edges[shapely.dwithin(edges, ground, max(reach, 1.0))]
    # A street that goes on beyond the ground is cut where it leaves it.
    within = _pieces(shapely.intersection(near, ground_and_border))
    own = within[shapely.length(within) > _CRUMB_M]
    if not len(own):
        ring = shapely.buffer(ground, -8.0)
        parts = shapely.get_parts(ground if ring.is_empty else ring)
        loop = shapely.LineString(max(parts, key=lambda p: float(p.area)).exterior)
        return _net(np.array([loop], dtype=object), np.array([True]))
    own = own[_largest_part(own)]
    beyond = own[:0]
    if reach > 0:
        crumbs = within[shapely.length(within) <= _CRUMB_M]
        beyond = np.concatenate([crumbs, _pieces(shapely.difference(near, ground_and_border))])
    return _net(np.concatenate([own, beyond]), np.arange(len(own) + len(beyond)) < len(own))


def _pieces(shapes: Lines) -> Lines:
    """Lines among the parts of geometries."""
    parts = shapely.get_parts(shapes)
    return np.asarray(parts[(shapely.get_type_id(parts) == 1) & (shapely.length(parts) > 0.02)])


def _nodes(edges: Lines) -> NDArray[np.int64]:
    """Node at the start of each edge, then at the end of each; equal within a centimetre."""
    ends = np.concatenate(
        [
            shapely.get_coordinates(shapely.get_point(edges, 0)),
            shapely.get_coordinates(shapely.get_point(edges, -1)),
        ]
    )
    _, inverse = np.unique(np.round(ends, 2), axis=0, return_inverse=True)
    return np.ravel(inverse).astype(np.int64)


def _net(edges: Lines, own: NDArray[np.bool_]) -> Paths:
    node = _nodes(edges)
    count = len(edges)
    ends = [(int(node[i]), int(node[count + i])) for i in range(count)]
    at_node: dict[int, list[int]] = {}
    places: dict[int, tuple[float, float]] = {}
    lines = [shapely.get_coordinates(edge) for edge in edges]
    for index, (one, two) in enumerate(ends):
        at_node.setdefault(one, []).append(index)
        if two != one:
            at_node.setdefault(two, []).append(index)
        places[one] = (float(lines[index][0, 0]), float(lines[index][0, 1]))
        places[two] = (float(lines[index][-1, 0]), float(lines[index][-1, 1]))
    marks = [np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))]) for line in lines]
    return Paths(lines, marks, [float(m[-1]) for m in marks], ends, at_node, [bool(o) for o in own], places)


def _largest_part(edges: Lines) -> NDArray[np.int64]:
    """Rows of the edges in the connected part of the greatest length."""
    node = _nodes(edges)
    count = len(edges)
    parent = list(range(int(node.max()) + 1))

    def find(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for i in range(count):
        parent[find(int(node[i]))] = find(int(node[count + i]))
    root = np.array([find(int(node[i])) for i in range(count)])
    length = np.bincount(root, weights=shapely.length(edges))
    return np.flatnonzero(root == int(np.argmax(length)))


def pavement(ground: shapely.Geometry) -> shapely.Geometry:
    """Ground that a worker keeps to: the own side of the streets on its border, where it is wide enough."""
    inner = shapely.buffer(ground, -6.0)
    return ground if inner.is_empty else inner


@dataclass(slots=True)
class Walker:
    """Somebody who wanders over a net, now and then standing still to look or to talk.

    Attributes:
        keep_to: ground that is not left while patrolling, None to walk in the middle of every street.
        rest: seconds still to stand still.
    """

    paths: Paths
    rng: np.random.Generator
    keep_to: shapely.Geometry | None = None
    rest: float = 0.0
    pace: float = PACE_MS
    _way: deque[int] = field(default_factory=deque)
    _under_way: bool = False
    _edge: int = 0
    _forward: bool = True
    _travelled: float = 0.0
    _drift: Floats = field(default_factory=lambda: np.zeros(2))

    def __post_init__(self) -> None:
        weight = np.array(self.paths.lengths) * np.array(self.paths.own)
        self._edge = int(self.rng.choice(len(weight), p=weight / weight.sum()))
        self._travelled = float(self.rng.uniform(0, self.paths.lengths[self._edge]))
        self.pace = float(self.rng.uniform(0.82, 1.18)) * PACE_MS

    @property
    def under_way(self) -> bool:
        """Whether the end of the way that was set has not been reached yet."""
        return self._under_way

    def follow(self, way: Iterable[int]) -> None:
        """Go along edges, one after the other from the node ahead, instead of wandering."""
        self._way = deque(way)
        self._under_way = True
        self.rest = 0.0

    @property
    def ahead(self) -> int:
        """The node at the end of the edge that is walked."""
        return self.paths.ends[self._edge][1 if self._forward else 0]

    def walk(self, seconds: float) -> float:
        """Walk on for some seconds; returns the mean speed in metres per second."""
        left, total = seconds, 0.0
        while left > 1e-9:
            if self.rest > 0:
                pause = min(self.rest, left)
                self.rest -= pause
                left -= pause
                continue
            step = min(self.paths.lengths[self._edge] - self._travelled, self.pace * left)
            self._travelled += step
            total += step
            left -= max(step / self.pace, 1e-6)
            if self._travelled >= self.paths.lengths[self._edge] - 1e-9:
                self._turn()
            elif not self._under_way and self.rng.random() < 0.0025 * step:
                self.rest = float(self.rng.exponential(75.0))
        return total / seconds if seconds else 0.0

    def _turn(self) -> None:
        here = self.ahead
        if self._way:
            following = self._way.popleft()
        else:
            self._under_way = False
            meeting = self.paths.at_node[here]
            own = [e for e in meeting if self.paths.own[e]]
            choices = [e for e in own if e != self._edge] or own or meeting
            following = int(choices[int(self.rng.integers(len(choices)))])
        one, two = self.paths.ends[following]
        # A loop can be walked either way; another edge from the node where one stands.
        self._forward = one == here if one != two else bool(self.rng.random() < 0.5)
        self._edge = following
        self._travelled = 0.0

    def position(self) -> tuple[float, float]:
        """Where the walker is, without error."""
        line = self.paths.lines[self._edge]
        at = self._travelled if self._forward else self.paths.lengths[self._edge] - self._travelled
        marks = self.paths.marks[self._edge]
        x, y = float(np.interp(at, marks, line[:, 0])), float(np.interp(at, marks, line[:, 1]))
        if (
            self.keep_to is not None
            and self.paths.own[self._edge]
            and not shapely.intersects_xy(self.keep_to, x, y)
        ):
            # On a street that bounds the grid one walks on the grid's own pavement.
            near = shapely.get_coordinates(shapely.shortest_line(shapely.Point(x, y), self.keep_to))[-1]
            return float(near[0]), float(near[1])
        return x, y

    def fix(self, seconds: float) -> tuple[float, float, float]:
        """What the phone reports ``seconds`` after the time before: x, y, and the accuracy that it states, metres."""
        keep = math.exp(-seconds / DRIFT_S)
        self._drift = self._drift * keep + self.rng.normal(0, DRIFT_M * math.sqrt(1 - keep**2), 2)
        x, y = self.position()
        noise = self.rng.normal(0, NOISE_M, 2)
        accuracy = min(max(float(self.rng.lognormal(math.log(6.0), 0.35)), 3.0), 30.0)
        return x + float(self._drift[0] + noise[0]), y + float(self._drift[1] + noise[1]), round(accuracy, 1)
