"""Buildings on a lot: rows of slabs facing south with sun between them, towers, small houses, halls, shop fronts.

Every layout takes a yard and gives rectangles or crosses that lie inside it and apart from each other.
All coordinates: EPSG:4549, metres.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
import shapely.affinity

from gisapp.services.demo.frame import Floats
from gisapp.services.demo.geography import RANK

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


def _box(x: float, y: float, length: float, depth: float) -> shapely.Polygon:
    return shapely.box(x, y, x + length, y + depth)


def _cross(x: float, y: float, length: float, depth: float) -> shapely.Polygon:
    """A tower's plan: a cross within a rectangle."""
    a, b = length * 0.22, depth * 0.24
    return shapely.Polygon(
        [
            (x + a, y), (x + length - a, y), (x + length - a, y + b), (x + length, y + b),
            (x + length, y + depth - b), (x + length - a, y + depth - b), (x + length - a, y + depth),
            (x + a, y + depth), (x + a, y + depth - b), (x, y + depth - b), (x, y + b), (x + a, y + b),
        ]
    )  # fmt: skip


def _chords(yard: shapely.Polygon, lows: Floats, depth: float) -> list[tuple[float, float, float]]:
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


def _rows(yard: shapely.Polygon, depth: float, gap: float) -> Floats:
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


def _fill(
    yard: shapely.Polygon, depth: float, gap: float, module: float, most: int, between: float, least: int = 1
) -> list[tuple[float, float, float, int]]:
    """Slabs (x, y, length, modules) in rows; a slab is a whole number of modules long."""
    placed = []
    for x0, x1, y in _chords(yard, _rows(yard, depth, gap), depth):
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
        space = min(spare / count, between * 1.6) if count > 1 else 0.0
        start = x0 + (room - count * modules * module - (count - 1) * space) / 2
        placed += [(start + i * (modules * module + space), y, modules * module, modules) for i in range(count)]
    return placed


