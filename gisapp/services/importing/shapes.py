"""Geometry of an import: from the stated system into EPSG:4490, of the shape that the kind wants, repaired if broken."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from gisapp.analytics import crs as systems
from gisapp.analytics.crs import Crs, Family
from gisapp.errors import InputError
from gisapp.services.importing import wording
from gisapp.services.importing.findings import Findings

Floats = NDArray[np.float64]


class Shape(StrEnum):
    """Which geometry a kind of data has; the value is the Chinese word."""

    POINT = "点"
    LINE = "线"
    POLYGON = "面"
    ANY = "点、线或面"
    NONE = "无"


#: polygons below this are slips of drawing, not ground: square degrees, about 0.01 m²
SMALLEST = 1e-12
_TYPES = {
    Shape.POINT: {0, 4},
    Shape.LINE: {1, 5},
    Shape.POLYGON: {3, 6},
    Shape.ANY: {0, 1, 3, 4, 5, 6},
}
_NAMES = {0: "点", 1: "线", 2: "线", 3: "面", 4: "多点", 5: "多线", 6: "多面", 7: "混合几何"}


@dataclass(slots=True)
class Located:
    """Geometries ready to be stored, EPSG:4490.

    Attributes:
        index: position in the input of each entry that can be stored; a line of several parts makes several entries.
        part: 0 for the first part of a row, 1 for the second …
        lon, lat: of the point itself, or of a point on the line or the surface; degrees.
        shapes: shapely geometries; None where all are plain points, for which lon and lat say everything.
    """

    index: NDArray[np.int64]
    part: NDArray[np.int64]
    lon: Floats
    lat: Floats
    shapes: NDArray[np.object_] | None


def check_own_crs(own: CRS | None, stated: Crs) -> str | None:
    """Compare what a file states of itself with what the user states.

    Args:
        own: system that the file names; None if it names none.
        stated: system that the user names.

    Returns:
        a note for the summary, or None.

    Raises:
        InputError: they contradict each other.
    """
    if own is None:
        return None
    name = own.name
    own_is_degrees = own.is_geographic
    if stated.family in (Family.GCJ02, Family.BD09) and own_is_degrees:
        return f"文件自称“{name}”；{stated.id} 没有标准代号，文件无法标明，已按所声明的 {stated.title} 换算。"
    if (
        stated.epsg is None
        or own_is_degrees == stated.projected
        or not _same(own, CRS.from_epsg(stated.epsg))
    ):
        raise InputError(
            f"文件自称的坐标系“{name}”与所声明的 {stated.id}（{stated.title}）不符。",
            remedy="请核对数据来源：声明文件实际所用的坐标系，或在 GIS 软件中改正文件的坐标系说明。",
            details={"file": name, "stated": stated.id},
        )
    return None


_EQUAL_DATUMS = (
    "WGS 84",
    "WGS 1984",
    "CGCS 2000",
    "CGCS2000",
    "CHINA GEODETIC COORDINATE SYSTEM 2000",
    "ETRS",
)


def _same(own: CRS, stated: CRS) -> bool:
    """Whether two systems give the same numbers: the same place on their own ellipsoids within 10 cm, and datums that
    this application takes for equal."""
    datum = own.geodetic_crs
    if datum is None:
        return False
    words = datum.name.replace("_", " ").upper()
    if not any(word in words for word in _EQUAL_DATUMS):
        return False
    if own.is_geographic and stated.is_geographic:
        return True
    middle = stated.area_of_use
    lon, lat = (
        (120.0, 30.0)
        if middle is None
        else ((middle.west + middle.east) / 2, (middle.south + middle.north) / 2)
    )
    xs, ys = np.array([lon, lon + 0.3]), np.array([lat, lat - 0.3])
    one = Transformer.from_crs(datum, own, always_xy=True).transform(xs, ys)
    two = Transformer.from_crs(stated.geodetic_crs, stated, always_xy=True).transform(xs, ys)
    return bool(np.allclose(one, two, rtol=0, atol=0.1))


def locate_points(x: Floats, y: Floats, stated: Crs, rows: NDArray[np.int64], findings: Findings) -> Located:
    """Points of a sheet: two numbers a row."""
    missing = np.isnan(x) | np.isnan(y)
    for i in np.flatnonzero(missing):
        findings.refuse(int(rows[i]), "位置", "", "没有坐标", "请填写经度和纬度，或先按地址匹配坐标。")
    ok = ~missing & systems.plausible(x, y, stated)
    for i in np.flatnonzero(~missing & ~ok):
        findings.refuse(int(rows[i]), "位置", f"{x[i]:g}, {y[i]:g}", *_implausible(x[i], y[i], stated))
    lon, lat = systems.to_stored(np.where(ok, x, np.nan), np.where(ok, y, np.nan), stated)
    index = np.flatnonzero(ok & np.isfinite(lon) & np.isfinite(lat))
    return Located(index, np.zeros(len(index), dtype=np.int64), lon[index], lat[index], None)


def _implausible(x: float, y: float, stated: Crs) -> tuple[str, str]:
    reason = f"坐标不可能属于 {stated.id}"
    if bool(systems.plausible(y, x, stated)):
        hint = "测绘成果常以 X 为北、Y 为东" if stated.projected else "经度应在前"
        return (
            reason,
            f"两个坐标看来颠倒了（{hint}）：请用{wording.MAPPING}指明哪一列是经度（东）、哪一列是纬度（北）。",
        )
    if stated.projected and abs(x) <= 180 and abs(y) <= 90:
        return reason, "看来是经纬度：请声明 WGS84、CGCS2000、GCJ02 或 BD09。"
    if not stated.projected:
        return reason, "看来是以米为单位的投影坐标：请声明相应的 EPSG 代号，例如 EPSG:4549。"
    return reason, "请核对投影带：带号在前（如 40 500 000）与不带带号（500 000）的代号不同。"


def from_wkt(texts: list[str | None], rows: NDArray[np.int64], findings: Findings) -> NDArray[np.object_]:
    """Geometries of a column of WKT; rows that cannot be read are refused and None."""
    shapes = np.asarray(shapely.from_wkt(np.array(texts, dtype=object), on_invalid="ignore"), dtype=object)
    for i, (shape, text) in enumerate(zip(shapes, texts, strict=True)):
        if shape is None and text:
            findings.refuse(
                int(rows[i]), "几何", text[:60], "不是 WKT 几何", "请写成 POINT(120.1 30.2) 这样的 WKT 文本。"
            )
    return np.asarray(shapely.force_2d(shapes), dtype=object)


def locate_shapes(
    shapes: NDArray[np.object_], wanted: Shape, stated: Crs, rows: NDArray[np.int64], findings: Findings
) -> Located:
    """Geometries of any kind: checked, converted into EPSG:4490, repaired, of the shape that is wanted."""
    already = findings.refused_rows
    kinds = shapely.get_type_id(shapes)
    empty = (kinds < 0) | shapely.is_empty(shapes)
    for i in np.flatnonzero(empty):
        if int(rows[i]) not in already:
            findings.refuse(int(rows[i]), "几何", "", "没有几何", "请补上图形后再导入。")
    ok = ~empty
    bounds = np.atleast_2d(shapely.bounds(shapes))
    sound = systems.plausible(bounds[:, 0], bounds[:, 1], stated) & systems.plausible(
        bounds[:, 2], bounds[:, 3], stated
    )
    for i in np.flatnonzero(ok & ~sound):
        x, y = bounds[i, 0], bounds[i, 1]
        findings.refuse(int(rows[i]), "几何", f"{x:g}, {y:g}", *_implausible(x, y, stated))
    ok &= sound
    out = np.full(len(shapes), None, dtype=object)
    out[ok] = systems.transform_geometry(shapes[ok], stated, systems.CGCS2000)
    for i in np.flatnonzero(ok):
        out[i] = _fitted(out[i], wanted, int(rows[i]), findings)
    index = np.flatnonzero(np.array([shape is not None for shape in out], dtype=bool))
    out, part = out[index], np.zeros(len(index), dtype=np.int64)
    if wanted is Shape.LINE and (shapely.get_type_id(out) == 5).any():
        out, origin = shapely.get_parts(out, return_index=True)
        part = np.arange(len(origin)) - np.searchsorted(origin, origin, "left")
        index = index[origin]
    lon, lat = _anchors(out)
    return Located(index, part, lon, lat, None if wanted is Shape.POINT else out)


def _fitted(shape: Any, wanted: Shape, row: int, findings: Findings) -> Any:
    kind = int(shapely.get_type_id(shape))
    if kind == 7:
        shape = _only(shape, {Shape.POLYGON: 3, Shape.LINE: 1}.get(wanted, 0))
        kind = -1 if shape is None else int(shapely.get_type_id(shape))
    if kind not in _TYPES[wanted]:
        name = _NAMES.get(kind, "无")
        findings.refuse(row, "几何", name, f"应为{wanted}，这里是{name}", f"请导入{wanted}状数据。")
        return None
    if kind in (3, 6):
        return _polygon(shape, row, findings)
    if kind in (1, 5):
        if shapely.length(shape) == 0:
            findings.refuse(row, "几何", "", "线的长度为零", "请重新绘制。")
            return None
        return shapely.line_merge(shape) if kind == 5 else shape
    return shape.geoms[0] if kind == 4 and len(shape.geoms) == 1 else shape


def _polygon(shape: Any, row: int, findings: Findings) -> Any:
    """The polygon, made valid if it is not; only ground remains, spikes and crossings go."""
    if not shapely.is_valid(shape):
        reason = shapely.is_valid_reason(shape).partition("[")[0]
        mended = _only(shapely.make_valid(shape, method="structure", keep_collapsed=False), 3)
        if mended is None or shapely.area(mended) < SMALLEST:
            findings.refuse(row, "几何", "", "面无法修复（没有面积）", "请重新绘制该面。")
            return None
        findings.repair(row, "几何", _REASONS.get(reason, "图形不合规范") + "，已修复")
        shape = mended
    if shapely.area(shape) < SMALLEST:
        findings.refuse(row, "几何", "", "面的面积为零", "请重新绘制该面。")
        return None
    return shape


_REASONS = {
    "Self-intersection": "边界自相交",
    "Ring Self-intersection": "环自相交",
    "Hole lies outside shell": "内环在外环之外",
    "Holes are nested": "内环互相嵌套",
    "Nested shells": "外环互相嵌套",
    "Interior is disconnected": "面的内部不连通",
    "Duplicate Rings": "环重复",
    "Too few points in geometry component": "顶点不足",
}


def _only(shape: Any, kind: int) -> Any:
    """The parts of one dimension (1 lines, 3 polygons, 0 points) of a mixed geometry; None if there are none."""
    parts = [
        p for p in shapely.get_parts(shape) if int(shapely.get_dimensions(p)) == {0: 0, 1: 1, 3: 2}[kind]
    ]
    flat = [q for p in parts for q in shapely.get_parts(p)]
    if not flat:
        return None
    if kind == 3:
        return shapely.union_all(flat)
    return shapely.line_merge(shapely.multilinestrings(flat)) if kind == 1 else flat[0]


def _anchors(shapes: NDArray[np.object_]) -> tuple[Floats, Floats]:
    """One point on each geometry: the point itself, the middle of a line, a point inside a polygon."""
    anchors = np.full(len(shapes), None, dtype=object)
    lines = shapely.get_dimensions(shapes) == 1
    anchors[~lines] = shapely.point_on_surface(shapes[~lines])
    anchors[lines] = [_middle(line) for line in shapes[lines]]
    return np.asarray(shapely.get_x(anchors), dtype=np.float64), np.asarray(
        shapely.get_y(anchors), dtype=np.float64
    )


def _middle(line: Any) -> Any:
    longest = max(shapely.get_parts(line), key=shapely.length)
    return shapely.line_interpolate_point(longest, 0.5, normalized=True)
