"""Place keys of many points: the grid in force that holds a point, else the deepest region.

The tie rule is that of ``analytics/fabric/locating.py``: on a shared border the lower key wins.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray


def place_points(
    layers: Sequence[tuple[Sequence[str], NDArray[np.object_]]],
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
) -> NDArray[np.object_]:
    """The place key of each point.

    Each polygon looks only at the strip of points between its own west and east, in points sorted once by longitude, so
    thousands of polygons over a million points stay a matter of seconds.

    Args:
        layers: (keys, polygons) in order of precedence, for example grids, communities, streets; EPSG:4490 degrees.
        lon: n longitudes in degrees; NaN for no point.
        lat: n latitudes in degrees.

    Returns:
        n keys; None for points in none of the polygons.
    """
    found = np.full(len(lon), None, dtype=object)
    order = np.argsort(lon, kind="stable")
    x, y = lon[order], lat[order]
    free = ~(np.isnan(x) | np.isnan(y))
    for keys, shapes in layers:
        for i in sorted(range(len(keys)), key=lambda i: keys[i]):
            shape = shapes[i]
            if shape is None or shapely.is_empty(shape):
                continue
            west, south, east, north = shapely.bounds(shape)
            first, last = np.searchsorted(x, west, "left"), np.searchsorted(x, east, "right")
            strip = slice(first, last)
            near = np.flatnonzero(free[strip] & (y[strip] >= south) & (y[strip] <= north)) + first
            if not len(near):
                continue
            shapely.prepare(shape)
            inside = near[shapely.intersects_xy(shape, x[near], y[near])]
            found[order[inside]] = keys[i]
            free[inside] = False
    return found
