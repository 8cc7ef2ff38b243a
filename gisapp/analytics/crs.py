"""Coordinate systems: WGS 84, CGCS2000 (geographic and 3° Gauss–Krüger), GCJ-02 and BD-09, each into every other.

Order is always x, y: longitude, latitude in degrees, or easting, northing in metres, whatever the registry's own axis
order says. CGCS2000 and WGS 84 differ by centimetres to decimetres, less than the accuracy of anything imported here,
so they are relabelled and never shifted; the hub of all conversions is CGCS2000 geographic (EPSG:4490), in which the
database stores.

GCJ-02 and BD-09 stand in ``gcj02.py``, with the border inside which they differ from WGS 84.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from gisapp.analytics.gcj02 import (
    GCJ_BORDER,
    bd09_to_gcj02,
    gcj02_to_bd09,
    gcj02_to_wgs84,
    inside_gcj_border,
    wgs84_to_gcj02,
)
from gisapp.errors import InputError

__all__ = [
    "BD09",
    "CGCS2000",
    "GCJ02",
    "GCJ_BORDER",
    "STORED_EPSG",
    "WGS84",
    "Crs",
    "Family",
    "bd09_to_gcj02",
    "from_metric",
    "from_stored",
    "gauss_kruger",
    "gcj02_to_bd09",
    "gcj02_to_wgs84",
    "inside_gcj_border",
    "metric_area",
    "metric_length",
    "parse_crs",
    "plausible",
    "points_from_metric",
    "points_to_metric",
    "to_metric",
    "to_stored",
    "transform",
    "transform_geometry",
    "wgs84_to_gcj02",
    "zone_for",
]

Array = NDArray[np.float64]

#: EPSG code of the geographic system in which everything is stored
STORED_EPSG = 4490

_ZONES = range(25, 46)
_REMEDY = (
    "请写 WGS84、CGCS2000、GCJ02、BD09，或 EPSG 代号，例如 EPSG:4490、EPSG:4549（3 度带，中央经线 120°）、"
    "EPSG:4528（3 度带第 40 带，带号在前）。"
)


class Family(StrEnum):
    """What has to be done to reach CGCS2000 geographic coordinates."""

    GEOGRAPHIC = "geographic"
    PROJECTED = "projected"
    GCJ02 = "gcj02"
    BD09 = "bd09"


@dataclass(frozen=True, slots=True)
class Crs:
    """A coordinate system that this application reads and writes.

    Attributes:
        id: as the application writes it: ``WGS84``, ``CGCS2000``, ``GCJ02``, ``BD09`` or ``EPSG:n``.
        title: Chinese name.
        family: how it is converted.
        epsg: code in the EPSG registry; None for GCJ-02 and BD-09, which have none.
    """

    id: str
    title: str
    family: Family
    epsg: int | None = None

    @property
    def projected(self) -> bool:
        """Whether coordinates are metres (easting, northing) instead of degrees."""
        return self.family is Family.PROJECTED


WGS84 = Crs("WGS84", "WGS 84 经纬度", Family.GEOGRAPHIC, 4326)
CGCS2000 = Crs("CGCS2000", "CGCS2000 经纬度", Family.GEOGRAPHIC, STORED_EPSG)
GCJ02 = Crs("GCJ02", "GCJ-02（高德、腾讯地图）", Family.GCJ02)
BD09 = Crs("BD09", "BD-09（百度地图）", Family.BD09)
_NAMED = {
    "WGS84": WGS84,
    "GPS": WGS84,
    "CGCS2000": CGCS2000,
    "国家2000": CGCS2000,
    "GCJ02": GCJ02,
    "火星坐标": GCJ02,
    "BD09": BD09,
    "BD09LL": BD09,
    "百度坐标": BD09,
}


def parse_crs(text: str) -> Crs:
    """The coordinate system that a user names.

    Args:
        text: ``WGS84``, ``CGCS2000``, ``GCJ02`` (or ``GCJ-02``), ``BD09``, ``EPSG:4547``; case does not matter.

    Raises:
        InputError: unknown, or on a datum from which no exact conversion is public (Beijing 1954, Xian 1980, …).
    """
    plain = re.sub(r"[\s\-_]", "", str(text)).upper()
    if plain in _NAMED:
        return _NAMED[plain]
    match = re.fullmatch(r"(?:EPSG[:：]?)?([0-9]{4,6})", plain)
    if not match:
        raise InputError(
            f"不认识坐标系“{text}”。", remedy=_REMEDY, details={"field": "crs", "crs": str(text)}
        )
    return _from_epsg(int(match.group(1)))


@lru_cache(maxsize=256)
def _from_epsg(code: int) -> Crs:
    if code == 4326:
        return WGS84
    if code == STORED_EPSG:
        return CGCS2000
    try:
        found = CRS.from_epsg(code)
    except CRSError as error:
        raise InputError(
            f"坐标系 EPSG:{code} 不存在。", remedy=_REMEDY, details={"field": "crs", "crs": code}
        ) from error
    geodetic = found.geodetic_crs
    if geodetic is None or not (found.is_geographic or found.is_projected) or len(found.axis_info) != 2:
        raise InputError(
            f"EPSG:{code}（{found.name}）不是平面坐标系。",
            remedy=_REMEDY,
            details={"field": "crs", "crs": code},
        )
    if not any(
        geodetic.name.startswith(name)
        for name in ("WGS 84", "China Geodetic Coordinate System 2000", "ETRS89")
    ):
        raise InputError(
            f"EPSG:{code}（{found.name}）的基准与 CGCS2000 不同，没有公开的精确换算参数，不能直接导入。",
            remedy="请先在测绘部门提供的软件中转换为 CGCS2000，再导入。",
            details={"field": "crs", "crs": code},
        )
    zone = _zone_of_code(code)
    if zone is not None:
        prefix = "，坐标带带号" if code < 4534 else ""
        title = f"CGCS2000 3 度带第 {zone} 带（中央经线 {3 * zone}°{prefix}）"
    else:
        title = found.name
    return Crs(f"EPSG:{code}", title, Family.PROJECTED if found.is_projected else Family.GEOGRAPHIC, code)


def _zone_of_code(code: int) -> int | None:
    if 4513 <= code <= 4533:
        return code - 4513 + 25
    if 4534 <= code <= 4554:
        return code - 4534 + 25
    return None


# -- zones ------------------------------------------------------------------------------------------------------------


def zone_for(lon: float) -> int:
    """Number of the 3° Gauss–Krüger zone of a longitude in degrees: zone n has its central meridian at 3n° E.

    A longitude on the border of two zones belongs to the eastern one. Zones run from 1 to 120 around the globe.

    Raises:
        InputError: not a longitude.
    """
    if not -180.0 <= lon <= 360.0:
        raise InputError(f"经度 {lon} 超出范围。", remedy="经度应在 −180 到 180 之间，单位为度。")
    return (int(np.floor((lon + 1.5) / 3.0)) - 1) % 120 + 1


def gauss_kruger(zone: int, *, prefixed: bool = False) -> Crs:
    """The CGCS2000 3° Gauss–Krüger system of a zone, with or without the zone's number before the easting.

    Raises:
        InputError: no zone of China (25 to 45).
    """
    if zone not in _ZONES:
        raise InputError(f"CGCS2000 3 度带没有第 {zone} 带。", remedy="带号应在 25 到 45 之间。")
    return _from_epsg((4513 if prefixed else 4534) + zone - 25)


@lru_cache(maxsize=128)
def _metric_transformer(zone: int) -> Transformer:
    """Degrees → metres in a zone, also outside China, where the registry has no code."""
    definition = (
        f"+proj=tmerc +lat_0=0 +lon_0={3 * zone} +k=1 +x_0=500000 +y_0=0 +ellps=GRS80 +units=m +no_defs"
    )
    return Transformer.from_crs(CRS.from_epsg(STORED_EPSG), CRS.from_proj4(definition), always_xy=True)


# -- conversion -------------------------------------------------------------------------------------------------------


def transform(x: ArrayLike, y: ArrayLike, source: Crs, target: Crs) -> tuple[Array, Array]:
    """Convert coordinates from one system into another.

    Args:
        x: longitude in degrees or easting in metres, any shape.
        y: latitude in degrees or northing in metres, same shape.
        source: system of ``x`` and ``y``.
        target: system wanted.

    Returns:
        ``(x, y)`` in the target system; NaN where the input is NaN, infinite where there is no image.
    """
    px, py = np.array(x, dtype=np.float64), np.array(y, dtype=np.float64)
    if source == target or (source.epsg is not None and source.epsg == target.epsg):
        return px, py
    return _from_stored(*_to_stored(px, py, source), target)


def to_stored(x: ArrayLike, y: ArrayLike, source: Crs) -> tuple[Array, Array]:
    """Convert into the stored system: CGCS2000 longitude and latitude in degrees (EPSG:4490)."""
    return transform(x, y, source, CGCS2000)


def from_stored(lon: ArrayLike, lat: ArrayLike, target: Crs) -> tuple[Array, Array]:
    """Convert stored CGCS2000 longitude and latitude in degrees into another system."""
    return transform(lon, lat, CGCS2000, target)


def transform_geometry(geometry: Any, source: Crs, target: Crs) -> Any:
    """Convert a shapely geometry, or an array of them, from one system into another. Heights are dropped."""
    return shapely.transform(
        geometry, lambda xy: np.column_stack(transform(xy[:, 0], xy[:, 1], source, target))
    )


def _to_stored(x: Array, y: Array, source: Crs) -> tuple[Array, Array]:
    if source.family is Family.BD09:
        return gcj02_to_wgs84(*bd09_to_gcj02(x, y))
    if source.family is Family.GCJ02:
        return gcj02_to_wgs84(x, y)
    transformer = _transformer(source.epsg or 0, inverse=True)
    return (x, y) if transformer is None else _pair(transformer.transform(x, y))


def _from_stored(lon: Array, lat: Array, target: Crs) -> tuple[Array, Array]:
    if target.family is Family.BD09:
        return gcj02_to_bd09(*wgs84_to_gcj02(lon, lat))
    if target.family is Family.GCJ02:
        return wgs84_to_gcj02(lon, lat)
    transformer = _transformer(target.epsg or 0, inverse=False)
    return (lon, lat) if transformer is None else _pair(transformer.transform(lon, lat))


def _pair(values: tuple[Any, ...]) -> tuple[Array, Array]:
    return np.asarray(values[0], dtype=np.float64), np.asarray(values[1], dtype=np.float64)


@lru_cache(maxsize=256)
def _transformer(code: int, inverse: bool) -> Transformer | None:
    """Between a projected system and the geographic system it stands on: no shift of datum takes part."""
    system = CRS.from_epsg(code)
    if system.is_geographic:
        return None
    geographic = system.geodetic_crs
    if inverse:
        return Transformer.from_crs(system, geographic, always_xy=True)
    return Transformer.from_crs(geographic, system, always_xy=True)


# -- checks and measures ----------------------------------------------------------------------------------------------


def plausible(x: ArrayLike, y: ArrayLike, crs: Crs) -> NDArray[np.bool_]:
    """Whether coordinates can belong to a system at all: finds degrees stated as metres, a forgotten or an alien
    zone number, and swapped axes, not small errors.

    Args:
        x: longitude in degrees or easting in metres.
        y: latitude in degrees or northing in metres.
        crs: the system that was stated.
    """
    px, py = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if not crs.projected:
        return np.asarray((np.abs(px) <= 180.0) & (np.abs(py) <= 90.0))
    zone = _zone_of_code(crs.epsg or 0)
    if zone is None:
        lon, lat = to_stored(px, py, crs)
        return np.asarray(np.isfinite(lon) & np.isfinite(lat) & ((np.abs(px) > 200.0) | (np.abs(py) > 200.0)))
    origin = 500_000.0 + (zone * 1_000_000.0 if (crs.epsg or 0) < 4534 else 0.0)
    # Half a zone is at most 167 km wide; districts reach over the border, so twice that is allowed.
    return np.asarray((np.abs(px - origin) <= 334_000.0) & (py >= 300_000.0) & (py <= 6_300_000.0))


def to_metric(geometry: Any, lon: float | None = None) -> Any:
    """Project stored geometries (EPSG:4490, degrees) into metres: easting, northing of a 3° Gauss–Krüger zone.

    Lengths are right within 1:2900 anywhere in the zone. All geometries of one question belong into one zone.

    Args:
        geometry: a shapely geometry or an array of them.
        lon: longitude whose zone is used; the middle of the geometries where not given.
    """
    if lon is None:
        bounds = np.atleast_2d(shapely.bounds(geometry))
        middle = np.nanmean(bounds[:, [0, 2]]) if np.isfinite(bounds).any() else 120.0
        lon = float(middle)
    transformer = _metric_transformer(zone_for(lon))
    return shapely.transform(geometry, lambda xy: np.column_stack(transformer.transform(xy[:, 0], xy[:, 1])))


def from_metric(geometry: Any, lon: float) -> Any:
    """The way back from ``to_metric``: metres in the zone of ``lon`` → EPSG:4490 degrees."""
    transformer = _metric_transformer(zone_for(lon))
    return shapely.transform(
        geometry, lambda xy: np.column_stack(transformer.transform(xy[:, 0], xy[:, 1], direction="INVERSE"))
    )


def points_to_metric(lon: ArrayLike, lat: ArrayLike, zone: int) -> tuple[Array, Array]:
    """Stored longitude and latitude in degrees → easting and northing in metres of a zone."""
    return _pair(_metric_transformer(zone).transform(np.asarray(lon), np.asarray(lat)))


def points_from_metric(x: ArrayLike, y: ArrayLike, zone: int) -> tuple[Array, Array]:
    """Easting and northing in metres of a zone → stored longitude and latitude in degrees."""
    return _pair(_metric_transformer(zone).transform(np.asarray(x), np.asarray(y), direction="INVERSE"))


def metric_area(geometry: Any, lon: float | None = None) -> Any:
    """Area in m² of stored geometries, measured in the 3° Gauss–Krüger zone."""
    return shapely.area(to_metric(geometry, lon))


def metric_length(geometry: Any, lon: float | None = None) -> Any:
    """Length (of lines) or perimeter (of polygons) in m of stored geometries, in the 3° Gauss–Krüger zone."""
    return shapely.length(to_metric(geometry, lon))
