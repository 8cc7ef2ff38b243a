"""The fence as a raster: tens of millions of points a second, and not one point different from the exact library.

Space is cut into cells of about 4 m, eight by eight of them in a coarse one. A cell that no border crosses has one
answer. A cell with borders keeps its few edges and one reference point whose polygon is known: the edge that is crossed
last on the way from the reference to a point says, by its two sides, in which polygon the point lies. Signs of
determinants are taken only where Shewchuk's error bound proves them; points for which it does not, those on a border
among them, go to the exact library, which also applies the tie rule. Cells in which the polygons do not tile (overlaps,
corners that do not match) go there as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Polygon

from gisapp.analytics import raster_kernels as kernels
from gisapp.analytics.fencing import NOWHERE, Fence, Floats, Indices

Ints = NDArray[np.int64]

#: metres; side of a fine cell where the extent allows
FINE_M = 4.0
#: coarse cells at most; a larger extent gets larger cells
MOST_COARSE = 4_000_000
_METRES_PER_DEGREE = 111_320.0
#: where in a cell the reference may lie, as shares of it; the first that is off all lines is taken
_REFERENCES = ((0.5, 0.5), (0.31, 0.57), (0.66, 0.37), (0.43, 0.19), (0.23, 0.83), (0.81, 0.71))


class RasterFence(Fence):
    """A fence that answers from a raster; built in seconds for thousands of polygons, safe between threads once built.

    Args:
        codes: one for each polygon.
        polygons: valid polygons in EPSG:4490 degrees, same length.
    """

    def __init__(self, codes: Sequence[str], polygons: Sequence[Polygon | MultiPolygon]) -> None:
        super().__init__(codes, polygons)
        self._raster: tuple[Any, ...] | None = None
        if len(self.codes):
            self._build()

    def locate(self, lon: Floats, lat: Floats) -> Indices:
        """As ``Fence.locate``; the points that the raster leaves open are asked there."""
        lon, lat = np.ascontiguousarray(lon, np.float64), np.ascontiguousarray(lat, np.float64)
        found = np.empty(len(lon), dtype=np.int32)
        if self._raster is None:
            found.fill(NOWHERE)
            return found
        doubtful = np.empty(len(lon), dtype=np.int64)
        count = kernels.locate(lon, lat, *self._raster, found, doubtful)
        if count:
            which = doubtful[:count]
            found[which] = super().locate(lon[which], lat[which])
        return found

    # -- building -------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        edges, left, right, sound = _sides(self.polygons)
        frame, shape = _frame(self.polygons)
        cells, of_edge = kernels.cells_of_edges(edges, frame, shape)
        order = np.argsort(cells, kind="stable")
        cells, of_edge = cells[order], of_edge[order]
        keys, starts = np.unique(cells, return_index=True)
        starts = np.append(starts, len(cells)).astype(np.int64)
        cell_edges = np.ascontiguousarray(edges[of_edge])
        sides = np.ascontiguousarray(np.column_stack([left[of_edge], right[of_edge]]).astype(np.int32))

        reference, label, clean = self._references(
            keys, starts, cell_edges, sides, sound[of_edge], frame, shape
        )
        coarse, fine = self._cells(keys, frame, shape)
        self._raster = (
            frame,
            shape,
            coarse,
            fine,
            starts,
            cell_edges,
            sides,
            reference,
            label,
            clean,
        )

    def _covering(self, lon: Floats, lat: Floats) -> tuple[Indices, Ints]:
        """For each point its polygon by the tie rule and how many polygons hold it."""
        label = np.full(len(lon), NOWHERE, dtype=np.int32)
        at, which = self._tree.query(shapely.points(lon, lat))
        inside = shapely.intersects_xy(self.polygons[which], lon[at], lat[at])
        at, which = at[inside], which[inside]
        order = np.argsort(-which, kind="stable")
        label[at[order]] = which[order]
        return label, np.bincount(at, minlength=len(lon)).astype(np.int64)

    def _references(
        self,
        keys: Ints,
        starts: Ints,
        edges: Floats,
        sides: NDArray[np.int32],
        sound: NDArray[np.bool_],
        frame: Floats,
        shape: Ints,
    ) -> tuple[Floats, Indices, NDArray[np.bool_]]:
        """A point of each cell that is off all its lines, its polygon, and whether the cell can be answered at all."""
        reference = np.empty((len(keys), 2))
        placed = np.zeros(len(keys), dtype=bool)
        for share_x, share_y in _REFERENCES:
            kernels.place_references(keys, starts, edges, frame, shape, share_x, share_y, reference, placed)
        label, count = self._covering(reference[:, 0].copy(), reference[:, 1].copy())
        clean = kernels.clean_cells(starts, sides, sound, label, count, placed)
        return reference, label, clean

    def _cells(self, keys: Ints, frame: Floats, shape: Ints) -> tuple[Indices, Indices]:
        """Coarse cells (label, or block) and fine cells of blocks (label, or cell with borders)."""
        coarse, fine = kernels.blocks(keys, shape)
        # Cells without borders that touch each other have one answer: asked once, at the middle of one of them.
        parts, middles = kernels.fine_parts(coarse, fine, frame, shape)
        kernels.fill_fine(fine, parts, self._covering(*middles)[0])
        parts, middles = kernels.coarse_parts(coarse, frame, shape)
        kernels.fill_coarse(coarse, parts, self._covering(*middles)[0])
        return coarse, fine


def _frame(polygons: NDArray[np.object_]) -> tuple[Floats, Ints]:
    """South-western corner and cells per degree; numbers of coarse columns and rows."""
    west, south, east, north = shapely.total_bounds(polygons).tolist()
    high = FINE_M / _METRES_PER_DEGREE
    wide = high / max(np.cos(np.radians((south + north) / 2)), 0.01)
    coarse = ((east - west) / (8 * wide) + 2) * ((north - south) / (8 * high) + 2)
    stretch = max(1.0, float(np.sqrt(coarse / MOST_COARSE)))
    wide, high = wide * stretch, high * stretch
    # Two fine cells of nothing all around: a rounded position cannot leave the raster unnoticed.
    west, south = west - 2 * wide, south - 2 * high
    columns = int((east + 2 * wide - west) / (8 * wide)) + 1
    rows = int((north + 2 * high - south) / (8 * high)) + 1
    return np.array([west, south, 1.0 / wide, 1.0 / high]), np.array([columns, rows], dtype=np.int64)


def _sides(polygons: NDArray[np.object_]) -> tuple[Floats, Indices, Indices, NDArray[np.bool_]]:
    """Every border edge once: x1, y1, x2, y2, the polygon to its left and right, and whether that is all there is.

    An edge is sound if at most one polygon lies on either side of it.
    """
    oriented = shapely.orient_polygons(polygons)
    parts, owner_of_part = shapely.get_parts(oriented, return_index=True)
    rings, part_of_ring = shapely.get_rings(parts, return_index=True)
    points, ring_of_point = shapely.get_coordinates(rings, return_index=True)
    owner_of_ring = owner_of_part[part_of_ring]
    along = ring_of_point[1:] == ring_of_point[:-1]
    a, b = points[:-1][along], points[1:][along]
    owner = owner_of_ring[ring_of_point[1:][along]].astype(np.int32)
    moves = (a != b).any(axis=1)
    a, b, owner = a[moves], b[moves], owner[moves]
    forward = (a[:, 0] < b[:, 0]) | ((a[:, 0] == b[:, 0]) & (a[:, 1] < b[:, 1]))
    edges = np.where(forward[:, None], np.hstack([a, b]), np.hstack([b, a]))
    order = np.lexsort(edges.T[::-1])
    edges, owner, forward = edges[order], owner[order], forward[order]
    first = np.append(True, (edges[1:] != edges[:-1]).any(axis=1))
    number = np.cumsum(first) - 1
    left = np.full(number[-1] + 1, NOWHERE, dtype=np.int32)
    right = left.copy()
    left[number[forward]] = owner[forward]
    right[number[~forward]] = owner[~forward]
    on_left = np.bincount(number[forward], minlength=len(left))
    on_right = np.bincount(number[~forward], minlength=len(left))
    return edges[first], left, right, (on_left <= 1) & (on_right <= 1)
