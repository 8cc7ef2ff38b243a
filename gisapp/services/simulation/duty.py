"""Who is on duty, where, and on which streets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from gisapp.analytics.crs import points_from_metric, points_to_metric, zone_for
from gisapp.analytics.walking import Paths, paths_within, pavement
from gisapp.domain.access import SYSTEM
from gisapp.errors import NotFound
from gisapp.store import patrols
from gisapp.store.database import Database

REACH_M = 380.0
"""How far beyond the own grid a worker may stray."""
_MARGIN = 0.005


@dataclass(frozen=True, slots=True)
class Duty:
    """One worker's post.

    Attributes:
        ground: the grid, metres in the zone.
        keep_to: what the worker keeps to while patrolling.
    """

    worker: int
    name: str
    place: str
    ground: shapely.Geometry
    keep_to: shapely.Geometry
    paths: Paths


@dataclass(frozen=True, slots=True)
class Posts:
    """All workers to simulate, in one metric zone."""

    zone: int
    duties: tuple[Duty, ...]

    def degrees(self, x: float, y: float) -> tuple[float, float]:
        """Metres in the zone → longitude and latitude."""
        lon, lat = points_from_metric([x], [y], self.zone)
        return float(lon[0]), float(lat[0])


def read_posts(database: Database, prefix: str = "", limit: int = 1000) -> Posts:
    """Workers below a prefix with their grids and the streets around.

    Raises:
        NotFound: no worker has a grid there.
    """
    with database.begin(SYSTEM) as connection:
        rows = patrols.workers_with_grids(connection, prefix, limit)
        if not rows:
            raise NotFound("没有可以模拟的网格员。", remedy="请先载入演示数据：./onemap demo --size street。")
        grids = shapely.from_wkb([bytes(row["geom"]) for row in rows])
        west, south, east, north = (float(v) for v in shapely.total_bounds(grids))
        streets = patrols.walkable_streets(
            connection, (west - _MARGIN, south - _MARGIN, east + _MARGIN, north + _MARGIN)
        )
    zone = zone_for((west + east) / 2)
    metric = _metric(grids, zone)
    edges = _metric(shapely.from_wkb(streets), zone) if streets else np.zeros(0, dtype=object)
    tree = shapely.STRtree(edges)
    duties = []
    for row, ground in zip(rows, metric, strict=True):
        near = edges[np.sort(tree.query(ground, predicate="dwithin", distance=REACH_M))]
        paths = paths_within(near, ground, REACH_M)
        duties.append(Duty(row["id"], row["name"], row["place"], ground, pavement(ground), paths))
    return Posts(zone, tuple(duties))


def _metric(shapes: Any, zone: int) -> NDArray[np.object_]:
    return np.asarray(
        shapely.transform(
            np.asarray(shapes, dtype=object),
            lambda xy: np.column_stack(points_to_metric(xy[:, 0], xy[:, 1], zone)),
        ),
        dtype=object,
    )
