"""Dividing ground by streets: polygons are cut in two along the grain of the town, again and again.

Every cut is a street (or, at the end, a wall). A cut starts from an existing junction on the far side of the polygon's
border where there is one, so that streets go on across each other instead of ending in T-junctions everywhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import shapely
import shapely.ops

from gisapp.services.demo.field import Field
from gisapp.services.demo.frame import Floats

_OVERHANG = 0.4


@dataclass(slots=True)
class Node:
    """A polygon of the recursion, metres; a leaf has no children but, in the end, a lot."""

    polygon: shapely.Polygon
    children: list[Node] = field(default_factory=list)
    lot: int = -1

    def leaves(self) -> list[Node]:
        """Leaves below this node (itself, if it has no children), in order."""
        if not self.children:
            return [self]
        return [leaf for child in self.children for leaf in child.leaves()]


class Junctions:
    """Ends of cuts so far, kept in square cells for quick look-up."""

    def __init__(self, size: float = 200.0) -> None:
        self._size = size
        self._cells: dict[tuple[int, int], list[tuple[float, float]]] = {}

    def add(self, x: float, y: float) -> None:
        self._cells.setdefault((int(x // self._size), int(y // self._size)), []).append((x, y))

    def copy(self) -> Junctions:
        """An independent copy."""
        other = Junctions(self._size)
        other._cells = {cell: list(points) for cell, points in self._cells.items()}
        return other

    def within(self, x0: float, y0: float, x1: float, y1: float) -> list[tuple[float, float]]:
        """Junctions in a box, in a fixed order."""
        size = self._size
        found = []
        for i in range(int(x0 // size), int(x1 // size) + 1):
            for j in range(int(y0 // size), int(y1 // size) + 1):
                found += [p for p in self._cells.get((i, j), ()) if x0 <= p[0] <= x1 and y0 <= p[1] <= y1]
        return found


def _axes(polygon: shapely.Polygon) -> tuple[Floats, Floats, float, float]:
    """Origin-free long and short unit vectors of the smallest enclosing rectangle, and its sides."""
    corners = shapely.get_coordinates(shapely.minimum_rotated_rectangle(polygon))[:4]
    first, second = corners[1] - corners[0], corners[2] - corners[1]
    one, two = float(np.hypot(*first)), float(np.hypot(*second))
    if one >= two:
        return first / max(one, 1e-9), second / max(two, 1e-9), one, two
    return second / max(two, 1e-9), first / max(one, 1e-9), two, one


def _cut_through(
    polygon: shapely.Polygon, grain: Field, start: tuple[float, float], heading: float, reach: float
) -> tuple[shapely.Polygon, shapely.Polygon, shapely.LineString] | None:
    """Cut along the streamline through a point; None where it does not give two clean parts."""
    step = max(12.0, min(45.0, reach / 7))
    ahead = grain.trace(*start, heading, reach, step)
    behind = grain.trace(*start, heading + math.pi, reach, step)
    halves = [
        shapely.get_coordinates(shapely.LineString([start, *half]).simplify(0.6)) for half in (behind, ahead)
    ]
    line = shapely.LineString(np.vstack([halves[0][::-1], halves[1][1:]]))
    inside = shapely.get_parts(shapely.intersection(line, polygon))
    inside = inside[shapely.get_type_id(inside) == 1]
    if len(inside) == 0:
        return None
    point = shapely.Point(start)
    piece = inside[int(np.argmin(shapely.distance(inside, point)))]
    coordinates = shapely.get_coordinates(piece)
    if len(coordinates) < 2 or piece.length < 5:
        return None
    overhang = []
    for end, inner in ((0, 1), (-1, -2)):
        # A cut from a junction keeps exactly that vertex, so that both streets share one node.
        if abs(coordinates[end][0] - start[0]) + abs(coordinates[end][1] - start[1]) < 0.01:
            coordinates[end] = start
        away = coordinates[end] - coordinates[inner]
        overhang.append(coordinates[end] + away / max(float(np.hypot(*away)), 1e-9) * _OVERHANG)
    cut = shapely.LineString(np.vstack([overhang[0], coordinates, overhang[1]]))
    parts = [p for p in shapely.ops.split(polygon, cut).geoms if p.area > 1.0]
    if len(parts) != 2:
        return None
    return parts[0], parts[1], cut


def _compactness(polygon: shapely.Polygon) -> float:
    """1 for a circle, 0.785 for a square, towards 0 for a sliver."""
    return float(4 * math.pi * polygon.area / polygon.length**2)


def cut(
    polygon: shapely.Polygon,
    grain: Field,
    junctions: Junctions,
    rng: np.random.Generator,
    share: float,
    *,
    align: float = 0.16,
) -> tuple[shapely.Polygon, shapely.Polygon, shapely.LineString] | None:
    """Cut a polygon across its long side into parts of about ``share`` and ``1 − share`` of its area.

    Args:
        polygon: metres.
        share: wanted share of the first part along the long side.
        align: how far (share of the long side) a cut may move to start from an existing junction.

    Returns:
        First part (towards the start of the long side), second part and the cut; None where nothing clean was found.
    """
    long, _short, length, width = _axes(polygon)
    coordinates = shapely.get_coordinates(polygon.exterior)
    along = coordinates @ long
    low, high = float(along.min()), float(along.max())
    centre = shapely.get_coordinates(polygon.centroid)[0]
    reach = length + width
    best: tuple[float, tuple[shapely.Polygon, shapely.Polygon, shapely.LineString]] | None = None

    starts: list[tuple[float, float]] = []
    if align > 0:
        x0, y0, x1, y1 = polygon.bounds
        near = junctions.within(x0 - 0.5, y0 - 0.5, x1 + 0.5, y1 + 0.5)
        ring = polygon.exterior
        corner_free = []
        for p in near:
            position = (p[0] * long[0] + p[1] * long[1] - low) / (high - low)
            if abs(position - share) < align and ring.distance(shapely.Point(p)) < 0.5:
                corner_free.append((abs(position - share), p))
        starts += [p for _, p in sorted(corner_free)[:2]]
    for offset in (0.0, 0.07, -0.07):
        position = low + (high - low) * min(max(share + offset + rng.normal(0, 0.02), 0.2), 0.8)
        move = position - float(centre @ long)
        starts.append((float(centre[0] + move * long[0]), float(centre[1] + move * long[1])))
    across = math.atan2(long[0], -long[1])
    for index, start in enumerate(starts):
        turn = grain.angle(*start) - across
        heading = across + turn - round(turn / (math.pi / 2)) * (math.pi / 2)
        found = _cut_through(polygon, grain, start, heading, reach)
        if found is None:
            continue
        one, two, line = found
        if float(shapely.get_coordinates(one.centroid)[0] @ long) > float(
            shapely.get_coordinates(two.centroid)[0] @ long
        ):
            one, two = two, one
        got = one.area / polygon.area
        badness = abs(got - share) * 2.2 - min(_compactness(one), _compactness(two)) + 0.03 * index
        if best is None or badness < best[0]:
            best = (badness, (one, two, line))
        if abs(got - share) < 0.12 and min(_compactness(one), _compactness(two)) > 0.55:
            break
    if best is None:
        return None
    one, two, line = best[1]
    if min(one.area, two.area) < 0.12 * polygon.area or min(_compactness(one), _compactness(two)) < 0.22:
        return None
    for x, y in shapely.get_coordinates(line)[[1, -2]]:
        junctions.add(float(x), float(y))
    return best[1]
