"""What lies around a district: main streets, canals and their banks of the ground next to it.

Nobody lives there and no region is told of it; it is there so that the map does not end at the border. Coordinates:
EPSG:4549, metres.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from gisapp.services.demo.geography import OUTLINE_KEYS, Geoms, Ground, lay_out, node_lines
from gisapp.services.demo.roads import Roads, build_roads

REACH_M = 2600.0
_COMMUNITIES = (5, 6, 6, 8, 10, 8, 14, 10)
_AROUND = ((-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (1, 1), (-1, 1), (1, -1))
_OPPOSITE = {"环南": (0, -1), "环东": (1, 0), "环北": (0, 1), "环西": (-1, 0)}


@dataclass(slots=True)
class BaseMap:
    """Streets, water and green strips to store: of the district and, if wanted, of what lies around it."""

    edges: Geoms
    name: list[str]
    stored_class: list[str]
    bridge: NDArray[np.bool_]
    water: list[tuple[str, shapely.Geometry]]
    strips: list[shapely.Geometry]


def base_map(ground: Ground, roads: Roads, seed: int, cell: tuple[int, int], *, around: bool) -> BaseMap:
    """The base map of a district.

    Args:
        around: add what lies around; the streets of both are noded together, so that one walks across the border.
    """
    edges = [roads.edges]
    name = [roads.streets[s].name for s in roads.edge_street]
    kind = roads.stored_class()
    bridge = [roads.bridge]
    water = list(roads.water)
    strips = list(roads.strips)
    if not around:
        return BaseMap(roads.edges, name, kind, roads.bridge, water, strips)
    reach = ground.outline.buffer(REACH_M)
    shapely.prepare(reach)
    taken = {street.name for street in roads.streets}
    drawn = {cell}
    for step in _AROUND:
        place = (cell[0] + step[0], cell[1] + step[1])
        # Avenues on a side that is drawn already are not drawn again.
        skip = [
            key
            for key in OUTLINE_KEYS
            if (place[0] + _OPPOSITE[key][0], place[1] + _OPPOSITE[key][1]) in drawn
        ]
        drawn.add(place)
        codes = [[(f"{place}{s}{n}", "") for n in range(count)] for s, count in enumerate(_COMMUNITIES)]
        other = build_roads(lay_out(seed, codes, (), place), seed + len(drawn), skip=skip, taken=taken)
        near = shapely.intersects(other.edges, reach)
        edges.append(other.edges[near])
        names = [other.streets[s].name for s in other.edge_street]
        name += [n for n, good in zip(names, near, strict=True) if good]
        taken |= set(names)
        kind += [k for k, good in zip(other.stored_class(), near, strict=True) if good]
        bridge.append(other.bridge[near])
        water += other.water
        strips += [s for s in other.strips if reach.intersects(s)]
    joined, source = node_lines(np.concatenate(edges), np.arange(sum(len(e) for e in edges)))
    keep = shapely.length(joined) > 0.05
    joined, source = joined[keep], source[keep]
    merged = []
    for title in dict.fromkeys(n for n, _ in water):
        shape = shapely.union_all([s for n, s in water if n == title], grid_size=0.001).intersection(reach)
        if not shape.is_empty:
            merged.append((title, shape))
    return BaseMap(
        joined,
        [name[i] for i in source],
        [kind[i] for i in source],
        np.concatenate(bridge)[source],
        merged,
        strips,
    )
