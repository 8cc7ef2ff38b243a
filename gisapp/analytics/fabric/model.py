"""The fabric: the grids of one community as one exact partition of its ground."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj
import shapely
from shapely.geometry import MultiPolygon, Polygon, mapping

from gisapp.analytics.fabric.lattice import Node, Ring, Segment, along, passes, rings_of, segments

COMMUNITY_DIGITS = 12
GRID_DIGITS = 15

# CGCS2000's ellipsoid; its flattening differs from GRS 80's nowhere that an area in square metres would show.
_ELLIPSOID = pyproj.Geod(a=6378137.0, rf=298.257222101)


@dataclass(frozen=True)
class Fabric:
    """The grids of one community.

    Attributes:
        community: 12-digit code.
        border: the community's own polygon, EPSG:4490 degrees (lon, lat) on nine decimals.
        grids: 15-digit code → polygon, same coordinates. Neighbours share every corner along their common border.
    """

    community: str
    border: Polygon | MultiPolygon
    grids: Mapping[str, Polygon]

    def replaced(
        self, changes: Mapping[str, Polygon | None], border: Polygon | MultiPolygon | None = None
    ) -> Fabric:
        """A new fabric with some grids put in place of others (None removes), in order of code."""
        grids: dict[str, Polygon] = {**self.grids}
        for code, shape in changes.items():
            if shape is None:
                grids.pop(code, None)
            else:
                grids[code] = shape
        return Fabric(self.community, self.border if border is None else border, dict(sorted(grids.items())))

    def rings(self) -> dict[str, list[Ring]]:
        """The rings of every grid as lattice nodes (shell counter-clockwise, holes clockwise)."""
        return {code: rings_of(shape) for code, shape in self.grids.items()}

    def same_as(self, other: Fabric) -> bool:
        """Whether both are equal to the last corner, order of corners included."""
        return (
            self.community == other.community
            and dict(self.grids) == dict(other.grids)
            and bool(self.border == other.border)
        )


@dataclass(frozen=True)
class Problem:
    """One reason why grids do not tile their community.

    Attributes:
        kind: ``gap``, ``overlap``, ``outside``, ``border`` (edges that do not match corner for corner), ``crossing``
            (a ring that crosses or touches itself), ``ring`` (no area), ``parts`` (not one piece), ``small``,
            ``precision`` (a corner with more than nine decimals), ``code``.
        message: the reason in Chinese.
        codes: the grids concerned.
        geometry: what the map shows in red, EPSG:4490; None where nothing can be drawn.
    """

    kind: str
    message: str
    codes: tuple[str, ...]
    geometry: shapely.Geometry | None

    def as_json(self) -> dict[str, Any]:
        """Kind, message, codes and GeoJSON geometry."""
        shape = None if self.geometry is None or self.geometry.is_empty else mapping(self.geometry)
        return {"kind": self.kind, "message": self.message, "codes": list(self.codes), "geometry": shape}


def short(code: str) -> str:
    """How a grid is named inside its own community: the last three digits of its code."""
    return code[-3:]


def area_m2(shape: shapely.Geometry) -> float:
    """Area in square metres on the ellipsoid of CGCS2000 (for degrees, any orientation of rings)."""
    if shape.is_empty:
        return 0.0
    return abs(float(_ELLIPSOID.geometry_area_perimeter(shapely.orient_polygons(shape))[0]))


def perimeter_m(shape: shapely.Geometry) -> float:
    """Perimeter of a polygon in metres, holes included."""
    return length_m(shape.boundary)


def length_m(shape: shapely.Geometry) -> float:
    """Length of lines in metres on the ellipsoid of CGCS2000."""
    return 0.0 if shape.is_empty else float(_ELLIPSOID.geometry_length(shape))


def metres_between(a: Sequence[float], b: Sequence[float]) -> float:
    """Distance of two (lon, lat) points in metres."""
    return float(_ELLIPSOID.inv(a[0], a[1], b[0], b[1])[2])


Inserts = dict[Segment, list[Node]]


def undirected(segment: Segment) -> Segment:
    """The same edge whichever way it is walked."""
    a, b = segment
    return (a, b) if a <= b else (b, a)


def with_nodes(rings: Iterable[Ring], inserts: Inserts) -> tuple[list[Ring], bool]:
    """Rings with new corners put into their edges, and whether any ring changed.

    ``inserts`` is keyed by undirected edge; its nodes are ordered here, so every polygon that has the edge, in either
    direction, gets the same corners and the coverage stays exact.
    """
    changed = False
    result: list[Ring] = []
    for ring in rings:
        noded: Ring = []
        for edge in segments(ring):
            noded.append(edge[0])
            extra = inserts.get(undirected(edge))
            if extra:
                noded.extend(sorted(set(extra), key=lambda node: along(edge, node)))
                changed = True
        result.append(noded)
    return result, changed


def edges_array(rings_by_owner: Iterable[list[Ring]]) -> npt.NDArray[np.int64]:
    """Directed edges of many rings as an (n, 4) array x1, y1, x2, y2."""
    rows = [(*a, *b) for rings in rings_by_owner for ring in rings for a, b in segments(ring)]
    return np.array(rows, dtype=np.int64).reshape(-1, 4)


def find_edge(rings: Iterable[Ring], node: Node) -> Segment | None:
    """The edge whose inside the node lies on (to within its rounding), if any."""
    for ring in rings:
        for edge in segments(ring):
            if passes(edge, node):
                return edge
    return None
