"""In which polygon of a tiling does a point lie: many points, thousands of grids, exactly.

The tie rule is the fabric's: **a point on a shared border belongs to the lowest code** among the grids whose border it
lies on. Coordinates are (lon, lat) degrees in EPSG:4490; nothing here depends on the unit.

``Fence`` asks the exact library (GEOS) for every point near a border; ``gisapp.analytics.raster_fence`` answers most
points from a raster and must agree with it point for point.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Polygon

Floats = NDArray[np.float64]
Indices = NDArray[np.int32]

#: no polygon holds the point
NOWHERE = -1


class Fence:
    """Polygons by code, prepared once and asked many times; safe to share between threads once built.

    Args:
        codes: one for each polygon.
        polygons: same length, EPSG:4490 degrees; they may leave gaps, and overlap only along borders.
    """

    def __init__(self, codes: Sequence[str], polygons: Sequence[Polygon | MultiPolygon]) -> None:
        order = sorted(range(len(codes)), key=codes.__getitem__)
        #: codes in ascending order; results index into it
        self.codes: tuple[str, ...] = tuple(codes[i] for i in order)
        self.polygons: NDArray[np.object_] = np.empty(len(order), dtype=object)
        self.polygons[:] = [polygons[i] for i in order]
        shapely.prepare(self.polygons)
        self._tree = shapely.STRtree(self.polygons)
        self._by_code = {code: i for i, code in enumerate(self.codes)}

    def __len__(self) -> int:
        return len(self.codes)

    def polygon(self, code: str) -> Polygon | MultiPolygon | None:
        """The polygon of a code; None if there is none."""
        index = self._by_code.get(code)
        return None if index is None else self.polygons[index]

    def below(self, prefix: str) -> list[Polygon | MultiPolygon]:
        """Polygons whose code begins with a prefix."""
        first = bisect_left(self.codes, prefix)
        last = bisect_left(self.codes, prefix + ":", first)  # the character after "9"
        return list(self.polygons[first:last])

    def locate(self, lon: Floats, lat: Floats) -> Indices:
        """For each point the index into ``codes`` of its polygon by the tie rule, or ``NOWHERE``.

        Args:
            lon: n longitudes in degrees.
            lat: n latitudes in degrees.
        """
        found = np.full(len(lon), NOWHERE, dtype=np.int32)
        if not len(self.codes) or not len(lon):
            return found
        # Boxes from the tree, then the prepared polygon: asking the tree for "intersects" would leave the polygons
        # unprepared, because it takes the points as the first operand.
        at, which = self._tree.query(shapely.points(lon, lat))
        # Highest index first, so that the lowest code is written last and stays.
        order = np.argsort(-which, kind="stable")
        at, which = at[order], which[order]
        inside = shapely.intersects_xy(self.polygons[which], lon[at], lat[at])
        found[at[inside]] = which[inside]
        return found

    def codes_at(self, lon: Floats, lat: Floats) -> list[str | None]:
        """The code of each point's polygon, or None."""
        return [None if i < 0 else self.codes[i] for i in self.locate(lon, lat).tolist()]
