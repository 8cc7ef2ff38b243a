"""The grain of the town: at every place the direction that streets follow.

A cross field (directions modulo 90°) on a raster, blended from the curves nearby and a slowly turning base, so that
blocks lie parallel to their canal or avenue and the net bends gently instead of being a chessboard.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from scipy.spatial import cKDTree

from gisapp.services.demo.frame import Design, Floats
from gisapp.services.demo.seeding import stream

_REACH = 320.0


@dataclass(frozen=True, slots=True)
class Field:
    """Directions on a raster, radians counter-clockwise from east, modulo 90°."""

    x0: float
    y0: float
    rows: list[list[float]]
    cell: float

    def angle(self, x: float, y: float) -> float:
        """Direction at a point (metres); points outside take the nearest cell."""
        j = min(max(int((x - self.x0) / self.cell), 0), len(self.rows[0]) - 1)
        i = min(max(int((y - self.y0) / self.cell), 0), len(self.rows) - 1)
        return self.rows[i][j]

    def trace(
        self, x: float, y: float, heading: float, length: float, step: float
    ) -> list[tuple[float, float]]:
        """Points of the streamline from (x, y) along a heading, metres; the start itself is left out."""
        points = []
        travelled = 0.0
        quarter = math.pi / 2
        while travelled < length:
            turn = self.angle(x, y) - heading
            heading += turn - round(turn / quarter) * quarter
            x += step * math.cos(heading)
            y += step * math.sin(heading)
            points.append((x, y))
            travelled += step
        return points


def make_field(design: Design, seed: int, cell: float = 40.0) -> Field:
    """The cross field of a district, on cells of so many metres."""
    rng = stream(seed, "field")
    x0, y0, x1, y1 = shapely.union_all(np.array(design.outline, dtype=object)).buffer(200).bounds
    xs = np.arange(x0, x1 + cell, cell) + cell / 2
    ys = np.arange(y0, y1 + cell, cell) + cell / 2
    grid_x, grid_y = np.meshgrid(xs, ys)
    where = np.column_stack([grid_x.ravel(), grid_y.ravel()])
    # A base that turns by a few degrees over kilometres.
    base = np.full(len(where), math.radians(rng.uniform(4, 9)))
    for _ in range(3):
        bearing, wave = rng.uniform(0, 2 * math.pi), rng.uniform(2200, 4200)
        along = where[:, 0] * math.cos(bearing) + where[:, 1] * math.sin(bearing)
        base += math.radians(rng.uniform(2, 5)) * np.sin(2 * math.pi * along / wave + rng.uniform(0, 6))
    cos4 = 0.10 * np.cos(4 * base)
    sin4 = 0.10 * np.sin(4 * base)
    lines = [curve.line for curve in design.curves] + list(design.outline)
    for line in lines:
        points: Floats = shapely.get_coordinates(shapely.segmentize(line, 60))
        middle = (points[1:] + points[:-1]) / 2
        delta = points[1:] - points[:-1]
        direction = np.arctan2(delta[:, 1], delta[:, 0])
        distance, nearest = cKDTree(middle).query(where)
        weight = np.exp(-distance / _REACH)
        cos4 += weight * np.cos(4 * direction[nearest])
        sin4 += weight * np.sin(4 * direction[nearest])
    angle = (np.arctan2(sin4, cos4) / 4).reshape(grid_x.shape)
    return Field(float(x0), float(y0), angle.tolist(), cell)
