"""Splitting one grid by a drawn line."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import shapely
from shapely.geometry import LineString, Polygon

from gisapp.analytics.fabric.lattice import (
    SCALE,
    Node,
    Ring,
    Segment,
    along,
    crossing,
    foot,
    passes,
    rings_of,
    segments,
    to_degrees,
    to_node,
)
from gisapp.analytics.fabric.model import (
    Fabric,
    Inserts,
    length_m,
    metres_between,
    short,
    undirected,
    with_nodes,
)
from gisapp.analytics.fabric.refusing import refuse, require_grid, require_sound
from gisapp.analytics.fabric.tiling import size_problems
from gisapp.errors import InputError

# A line that ends this near to the border, inside the grid, was meant to reach it: the end is moved onto the border.
# This moves what the user draws and never a border that exists, so it cannot hide a gap.
REACH_M = 0.5

# A new corner this near to an existing one would be a slip: the existing one is used.
CORNER_M = 0.1


def split(
    fabric: Fabric,
    code: str,
    line: Sequence[Sequence[float]],
    new_code: str,
    weigh: Callable[[Polygon], float] | None = None,
) -> Fabric:
    """Cut one grid in two along a line.

    The line must cross the grid once from border to border (or be a closed ring inside it). Where it meets the
    border, a corner is put into every polygon that has that piece of border: both parts, the neighbour, and the
    community's own border, so that the coverage stays exact.

    Args:
        fabric: the grids before.
        code: the grid to cut.
        line: points (lon, lat) in EPSG:4490 degrees; what lies outside the grid is cut off.
        new_code: code of the part that does not keep the old one.
        weigh: the weight of a part, people for example: the heavier part keeps the code, the larger when equal.

    Raises:
        InputError: with the reason, and the geometry to show under ``details["problems"]``.
    """
    shape = require_grid(fabric, code)
    if new_code in fabric.grids:
        raise InputError(f"编码 {new_code} 已被占用。", remedy="请使用未用过的编码。")
    cut = _Cut(code, shape, _clean_line(line))
    inserts = cut.run()
    noded: dict[str, Polygon | None] = {}
    for other, rings in fabric.rings().items():
        if other != code:
            result, changed = with_nodes(rings, inserts)
            if changed:
                noded[other] = rebuild(fabric.grids[other], result)
    parts = _cut_faces(code, cut)
    order = sorted(parts, key=lambda part: (-(weigh(part) if weigh else 0.0), -part.area, part.bounds))
    for part in order:
        if small := size_problems(code, part):
            refuse("分割后有一块太小。" + small[0].message, "请改变分割线的位置。", small)
    border_rings, border_changed = with_nodes(rings_of(fabric.border), inserts)
    border = rebuild(fabric.border, border_rings) if border_changed else fabric.border
    result_fabric = fabric.replaced({**noded, code: order[0], new_code: order[1]}, border)
    require_sound(result_fabric, f"这样分割网格 {short(code)} 后", "请把分割线离开已有角点和边界再画一次。")
    return result_fabric


def grid_under(fabric: Fabric, line: Sequence[Sequence[float]]) -> str:
    """The grid that a drawn line is meant for: the one that holds the longest part of it, inside or along its border;
    the lowest code when equal.

    Raises:
        InputError: the line touches no grid.
    """
    nodes = _clean_line(line)
    drawn = LineString([to_degrees(n) for n in nodes])
    lengths = {code: length_m(shape.intersection(drawn)) for code, shape in fabric.grids.items()}
    best = max(sorted(lengths), key=lambda code: lengths[code], default=None)
    if best is None or lengths[best] == 0:
        refuse("分割线没有经过本社区的网格。", "请从网格的一侧边界画到另一侧。", geometry=drawn, kind="uncut")
    return best


def _clean_line(line: Sequence[Sequence[float]]) -> list[Node]:
    nodes: list[Node] = []
    for x, y, *_ in line:
        node = to_node(x, y)
        if not nodes or nodes[-1] != node:
            nodes.append(node)
    if len(nodes) < 2:
        raise InputError("分割线至少要有两个不同的点。", remedy="请从网格的一侧边界画到另一侧。")
    drawn = LineString([to_degrees(n) for n in nodes])
    if not drawn.is_simple:
        noded = shapely.get_parts(shapely.node(drawn))
        ends = np.array([shapely.get_coordinates(piece)[[0, -1]] for piece in noded]).reshape(-1, 2)
        points, counts = np.unique(ends, axis=0, return_counts=True)
        where = shapely.multipoints(points[counts > 2]) if (counts > 2).any() else drawn
        refuse("分割线与自身相交。", "请画一条不打结的线。", geometry=where, kind="crossing")
    return nodes


@dataclass
class _Cut:
    """One line against the rings of one grid: finds the corners to insert and the pieces of line to cut along."""

    code: str
    shape: Polygon
    line: list[Node]
    rings: list[Ring] = field(init=False)
    edges: list[Segment] = field(init=False)
    inserts: Inserts = field(init=False, default_factory=dict)
    pieces: list[Segment] = field(init=False, default_factory=list)
    x_weight: float = field(init=False)

    def __post_init__(self) -> None:
        self.rings = rings_of(self.shape)
        self.edges = [edge for ring in self.rings for edge in segments(ring)]
        self.x_weight = float(np.cos(np.radians(self.line[0][1] / SCALE)))

    def run(self) -> Inserts:
        """Do it; the corners by undirected edge."""
        closed = self.line[0] == self.line[-1]
        line = [self._settle(node) for node in self.line]
        if not closed:
            line[0], line[-1] = self._reach(line[0]), self._reach(line[-1])
        chain: list[Node] = []
        for a, b in itertools.pairwise(line):
            if a != b:
                chain.extend(node for node in self._nodes_along((a, b)) if not chain or chain[-1] != node)
        noded, _ = with_nodes(self.rings, self.inserts)
        self.rings = noded
        borders = {undirected(edge) for ring in noded for edge in segments(ring)}
        inside = Polygon(
            [to_degrees(n) for n in noded[0]], [[to_degrees(n) for n in hole] for hole in noded[1:]]
        )
        shapely.prepare(inside)
        for a, b in itertools.pairwise(chain):
            middle = ((a[0] + b[0]) / 2 / SCALE, (a[1] + b[1]) / 2 / SCALE)
            if a != b and undirected((a, b)) not in borders and inside.contains(shapely.Point(middle)):
                self.pieces.append((a, b))
        return self.inserts

    def metres(self, a: Node, b: Node) -> float:
        return metres_between(to_degrees(a), to_degrees(b))

    def _settle(self, node: Node) -> Node:
        """A corner of the line that lies on the border: the corner of the border it means, or a new one there."""
        near = self._corner_near(node)
        if near is not None:
            return near
        for edge in self.edges:
            if passes(edge, node):
                self.inserts.setdefault(undirected(edge), []).append(node)
                return node
        return node

    def _reach(self, end: Node) -> Node:
        """An end just inside the border, moved onto it."""
        if self._on_border(end) or not self.shape.contains(shapely.Point(to_degrees(end))):
            return end
        feet = [(foot(edge, end, self.x_weight), edge) for edge in self.edges]
        nearest, edge = min(feet, key=lambda pair: self._rough(pair[0], end))
        if self.metres(nearest, end) > REACH_M:
            return end
        corner = self._corner_near(nearest)
        if corner is not None:
            return corner
        self.inserts.setdefault(undirected(edge), []).append(nearest)
        return nearest

    def _nodes_along(self, step: Segment) -> list[Node]:
        """The nodes of one straight piece of the line in order: its ends, crossings, and corners it passes."""
        nodes = {step[0], step[1]}
        for ring in self.rings:
            nodes.update(node for node in ring if passes(step, node))
        for edge in self.edges:
            known = {*edge, *self.inserts.get(undirected(edge), [])}
            if known & nodes:
                continue  # already met there: a second crossing beside it would only be its rounding
            node = crossing(step, edge)
            if node is None:
                continue
            corner = self._corner_near(node)
            if corner is None:
                self.inserts.setdefault(undirected(edge), []).append(node)
            nodes.add(node if corner is None else corner)
        middle = sorted((n for n in nodes if n not in step), key=lambda n: along(step, n))
        return [step[0], *middle, step[1]]

    def _corner_near(self, node: Node) -> Node | None:
        corners = (corner for ring in self.rings for corner in ring)
        best = min(corners, key=lambda corner: self._rough(corner, node))
        return best if self.metres(best, node) <= CORNER_M else None

    def _on_border(self, node: Node) -> bool:
        new = (n for nodes in self.inserts.values() for n in nodes)
        return any(node in ring for ring in self.rings) or node in new

    def _rough(self, a: Node, b: Node) -> float:
        """Squared distance in nanodegrees of latitude, for comparing only."""
        return ((a[0] - b[0]) * self.x_weight) ** 2 + (a[1] - b[1]) ** 2


def _cut_faces(code: str, cut: _Cut) -> list[Polygon]:
    """The two parts, or a refusal that says why there are not two."""
    edges = [edge for ring in cut.rings for edge in segments(ring)]
    lines = [LineString([to_degrees(a), to_degrees(b)]) for a, b in [*edges, *cut.pieces]]
    faces = shapely.get_parts(shapely.polygonize(lines)).tolist()
    shell, *holes = [[to_degrees(n) for n in ring] for ring in cut.rings]
    ground = Polygon(shell, holes)
    parts = [shapely.orient_polygons(face) for face in faces if ground.contains(face.representative_point())]
    if len(parts) == 2:
        return parts
    if len(parts) > 2:
        refuse(
            f"分割线把网格 {short(code)} 切成了 {len(parts)} 块，一次只能切成两块。",
            "请让分割线只穿过网格一次。",
            geometry=shapely.MultiLineString([[to_degrees(a), to_degrees(b)] for a, b in cut.pieces]),
            kind="parts",
            codes=(code,),
        )
    _refuse_uncut(code, cut)
    raise AssertionError("unreachable")


def _refuse_uncut(code: str, cut: _Cut) -> None:
    name = f"网格 {short(code)}"
    drawn = LineString([to_degrees(n) for n in cut.line])
    if not cut.pieces:
        if cut.shape.boundary.distance(drawn) < 1e-8:
            refuse(
                f"分割线只沿着{name} 的边界，没有进入网格。",
                "请从一侧边界穿过网格画到另一侧。",
                geometry=drawn,
                kind="uncut",
            )
        refuse(f"分割线没有经过{name}。", "请从一侧边界穿过网格画到另一侧。", geometry=drawn, kind="uncut")
    hanging = []
    for end, word in ((cut.line[0], "起点"), (cut.line[-1], "终点")):
        point = shapely.Point(to_degrees(end))
        if cut.shape.contains(point):
            on = min((foot(edge, end, cut.x_weight) for edge in cut.edges), key=lambda n: cut.metres(n, end))
            if cut.metres(on, end) > REACH_M:
                hanging.append((word, cut.metres(on, end), point))
    if hanging:
        text = "，".join(f"{word}在网格内，离边界还有 {metres:,.1f} 米" for word, metres, _ in hanging)
        where = shapely.MultiPoint([point for *_, point in hanging])
        refuse(
            f"分割线没有穿过{name}：{text}。",
            "请把线的两端都画到网格边界上或边界外。",
            geometry=where,
            kind="uncut",
            codes=(code,),
        )
    refuse(
        f"分割线没有把{name} 分成两块。",
        "请从一侧边界穿过网格画到另一侧。",
        geometry=drawn,
        kind="uncut",
        codes=(code,),
    )


def rebuild(shape: Polygon | shapely.MultiPolygon, rings: Iterable[Ring]) -> Polygon | shapely.MultiPolygon:
    """A polygon or multipolygon of the same build as ``shape`` from new rings."""
    queue = iter([[to_degrees(n) for n in ring] for ring in rings])
    parts = shape.geoms if isinstance(shape, shapely.MultiPolygon) else [shape]
    built = [Polygon(next(queue), [next(queue) for _ in part.interiors]) for part in parts]
    return shapely.MultiPolygon(built) if isinstance(shape, shapely.MultiPolygon) else built[0]
