"""Ground plan of a district: streets (街道), communities, lots, and the linework between them.

Everything hangs on one noded set of lines: canals, avenues, side streets, lanes and walls. Its faces are the lots;
lots make up communities, communities streets, streets the district, so each level tiles the next with equal vertices.
All coordinates: EPSG:4549, metres.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from gisapp.services.demo.field import Field, make_field
from gisapp.services.demo.frame import Design, Floats, design, street_index
from gisapp.services.demo.seeding import stream
from gisapp.services.demo.splitting import Junctions, Node, cut

Geoms = NDArray[np.object_]
Ints = NDArray[np.int64]

RANK = {
    "canal": 0,
    "expressway": 1,
    "arterial": 2,
    "secondary": 3,
    "branch": 4,
    "lane": 5,
    "alley": 6,
    "wall": 7,
}
WIDTH = {
    "expressway": 52.0,
    "arterial": 38.0,
    "secondary": 26.0,
    "branch": 16.0,
    "lane": 8.0,
    "alley": 5.0,
    "wall": 1.0,
}
"""Full width between lot borders, metres: carriageway, cycle lanes, pavements and planting."""

OUTLINE_KEYS = ("环南", "环东", "环北", "环西")

_GRID = 0.001
_HECTARE = 10_000.0
_LARGEST_LOT = 2.3 * _HECTARE


@dataclass(frozen=True, slots=True)
class Line:
    """One street, canal or wall as it was drawn, before noding."""

    line: shapely.LineString
    kind: str
    width: float
    key: str
    street: int


@dataclass(slots=True)
class Community:
    """One community: its ground as faces, and the tree of cuts within."""

    street: int
    code: str
    name: str
    root: Node
    polygon: shapely.Polygon
    lots: list[int]


@dataclass(slots=True)
class Ground:
    """The ground plan.

    Attributes:
        pieces: noded line pieces, (n,) LineString.
        piece_line: index into ``lines`` of each piece.
        lots: lot polygons up to the middle of the lines around them, (m,).
        lot_community: index into ``communities`` of each lot.
    """

    design: Design
    field: Field
    lines: list[Line]
    pieces: Geoms
    piece_line: Ints
    lots: Geoms
    lot_community: Ints
    communities: list[Community]
    outline: shapely.Polygon
    streets: list[shapely.Polygon]
    full: frozenset[int]


def _sides(points: Floats, plan: Design) -> dict[str, Floats]:
    """Signed side of every curve (positive: left) for points, metres."""
    result = {}
    geometry = shapely.points(points)
    for curve in plan.curves:
        at = shapely.line_locate_point(curve.line, geometry)
        before = shapely.get_coordinates(shapely.line_interpolate_point(curve.line, np.maximum(at - 5, 0)))
        after = shapely.get_coordinates(
            shapely.line_interpolate_point(curve.line, np.minimum(at + 5, curve.line.length))
        )
        along, across = after - before, points - before
        result[curve.key] = along[:, 0] * across[:, 1] - along[:, 1] * across[:, 0]
    return result


def end_nodes(pieces: Geoms) -> Ints:
    """Number of the node at the start of each piece, then at the end of each: (2n,); equal within a millimetre."""
    ends = np.concatenate(
        [
            shapely.get_coordinates(shapely.get_point(pieces, 0)),
            shapely.get_coordinates(shapely.get_point(pieces, -1)),
        ]
    )
    _, inverse = np.unique(np.round(ends, 3), axis=0, return_inverse=True)
    return np.ravel(inverse).astype(np.int64)


def node_lines(shapes: Geoms, ranks: Ints) -> tuple[Geoms, Ints]:
    """Pieces of lines between crossings, and the line that each belongs to (of several, the one of lowest rank)."""
    pieces = shapely.get_parts(shapely.unary_union(shapes, grid_size=_GRID))
    middle = shapely.line_interpolate_point(pieces, 0.5, normalized=True)
    tree = shapely.STRtree(shapes)
    piece, line = tree.query(middle, predicate="dwithin", distance=0.05)
    order = np.lexsort((line, ranks[line], piece))
    piece, line = piece[order], line[order]
    first = np.concatenate([[True], piece[1:] != piece[:-1]]) if len(piece) else np.zeros(0, dtype=bool)
    owner = np.full(len(pieces), -1, dtype=np.int64)
    owner[piece[first]] = line[first]
    keep = owner >= 0
    return pieces[keep], owner[keep]


def _node(lines: Sequence[Line]) -> tuple[Geoms, Ints]:
    """Pieces of lines between crossings, without loose ends, and the line that each belongs to."""
    shapes = np.array([line.line for line in lines], dtype=object)
    pieces, owner = node_lines(shapes, np.array([RANK[line.kind] for line in lines]))
    while True:
        node = end_nodes(pieces)
        degree = np.bincount(node)[node]
        loose = (degree[: len(pieces)] == 1) | (degree[len(pieces) :] == 1)
        if not loose.any():
            return pieces, owner
        pieces, owner = pieces[~loose], owner[~loose]


def _without_overhang(lines: Sequence[Line], pieces: Geoms, owner: Ints) -> list[Line]:
    """Lines as their noded pieces: ends that reached past the curve they meet are gone."""
    result = []
    for index, item in enumerate(lines):
        merged = shapely.get_parts(shapely.line_merge(shapely.union_all(pieces[owner == index])))
        longest = merged[int(np.argmax(shapely.length(merged)))]
        result.append(Line(longest, item.kind, item.width, item.key, item.street))
    return result


def _faces(pieces: Geoms) -> Geoms:
    """Faces of noded lines, in a stable order (west to east, south to north)."""
    faces = shapely.get_parts(shapely.polygonize(pieces))
    faces = faces[shapely.area(faces) > 0.5]
    at = np.round(shapely.get_coordinates(shapely.point_on_surface(faces)), 2)
    return np.asarray(faces[np.lexsort((at[:, 1], at[:, 0]))], dtype=object)


def _merge_small(faces: list[shapely.Polygon], smallest: float) -> list[shapely.Polygon]:
    """Join faces below an area to the neighbour with the longest common border."""
    faces = list(faces)
    while len(faces) > 1:
        areas = [f.area for f in faces]
        index = int(np.argmin(areas))
        if areas[index] >= smallest:
            break
        small = faces.pop(index)
        common = [small.intersection(other).length for other in faces]
        target = int(np.argmax(common))
        if common[target] <= 0:
            faces.append(small)
            break
        faces[target] = shapely.coverage_union(faces[target], small)
    return faces


def _allot(weights: Sequence[float], total: int) -> list[int]:
    """Whole numbers ≥ 1 that sum to ``total``, in proportion to weights (largest remainder)."""
    share = np.asarray(weights) / sum(weights) * total
    count = np.maximum(np.floor(share).astype(int), 1)
    while count.sum() < total:
        count[int(np.argmax(share - count))] += 1
    while count.sum() > total:
        spare = np.where(count > 1, share - count, np.inf)
        count[int(np.argmin(spare))] -= 1
    return [int(c) for c in count]


def _cut_kind(area: float) -> str:
    """What kind of street cuts a polygon of an area (m²)."""
    hectares = area / _HECTARE
    if hectares > 55:
        return "arterial"
    if hectares > 24:
        return "secondary"
    if hectares > 9:
        return "branch"
    if hectares > 3.6:
        return "lane"
    return "alley"


def _divide(
    face: shapely.Polygon,
    count: int,
    grain: Field,
    junctions: Junctions,
    rng: np.random.Generator,
    lines: list[Line],
    street: int,
) -> list[shapely.Polygon]:
    """Divide a face into so many communities by side streets."""
    if count == 1:
        return [face]
    half = count // 2
    found = cut(face, grain, junctions, rng, half / count, align=0.1)
    if found is None:
        found = cut(face, grain, junctions, rng, half / count + 0.06, align=0.0)
    if found is None:
        raise RuntimeError(f"no clean cut of a face of {face.area:.0f} m² into {count} communities")
    one, two, line = found
    kind = "arterial" if face.area > 90 * _HECTARE else "secondary"
    lines.append(Line(line, kind, WIDTH[kind], f"c{len(lines)}", street))
    return _divide(one, half, grain, junctions, rng, lines, street) + _divide(
        two, count - half, grain, junctions, rng, lines, street
    )


def _plat(
    root: Node,
    grain: Field,
    junctions: Junctions,
    rng: np.random.Generator,
    lines: list[Line],
    street: int,
    lot: float,
) -> None:
    """Cut a community into lots of about ``lot`` m², breadth first, so that streets meet across each other."""
    queue = [root]
    while queue:
        node = queue.pop(0)
        area = node.polygon.area
        # Lots differ: some blocks stay whole as one large compound, others fall into small pieces.
        whole = area < lot * float(np.exp(rng.normal(0.25, 0.35)))
        if whole and area < _LARGEST_LOT:
            continue
        share = 0.5 + rng.normal(0, 0.07)
        found = cut(node.polygon, grain, junctions, rng, min(max(share, 0.36), 0.64))
        if found is None and area > 2.2 * lot:
            found = cut(node.polygon, grain, junctions, rng, 0.5, align=0.0)
        if found is None:
            continue
        one, two, line = found
        kind = _cut_kind(area)
        if whole or (kind == "alley" and rng.random() < 0.45):
            kind = "wall"
        lines.append(Line(line, kind, WIDTH[kind], f"s{street}-{len(lines)}", street))
        node.children = [Node(one), Node(two)]
        queue += node.children


LOT_HECTARES = (1.15, 1.25, 1.2, 1.3, 1.7, 1.7, 2.4, 3.0)
"""Typical lot by street (街道): small in the old town in the south, large compounds in the new north."""


def lay_out(
    seed: int,
    communities: Sequence[Sequence[tuple[str, str]]],
    full: Collection[int],
    cell: tuple[int, int] = (0, 0),
) -> Ground:
    """The ground plan of a district.

    Args:
        communities: for each of the 8 streets its communities as (code, name).
        full: indexes of the streets to divide down to lots; the others end at communities.
        cell: place in the lattice of districts.
    """
    plan = design(seed, cell)
    # Main streets alone need no finer grain.
    grain = make_field(plan, seed, 40.0 if full else 110.0)
    border_width = WIDTH["arterial"]
    lines = [
        Line(side, "arterial", border_width, key, -1)
        for side, key in zip(plan.outline, OUTLINE_KEYS, strict=True)
    ]
    lines += [Line(c.line, c.kind, c.width, c.key, -1) for c in plan.curves]
    pieces, owner = _node(lines)
    lines = _without_overhang(lines, pieces, owner)
    faces = _faces(pieces)
    sides = _sides(shapely.get_coordinates(shapely.point_on_surface(faces)), plan)
    face_street = street_index(sides)

    junctions = Junctions()
    for piece in pieces:
        for x, y in shapely.get_coordinates(piece)[[0, -1]]:
            junctions.add(float(x), float(y))
    drafts: list[tuple[int, str, str, shapely.Polygon]] = []
    for street, named in enumerate(communities):
        rng = stream(seed, "communities", *cell, street)
        ground = list(faces[face_street == street])
        wanted = sum(f.area for f in ground) / len(named)
        ground = _merge_small(ground, 0.45 * wanted)
        parts: list[shapely.Polygon] = []
        for face, count in zip(ground, _allot([f.area for f in ground], len(named)), strict=True):
            parts += _divide(face, count, grain, junctions, rng, lines, street)
        # Codes run from north to south in bands, west to east within a band.
        centres = shapely.get_coordinates(shapely.centroid(np.array(parts, dtype=object)))
        band = np.argsort(np.argsort(-centres[:, 1])) // max(1, round(len(parts) ** 0.5))
        order = np.lexsort((centres[:, 0], band))
        drafts += [(street, *named[i], parts[int(j)]) for i, j in enumerate(order)]

    roots = [Node(polygon) for _, _, _, polygon in drafts]
    for street in sorted(full):
        rng = stream(seed, "plat", *cell, street)
        own = junctions.copy()
        for draft, root in zip(drafts, roots, strict=True):
            if draft[0] == street:
                _plat(root, grain, own, rng, lines, street, LOT_HECTARES[street] * _HECTARE)

    pieces, owner = _node(lines)
    lots = _faces(pieces)
    leaves: list[Node] = []
    leaf_community: list[int] = []
    for index, root in enumerate(roots):
        own_leaves = root.leaves()
        leaves += own_leaves
        leaf_community += [index] * len(own_leaves)
    lot_leaf = _locate(lots, [leaf.polygon for leaf in leaves])
    lots, lot_leaf = _join_slivers(lots, lot_leaf)
    for lot, owner_leaf in enumerate(lot_leaf):
        leaves[int(owner_leaf)].lot = lot
    lot_community = np.asarray(leaf_community, dtype=np.int64)[lot_leaf]
    result: list[Community] = []
    for index, ((street, code, name, _), root) in enumerate(zip(drafts, roots, strict=True)):
        mine = np.flatnonzero(lot_community == index)
        result.append(
            Community(street, code, name, root, shapely.coverage_union_all(lots[mine]), mine.tolist())
        )
    streets = [
        shapely.coverage_union_all(np.array([c.polygon for c in result if c.street == s], dtype=object))
        for s in range(len(communities))
    ]
    outline = shapely.coverage_union_all(np.array(streets, dtype=object))
    return Ground(
        plan, grain, lines, pieces, owner, lots, lot_community, result, outline, streets, frozenset(full)
    )


def _locate(lots: Geoms, leaves: Sequence[shapely.Polygon]) -> Ints:
    """Index of the leaf polygon that holds each lot; the nearest one for the hair's breadth cases."""
    tree = shapely.STRtree(leaves)
    points = shapely.point_on_surface(lots)
    lot, leaf = tree.query(points, predicate="within")
    result = np.full(len(lots), -1, dtype=np.int64)
    result[lot] = leaf
    missing = np.flatnonzero(result < 0)
    if len(missing):
        result[missing] = tree.nearest(points[missing])
    return result


def _join_slivers(lots: Geoms, lot_leaf: Ints) -> tuple[Geoms, Ints]:
    """One polygon per leaf: faces that fell apart in noding are joined again."""
    used, inverse = np.unique(lot_leaf, return_inverse=True)
    joined: list[Any] = []
    for index in range(len(used)):
        mine = np.flatnonzero(inverse == index)
        joined.append(lots[mine[0]] if len(mine) == 1 else shapely.coverage_union_all(lots[mine]))
    return np.array(joined, dtype=object), used.astype(np.int64)
