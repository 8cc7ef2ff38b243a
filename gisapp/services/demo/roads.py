"""Streets as a network: named, trimmed at the water, with bridges and riverside paths, and a scale for house numbers.

All coordinates: EPSG:4549, metres.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from gisapp.services.demo.frame import Floats
from gisapp.services.demo.geography import (
    OUTLINE_KEYS,
    RANK,
    Geoms,
    Ground,
    Ints,
    Line,
    end_nodes,
    node_lines,
)
from gisapp.services.demo.names import stems
from gisapp.services.demo.seeding import stream

BANK = 6.0
"""From the water's edge to the middle of the riverside path, metres."""
GREENWAY = 20.0
"""From the water's edge to the lots, metres."""
WATER_SUFFIX = "滨河绿带"

_STORED_CLASS = {
    "expressway": "arterial",
    "arterial": "arterial",
    "secondary": "secondary",
    "branch": "local",
    "lane": "lane",
    "alley": "lane",
    "path": "path",
}


@dataclass(slots=True)
class Street:
    """One named street (街路巷), possibly in several pieces where water or a square interrupts it."""

    name: str
    kind: str
    width: float
    parts: list[shapely.LineString]
    offsets: list[float]


@dataclass(slots=True)
class Roads:
    """The network of a district.

    Attributes:
        edges: pieces between junctions, (n,) LineString.
        edge_street: index into ``streets`` of each.
        bridge: whether an edge crosses water.
        line_street: index into ``streets`` of each line of the ground plan, −1 for water and walls.
        edge_area: street (街道) index of the ground it lies in, −1 on avenues and borders.
        water: named canals as polygons.
        banks: canals with their green strips, one geometry; no lot lies in it.
        paved: surfaces of all streets, (m,) polygons, for keeping lots off them.
        strips: green strips between the water and the lots.
    """

    streets: list[Street]
    edges: Geoms
    edge_street: Ints
    bridge: NDArray[np.bool_]
    line_street: Ints
    edge_area: Ints
    water: list[tuple[str, shapely.Geometry]]
    banks: shapely.Geometry
    paved: Geoms
    strips: list[shapely.Geometry]

    def stored_class(self) -> list[str]:
        """Class of each edge as the register names it."""
        return [_STORED_CLASS[self.streets[s].kind] for s in self.edge_street]


CANAL_NAMES = {"运河": "大塘运河", "东河": "东里河", "塘河": "上丰塘河"}


