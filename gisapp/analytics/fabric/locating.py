"""In which grid does a point lie?

The tie rule, the same everywhere (drawing, re-keying, fences, reports): **a point belongs to the grid with the lowest
code among those that contain it or whose border it lies on.** Grids of a community tile it exactly, so inside there is
always one; a point on a shared border, or on a corner where five grids meet, has one too, and the same one whichever
program asks.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import Polygon


def locate(
    grids: Mapping[str, Polygon], lon: npt.NDArray[np.float64], lat: npt.NDArray[np.float64]
) -> npt.NDArray[np.object_]:
    """The code of the grid of each point, by the tie rule; None for points in no grid.

    Args:
        grids: code → polygon, EPSG:4490 degrees (lon, lat).
        lon: n longitudes in degrees.
        lat: n latitudes in degrees.

    Returns:
        n codes (or None).
    """
    found = np.full(len(lon), None, dtype=object)
    free = np.ones(len(lon), dtype=bool)
    for code in sorted(grids):
        shape = grids[code]
        shapely.prepare(shape)
        west, south, east, north = shape.bounds
        near = free & (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
        where = np.flatnonzero(near)
        inside = where[shapely.intersects_xy(shape, lon[where], lat[where])]
        found[inside] = code
        free[inside] = False
    return found


def locate_one(grids: Mapping[str, Polygon], lon: float, lat: float) -> str | None:
    """The grid of one point, by the tie rule."""
    code = locate(grids, np.array([lon]), np.array([lat]))[0]
    return None if code is None else str(code)
