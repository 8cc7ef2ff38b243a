"""The frame of a district: its outline and the curves that divide it, in metres.

Coordinates: EPSG:4549 (CGCS2000, 3° Gauss–Krüger, central meridian 120°E), x east, y north, metres. The design is drawn
in a unit square (a west→east, b south→north) that a gently wavy map carries to the ground. The waves are periodic, so
districts laid side by side tile the plane with common borders, and canals go on from one into the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from gisapp.analytics.crs import points_from_metric, points_to_metric
from gisapp.services.demo.seeding import stream

Floats = NDArray[np.float64]

ZONE = 40
CENTRE = (120.1755, 30.2960)
"""Longitude and latitude of the centre of the first district."""
EDGE_A = (3720.0, 240.0)
EDGE_B = (880.0, 8420.0)
"""Edges of the parallelogram behind a district, metres: about 31 km²."""

_STEP = 30.0
_LATTICE = 1e9


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of the design.

    Attributes:
        line: centre line, metres.
        kind: canal, expressway, arterial or secondary.
        width: of the water or of the carriageway with pavements, metres.
        key: stable identifier.
    """

    line: shapely.LineString
    kind: str
    width: float
    key: str


@dataclass(frozen=True, slots=True)
class Design:
    """The four sides of the outline (south, east, north, west) and the dividing curves of a district, metres."""

    outline: tuple[shapely.LineString, ...]
    curves: tuple[Curve, ...]


def to_metric(lonlat: Floats) -> Floats:
    """(n, 2) longitude/latitude in degrees, EPSG:4490 → metres, EPSG:4549."""
    return np.column_stack(points_to_metric(lonlat[:, 0], lonlat[:, 1], ZONE))


def to_geographic(metric: Floats) -> Floats:
    """(n, 2) metres, EPSG:4549 → longitude/latitude in degrees, rounded to 9 decimals (0.1 mm)."""
    return (
        np.rint(np.column_stack(points_from_metric(metric[:, 0], metric[:, 1], ZONE)) * _LATTICE) / _LATTICE
    )


def geographic(geometries: object) -> NDArray[np.object_]:
    """Geometries in metres (EPSG:4549) → EPSG:4490 lon/lat, rounded; equal vertices stay equal."""
    array = np.asarray(geometries, dtype=object)
    return np.asarray(shapely.transform(array, to_geographic), dtype=object)


def ground(ab: Floats, cell: tuple[int, int] = (0, 0)) -> Floats:
    """Design coordinates (n, 2) → metres, for the district at a cell of the lattice."""
    centre = to_metric(np.array([CENTRE]))[0]
    a = ab[:, 0] + cell[0]
    b = ab[:, 1] + cell[1]
    turn = 2 * np.pi
    dx = (
        130 * np.sin(turn * b + 0.7)
        + 55 * np.sin(turn * (a + 2 * b) + 1.3)
        + 25 * np.sin(turn * (2 * a - 3 * b))
    )
    dy = (
        85 * np.sin(turn * a + 2.2)
        + 45 * np.sin(turn * (2 * a + b) + 0.4)
        + 25 * np.sin(turn * (3 * a - b) + 2.0)
    )
    x = centre[0] + (a - 0.5) * EDGE_A[0] + (b - 0.5) * EDGE_B[0] + dx
    y = centre[1] + (a - 0.5) * EDGE_A[1] + (b - 0.5) * EDGE_B[1] + dy
    return np.column_stack([x, y])


def _smooth(points: Sequence[tuple[float, float]], cell: tuple[int, int]) -> shapely.LineString:
    """A smooth curve through design points, a vertex about every 30 m, reaching a little past both ends."""
    control = np.asarray(points, dtype=float)
    scaled = control * np.array([EDGE_A[0], EDGE_B[1]])
    chord = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(scaled, axis=0).T))])
    ends = np.linspace(0.0, chord[-1], max(8, int(chord[-1] / _STEP)))
    ab = control if len(control) < 3 else np.asarray(CubicSpline(chord, control, bc_type="natural")(ends))
    if len(control) < 3:
        ab = control[0] + (control[-1] - control[0]) * (ends / chord[-1])[:, None]
    line = ground(ab, cell)
    first = line[0] + (line[0] - line[1]) * 0.02
    last = line[-1] + (line[-1] - line[-2]) * 0.02
    return shapely.LineString(np.vstack([first, line, last]))


