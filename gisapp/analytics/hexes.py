"""H3 cells: points to cells, counts by cell, outlines and neighbours, fast and equal to the h3 library.

Cells are ``int64`` (the library's unsigned number; its top bit is always 0), because that is what a ``bigint`` column
holds. Coordinates are longitude, latitude in degrees (EPSG:4490, taken as WGS 84 as everywhere here).

How the speed comes without one wrong cell: the cell of a point is computed by a gnomonic projection onto the nearest
face (three dot products in place of the library's chain of acos, tan and atan2). Its rounding differs from the
library's by some 1e-15 of the globe's radius, so a point nearer than an error bound to the border of its cell or face is
not decided here but handed to the library. Such points are fewer than one in a million, except at the very finest
resolutions and in tests that look for them.
"""

from __future__ import annotations

from collections.abc import Sequence

import h3.api.basic_int as h3
import numba as nb
import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from gisapp.analytics.h3tables import BASE_CELLS, BASE_TURNS, FACE_AZIMUTHS, FACE_CENTRES, PENTAGONS
from gisapp.errors import InputError

Cells = NDArray[np.int64]
Floats = NDArray[np.float64]

MAX_RESOLUTION = 15

# Unit length of a resolution-0 cell in the gnomonic plane, inverted, and the turn between odd and even resolutions
# (h3 constants.h: INV_RES0_U_GNOMONIC, M_AP7_ROT_RADS).
_UNIT = 2.61803398874989588842
_ODD_TURN = 0.333473172251832115336090755351601070065900389
_SIN60 = np.sqrt(3.0) / 2.0

# Within this cosine of a face's centre no other face is nearer (the inscribed circle of a face: 20.905 degrees, cosine 0.93417).
_SURELY_THIS_FACE = 0.935
# Two faces whose centres are equally far within this are not told apart here.
_FACE_TIE = 1e-13
# Error of a projected coordinate, in units of the globe's radius. The library takes the distance from the face's centre
# as acos(1 - d2 / 2), which loses digits near the centre: 2e-16 / r. Twenty times that is a safe bound.
_PLANE_ERROR = 2e-14
_CENTRE_ERROR = 4e-15

_TURN_DIGIT = np.zeros((6, 8), dtype=np.int64)  # digit after n turns of 60 degrees counter-clockwise
_TURN_DIGIT[0] = np.arange(8)
for _n in range(1, 6):
    _TURN_DIGIT[_n] = np.array([0, 5, 3, 1, 6, 4, 2, 7])[_TURN_DIGIT[_n - 1]]

_PENTAGON = np.full((122, 2), -9, dtype=np.int64)  # -9: a hexagon
for _base, _faces in PENTAGONS.items():
    _PENTAGON[_base] = _faces


def _axes(odd: bool) -> Floats:
    """Per face: centre, x axis and y axis of its plane as rows of a (20, 3, 3) array."""
    c = FACE_CENTRES
    east = np.stack([-c[:, 1], c[:, 0], np.zeros(len(c))], axis=1)
    east /= np.linalg.norm(east, axis=1, keepdims=True)
    north = np.cross(c, east)
    azimuth = (FACE_AZIMUTHS - (_ODD_TURN if odd else 0.0))[:, None]
    x = north * np.cos(azimuth) + east * np.sin(azimuth)
    y = north * np.sin(azimuth) - east * np.cos(azimuth)
    return np.ascontiguousarray(np.stack([c, x, y], axis=1))


_AXES = np.stack([_axes(odd=False), _axes(odd=True)])


@nb.njit(cache=True, nogil=True)
def _leading(digits: NDArray[np.int64], resolution: int) -> int:
    for r in range(1, resolution + 1):
        if digits[r] != 0:
            return int(digits[r])
    return 0


@nb.njit(cache=True, nogil=True)
def _turn(digits: NDArray[np.int64], resolution: int, turns: int) -> None:
    for r in range(1, resolution + 1):
        digits[r] = _TURN_DIGIT[turns, digits[r]]


