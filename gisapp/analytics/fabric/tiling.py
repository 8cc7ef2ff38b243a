"""Do these grids tile their community exactly?

The test uses no tolerance. Walk the shell of every grid counter-clockwise and its holes clockwise; where two grids
meet, each shared edge is walked once in either direction and cancels out. If each ring is simple and all that is left
is the border of the community, then every point of the community lies in exactly one grid and none lies outside: the
winding numbers of the grids add up to the community's, which is 1 inside and 0 outside, and each of them is 0 or 1.
Only when that fails is the trouble looked for, so the common case costs milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import shapely
from shapely.geometry import MultiPolygon, Polygon
from shapely.validation import explain_validity

from gisapp.analytics.fabric.lattice import Segment, on_lattice, rings_of, to_degrees
from gisapp.analytics.fabric.model import GRID_DIGITS, Problem, area_m2, edges_array, perimeter_m, short

# A grid is the ground one person answers for; less than a small building's footprint, or narrower than a lane, is a
# slip of the hand and not a grid.
MIN_AREA_M2 = 100.0
MIN_WIDTH_M = 2.0

# How many problems of one kind are drawn: a wrong datum gives thousands, and the first few say it all.
MOST_SHOWN = 20


def check_tiling(community: Polygon | MultiPolygon, grids: Mapping[str, Polygon]) -> list[Problem]:
    """Every reason why ``grids`` do not exactly tile ``community``; empty when they do.

    Args:
        community: the community's polygon, EPSG:4490 (lon, lat) degrees on nine decimals.
        grids: 15-digit code → polygon in the same coordinates.
    """
    problems = tiling_problems(community, grids)
    for code, shape in grids.items():
        if isinstance(shape, Polygon) and shape.is_valid:
            problems.extend(size_problems(code, shape))
    return problems


def tiling_problems(community: Polygon | MultiPolygon, grids: Mapping[str, Polygon]) -> list[Problem]:
    """The problems of shape and topology, without those of size."""
    problems = [problem for code, shape in grids.items() for problem in shape_problems(code, shape)]
    if not grids:
        problems.append(Problem("gap", "社区内没有网格。", (), community))
    if problems:
        # Ground gained or lost says more to a user than the crossing of rings that goes with it.
        return _area_problems(community, grids) + problems
    loose = _unmatched(community, grids)
    if loose:
        areas = _area_problems(community, grids)
        problems.extend(areas or _edge_problems(loose, grids))
    return problems


def shape_problems(code: str, shape: Any) -> list[Problem]:
    """What is wrong with one grid on its own."""
    name = f"网格 {short(code)}"
    problems = []
    if not (len(code) == GRID_DIGITS and code.isascii() and code.isdigit()):
        problems.append(Problem("code", f"网格编码 {code} 不是 {GRID_DIGITS} 位数字。", (code,), shape))
    if shape is None or shape.is_empty:
        return [*problems, Problem("ring", f"{name} 没有图形。", (code,), None)]
    if not isinstance(shape, Polygon):
        count = len(getattr(shape, "geoms", [shape]))
        return [*problems, Problem("parts", f"{name} 由 {count} 块组成，应是一整块。", (code,), shape)]
    if not shape.is_valid:
        point = _fault_point(shape)
        if area_m2(shapely.make_valid(shape)) == 0:
            problems.append(Problem("ring", f"{name} 没有面积。", (code,), shape))
        else:
            problems.append(Problem("crossing", f"{name} 的边界自相交或自相接。", (code,), point or shape))
    coords = shapely.get_coordinates(shape)
    off = ~on_lattice(coords)
    if off.any():
        where = shapely.multipoints(coords[off][:MOST_SHOWN])
        text = f"{name} 有 {int(off.sum())} 个角点的坐标超过九位小数，无法与相邻网格严格对齐。"
        problems.append(Problem("precision", text, (code,), where))
    return problems


def size_problems(code: str, shape: Polygon) -> list[Problem]:
    """Whether a grid is too small or too narrow to be one."""
    area = area_m2(shape)
    if area < MIN_AREA_M2:
        text = f"网格 {short(code)} 只有 {area:,.1f} 平方米，少于 {MIN_AREA_M2:.0f} 平方米。"
        return [Problem("small", text, (code,), shape)]
    width = 2 * area / perimeter_m(shape)
    if width < MIN_WIDTH_M:
        text = f"网格 {short(code)} 平均宽度只有 {width:.2f} 米，少于 {MIN_WIDTH_M:.0f} 米。"
        return [Problem("small", text, (code,), shape)]
    return []


def _fault_point(shape: Polygon) -> shapely.Geometry | None:
    """Where a ring crosses itself, out of the library's explanation ("Self-intersection[x y]")."""
    text = explain_validity(shape)
    try:
        x, y = text[text.index("[") + 1 : text.index("]")].split()[:2]
        return shapely.Point(float(x), float(y))
    except ValueError:
        return None


