"""What a new set of grids changes against an old one."""

from __future__ import annotations

from collections.abc import Mapping

import shapely
from shapely.geometry import MultiPolygon, Polygon

from gisapp.analytics.fabric.lattice import Node, Ring, rings_of, segments
from gisapp.analytics.fabric.model import Inserts, area_m2, undirected, with_nodes
from gisapp.analytics.fabric.splitting import rebuild

# What a user would call a change of a grid's ground, in square metres.
SEEN_M2 = 0.5


def changed_codes(old: Mapping[str, Polygon], new: Mapping[str, Polygon]) -> list[str]:
    """Old codes that vanish or whose ground is not the same to the last corner."""
    return sorted(code for code, shape in old.items() if new.get(code) != shape)


def ground_moved(old: Polygon, new: Polygon) -> bool:
    """Whether a grid's ground changed to a user's eye: a corner put into its border moves that by 0.1 mm only."""
    return old != new and area_m2(old.symmetric_difference(new)) >= SEEN_M2


def heirs(old: Mapping[str, Polygon], new: Mapping[str, Polygon]) -> dict[str, str]:
    """For each vanished code the new one that holds the largest part of its ground, the lowest when equal."""
    found = {}
    for code in sorted(set(old) - set(new)):
        shares = [(-old[code].intersection(shape).area, other) for other, shape in new.items()]
        found[code] = min(shares)[1]
    return found


def border_inserts(old: Polygon | MultiPolygon, new: Polygon | MultiPolygon) -> Inserts:
    """The corners that a border has got, by the edge of the old border that they lie on.

    ``new`` is ``old`` with corners added; rings and their corners come in the same order.
    """
    inserts: Inserts = {}
    by_start: dict[Node, Ring] = {ring[0]: ring for ring in rings_of(new)}
    for ring in rings_of(old):
        longer = by_start.get(ring[0], ring)
        position = {node: index for index, node in enumerate(longer)}
        for a, b in segments(ring):
            begin, end = position[a], position[b] or len(longer)
            if end - begin > 1:
                inserts[undirected((a, b))] = longer[begin + 1 : end]
    return inserts


def put_corners(shape: Polygon | MultiPolygon, inserts: Inserts) -> Polygon | MultiPolygon | None:
    """A polygon with new corners in those of its edges that have some; None when it has no such edge."""
    rings, changed = with_nodes(rings_of(shape), inserts)
    return rebuild(shape, rings) if changed else None


def bounds_of(inserts: Inserts) -> tuple[float, float, float, float]:
    """West, south, east, north in degrees of the edges that get corners."""
    box = shapely.MultiPoint([(x / 1e9, y / 1e9) for edge in inserts for x, y in edge]).bounds
    return float(box[0]), float(box[1]), float(box[2]), float(box[3])