@nb.njit(cache=True, nogil=True)
def _turn_pentagon(digits: NDArray[np.int64], resolution: int) -> None:
    """One turn counter-clockwise about a pentagon, whose k sequence (digit 1) is missing."""
    found = False
    for r in range(1, resolution + 1):
        digits[r] = _TURN_DIGIT[1, digits[r]]
        if not found and digits[r] != 0:
            found = True
            if _leading(digits, resolution) == 1:
                _turn(digits, resolution, 1)


@nb.njit(cache=True, nogil=True)
def _index(face: int, i: int, j: int, resolution: int, digits: NDArray[np.int64]) -> int:
    """The cell at lattice position (i, j) of a face (k folded away); 0 if it lies beyond the face's base cells."""
    for r in range(resolution, 0, -1):
        if r % 2 == 1:
            up_i = (2 * (3 * i - j) + 7) // 14
            up_j = (2 * (i + 2 * j) + 7) // 14
            di = i - (2 * up_i + up_j)
            dj = j - (3 * up_j - up_i)
        else:
            up_i = (2 * (2 * i + j) + 7) // 14
            up_j = (2 * (3 * j - i) + 7) // 14
            di = i - (3 * up_i - up_j)
            dj = j - (up_i + 2 * up_j)
        low = min(di, dj, 0)
        digits[r] = 4 * (di - low) + 2 * (dj - low) - low
        i = up_i
        j = up_j
    low = min(i, j, 0)
    i -= low
    j -= low
    k = -low
    if i > 2 or j > 2 or k > 2:
        return 0
    base = BASE_CELLS[face, i, j, k]
    turns = BASE_TURNS[face, i, j, k]
    if _PENTAGON[base, 0] == -9:
        if turns:
            _turn(digits, resolution, turns)
    else:
        if _leading(digits, resolution) == 1:
            clockwise = face == _PENTAGON[base, 0] or face == _PENTAGON[base, 1]
            _turn(digits, resolution, 5 if clockwise else 1)
        for _ in range(turns):
            _turn_pentagon(digits, resolution)
    cell = (1 << 59) | (resolution << 52) | (base << 45)
    for r in range(1, 16):
        cell |= (digits[r] if r <= resolution else 7) << (3 * (15 - r))
    return int(cell)


@nb.njit(cache=True, nogil=True)
def _cells(lon: Floats, lat: Floats, resolution: int, axes: Floats, out: Cells) -> int:
    """Fill ``out`` with cells, 0 where the point is too near a border to say; returns how many are 0."""
    scale = _UNIT * 7.0 ** (resolution / 2.0)
    digits = np.zeros(16, dtype=np.int64)
    face = 0
    doubtful = 0
    for n in range(len(lon)):
        out[n] = 0
        phi = lat[n] * (np.pi / 180.0)
        lam = lon[n] * (np.pi / 180.0)
        cos_phi = np.cos(phi)
        px = cos_phi * np.cos(lam)
        py = cos_phi * np.sin(lam)
        pz = np.sin(phi)
        depth = axes[face, 0, 0] * px + axes[face, 0, 1] * py + axes[face, 0, 2] * pz
        if depth < _SURELY_THIS_FACE:
            depth = -2.0
            second = -2.0
            for f in range(20):
                d = axes[f, 0, 0] * px + axes[f, 0, 1] * py + axes[f, 0, 2] * pz
                if d > depth:
                    second = depth
                    depth = d
                    face = f
                elif d > second:
                    second = d
            if depth - second < _FACE_TIE:
                doubtful += 1
                continue
        x = (axes[face, 1, 0] * px + axes[face, 1, 1] * py + axes[face, 1, 2] * pz) / depth
        y = (axes[face, 2, 0] * px + axes[face, 2, 1] * py + axes[face, 2, 2] * pz) / depth
        error = scale * (_PLANE_ERROR + _CENTRE_ERROR / (np.sqrt(x * x + y * y) + 1e-15))
        x *= scale
        y *= scale
        # Nearest lattice point: cube rounding of (i, -j, j - i).
        fj = y / _SIN60
        fi = x + fj / 2.0
        i = np.rint(fi)
        j = np.rint(fj)
        s = np.rint(fj - fi)
        ei = abs(i - fi)
        ej = abs(j - fj)
        es = abs(s - (fj - fi))
        if ei > ej and ei > es:
            i = j - s
        elif ej > es:
            j = i + s
        # Half the spacing less the offset along each of the three directions of neighbours is the way to the border.
        dx = x - (i - j / 2.0)
        dy = abs(y - j * _SIN60) * _SIN60
        dx = abs(dx)
        if max(dx, dx / 2.0 + dy) > 0.5 - error:
            doubtful += 1
            continue
        cell = _index(face, int(i), int(j), resolution, digits)
        out[n] = cell
        if cell == 0:
            doubtful += 1
    return doubtful