def _unmatched(community: Polygon | MultiPolygon, grids: Mapping[str, Polygon]) -> list[Segment]:
    """Edges that do not cancel out between grids and border; empty means an exact tiling (all rings being simple)."""
    inner = edges_array(rings_of(shape) for shape in grids.values())
    outer = edges_array([rings_of(community)])
    directed = np.concatenate([inner, outer[:, [2, 3, 0, 1]]])
    forward = (directed[:, 0] < directed[:, 2]) | (
        (directed[:, 0] == directed[:, 2]) & (directed[:, 1] < directed[:, 3])
    )
    canonical = np.where(forward[:, None], directed, directed[:, [2, 3, 0, 1]])
    order = np.lexsort(canonical.T[::-1])
    canonical, signs = canonical[order], np.where(forward, 1, -1)[order]
    starts = np.flatnonzero(np.r_[True, (canonical[1:] != canonical[:-1]).any(axis=1)])
    sums = np.add.reduceat(signs, starts)
    rows = canonical[starts[sums != 0]].tolist()
    return [((x1, y1), (x2, y2)) for x1, y1, x2, y2 in rows]


def _area_problems(community: Polygon | MultiPolygon, grids: Mapping[str, Polygon]) -> list[Problem]:
    """Gaps, overlaps and ground outside, as polygons."""
    shapes = {code: _usable(shape) for code, shape in grids.items()}
    shapes = {code: shape for code, shape in shapes.items() if not shape.is_empty}
    ground = _usable(community)
    union = shapely.union_all(list(shapes.values()))
    problems = []
    for piece in _polygons(ground.difference(union)):
        text = f"有一处未划入任何网格的空隙，{_area_text(piece)}。"
        problems.append(Problem("gap", text, tuple(_touching(piece, shapes)), piece))
    codes, items = list(shapes), list(shapes.values())
    if items:
        tree = shapely.STRtree(items)
        left, right = tree.query(items, predicate="intersects")
        for i, j in zip(left.tolist(), right.tolist(), strict=True):
            if i < j:
                for piece in _polygons(items[i].intersection(items[j])):
                    text = f"网格 {short(codes[i])} 与 {short(codes[j])} 重叠，{_area_text(piece)}。"
                    problems.append(Problem("overlap", text, (codes[i], codes[j]), piece))
    for code, shape in shapes.items():
        for piece in _polygons(shape.difference(ground)):
            text = f"网格 {short(code)} 超出社区边界，{_area_text(piece)}。"
            problems.append(Problem("outside", text, (code,), piece))
    return sorted(problems, key=lambda p: -area_m2(p.geometry))[:MOST_SHOWN]


def _edge_problems(loose: list[Segment], grids: Mapping[str, Polygon]) -> list[Problem]:
    """Edges that match in place but not corner for corner (a corner of one in the middle of the other's edge)."""
    problems = []
    for a, b in loose[:MOST_SHOWN]:
        line = shapely.LineString([to_degrees(a), to_degrees(b)])
        owners = tuple(code for code, shape in grids.items() if shape.boundary.distance(line) == 0)
        problems.append(Problem("border", "这段边界两侧的角点不一致。", owners, line))
    return problems


def _usable(shape: shapely.Geometry) -> shapely.Geometry:
    """A shape the overlay accepts; only used to find out where the trouble is."""
    return shape if shape.is_valid else shapely.make_valid(shape)


def _polygons(shape: shapely.Geometry) -> list[Polygon]:
    return [part for part in shapely.get_parts(shape).tolist() if isinstance(part, Polygon) and part.area > 0]


def _touching(piece: shapely.Geometry, shapes: Mapping[str, shapely.Geometry]) -> list[str]:
    return [code for code, shape in shapes.items() if shape.intersects(piece)]


def _area_text(piece: shapely.Geometry) -> str:
    area = area_m2(piece)
    return f"{area:,.1f} 平方米" if area >= 0.05 else "不足 0.1 平方米"