def shop_fronts(
    yard: shapely.Polygon, sides: list[tuple[str, shapely.LineString, int]], rng: np.random.Generator, share: float
) -> tuple[list[House], shapely.Polygon]:
    """Shop buildings along a lot's streets, and the yard that remains behind them."""
    houses: list[House] = []
    ring = shapely.get_coordinates(shapely.simplify(yard, 1.5).exterior)
    streets = [(RANK[kind], line) for kind, line, street in sides if street >= 0 and kind != "expressway"]
    taken: list[shapely.Polygon] = []
    centre = shapely.get_coordinates(yard.centroid)[0]
    for start, end in zip(ring[:-1], ring[1:], strict=True):
        length = float(np.hypot(*(end - start)))
        if length < 45 or rng.random() > share:
            continue
        middle = shapely.Point((start + end) / 2)
        rank = min((r for r, line in streets if line.distance(middle) < 32), default=9)
        if rank > RANK["lane"] or (rank == RANK["lane"] and rng.random() > 0.4):
            continue
        along = (end - start) / length
        inward = np.array([-along[1], along[0]])
        if float((centre - (start + end) / 2) @ inward) < 0:
            inward = -inward
        depth = float(rng.uniform(8.5, 12.5))
        # A gate of eight metres in the middle, and a turn free at both corners.
        room = length - 24
        pieces = max(1, round(room / rng.uniform(32, 58)))
        width = (room - (pieces - 1) * 8) / pieces
        if width < 14:
            continue
        floors = int(rng.choice([1, 2, 2, 3]))
        placed = False
        for index in range(pieces):
            corner = start + along * (12 + index * (width + 8)) + inward * 1.2
            shape = shapely.Polygon(
                [corner, corner + along * width, corner + along * width + inward * depth, corner + inward * depth]
            )
            if not shapely.contains_properly(yard, shape) or any(shape.distance(t) < 6 for t in taken):
                continue
            taken.append(shape)
            houses.append(House(shape, "shops", "commercial", floors, 0, 0, max(2, int(width // 6))))
            placed = True
        if placed:
            band = shapely.LineString([start - along * 1, end + along * 1]).buffer(depth + 7.5, cap_style="flat")
            yard = _largest(shapely.difference(yard, band))
            if yard.is_empty:
                break
    return houses, yard


def _largest(shape: shapely.Geometry) -> shapely.Polygon:
    parts = [p for p in shapely.get_parts(shape) if p.geom_type == "Polygon"]
    return max(parts, key=lambda p: p.area) if parts else shapely.Polygon()


def lay_out_lot(
    use: str,
    yard: shapely.Polygon,
    angle: float,
    sides: list[tuple[str, shapely.LineString, int]],
    rng: np.random.Generator,
    *,
    old_town: bool,
) -> tuple[list[House], list[tuple[str, shapely.Polygon]]]:
    """Buildings of one lot and green ground on it.

    Args:
        yard: ground that may be built upon.
        angle: direction of the grain at the lot, radians; rows run along whichever axis faces south.
        sides: bordering streets, for shop fronts.

    Returns:
        Houses; green polygons as (name, polygon).
    """
    houses: list[House] = []
    greens: list[tuple[str, shapely.Polygon]] = []
    if use in {"slab", "mid", "tower", "old", "market"}:
        share = {"slab": 0.75, "mid": 0.6, "tower": 0.55, "old": 0.35, "market": 0.5}[use] * (1.0 if old_town else 0.8)
        houses, yard = shop_fronts(yard, sides, rng, share)
    margin = {"old": 1.5, "village": 3.0, "slab": 3.0, "mid": 4.0, "tower": 5.0, "industry": 7.0}.get(use, 6.0)
    inner = _largest(shapely.buffer(yard, -margin, join_style="mitre"))
    if inner.is_empty or inner.area < 60:
        return houses, ([("绿地", yard)] if use == "park" and not yard.is_empty else greens)
    turn = angle - round(angle / (math.pi / 2)) * (math.pi / 2)
    centre = inner.centroid
    flat = shapely.affinity.rotate(inner, -turn, origin=centre, use_radians=True)
    made, soft = _MAKERS[use](flat, rng)
    if made:
        shapes = np.array([h.shape for h in made], dtype=object)
        inside = shapely.contains_properly(flat.buffer(0.5), shapes)
        for house, good in zip(made, inside, strict=True):
            if good:
                house.shape = shapely.affinity.rotate(house.shape, turn, origin=centre, use_radians=True)
                houses.append(house)
    for name, shape in soft:
        greens.append((name, shapely.affinity.rotate(shape, turn, origin=centre, use_radians=True)))
    if use == "park":
        greens = [("park", shapely.buffer(yard, -1.0))]
    return houses, greens


_Made = tuple[list[House], list[tuple[str, shapely.Polygon]]]


def _slab(yard: shapely.Polygon, rng: np.random.Generator) -> _Made:
    floors = int(rng.choice([5, 6, 6, 6, 7, 7]))
    depth = float(rng.uniform(10.5, 12.5))
    module = float(rng.uniform(13.5, 16.0))
    gap = floors * 2.9 * float(rng.uniform(0.88, 1.05))
    flats = 2 if rng.random() < 0.8 else 3
    return [
        House(_box(x, y, length, depth), "slab", "residential", floors, n, flats)
        for x, y, length, n in _fill(yard, depth, gap, module, int(rng.integers(3, 6)), 6.5)
    ], []


def _mid(yard: shapely.Polygon, rng: np.random.Generator) -> _Made:
    floors = int(rng.integers(9, 19))
    depth = float(rng.uniform(13, 15.5))
    module = float(rng.uniform(18, 23))
    gap = max(24.0, floors * 2.9 * float(rng.uniform(0.66, 0.8)))
    flats = 2 if rng.random() < 0.7 else 3
    return [
        House(_box(x, y, length, depth), "mid", "residential", floors + int(rng.integers(-1, 2)), n, flats)
        for x, y, length, n in _fill(yard, depth, gap, module, 3, 11.0)
    ], []


def _tower(yard: shapely.Polygon, rng: np.random.Generator) -> _Made:
    floors = int(rng.integers(18, 33))
    length, depth = float(rng.uniform(25, 32)), float(rng.uniform(18, 23))
    gap = max(32.0, floors * 2.9 * 0.52)
    flats = int(rng.choice([3, 4, 4, 5]))
    houses = []
    for x, y, _, _ in _fill(yard, depth, gap, length, 1, float(rng.uniform(15, 24))):
        level = int(np.clip(floors + rng.integers(-2, 3), 12, 33))
        houses.append(House(_cross(x, y, length, depth), "tower", "residential", level, 1, flats))
    return houses, []


def _old(yard: shapely.Polygon, rng: np.random.Generator) -> _Made:
    depth = float(rng.uniform(7.5, 9.5))
    houses = []
    for x0, x1, y in _chords(yard, _rows(yard, depth, float(rng.uniform(3.2, 4.6))), depth):
        x = x0
        while x + 6.5 < x1:
            length = float(rng.uniform(6.5, 13.0))
            if x + length > x1:
                break
            floors = int(rng.choice([1, 2, 2, 2, 3]))
            low = float(rng.uniform(0.0, 1.2))
            houses.append(
                House(_box(x, y + low, length, depth - low), "old", "residential", floors, 1, 1 if length < 9.5 else 2)
            )
            x += length + (float(rng.uniform(2.0, 3.5)) if rng.random() < 0.3 else 0.25)
    return houses, []


def _village(yard: shapely.Polygon, rng: np.random.Generator) -> _Made:
    """Farmers' terraces of the urban fringe: four-storey houses, each let by the room."""
    depth, module = float(rng.uniform(11, 13)), float(rng.uniform(10, 12))
    return [
        House(_box(x, y, length, depth), "village", "residential", int(rng.choice([3, 4, 4, 5])), n, 1)
        for x, y, length, n in _fill(yard, depth, float(rng.uniform(9, 13)), module, 2, 4.0)
    ], []


def _office(yard: shapely.Polygon, rng: np.random.Generator) -> _Made:
    depth = float(rng.uniform(24, 36))
    tall = rng.random() < 0.5
    houses = []
    for x, y, length, n in _fill(yard, depth, float(rng.uniform(20, 32)), float(rng.uniform(14, 18)), 3, 18.0, 2):
        floors = int(rng.integers(14, 31)) if tall and rng.random() < 0.6 else int(rng.integers(4, 13))
        shape = _cross(x, y, length, depth) if floors > 18 else _box(x, y, length, depth)
        houses.append(House(shape, "office", "office", floors, 0, 0, 2 + 2 * n))
    return houses, []


def _hall(yard: shapely.Polygon, kind: str, use: str, floors: int, shops: int, largest: float) -> _Made:
    """One large building in the middle of the yard."""
    x0, y0, x1, y1 = yard.bounds
    aspect = float(np.clip((x1 - x0) / max(y1 - y0, 1.0), 0.6, 1.8))
    centre = yard.point_on_surface() if not yard.contains(yard.centroid) else yard.centroid
    length = math.sqrt(largest * aspect)
    while length > 12:
        depth = length / aspect
        shape = _box(centre.x - length / 2, centre.y - depth / 2, length, depth)
        if yard.contains(shape):
            return [House(shape, kind, use, floors, 0, 0, shops)], []
        length *= 0.93
    return [], []


def _mall(yard: shapely.Polygon, rng: np.random.Generator) -> _Made:
    return _hall(yard, "mall", "commercial", int(rng.integers(4, 8)), int(rng.integers(24, 60)), 9000)


def _market(yard: shapely.Polygon, rng: np.random.Generator) -> _Made:
    return _hall(yard, "market", "commercial", int(rng.integers(1, 3)), int(rng.integers(18, 40)), 3000)


def _hotel(yard: shapely.Polygon, rng: np.random.Generator) -> _Made:
    return _hall(yard, "hotel", "commercial", int(rng.integers(6, 19)), 3, 1600)


def _public(yard: shapely.Polygon, rng: np.random.Generator) -> _Made:
    return _hall(yard, "public", "public", int(rng.integers(3, 8)), 0, 2200)


def _hospital(yard: shapely.Polygon, rng: np.random.Generator) -> _Made:
    return [
        House(_box(x, y, length, 19.0), "hospital", "medical", int(rng.integers(4, 15)), 0, 0)
        for x, y, length, _ in _fill(yard, 19.0, 22.0, 18.0, 4, 16.0, 2)
    ], []


def _kindergarten(yard: shapely.Polygon, rng: np.random.Generator) -> _Made:
    return _hall(yard, "kindergarten", "education", 3, 0, 900)


def _school(yard: shapely.Polygon, rng: np.random.Generator) -> _Made:
    """Teaching slabs in the north, a track in the south."""
    x0, y0, x1, y1 = yard.bounds
    split = y0 + (y1 - y0) * 0.46
    north = _largest(shapely.intersection(yard, shapely.box(x0, split, x1, y1)))
    south = _largest(shapely.intersection(yard, shapely.box(x0, y0, x1, split)))
    houses = []
    if not north.is_empty:
        houses = [
            House(_box(x, y, length, 13.0), "school", "education", int(rng.integers(3, 6)), 0, 0)
            for x, y, length, _ in _fill(north, 13.0, 20.0, 12.0, 5, 10.0, 2)
        ]
    greens = []
    if not south.is_empty:
        centre = south.centroid
        for radius in (34.0, 28.0, 22.0, 16.0, 11.0):
            track = shapely.LineString([(centre.x - radius * 1.1, centre.y), (centre.x + radius * 1.1, centre.y)]).buffer(radius)
            if south.contains(track):
                greens.append(("操场", track))
                break
    return houses, greens


def _industry(yard: shapely.Polygon, rng: np.random.Generator) -> _Made:
    depth = float(rng.uniform(26, 44))
    return [
        House(_box(x, y, length, depth), "industry", "industrial", int(rng.choice([1, 1, 2, 3, 4])), 0, 0, 2)
        for x, y, length, _ in _fill(yard, depth, float(rng.uniform(14, 22)), 18.0, 6, 14.0, 2)
    ], []


def _park(yard: shapely.Polygon, rng: np.random.Generator) -> _Made:
    return [], []


_MAKERS = {
    "slab": _slab, "mid": _mid, "tower": _tower, "old": _old, "village": _village, "office": _office, "mall": _mall,
    "market": _market, "hotel": _hotel, "public": _public, "hospital": _hospital, "kindergarten": _kindergarten,
    "school": _school, "industry": _industry, "park": _park,
}  # fmt: skip
