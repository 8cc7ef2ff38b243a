"""What is built on a lot of each use, in the lot's own frame: x along the rows, y towards the north.

Every maker takes a yard and gives houses that stand apart from each other, and green ground. Coordinates: metres.
"""

from __future__ import annotations

import math

import numpy as np
import shapely

from gisapp.services.demo.houses import House, box, chords, cross, fill, largest_part, row_edges

Made = tuple[list[House], list[tuple[str, shapely.Polygon]]]


def _slab(yard: shapely.Polygon, rng: np.random.Generator) -> Made:
    floors = int(rng.choice([5, 6, 6, 6, 7, 7]))
    depth = float(rng.uniform(10.5, 12.5))
    module = float(rng.uniform(13.5, 16.0))
    gap = floors * 2.9 * float(rng.uniform(0.88, 1.05))
    flats = 2 if rng.random() < 0.8 else 3
    return [
        House(box(x, y, length, depth), "slab", "residential", floors, n, flats)
        for x, y, length, n in fill(yard, depth, gap, module, int(rng.integers(3, 6)), 6.5)
    ], []


def _mid(yard: shapely.Polygon, rng: np.random.Generator) -> Made:
    floors = int(rng.integers(9, 19))
    depth = float(rng.uniform(13, 15.5))
    module = float(rng.uniform(18, 23))
    gap = max(24.0, floors * 2.9 * float(rng.uniform(0.66, 0.8)))
    flats = 2 if rng.random() < 0.7 else 3
    return [
        House(box(x, y, length, depth), "mid", "residential", floors + int(rng.integers(-1, 2)), n, flats)
        for x, y, length, n in fill(yard, depth, gap, module, 3, 11.0)
    ], []


def _tower(yard: shapely.Polygon, rng: np.random.Generator) -> Made:
    floors = int(rng.integers(18, 33))
    length, depth = float(rng.uniform(25, 32)), float(rng.uniform(18, 23))
    gap = max(32.0, floors * 2.9 * 0.52)
    flats = int(rng.choice([3, 4, 4, 5]))
    houses = []
    for x, y, _, _ in fill(yard, depth, gap, length, 1, float(rng.uniform(15, 24))):
        level = int(np.clip(floors + rng.integers(-2, 3), 12, 33))
        houses.append(House(cross(x, y, length, depth), "tower", "residential", level, 1, flats))
    return houses, []


def _old(yard: shapely.Polygon, rng: np.random.Generator) -> Made:
    depth = float(rng.uniform(7.5, 9.5))
    houses = []
    for x0, x1, y in chords(yard, row_edges(yard, depth, float(rng.uniform(3.2, 4.6))), depth):
        x = x0
        while x + 6.5 < x1:
            length = float(rng.uniform(6.5, 13.0))
            if x + length > x1:
                break
            floors = int(rng.choice([1, 2, 2, 2, 3]))
            low = float(rng.uniform(0.0, 1.2))
            houses.append(
                House(
                    box(x, y + low, length, depth - low),
                    "old",
                    "residential",
                    floors,
                    1,
                    1 if length < 9.5 else 2,
                )
            )
            x += length + (float(rng.uniform(2.0, 3.5)) if rng.random() < 0.3 else 0.25)
    return houses, []


def _village(yard: shapely.Polygon, rng: np.random.Generator) -> Made:
    """Farmers' terraces of the urban fringe: four-storey houses, each let by the room."""
    depth, module = float(rng.uniform(11, 13)), float(rng.uniform(10, 12))
    return [
        House(box(x, y, length, depth), "village", "residential", int(rng.choice([3, 4, 4, 5])), n, 1)
        for x, y, length, n in fill(yard, depth, float(rng.uniform(9, 13)), module, 2, 4.0)
    ], []


def _office(yard: shapely.Polygon, rng: np.random.Generator) -> Made:
    depth = float(rng.uniform(24, 36))
    tall = rng.random() < 0.5
    houses = []
    for x, y, length, n in fill(
        yard, depth, float(rng.uniform(20, 32)), float(rng.uniform(14, 18)), 3, 18.0, 2
    ):
        floors = int(rng.integers(14, 31)) if tall and rng.random() < 0.6 else int(rng.integers(4, 13))
        shape = cross(x, y, length, depth) if floors > 18 else box(x, y, length, depth)
        houses.append(House(shape, "office", "office", floors, 0, 0, 2 + 2 * n))
    return houses, []


