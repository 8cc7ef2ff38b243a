"""GCJ-02 and BD-09, both ways.

GCJ-02 has no published definition; the formula here is the one that every public implementation shares
(eviltransform, coordtransform), with Krasovsky's ellipsoid. **Its border**: the rectangle 72.004°–137.8347° E,
0.8293°–55.8271° N of those implementations, tested on the WGS 84 side; outside it GCJ-02 equals WGS 84. It holds all of
the mainland and parts of its neighbours. Its edge is a jump of up to a kilometre far from the mainland, where a GCJ-02
point can stand for two places: the one inside is taken. BD-09 is Baidu's further shift of GCJ-02, applied everywhere.
The inverses iterate until they reach a nanodegree, so a round trip stays far below 1 cm.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

#: longitude and latitude limits of GCJ-02's border rectangle: west, south, east, north in degrees
GCJ_BORDER = (72.004, 0.8293, 137.8347, 55.8271)
_KRASOVSKY_A = 6378245.0
_KRASOVSKY_E2 = 0.00669342162296594323
_BD_PI = np.pi * 3000.0 / 180.0
_INVERSE_STEPS = 30
_INVERSE_TOLERANCE = 1e-12


def inside_gcj_border(lon: ArrayLike, lat: ArrayLike) -> NDArray[np.bool_]:
    """Whether WGS 84 positions (degrees) lie in the rectangle in which GCJ-02 differs from WGS 84."""
    x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    west, south, east, north = GCJ_BORDER
    return np.asarray((x >= west) & (x <= east) & (y >= south) & (y <= north))


def wgs84_to_gcj02(lon: ArrayLike, lat: ArrayLike) -> tuple[Array, Array]:
    """WGS 84 → GCJ-02, degrees; identity outside the border."""
    x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    gx, gy = _shifted(x, y)
    inside = inside_gcj_border(x, y)
    return np.where(inside, gx, x), np.where(inside, gy, y)


def gcj02_to_wgs84(lon: ArrayLike, lat: ArrayLike) -> tuple[Array, Array]:
    """GCJ-02 → WGS 84, degrees; the exact inverse of ``wgs84_to_gcj02``."""
    x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    wx, wy = _inverse(x, y, _shifted)
    inside = inside_gcj_border(wx, wy)
    return np.where(inside, wx, x), np.where(inside, wy, y)


def gcj02_to_bd09(lon: ArrayLike, lat: ArrayLike) -> tuple[Array, Array]:
    """GCJ-02 → BD-09, degrees."""
    return _baidu(np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64))


def bd09_to_gcj02(lon: ArrayLike, lat: ArrayLike) -> tuple[Array, Array]:
    """BD-09 → GCJ-02, degrees; the exact inverse of ``gcj02_to_bd09``."""
    return _inverse(np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64), _baidu)


def _shifted(lon: Array, lat: Array) -> tuple[Array, Array]:
    """The shift of GCJ-02 without regard to the border."""
    x, y = lon - 105.0, lat - 35.0
    root = np.sqrt(np.abs(x))
    common = (20.0 * np.sin(6.0 * x * np.pi) + 20.0 * np.sin(2.0 * x * np.pi)) * 2.0 / 3.0
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + common
    north += (20.0 * np.sin(y * np.pi) + 40.0 * np.sin(y / 3.0 * np.pi)) * 2.0 / 3.0
    north += (160.0 * np.sin(y / 12.0 * np.pi) + 320.0 * np.sin(y * np.pi / 30.0)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + common
    east += (20.0 * np.sin(x * np.pi) + 40.0 * np.sin(x / 3.0 * np.pi)) * 2.0 / 3.0
    east += (150.0 * np.sin(x / 12.0 * np.pi) + 300.0 * np.sin(x / 30.0 * np.pi)) * 2.0 / 3.0
    phi = np.radians(lat)
    magic = 1.0 - _KRASOVSKY_E2 * np.sin(phi) ** 2
    metres_per_radian_north = _KRASOVSKY_A * (1.0 - _KRASOVSKY_E2) / (magic * np.sqrt(magic))
    metres_per_radian_east = _KRASOVSKY_A / np.sqrt(magic) * np.cos(phi)
    return lon + np.degrees(east / metres_per_radian_east), lat + np.degrees(north / metres_per_radian_north)


def _baidu(lon: Array, lat: Array) -> tuple[Array, Array]:
    radius = np.hypot(lon, lat) + 0.00002 * np.sin(lat * _BD_PI)
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * _BD_PI)
    return radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006


def _inverse(
    x: Array, y: Array, forward: Callable[[Array, Array], tuple[Array, Array]]
) -> tuple[Array, Array]:
    """The point that ``forward`` moves to (x, y): fixed-point iteration, which contracts by a factor of 50 a step.

    Points that do not converge (far outside the border, where the formula runs wild) become NaN.
    """
    px, py = x.copy(), y.copy()
    with np.errstate(all="ignore"):
        for _ in range(_INVERSE_STEPS):
            fx, fy = forward(px, py)
            dx, dy = x - fx, y - fy
            px, py = px + dx, py + dy
            if not np.any((np.abs(dx) > _INVERSE_TOLERANCE) | (np.abs(dy) > _INVERSE_TOLERANCE)):
                break
        fx, fy = forward(px, py)
        settled = (np.abs(x - fx) < 1e-9) & (np.abs(y - fy) < 1e-9)
    return np.where(settled, px, np.nan), np.where(settled, py, np.nan)