def build_roads(
    ground: Ground,
    seed: int,
    lane_names: Sequence[tuple[int, str]] = (),
    skip: Sequence[str] = (),
    taken: Collection[str] = (),
) -> Roads:
    """The street network of a ground plan.

    Args:
        lane_names: (community index, name of a lane that must exist in it): communities named after a lane have it.
        skip: keys of outline sides that a neighbouring district already has.
        taken: names of streets that exist already.
    """
    kinds = np.array([line.kind for line in ground.lines])[ground.piece_line]
    canal = kinds == "canal"
    water, core, banks = _water(ground)
    road = ~canal & (kinds != "wall")
    if skip:
        keys = np.array([line.key for line in ground.lines])[ground.piece_line]
        road &= ~np.isin(keys, skip)
    pieces, owner = ground.pieces[road], ground.piece_line[road]
    crosses = _crossings(ground, road, canal)
    path_line = shapely.boundary(core)
    inside = shapely.intersection(path_line, ground.outline)
    wet = shapely.intersects(pieces, core)
    dry_pieces = [pieces[~wet]]
    dry_owner = [owner[~wet]]
    bridge_flags = [np.zeros(int((~wet).sum()), dtype=bool)]
    outside = shapely.difference(pieces[wet], core)
    over = shapely.intersection(pieces[wet], core)
    for shapes, flag, wanted in ((outside, False, np.ones(len(over), bool)), (over, True, crosses[wet])):
        parts, index = shapely.get_parts(shapes[wanted], return_index=True)
        keep = (shapely.get_type_id(parts) == 1) & (shapely.length(parts) > 0.01)
        dry_pieces.append(parts[keep])
        dry_owner.append(owner[wet][wanted][index[keep]])
        bridge_flags.append(np.full(int(keep.sum()), flag))
    paths = shapely.get_parts(shapely.line_merge(inside))
    paths = paths[shapely.get_type_id(paths) == 1]
    shapes = np.concatenate([*dry_pieces, paths])
    line_of = np.concatenate([*dry_owner, np.full(len(paths), -1)])
    flags = np.concatenate([*bridge_flags, np.zeros(len(paths), bool)])
    rank = np.array([RANK[line.kind] for line in ground.lines])
    ranks = np.where(line_of >= 0, rank[line_of] - 10 * flags, 9)
    edges, source = node_lines(shapes, ranks)
    keep = _largest_net(edges) & (shapely.length(edges) > 0.05)
    edges, source = edges[keep], source[keep]
    edge_line, bridge = line_of[source], flags[source]

    groups = _join_lines(ground)
    named = _name_groups(ground, groups, seed, lane_names, taken)
    streets: list[Street] = []
    number: dict[int, int] = {}
    edge_street = np.full(len(edges), -1, dtype=np.int64)
    for group in sorted(set(groups[edge_line[edge_line >= 0]].tolist())):
        mine = np.flatnonzero((edge_line >= 0) & (groups[edge_line] == group))
        kind = min((ground.lines[i].kind for i in set(edge_line[mine].tolist())), key=lambda k: RANK[k])
        number[group] = len(streets)
        edge_street[mine] = len(streets)
        width = max(ground.lines[i].width for i in set(edge_line[mine].tolist()))
        parts, offsets = _scale([ground.lines[i].line for i in np.flatnonzero(groups == group)])
        streets.append(Street(named[group], kind, width, parts, offsets))
    edge_street = _paths(edges, edge_line, edge_street, streets, water)
    area = np.array([line.street for line in ground.lines])
    edge_area = np.where(edge_line >= 0, area[edge_line], -1)
    paved = _surfaces(ground, road)
    line_street = np.array([number.get(int(group), -1) for group in groups], dtype=np.int64)
    strips = _strips(ground, water, banks, paved)
    return Roads(streets, edges, edge_street, bridge, line_street, edge_area, water, banks, paved, strips)


def _largest_net(edges: Geoms) -> NDArray[np.bool_]:
    """Which edges belong to the net that connects most of them: crumbs left in the water by trimming do not."""
    node, count = end_nodes(edges), len(edges)
    pairs = coo_matrix((np.ones(count), (node[:count], node[count:])), shape=(node.max() + 1, node.max() + 1))
    _, part = connected_components(pairs, directed=False)
    of_edge = part[node[:count]]
    return np.asarray(of_edge == np.argmax(np.bincount(of_edge)))


def _water(ground: Ground) -> tuple[list[tuple[str, shapely.Geometry]], shapely.Geometry, shapely.Geometry]:
    named = []
    core, banks = [], []
    reach = ground.outline
    for line in ground.lines:
        if line.kind != "canal":
            continue
        named.append(
            (CANAL_NAMES[line.key], line.line.buffer(line.width / 2, quad_segs=4).intersection(reach))
        )
        core.append(line.line.buffer(line.width / 2 + BANK, quad_segs=4))
        banks.append(line.line.buffer(line.width / 2 + GREENWAY, quad_segs=4))
    cut: list[tuple[str, shapely.Geometry]] = []
    seen: shapely.Geometry = shapely.Polygon()
    for name, shape in named:
        cut.append((name, shape.difference(seen)))
        seen = seen.union(shape)
    return cut, shapely.union_all(core), shapely.union_all(banks)


