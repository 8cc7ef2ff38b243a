"""What all rows of a generated district share: ids, places of lots, geometries in EPSG:4490 lon/lat."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from gisapp.domain.keys import Level
from gisapp.services.demo.frame import Floats
from gisapp.services.demo.generate import District
from gisapp.services.demo.geography import Geoms, Ints

Columns = dict[str, Any]
Words = NDArray[np.object_]

ROOM_FOR_IDS = 10_000_000
"""Ids of one district: from ``serial`` times this, so that districts can be loaded one after another."""
SOURCE = "demo"


def morton(lonlat: Floats) -> Ints:
    """Morton number of points in the web-mercator tile grid of zoom 22; neighbours on the map are neighbours in it."""
    x = ((lonlat[:, 0] + 180) / 360 * 4194304).astype(np.int64)
    phi = np.radians(lonlat[:, 1])
    y = ((1 - np.log(np.tan(phi) + 1 / np.cos(phi)) / np.pi) / 2 * 4194304).astype(np.int64)
    result = np.zeros(len(x), dtype=np.int64)
    for bit in range(22):
        result |= ((x >> bit) & 1) << (2 * bit) | ((y >> bit) & 1) << (2 * bit + 1)
    return result


def multi(shapes: Geoms) -> Geoms:
    """Polygons as multipolygons, which is what the columns hold."""
    flat = shapely.get_type_id(shapes) == 3
    result = shapes.copy()
    if flat.any():
        result[flat] = shapely.multipolygons(shapes[flat], indices=np.arange(int(flat.sum())))
    return result


def utc(instants: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    return instants.astype("datetime64[us]")


def serials(keys: NDArray[Any]) -> Ints:
    """1, 2, 3 … within equal keys, in order of rows."""
    _, inverse = np.unique(keys.astype(str), return_inverse=True)
    inverse = np.ravel(inverse)
    order = np.argsort(inverse, kind="stable")
    ordered = inverse[order]
    result = np.empty(len(keys), dtype=np.int64)
    result[order] = np.arange(len(keys)) - np.searchsorted(ordered, ordered) + 1
    return result


class Rows:
    """A district on its way into the tables."""

    def __init__(self, district: District) -> None:
        self.d = district
        self.base = district.plan.serial * ROOM_FOR_IDS
        self.code = str(next(d.key for d in district.plan.divisions if d.level is Level.DISTRICT))
        ground, grids = district.ground, district.grids
        codes = np.array([c.code for c in ground.communities], dtype=object)
        self.lot_place = codes[ground.lot_community]
        inside = grids.lot_grid >= 0
        self.lot_place[inside] = np.array(grids.code, dtype=object)[grids.lot_grid[inside]]

    def ids(self, count: int) -> Ints:
        return np.arange(1, count + 1, dtype=np.int64) + self.base
