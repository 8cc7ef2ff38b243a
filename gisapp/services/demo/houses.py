"""Houses and how they stand: footprints, and rows of them that make the most of a crooked yard.

All coordinates: EPSG:4549, metres.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely

from gisapp.services.demo.frame import Floats

STOREY = {"home": 2.9, "other": 3.8}


@dataclass(slots=True)
class House:
    """One building before it has a number.

    Attributes:
        shape: footprint, metres.
        use: as ``building.use``: residential, commercial, office, education, medical, industrial, public.
        units: number of entrances with flats; 0 where nobody lives.
        flats: flats on a floor of one unit.
        shops: rooms for business on the ground floor.
    """

    shape: shapely.Polygon
    kind: str
    use: str
    floors: int
    units: int
    flats: int
    shops: int = 0

    @property
    def height(self) -> float:
        storey = STOREY["home"] if self.use == "residential" else STOREY["other"]
        return round(self.floors * storey + (1.2 if self.floors > 2 else 0.6), 1)


def box(x: float, y: float, length: float, depth: float) -> shapely.Polygon:
    return shapely.box(x, y, x + length, y + depth)


def cross(x: float, y: float, length: float, depth: float) -> shapely.Polygon:
    """A tower's plan: a cross within a rectangle."""
    a, b = length * 0.22, depth * 0.24
    return shapely.Polygon(
        [
            (x + a, y), (x + length - a, y), (x + length - a, y + b), (x + length, y + b),
            (x + length, y + depth - b), (x + length - a, y + depth - b), (x + length - a, y + depth),
            (x + a, y + depth), (x + a, y + depth - b), (x, y + depth - b), (x, y + b), (x + a, y + b),
        ]
    )  # fmt: skip


def chords(yard: shapely.Polygon, lows: Floats, depth: float) -> list[tuple[float, float, float]]:
    """Free stretches (x0, x1, y) for rows of a depth: where the row's front, middle and back lie in the yard."""
    x0, _, x1, _ = yard.bounds
    offsets = (0.05, depth / 2, depth - 0.05)
    lines = [shapely.LineString([(x0 - 1, low + o), (x1 + 1, low + o)]) for low in lows for o in offsets]
    cuts = shapely.intersection(np.array(lines, dtype=object), yard)
    result = []
    for index, low in enumerate(lows):
        spans = []
        for cut in cuts[3 * index : 3 * index + 3]:
            parts = [p for p in shapely.get_parts(cut) if p.geom_type == "LineString" and p.length > 1]
            spans.append([(float(p.bounds[0]), float(p.bounds[2])) for p in parts])
        for a0, a1 in spans[1]:
            front = [s for s in spans[0] if min(s[1], a1) - max(s[0], a0) > 1]
            back = [s for s in spans[2] if min(s[1], a1) - max(s[0], a0) > 1]
            if len(front) == 1 and len(back) == 1:
                low_x = max(a0, front[0][0], back[0][0])
                high_x = min(a1, front[0][1], back[0][1])
                if high_x - low_x > 4:
                    result.append((low_x, high_x, float(low)))
    return result


_SAMPLE = 1.5


def row_edges(yard: shapely.Polygon, depth: float, gap: float) -> Floats:
    """Lower edges of rows, from south to north, that use the most of the yard.

    Rows are chosen by dynamic programming over the yard's width profile: the sum of usable lengths is greatest among all
    choices that keep the gap. In a crooked yard evenly spread rows would waste its corners.
    """
    x0, low, x1, high = yard.bounds
    levels = np.arange(low + 0.1, high - 0.1, _SAMPLE)
    span = max(1, math.ceil(depth / _SAMPLE))
    if len(levels) <= span:
        return np.zeros(0)
    ends = np.empty((len(levels), 2, 2))
    ends[:, :, 1] = levels[:, None]
    ends[:, 0, 0], ends[:, 1, 0] = x0 - 1, x1 + 1
    width = shapely.length(shapely.intersection(shapely.linestrings(ends), yard))
    windows = np.lib.stride_tricks.sliding_window_view(width, span + 1)
    value = (windows.min(axis=1) - 4.0).tolist()
    step = max(1, round((depth + gap) / _SAMPLE))
    best = [0.0] * (len(value) + 1)
    take = [False] * len(value)
    for i in range(len(value) - 1, -1, -1):
        with_row = value[i] + (best[i + step] if i + step < len(value) else 0.0)
        best[i] = max(best[i + 1], with_row)
        take[i] = value[i] > 0 and with_row >= best[i + 1]
    chosen = []
    i = 0
    while i < len(value):
        if take[i]:
            chosen.append(float(levels[i]))
            i += step
        else:
            i += 1
    return np.array(chosen)


def fill(
    yard: shapely.Polygon, depth: float, gap: float, module: float, most: int, between: float, least: int = 1
) -> list[tuple[float, float, float, int]]:
    """Slabs (x, y, length, modules) in rows; a slab is a whole number of modules long."""
    placed = []
    for x0, x1, y in chords(yard, row_edges(yard, depth, gap), depth):
        room = x1 - x0
        count = max(1, math.ceil((room + between) / (most * module + between)))
        modules = int(((room + between) / count - between) // module)
        if modules < least and count > 1:
            count -= 1
            modules = int(((room + between) / count - between) // module)
        if modules < least:
            continue
        modules = min(modules, most)
        spare = room - count * modules * module
        space = min(spare / (count - 1), between * 1.6) if count > 1 else 0.0
        start = x0 + (room - count * modules * module - (count - 1) * space) / 2
        placed += [
            (start + i * (modules * module + space), y, modules * module, modules) for i in range(count)
        ]
    return placed


def largest_part(shape: shapely.Geometry) -> shapely.Polygon:
    parts = [p for p in shapely.get_parts(shape) if p.geom_type == "Polygon"]
    return max(parts, key=lambda p: p.area) if parts else shapely.Polygon()