def _crossings(ground: Ground, road: NDArray[np.bool_], canal: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which road pieces go over the canal that they meet: those with a worthy one opposite, and the outline's."""
    node = end_nodes(ground.pieces)
    count = len(ground.pieces)
    rank = np.array([RANK[line.kind] for line in ground.lines])[ground.piece_line]
    on_canal = np.zeros(int(node.max()) + 1, dtype=bool)
    on_canal[node[:count][canal]] = True
    on_canal[node[count:][canal]] = True
    usable = road & (rank <= RANK["branch"])
    arms = np.bincount(np.concatenate([node[:count][usable], node[count:][usable]]), minlength=len(on_canal))
    spans = on_canal & (arms >= 2)
    crossing = usable & (spans[node[:count]] | spans[node[count:]])
    return np.asarray(crossing[road])


def _join_lines(ground: Ground) -> Ints:
    """Group of each line: lines that go straight on into each other are one street."""
    lines = ground.lines
    group = list(range(len(lines)))

    def find(i: int) -> int:
        while group[i] != i:
            group[i] = group[group[i]]
            i = group[i]
        return i

    ends: list[tuple[float, float, float, int]] = []
    for index, item in enumerate(lines):
        if item.kind in {"canal", "wall", "expressway"} or item.key in OUTLINE_KEYS:
            continue
        xy = shapely.get_coordinates(item.line)
        for at, inner in ((0, 1), (-1, -2)):
            away = xy[at] - xy[inner]
            ends.append((float(xy[at][0]), float(xy[at][1]), math.atan2(away[1], away[0]), index))
    tree = shapely.STRtree(shapely.points(np.array([e[:2] for e in ends])))
    pairs = tree.query(shapely.points(np.array([e[:2] for e in ends])), predicate="dwithin", distance=4.0)
    for i, j in pairs.T:
        if i >= j or ends[i][3] == ends[j][3]:
            continue
        one, two = lines[ends[i][3]], lines[ends[j][3]]
        bend = (ends[i][2] - ends[j][2] + math.pi) % (2 * math.pi) - math.pi
        if abs(abs(bend) - math.pi) < math.radians(28) and abs(RANK[one.kind] - RANK[two.kind]) <= 1:
            group[find(ends[i][3])] = find(ends[j][3])
    return np.array([find(i) for i in range(len(lines))], dtype=np.int64)


def _name_groups(
    ground: Ground, groups: Ints, seed: int, lane_names: Sequence[tuple[int, str]], taken: Collection[str]
) -> dict[int, str]:
    rng = stream(seed, "street names")
    pool = iter(stems(rng, {name[:2] for name in taken}))
    named: dict[int, str] = {}
    lines = ground.lines
    # A lane that gave its community the name.
    for community, name in lane_names:
        inside = ground.communities[community].polygon
        best = None
        for index, item in enumerate(lines):
            if item.kind in {"lane", "alley", "branch"} and int(groups[index]) not in named:
                length = item.line.intersection(inside).length if item.line.intersects(inside) else 0.0
                if length > 60 and (best is None or (item.kind == "lane", length) > best[0]):
                    best = ((item.kind == "lane", length), index)
        if best is not None:
            named[int(groups[best[1]])] = name
    for group in dict.fromkeys(groups.tolist()):
        if group in named:
            continue
        members = [lines[i] for i in np.flatnonzero(groups == group)]
        kind = min((m.kind for m in members), key=lambda k: RANK[k])
        if kind in {"canal", "wall"}:
            continue
        stem = next(pool)
        xy = shapely.get_coordinates(members[0].line)
        east_west = abs(xy[-1][0] - xy[0][0]) > abs(xy[-1][1] - xy[0][1])
        named[group] = stem + _ending(kind, east_west, rng)
    return named


def _ending(kind: str, east_west: bool, rng: np.random.Generator) -> str:
    draw = rng.random()
    if kind == "expressway":
        return "快速路"
    if kind == "arterial":
        return "大道" if draw < 0.2 else "路"
    if kind == "secondary":
        return "街" if draw < (0.3 if east_west else 0.1) else "路"
    if kind == "branch":
        return "街" if draw < 0.3 else "路"
    if kind == "lane":
        return "巷" if draw < 0.7 else "弄"
    return "弄" if draw < 0.6 else "里弄"


def _scale(lines: Sequence[shapely.LineString]) -> tuple[list[shapely.LineString], list[float]]:
    """Parts of a street in order and the chainage of each start: numbers grow from east to west, from south to north."""
    merged = list(shapely.get_parts(shapely.line_merge(shapely.union_all(list(lines)))))
    merged = [m for m in merged if m.length > 1]
    every = np.vstack([shapely.get_coordinates(m) for m in merged])
    span = every.max(axis=0) - every.min(axis=0)
    axis = np.array([-1.0, 0.0]) if span[0] > span[1] else np.array([0.0, 1.0])
    parts = []
    for part in merged:
        xy = shapely.get_coordinates(part)
        parts.append(part if float((xy[-1] - xy[0]) @ axis) >= 0 else shapely.reverse(part))
    parts.sort(key=lambda p: float(shapely.get_coordinates(p)[0] @ axis))
    offsets, total = [], 0.0
    for part in parts:
        offsets.append(total)
        total += part.length
    return parts, offsets


def _paths(
    edges: Geoms,
    edge_line: Ints,
    edge_street: Ints,
    streets: list[Street],
    water: Sequence[tuple[str, shapely.Geometry]],
) -> Ints:
    """Name the riverside paths after their canal."""
    result = edge_street.copy()
    mine = np.flatnonzero(edge_line < 0)
    if not len(mine):
        return result
    shapes = np.array([shape for _, shape in water], dtype=object)
    middle = shapely.line_interpolate_point(edges[mine], 0.5, normalized=True)
    nearest = np.argmin(np.column_stack([shapely.distance(middle, shape) for shape in shapes]), axis=1)
    for index, (name, _) in enumerate(water):
        own = mine[nearest == index]
        if len(own):
            result[own] = len(streets)
            streets.append(Street(f"{name}绿道", "path", 3.0, list(edges[own]), [0.0] * len(own)))
    return result


def _surfaces(ground: Ground, road: NDArray[np.bool_]) -> Geoms:
    """Ground taken by streets (and a metre for walls), one polygon per line."""
    wall = np.array([line.kind == "wall" for line in ground.lines])
    used = np.unique(ground.piece_line[road | wall[ground.piece_line]])
    lines: list[Line] = [ground.lines[i] for i in used]
    shapes = shapely.buffer(
        np.array([line.line for line in lines], dtype=object),
        np.array([line.width / 2 for line in lines]),
        quad_segs=3,
    )
    return np.asarray(shapes, dtype=object)


def _strips(
    ground: Ground, water: Sequence[tuple[str, shapely.Geometry]], banks: shapely.Geometry, paved: Geoms
) -> list[shapely.Geometry]:
    """Green strips along the canals, outside the surfaces of streets."""
    strip = banks.intersection(ground.outline).difference(shapely.union_all([shape for _, shape in water]))
    over = shapely.union_all(paved[shapely.intersects(paved, strip)])
    parts = shapely.get_parts(strip.difference(over))
    return [p for p in parts if p.geom_type == "Polygon" and p.area > 60]


def chainage(street: Street, points: Floats) -> tuple[Floats, NDArray[np.bool_], Floats]:
    """Where points lie along a street.

    Args:
        points: (n, 2), metres.

    Returns:
        Distance along the street in metres; whether the point lies on the left in the direction of growing numbers;
        distance from the street's middle in metres.
    """
    geometry = shapely.points(points)
    distances = np.column_stack([shapely.distance(part, geometry) for part in street.parts])
    part_of = np.argmin(distances, axis=1)
    along = np.zeros(len(points))
    left = np.zeros(len(points), dtype=bool)
    for index, part in enumerate(street.parts):
        mine = np.flatnonzero(part_of == index)
        if not len(mine):
            continue
        at = shapely.line_locate_point(part, geometry[mine])
        before = shapely.get_coordinates(shapely.line_interpolate_point(part, np.maximum(at - 2, 0)))
        after = shapely.get_coordinates(shapely.line_interpolate_point(part, np.minimum(at + 2, part.length)))
        ahead, across = after - before, points[mine] - before
        along[mine] = street.offsets[index] + at
        left[mine] = ahead[:, 0] * across[:, 1] - ahead[:, 1] * across[:, 0] > 0
    return along, left, distances[np.arange(len(points)), part_of]
