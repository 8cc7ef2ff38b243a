"""Buildings on a lot: shop fronts along its streets, and behind them what its use asks for.

All coordinates: EPSG:4549, metres.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import shapely
import shapely.affinity

from gisapp.services.demo.geography import RANK
from gisapp.services.demo.house_kinds import MAKERS
from gisapp.services.demo.houses import House, largest_part


def shop_fronts(
    yard: shapely.Polygon,
    sides: list[tuple[str, shapely.LineString, int]],
    rng: np.random.Generator,
    share: float,
) -> tuple[list[House], shapely.Polygon]:
    """Shop buildings along a lot's streets, and the yard that remains behind them."""
    houses: list[House] = []
    ring = shapely.get_coordinates(shapely.simplify(yard, 1.5).exterior)
    streets = [(RANK[kind], line) for kind, line, street in sides if street >= 0 and kind != "expressway"]
    taken: list[shapely.Polygon] = []
    centre = shapely.get_coordinates(yard.centroid)[0]
    for start, end in pairwise(ring):
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
                [
                    corner,
                    corner + along * width,
                    corner + along * width + inward * depth,
                    corner + inward * depth,
                ]
            )
            if not shapely.contains_properly(yard, shape) or any(shape.distance(t) < 6 for t in taken):
                continue
            taken.append(shape)
            houses.append(House(shape, "shops", "commercial", floors, 0, 0, max(2, int(width // 6))))
            placed = True
        if placed:
            band = shapely.LineString([start - along * 1, end + along * 1]).buffer(
                depth + 7.5, cap_style="flat"
            )
            yard = largest_part(shapely.difference(yard, band))
            if yard.is_empty:
                break
    return houses, yard


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
        share = {"slab": 0.75, "mid": 0.6, "tower": 0.55, "old": 0.35, "market": 0.5}[use] * (
            1.0 if old_town else 0.8
        )
        houses, yard = shop_fronts(yard, sides, rng, share)
    margin = {"old": 1.5, "village": 3.0, "slab": 3.0, "mid": 4.0, "tower": 5.0, "industry": 7.0}.get(
        use, 6.0
    )
    inner = largest_part(shapely.buffer(yard, -margin, join_style="mitre"))
    if inner.is_empty or inner.area < 60:
        return houses, ([("绿地", yard)] if use == "park" and not yard.is_empty else greens)
    turn = angle - round(angle / (math.pi / 2)) * (math.pi / 2)
    centre = inner.centroid
    flat = shapely.affinity.rotate(inner, -turn, origin=centre, use_radians=True)
    made, soft = MAKERS[use](flat, rng)
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