def _hall(yard: shapely.Polygon, kind: str, use: str, floors: int, shops: int, largest: float) -> Made:
    """One large building in the middle of the yard."""
    x0, y0, x1, y1 = yard.bounds
    aspect = float(np.clip((x1 - x0) / max(y1 - y0, 1.0), 0.6, 1.8))
    centre = yard.point_on_surface() if not yard.contains(yard.centroid) else yard.centroid
    length = math.sqrt(largest * aspect)
    while length > 12:
        depth = length / aspect
        shape = box(centre.x - length / 2, centre.y - depth / 2, length, depth)
        if yard.contains(shape):
            return [House(shape, kind, use, floors, 0, 0, shops)], []
        length *= 0.93
    return [], []


def _mall(yard: shapely.Polygon, rng: np.random.Generator) -> Made:
    return _hall(yard, "mall", "commercial", int(rng.integers(4, 8)), int(rng.integers(24, 60)), 9000)


def _market(yard: shapely.Polygon, rng: np.random.Generator) -> Made:
    return _hall(yard, "market", "commercial", int(rng.integers(1, 3)), int(rng.integers(18, 40)), 3000)


def _hotel(yard: shapely.Polygon, rng: np.random.Generator) -> Made:
    return _hall(yard, "hotel", "commercial", int(rng.integers(6, 19)), 3, 1600)


def _public(yard: shapely.Polygon, rng: np.random.Generator) -> Made:
    return _hall(yard, "public", "public", int(rng.integers(3, 8)), 0, 2200)


def _hospital(yard: shapely.Polygon, rng: np.random.Generator) -> Made:
    return [
        House(box(x, y, length, 19.0), "hospital", "medical", int(rng.integers(4, 15)), 0, 0)
        for x, y, length, _ in fill(yard, 19.0, 22.0, 18.0, 4, 16.0, 2)
    ], []


def _kindergarten(yard: shapely.Polygon, rng: np.random.Generator) -> Made:
    return _hall(yard, "kindergarten", "education", 3, 0, 900)


def _school(yard: shapely.Polygon, rng: np.random.Generator) -> Made:
    """Teaching slabs in the north, a track in the south."""
    x0, y0, x1, y1 = yard.bounds
    split = y0 + (y1 - y0) * 0.46
    north = largest_part(shapely.intersection(yard, shapely.box(x0, split, x1, y1)))
    south = largest_part(shapely.intersection(yard, shapely.box(x0, y0, x1, split)))
    houses = []
    if not north.is_empty:
        houses = [
            House(box(x, y, length, 13.0), "school", "education", int(rng.integers(3, 6)), 0, 0)
            for x, y, length, _ in fill(north, 13.0, 20.0, 12.0, 5, 10.0, 2)
        ]
    greens = []
    if not south.is_empty:
        centre = south.centroid
        for radius in (34.0, 28.0, 22.0, 16.0, 11.0):
            track = shapely.LineString(
                [(centre.x - radius * 1.1, centre.y), (centre.x + radius * 1.1, centre.y)]
            ).buffer(radius)
            if south.contains(track):
                greens.append(("操场", track))
                break
    return houses, greens


def _industry(yard: shapely.Polygon, rng: np.random.Generator) -> Made:
    depth = float(rng.uniform(26, 44))
    return [
        House(box(x, y, length, depth), "industry", "industrial", int(rng.choice([1, 1, 2, 3, 4])), 0, 0, 2)
        for x, y, length, _ in fill(yard, depth, float(rng.uniform(14, 22)), 18.0, 6, 14.0, 2)
    ], []


def _park(yard: shapely.Polygon, rng: np.random.Generator) -> Made:
    return [], []


MAKERS = {
    "slab": _slab, "mid": _mid, "tower": _tower, "old": _old, "village": _village, "office": _office, "mall": _mall,
    "market": _market, "hotel": _hotel, "public": _public, "hospital": _hospital, "kindergarten": _kindergarten,
    "school": _school, "industry": _industry, "park": _park,
}  # fmt: skip
