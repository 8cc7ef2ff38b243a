"""Small communities to draw grids in, and an oracle that knows nothing of how the fabric works."""

from __future__ import annotations

import itertools
import math
import random
from fractions import Fraction

import shapely
from shapely.geometry import LineString, Polygon

from gisapp.analytics.fabric import Fabric, check_tiling
from gisapp.analytics.fabric.lattice import rings_of, rounded, segments, shape_doubled_area, to_node

COMMUNITY = "330103001001"
LON, LAT, SIZE = 120.168, 30.284, 0.004


def code(number: int) -> str:
    return f"{COMMUNITY}{number:03d}"


def square() -> Fabric:
    """One square community of about 380 m × 440 m with one grid."""
    shape = rounded(shapely.box(LON, LAT, LON + SIZE, LAT + SIZE))
    return Fabric(COMMUNITY, shape, {code(1): shape})


def blob(seed: int) -> Fabric:
    """A star-shaped community with uneven corners, so that no edge is straight along an axis."""
    rng = random.Random(seed)
    count = rng.randint(5, 24)
    points = []
    for index in range(count):
        angle = 2 * math.pi * index / count
        reach = SIZE * rng.uniform(0.5, 1.0)
        points.append((LON + reach * math.cos(angle), LAT + reach * math.sin(angle)))
    shape = rounded(Polygon(points))
    return Fabric(COMMUNITY, shape, {code(1): shape})


def assert_tiles(fabric: Fabric) -> None:
    """The invariant, by three ways that share no code: the fabric's own check, GEOS's coverage check, exact areas."""
    assert check_tiling(fabric.border, fabric.grids) == []
    shapes = list(fabric.grids.values())
    assert shapely.coverage_is_valid(shapes)
    assert sum(shape_doubled_area(shape) for shape in shapes) == shape_doubled_area(fabric.border)
    union = shapely.coverage_union_all(shapes)
    assert union.equals(fabric.border)
    assert {to_node(*p) for p in shapely.get_coordinates(union)} == {
        to_node(*p) for p in shapely.get_coordinates(fabric.border)
    }


def exact_owners(fabric: Fabric, x: float, y: float) -> list[str]:
    """Every grid that contains the point or has it on its border, in rational arithmetic over the doubles."""
    px, py = Fraction(x), Fraction(y)
    owners = []
    for name, shape in sorted(fabric.grids.items()):
        inside = False
        on = False
        for ring in [shape.exterior, *shape.interiors]:
            coords = [(Fraction(a), Fraction(b)) for a, b in ring.coords]
            for (ax, ay), (bx, by) in itertools.pairwise(coords):
                side = (bx - ax) * (py - ay) - (by - ay) * (px - ax)
                if side == 0 and min(ax, bx) <= px <= max(ax, bx) and min(ay, by) <= py <= max(ay, by):
                    on = True
                if (ay > py) != (by > py) and px < ax + (bx - ax) * (py - ay) / (by - ay):
                    inside = not inside
        if inside or on:
            owners.append(name)
    return owners


def awkward_points(fabric: Fabric, rng: random.Random) -> list[tuple[float, float]]:
    """Random points, every corner, and points on and right beside shared borders."""
    west, south, east, north = fabric.border.bounds
    points = [(rng.uniform(west, east), rng.uniform(south, north)) for _ in range(30)]
    for shape in fabric.grids.values():
        for ring in rings_of(shape):
            edges = list(segments(ring))
            for (ax, ay), (bx, by) in rng.sample(edges, min(4, len(edges))):
                points.append((ax / 1e9, ay / 1e9))
                share = rng.random()
                x, y = (ax + share * (bx - ax)) / 1e9, (ay + share * (by - ay)) / 1e9
                points.extend(
                    [
                        (x, y),
                        (round(x, 9), round(y, 9)),
                        (math.nextafter(x, 0), y),
                        ((ax + bx) / 2e9, (ay + by) / 2e9),
                    ]
                )
    return points


def random_line(fabric: Fabric, rng: random.Random) -> list[tuple[float, float]]:
    """A line of two to four points somewhere over the community, sometimes from corner to corner."""
    west, south, east, north = fabric.border.bounds
    corners = [tuple(p) for shape in fabric.grids.values() for p in shapely.get_coordinates(shape).tolist()]

    def point() -> tuple[float, float]:
        choice = rng.random()
        if choice < 0.3:
            return rng.choice(corners)
        if choice < 0.5:
            shape = rng.choice(list(fabric.grids.values()))
            on = shape.exterior.interpolate(rng.random(), normalized=True)
            return round(on.x, 9), round(on.y, 9)
        return round(rng.uniform(west, east), 9), round(rng.uniform(south, north), 9)

    return [point() for _ in range(rng.randint(2, 4))]


def across(fabric: Fabric, name: str, rng: random.Random) -> list[tuple[float, float]]:
    """A straight line right across a grid."""
    shape = fabric.grids[name]
    middle = shape.representative_point()
    angle = rng.uniform(0, math.pi)
    dx, dy = math.cos(angle), math.sin(angle)
    line = LineString([(middle.x - dx, middle.y - dy), (middle.x + dx, middle.y + dy)])
    pieces = shapely.get_parts(line.intersection(shape)).tolist()
    piece = max((p for p in pieces if isinstance(p, LineString)), key=lambda p: p.length)
    (x1, y1), (x2, y2) = piece.coords[0], piece.coords[-1]
    return [(round(x1, 9), round(y1, 9)), (round(x2, 9), round(y2, 9))]