def check_resolution(resolution: int) -> int:
    """The resolution, if it is one.

    Raises:
        InputError: not a whole number from 0 to 15.
    """
    if isinstance(resolution, bool) or resolution != int(resolution) or not 0 <= resolution <= MAX_RESOLUTION:
        raise InputError(
            f"六边形分辨率“{resolution}”无效。", remedy="请选择 0 到 15 之间的整数；社区分析常用 8 至 11。"
        )
    return int(resolution)


def _coordinates(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    x = np.ascontiguousarray(lon, dtype=np.float64)
    y = np.ascontiguousarray(lat, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape:
        raise InputError(
            f"经度与纬度个数不一致（{x.size} 与 {y.size}）。", remedy="请逐点成对给出经度和纬度。"
        )
    wrong = ~((np.abs(x) <= 360.0) & (np.abs(y) <= 90.0))  # written so that NaN is wrong too
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InputError(
            f"第 {row + 1} 个点的坐标（{x[row]}, {y[row]}）不是有效的经纬度，共 {int(wrong.sum())} 个。",
            remedy="请检查坐标系与经纬度的先后：经度在前，纬度在后，单位为度。",
            details={"row": row},
        )
    return x, y


def point_cells(lon: ArrayLike, lat: ArrayLike, resolution: int) -> Cells:
    """The H3 cell of each point.

    Args:
        lon: (n,) longitudes in degrees, -360 to 360.
        lat: (n,) latitudes in degrees, -90 to 90.
        resolution: 0 to 15.

    Returns:
        (n,) int64, equal to ``h3.latlng_to_cell`` for every point.

    Raises:
        InputError: coordinates that are not finite or out of range (naming the first row), or a wrong resolution.
    """
    resolution = check_resolution(resolution)
    x, y = _coordinates(lon, lat)
    out = np.empty(len(x), dtype=np.int64)
    if _cells(x, y, resolution, _AXES[resolution % 2], out):
        for n in np.flatnonzero(out == 0):
            out[n] = h3.latlng_to_cell(float(y[n]), float(x[n]), resolution)
    return out


def point_cell(lon: float, lat: float, resolution: int) -> int:
    """The H3 cell of one point: the library's own answer, without waking the compiled way for a single point."""
    x, y = _coordinates([lon], [lat])
    return int(h3.latlng_to_cell(float(y[0]), float(x[0]), check_resolution(resolution)))


def count_cells(
    lon: ArrayLike, lat: ArrayLike, resolution: int, weights: ArrayLike | None = None
) -> tuple[Cells, Floats]:
    """Points counted (or their weights summed) by cell.

    Args:
        weights: (n,) non-negative; each point counts 1 without them.

    Returns:
        Ascending cells that hold a point, and the float64 sum of each.

    Raises:
        InputError: as ``point_cells``; a weight that is negative or not finite, naming the first row.
    """
    cells = point_cells(lon, lat, resolution)
    if weights is None:
        unique, counts = np.unique(cells, return_counts=True)
        return unique, counts.astype(np.float64)
    w = np.ascontiguousarray(weights, dtype=np.float64)
    if w.shape != cells.shape:
        raise InputError(f"权重个数 {w.size} 与点数 {cells.size} 不一致。", remedy="请为每个点给出一个权重。")
    wrong = ~((w >= 0.0) & (w < np.inf))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InputError(
            f"第 {row + 1} 个点的权重 {w[row]} 无效。", remedy="权重应为不小于 0 的数。", details={"row": row}
        )
    unique, inverse = np.unique(cells, return_inverse=True)
    return unique, np.bincount(inverse, weights=w, minlength=len(unique)).astype(np.float64)


def area_cells(area: shapely.Geometry, resolution: int, limit: int = 500_000) -> Cells:
    """The cells whose centre lies in a polygon or multipolygon, and those that hold its outline's corners.

    With the corners' cells even a polygon smaller than one cell has one.

    Args:
        area: EPSG:4490, lon/lat order.
        limit: refuse more cells than about this, before they are made.

    Returns:
        Ascending int64 cells; empty for an empty geometry.

    Raises:
        InputError: not a polygon, or more cells than the limit.
    """
    resolution = check_resolution(resolution)
    if area.is_empty:
        return np.empty(0, dtype=np.int64)
    if area.geom_type not in ("Polygon", "MultiPolygon"):
        raise InputError(
            f"分析范围应为面，给出的是 {area.geom_type}。", remedy="请选择区域、网格或画一个多边形。"
        )
    lat = (area.bounds[1] + area.bounds[3]) / 2.0
    square_km = area.area * 111.32**2 * np.cos(np.radians(lat))
    expected = square_km / h3.average_hexagon_area(resolution, unit="km^2")
    if expected > limit:
        raise InputError(
            f"分析范围在分辨率 {resolution} 下约有 {expected:,.0f} 个六边形，超过上限 {limit:,}。",
            remedy="请缩小范围或降低分辨率。",
        )
    inside = h3.geo_to_cells(area, resolution)
    corners = shapely.get_coordinates(area)
    return np.union1d(np.array(inside, dtype=np.int64), point_cells(corners[:, 0], corners[:, 1], resolution))


def cell_centres(cells: ArrayLike) -> tuple[Floats, Floats]:
    """Longitudes and latitudes (degrees) of the centres of cells."""
    pairs = np.array([h3.cell_to_latlng(int(c)) for c in np.asarray(cells)], dtype=np.float64).reshape(-1, 2)
    return pairs[:, 1].copy(), pairs[:, 0].copy()


def cell_polygons(cells: ArrayLike) -> NDArray[np.object_]:
    """The outline of each cell as a shapely polygon, EPSG:4490, lon/lat order."""
    numbers = np.asarray(cells)
    rings: list[Sequence[tuple[float, float]]] = [h3.cell_to_boundary(int(c)) for c in numbers]
    sizes = np.array([len(r) for r in rings], dtype=np.int64)
    if not len(sizes):
        return np.empty(0, dtype=object)
    points = np.array([p for ring in rings for p in ring], dtype=np.float64)[:, ::-1]
    ring_of_point = np.repeat(np.arange(len(rings)), sizes)
    return np.asarray(shapely.polygons(shapely.linearrings(points, indices=ring_of_point)), dtype=object)


def neighbour_pairs(cells: ArrayLike, rings: int = 1) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which of the cells lie within ``rings`` steps of each other, each with itself included.

    Args:
        cells: (n,) distinct cells of one resolution, any order.
        rings: at least 1.

    Returns:
        Row positions and column positions of every ordered pair, rows ascending, columns ascending within a row.

    Raises:
        InputError: a cell twice, cells of several resolutions, or rings below 1.
    """
    numbers = np.asarray(cells, dtype=np.int64)
    if rings < 1:
        raise InputError(f"邻域圈数“{rings}”无效。", remedy="请填写不小于 1 的整数。")
    if not len(numbers):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    order = np.argsort(numbers, kind="stable")
    ascending = numbers[order]
    if (ascending[1:] == ascending[:-1]).any():
        raise InputError("六边形编号有重复。", remedy="请先按六边形汇总，再计算邻域。")
    if len(np.unique((ascending >> 52) & 15)) > 1:
        raise InputError("六边形的分辨率不一致。", remedy="请用同一分辨率的六边形。")
    disks = [h3.grid_disk(int(c), rings) for c in numbers]
    sizes = np.fromiter((len(d) for d in disks), dtype=np.int64, count=len(disks))
    flat = np.fromiter((c for d in disks for c in d), dtype=np.int64, count=int(sizes.sum()))
    rows = np.repeat(np.arange(len(numbers)), sizes)
    at = np.minimum(np.searchsorted(ascending, flat), len(ascending) - 1)
    known = ascending[at] == flat
    rows, columns = rows[known], order[at[known]]
    by_row = np.lexsort((columns, rows))
    return rows[by_row], columns[by_row]
