"""Exact plane geometry on the nanodegree lattice.

Every corner of a grid is a longitude and latitude (EPSG:4490) rounded to nine decimals, so it is a pair of integers
of 1e-9 degree (about 0.1 mm). On integers, "is this corner the same", "does this edge pass that corner" and "do the
areas add up" have answers without a tolerance; that is what the rest of the package stands on.

A *segment* is ``(a, b)`` with ``a`` and ``b`` integer pairs. A *ring* is a list of pairs without the closing
repetition. Python integers are used where products are formed: they do not overflow.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import MultiPolygon, Polygon

SCALE = 1_000_000_000
DECIMALS = 9

Node = tuple[int, int]
Segment = tuple[Node, Node]
Ring = list[Node]


def to_node(x: float, y: float) -> Node:
    """The lattice node nearest to a longitude and latitude in degrees."""
    return round(x * SCALE), round(y * SCALE)


def to_degrees(node: Node) -> tuple[float, float]:
    """Longitude and latitude in degrees: the doubles nearest to the nine-decimal numbers."""
    return node[0] / SCALE, node[1] / SCALE


def on_lattice(coords: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """For an (n, 2) array of degrees: which rows are nine-decimal numbers to the last bit."""
    back = np.rint(coords * SCALE) / SCALE
    return np.asarray((back == coords).all(axis=1))


def rounded(shape: shapely.Geometry) -> shapely.Geometry:
    """The same geometry with every coordinate rounded to nine decimals (no repair, no noding)."""
    return shapely.transform(shape, lambda xy: np.rint(xy * SCALE) / SCALE)


def rings_of(shape: Polygon | MultiPolygon) -> list[Ring]:
    """Rings of a polygon or multipolygon: shells counter-clockwise, holes clockwise, repeated corners dropped."""
    parts = shape.geoms if isinstance(shape, MultiPolygon) else [shape]
    rings: list[Ring] = []
    for part in parts:
        for number, line in enumerate([part.exterior, *part.interiors]):
            ring = clean_ring(to_node(x, y) for x, y in shapely.get_coordinates(line))
            wanted = 1 if number == 0 else -1
            if doubled_area(ring) * wanted < 0:
                ring.reverse()
            rings.append(ring)
    return rings


def clean_ring(nodes: Iterable[Node]) -> Ring:
    """A ring without the closing repetition and without consecutive equal corners."""
    ring: Ring = []
    for node in nodes:
        if not ring or ring[-1] != node:
            ring.append(node)
    while len(ring) > 1 and ring[0] == ring[-1]:
        ring.pop()
    return ring


def polygon_of(shell: Sequence[Node], holes: Iterable[Sequence[Node]] = ()) -> Polygon:
    """A polygon from rings of nodes."""
    return Polygon([to_degrees(n) for n in shell], [[to_degrees(n) for n in hole] for hole in holes])


def doubled_area(ring: Sequence[Node]) -> int:
    """Twice the signed area of a ring in square nanodegrees, exact; positive when counter-clockwise."""
    total = 0
    for (x1, y1), (x2, y2) in segments(ring):
        total += x1 * y2 - x2 * y1
    return total


def shape_doubled_area(shape: Polygon | MultiPolygon) -> int:
    """Twice the area of a polygon or multipolygon in square nanodegrees, exact."""
    return sum(doubled_area(ring) for ring in rings_of(shape))


def segments(ring: Sequence[Node]) -> Iterable[Segment]:
    """The directed edges of a ring, the closing one included."""
    for index, node in enumerate(ring):
        yield node, ring[(index + 1) % len(ring)]


def cross(a: Node, b: Node, p: Node) -> int:
    """Twice the signed area of the triangle a, b, p: positive when p lies left of a→b."""
    return (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])


def passes(segment: Segment, p: Node) -> bool:
    """Whether the segment passes through the lattice cell of ``p`` strictly between its own ends.

    The cell is the unit square around the node: a point that was computed on the segment and then rounded to the
    lattice is always found, and nothing further away than the rounding is.
    """
    a, b = segment
    if p in (a, b):
        return False
    dx, dy = b[0] - a[0], b[1] - a[1]
    if 2 * abs(cross(a, b, p)) > abs(dx) + abs(dy):
        return False
    along = (p[0] - a[0]) * dx + (p[1] - a[1]) * dy
    return 0 < along < dx * dx + dy * dy


def along(segment: Segment, p: Node) -> int:
    """A number that grows with the position of ``p`` along the segment (the scalar product with its direction)."""
    a, b = segment
    return (p[0] - a[0]) * (b[0] - a[0]) + (p[1] - a[1]) * (b[1] - a[1])


def crossing(one: Segment, two: Segment) -> Node | None:
    """The lattice node nearest to the point where two segments cross or touch; None when they do not, or run along
    the same line."""
    (a, b), (c, d) = one, two
    c_side, d_side = cross(a, b, c), cross(a, b, d)
    if (c_side > 0 and d_side > 0) or (c_side < 0 and d_side < 0) or c_side == d_side:
        return None
    a_side, b_side = cross(c, d, a), cross(c, d, b)
    if (a_side > 0 and b_side > 0) or (a_side < 0 and b_side < 0):
        return None
    share = Fraction(c_side, c_side - d_side)
    return round(c[0] + share * (d[0] - c[0])), round(c[1] + share * (d[1] - c[1]))


def foot(segment: Segment, p: Node, x_weight: float) -> Node:
    """The lattice node of the point on the segment nearest to ``p``.

    ``x_weight`` is the length of a degree of longitude over one of latitude, so that "nearest" is meant in metres.
    """
    a, b = segment
    dx, dy = (b[0] - a[0]) * x_weight, float(b[1] - a[1])
    length = dx * dx + dy * dy
    share = 0.0 if length == 0 else ((p[0] - a[0]) * x_weight * dx + (p[1] - a[1]) * dy) / length
    share = min(1.0, max(0.0, share))
    return round(a[0] + share * (b[0] - a[0])), round(a[1] + share * (b[1] - a[1]))