# Key, kind, width in metres, design points. Ends on opposite sides of the outline agree; an end inside reaches past
# the curve it meets (the overhang is pruned when the net is noded), whichever way that one moved.
_CURVES: tuple[tuple[str, str, float, tuple[tuple[float, float], ...]], ...] = (
    ("运河", "canal", 60, ((0, 0.205), (0.2, 0.192), (0.4, 0.212), (0.58, 0.228), (0.8, 0.2), (1, 0.205))),
    (
        "东河",
        "canal",
        26,
        ((0.6, 0), (0.585, 0.06), (0.63, 0.115), (0.605, 0.17), (0.64, 0.222), (0.645, 0.24)),
    ),
    (
        "塘河",
        "canal",
        34,
        (
            (0.6, 1),
            (0.49, 0.88),
            (0.37, 0.72),
            (0.35, 0.58),
            (0.44, 0.44),
            (0.47, 0.33),
            (0.5, 0.23),
            (0.505, 0.2),
        ),
    ),
    ("快速路", "expressway", 52, ((0, 0.402), (0.25, 0.41), (0.5, 0.398), (0.75, 0.406), (1, 0.402))),
    (
        "纵一",
        "arterial",
        40,
        (
            (0.262, 0),
            (0.27, 0.1),
            (0.262, 0.2),
            (0.25, 0.3),
            (0.245, 0.4),
            (0.2, 0.6),
            (0.21, 0.8),
            (0.262, 1),
        ),
    ),
    (
        "纵二",
        "arterial",
        38,
        ((0.81, 0), (0.8, 0.1), (0.815, 0.2), (0.78, 0.3), (0.76, 0.42), (0.72, 0.6), (0.76, 0.8), (0.81, 1)),
    ),
    (
        "横一",
        "arterial",
        36,
        ((0.225, 0.098), (0.262, 0.1), (0.42, 0.112), (0.625, 0.1), (0.8, 0.092), (1, 0.098)),
    ),
    ("横二", "arterial", 36, ((0, 0.31), (0.24, 0.3), (0.48, 0.31), (0.78, 0.3), (1, 0.31))),
    ("横三", "arterial", 40, ((0, 0.585), (0.2, 0.6), (0.36, 0.59), (0.72, 0.605), (1, 0.585))),
    ("横四", "arterial", 40, ((0, 0.79), (0.2, 0.8), (0.43, 0.785), (0.75, 0.8), (1, 0.79))),
)


def street_index(sides: dict[str, Floats]) -> NDArray[np.int64]:
    """Which street (街道) points belong to, from the side of each curve they lie on (positive: left of it).

    Returns:
        Index into the streets in the order of their codes 001, 002, 003, 005 … 009.
    """
    south = sides["运河"] < 0
    centre = sides["快速路"] < 0
    east = sides["塘河"] > 0
    in_south = np.where(
        sides["东河"] < 0, 3, np.where(sides["纵一"] > 0, 2, np.where(sides["横一"] < 0, 0, 1))
    )
    in_north = np.where(centre, np.where(east, 5, 4), np.where(east, 7, 6))
    return np.where(south, in_south, in_north).astype(np.int64)


def design(seed: int, cell: tuple[int, int] = (0, 0)) -> Design:
    """Outline and dividing curves of the district at a cell of the lattice.

    Inner points move a little with the seed; ends on the outline never do, so neighbours still fit.
    """
    rng = stream(seed, "design", *cell)
    side = np.linspace(0, 1, 160)
    zero, one = np.zeros_like(side), np.ones_like(side)
    sides = ((side, zero), (one, side), (1 - side, one), (zero, 1 - side))
    outline = tuple(shapely.LineString(ground(np.column_stack(pair), cell)) for pair in sides)
    curves = []
    for key, kind, width, points in _CURVES:
        moved = [points[0]]
        for a, b in points[1:-1]:
            move = rng.normal(0.0, 1.0, 2).clip(-1.8, 1.8)
            moved.append((a + 0.010 * move[0], b + 0.005 * move[1]))
        moved.append(points[-1])
        curves.append(Curve(_smooth(moved, cell), kind, width, key))
    return Design(outline, tuple(curves))
