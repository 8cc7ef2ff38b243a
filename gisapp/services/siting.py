"""What an allocation stands on: the streets of a place, its candidate sites, demand in a tractable number of points."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import Connection

from gisapp.analytics import network
from gisapp.analytics.hexes import point_cells
from gisapp.domain.access import Reader
from gisapp.errors import InputError
from gisapp.services.analysis_runs import check_place
from gisapp.store import analysis
from gisapp.store.analysis import Points, Roads, Site
from gisapp.store.database import Database

Floats = NDArray[np.float64]

MAX_CANDIDATES = 400
"""More candidates than this are thinned out evenly: a neighbour 50 m away is no other answer."""
MAX_DEMAND = 3_000
"""More demand points than this are added up by small hexagons."""
_FINE = 11
_MARGIN = 0.006  # degrees, about 600 m: ways may lead out of the place and back


def area_and_streets(connection: Connection, place: str) -> tuple[shapely.Geometry, Roads]:
    """Outline of a place, and the streets for walkers in and around it.

    Raises:
        InputError: the place is not drawn.
    """
    area = analysis.area_of(connection, place)
    if area.is_empty:
        raise InputError(f"地点 {place} 没有边界。", remedy="请先导入该区域或网格的边界。")
    west, south, east, north = area.bounds
    box = (west - _MARGIN, south - _MARGIN, east + _MARGIN, north + _MARGIN)
    return area, analysis.walkable_roads(connection, box)


def streets_of(database: Database, reader: Reader, place: str) -> Roads:
    """Streets for walkers in and around a place.

    Raises:
        InputError: the place is not drawn.
        Forbidden: it lies outside the reader's scope.
    """
    check_place(reader, place)
    with database.begin(reader) as connection:
        return area_and_streets(connection, place)[1]


def gathered(points: Points) -> Points:
    """Demand in at most some thousands of points: more are added up by hexagon, each at its own centre of weight."""
    if len(points) <= MAX_DEMAND:
        return points
    for resolution in range(_FINE, 5, -1):
        cells, group = np.unique(point_cells(points.lon, points.lat, resolution), return_inverse=True)
        if len(cells) <= MAX_DEMAND:
            break
    weight = np.asarray(np.bincount(group, points.weight), dtype=np.float64)
    lon, lat = (np.bincount(group, points.weight * c) / weight for c in (points.lon, points.lat))
    return Points(lon, lat, weight)


def thinned(sites: Sequence[Site], most: int = MAX_CANDIDATES) -> list[Site]:
    """At most so many sites, spread evenly: farthest point first (Gonzalez 1985), from the middle outwards."""
    if len(sites) <= most:
        return list(sites)
    lon, lat = np.array([s.lon for s in sites]), np.array([s.lat for s in sites])
    xy = np.column_stack([lon * np.cos(np.radians(lat.mean())), lat])
    kept = [int(np.argmin(((xy - xy.mean(axis=0)) ** 2).sum(axis=1)))]
    reach = ((xy - xy[kept[0]]) ** 2).sum(axis=1)
    while len(kept) < most:
        kept.append(int(np.argmax(reach)))
        np.minimum(reach, ((xy - xy[kept[-1]]) ** 2).sum(axis=1), out=reach)
    return [sites[k] for k in sorted(kept)]


def _junctions(streets: network.Network, roads: Roads, area: shapely.Geometry) -> list[Site]:
    """Street corners inside an area, named by the streets that meet there."""
    nodes = streets.junctions()
    lon, lat = streets.node_positions()
    nodes = nodes[shapely.contains_xy(area, lon[nodes], lat[nodes])]
    names: dict[int, set[str]] = {int(node): set() for node in nodes}
    for (one, other), street in zip(streets.edges.tolist(), streets.street.tolist(), strict=True):
        name = roads.names[street]
        for node in (one, other):
            if name and node in names:
                names[node].add(name)

    def title(node: int) -> str:
        found = sorted(names[node])[:2]
        return f"{'与'.join(found)}路口" if len(found) > 1 else f"{found[0]}旁" if found else "无名路口"

    return [Site("junction", None, title(int(n)), float(lon[n]), float(lat[n])) for n in nodes]


def candidates(
    connection: Connection,
    place: str,
    wanted: str,
    streets: network.Network,
    roads: Roads,
    area: shapely.Geometry,
) -> list[Site]:
    """Candidate sites of a kind: ``junction``, ``building``, ``poi`` or ``poi:KIND``."""
    kind, _, detail = wanted.partition(":")
    if kind == "junction":
        return _junctions(streets, roads, area)
    if kind == "building":
        return analysis.building_sites(connection, place)
    return analysis.poi_sites(connection, place, detail or None)


def main_part(streets: network.Network, snapped: network.Snapped, weight: Floats) -> NDArray[np.bool_]:
    """Which demand lies at streets of the part of the network that holds most of it."""
    part = np.where(snapped.edge >= 0, streets.component[streets.edges[snapped.edge, 0]], -1)
    if not (part >= 0).any():
        return np.zeros(len(part), dtype=bool)
    most = int(np.argmax(np.bincount(part[part >= 0], weight[part >= 0])))
    return np.asarray(part == most)
