"""Merging grids, moving and removing corners, and taking over corners that a neighbour put into the border."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import shapely
from shapely.geometry import LineString, Point, Polygon

from gisapp.analytics.fabric.lattice import (
    SCALE,
    Node,
    Ring,
    clean_ring,
    foot,
    polygon_of,
    rings_of,
    segments,
    to_degrees,
    to_node,
)
from gisapp.analytics.fabric.model import (
    Fabric,
    Inserts,
    find_edge,
    metres_between,
    short,
    undirected,
    with_nodes,
)
from gisapp.analytics.fabric.refusing import refuse, require_grid, require_sound
from gisapp.analytics.fabric.splitting import rebuild
from gisapp.analytics.fabric.tiling import size_problems
from gisapp.errors import InputError

# A corner that a neighbouring community put into the common border lies on it up to rounding, 0.1 mm; anything
# further away is a different border and no matter of rounding.
SAME_BORDER_M = 0.001


def merge(fabric: Fabric, codes: Sequence[str]) -> Fabric:
    """Make one grid of several; it keeps the lowest code.

    Raises:
        InputError: fewer than two grids, or they do not hang together along edges.
    """
    wanted = sorted(set(codes))
    if len(wanted) < 2:
        raise InputError("合并至少需要两个网格。", remedy="请选择两个或更多相邻的网格。")
    shapes = [require_grid(fabric, code) for code in wanted]
    union = shapely.coverage_union_all(shapes)
    parts = [part for part in shapely.get_parts(union).tolist() if isinstance(part, Polygon)]
    names = "、".join(short(code) for code in wanted)
    if len(parts) != 1:
        touching = shapes[0].intersection(shapes[1]) if len(shapes) == 2 else Point()
        only_corner = not touching.is_empty and touching.length == 0
        reason = "只在角点处相接" if only_corner else "不相邻"
        refuse(
            f"网格 {names} {reason}，不能合并成一块。",
            "请选择有公共边界的网格。",
            geometry=touching if only_corner else shapely.MultiPolygon(parts),
            kind="parts",
            codes=tuple(wanted),
        )
    changes: dict[str, Polygon | None] = dict.fromkeys(wanted[1:])
    merged = shapely.orient_polygons(parts[0])
    result = fabric.replaced({**changes, wanted[0]: merged})
    require_sound(result, f"网格 {names} 合并后", "请改选其他网格。")
    return result


def move_vertex(fabric: Fabric, from_point: Sequence[float], to_point: Sequence[float]) -> Fabric:
    """Move a corner in every grid that has it; a point in the middle of an inner edge becomes a corner first.

    Moving a corner onto the next one of the same border removes the edge between them. The community's own border
    stays as it is.

    Args:
        fabric: the grids before.
        from_point: (lon, lat) of the corner, EPSG:4490 degrees, exact to nine decimals.
        to_point: where it goes.

    Raises:
        InputError: no corner there, a corner of the community's border, or a result that does not tile it.
    """
    start, end = to_node(*from_point[:2]), to_node(*to_point[:2])
    if start == end:
        raise InputError("角点没有移动。", remedy="请把角点拖到新的位置。")
    rings = fabric.rings()
    if not _corner_exists(rings.values(), start):
        rings = _with_new_corner(fabric, rings, start)
    _require_inner(fabric, start, "移动")
    changes: dict[str, Polygon | None] = {}
    for code, own in rings.items():
        moved = [clean_ring(end if node == start else node for node in ring) for ring in own]
        if moved != own or own != rings_of(fabric.grids[code]):
            if any(len(ring) < 3 for ring in moved):
                shape = fabric.grids[code]
                refuse(
                    f"这样移动后，网格 {short(code)} 没有面积。",
                    "请换一个位置。",
                    geometry=shape,
                    kind="ring",
                    codes=(code,),
                )
            changes[code] = polygon_of(moved[0], moved[1:])
    result = fabric.replaced(changes)
    require_sound(result, "这样移动角点后", "请把角点移到不越过其他边界的位置。")
    _require_size(result, changes, "这样移动角点后，")
    return result


def remove_vertex(fabric: Fabric, point: Sequence[float]) -> Fabric:
    """Take a corner out of the border between two grids, which runs straight there afterwards.

    Raises:
        InputError: no corner there, a corner of the community's border, or one where three or more borders meet.
    """
    node = to_node(*point[:2])
    rings = fabric.rings()
    if not _corner_exists(rings.values(), node):
        refuse("此处没有角点。", "请点选已有的角点。", geometry=Point(to_degrees(node)), kind="corner")
    _require_inner(fabric, node, "删除")
    ends = {
        other
        for own in rings.values()
        for ring in own
        for a, b in segments(ring)
        for other in ((b,) if a == node else (a,) if b == node else ())
    }
    if len(ends) != 2:
        text = f"这个角点是 {len(ends)} 条网格边界的交点，不能删除。"
        refuse(text, "请改为移动它，或合并网格。", geometry=Point(to_degrees(node)), kind="corner")
    changes: dict[str, Polygon | None] = {}
    for code, own in rings.items():
        if any(node in ring for ring in own):
            left = [[n for n in ring if n != node] for ring in own]
            if any(len(ring) < 3 for ring in left):
                shape = fabric.grids[code]
                refuse(
                    f"这样删除后，网格 {short(code)} 没有面积。",
                    "请保留此角点。",
                    geometry=shape,
                    kind="ring",
                    codes=(code,),
                )
            changes[code] = polygon_of(left[0], left[1:])
    result = fabric.replaced(changes)
    require_sound(result, "删除角点后", "请改为移动此角点。")
    _require_size(result, changes, "删除角点后，")
    return result


def adopt_border(fabric: Fabric, border: Polygon | shapely.MultiPolygon) -> Fabric:
    """Bring the fabric to a border that differs from its own only by corners that neighbours put into it.

    A split next door ends on the common border and puts a corner there; a draft that was opened before has to take
    it over, and its own new corners stay.

    Raises:
        InputError: the borders differ by more than corners on the same line.
    """
    own = {node for ring in rings_of(fabric.border) for node in ring}
    new = [node for ring in rings_of(border) for node in ring if node not in own]
    for node in new:
        fabric = _insert_in_border(fabric, node)
    return fabric


def _insert_in_border(fabric: Fabric, node: Node) -> Fabric:
    rings = rings_of(fabric.border)
    edge = find_edge(rings, node)
    if edge is None:
        weight = float(np.cos(np.radians(node[1] / SCALE)))
        edges = [e for ring in rings for e in segments(ring)]
        edge = min(edges, key=lambda e: metres_between(to_degrees(foot(e, node, weight)), to_degrees(node)))
        if metres_between(to_degrees(foot(edge, node, weight)), to_degrees(node)) > SAME_BORDER_M:
            refuse(
                "社区边界在草稿打开之后改变了。",
                "请放弃草稿，从现行版本重新划分。",
                geometry=Point(to_degrees(node)),
                kind="border",
            )
    inserts: Inserts = {undirected(edge): [node]}
    changes: dict[str, Polygon | None] = {}
    for code, own in fabric.rings().items():
        noded, changed = with_nodes(own, inserts)
        if changed:
            changes[code] = polygon_of(noded[0], noded[1:])
    return fabric.replaced(changes, rebuild(fabric.border, with_nodes(rings, inserts)[0]))


def _corner_exists(groups: Iterable[list[Ring]], node: Node) -> bool:
    return any(node in ring for own in groups for ring in own)


def _with_new_corner(fabric: Fabric, rings: dict[str, list[Ring]], node: Node) -> dict[str, list[Ring]]:
    """The rings with a corner put in the middle of an inner edge, where a user takes hold of it."""
    edge = next((found for own in rings.values() if (found := find_edge(own, node)) is not None), None)
    if edge is None:
        refuse(
            "此处没有网格的角点或边界。",
            "请拖动已有的角点或边界。",
            geometry=Point(to_degrees(node)),
            kind="corner",
        )
    outer = {undirected(e) for ring in rings_of(fabric.border) for e in segments(ring)}
    if undirected(edge) in outer:
        line = LineString([to_degrees(edge[0]), to_degrees(edge[1])])
        refuse(
            "这是社区的外边界，不能移动。",
            "社区边界由行政区划确定，请移动社区内部的边界。",
            geometry=line,
            kind="border",
        )
    inserts: Inserts = {undirected(edge): [node]}
    return {code: with_nodes(own, inserts)[0] for code, own in rings.items()}


def _require_inner(fabric: Fabric, node: Node, verb: str) -> None:
    if any(node in ring for ring in rings_of(fabric.border)):
        refuse(
            f"这个角点在社区的外边界上，不能{verb}。",
            "社区边界由行政区划确定，请改动社区内部的角点。",
            geometry=Point(to_degrees(node)),
            kind="border",
        )


def _require_size(fabric: Fabric, changes: Iterable[str], after: str) -> None:
    for code in changes:
        if small := size_problems(code, fabric.grids[code]):
            refuse(after + small[0].message, "请换一个位置。", small)
