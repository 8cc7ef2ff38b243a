"""Walking distances on the streets: lines to a graph, points onto its edges, shortest ways between them.

Streets join where they share a corner, cross, or where one ends within a tolerance of another. A street marked as a
bridge joins others only where it ends or shares a corner with them, not where it passes over. Nothing else is known of
levels, stairs, gates or one-way rules, and a walker may use every street that is given. What is not connected is
infinitely far; it is never bridged silently.

Input is EPSG:4490 (lon/lat order, degrees); inside, coordinates and lengths are metres in the 3° Gauss–Krüger zone of
the streets' middle, right within 1:2900.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.sparse import csgraph

from gisapp.analytics.crs import points_from_metric, points_to_metric, zone_for
from gisapp.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: metres within which a street's end joins another street
SNAP = 1.0
#: metres within which two corners are the same corner, bridge or not
SAME = 0.01
#: cells of the distance table that one round of Dijkstra may fill (64 MiB)
_ROUND = 8_000_000


@dataclass(frozen=True, slots=True)
class Network:
    """A walking graph.

    Attributes:
        zone: number of the Gauss–Krüger zone of all coordinates.
        xy: (n, 2) easting, northing of the nodes in metres.
        edges: (m, 2) node positions of each edge.
        lengths: (m,) metres.
        street: (m,) position of the line that each edge comes from.
        graph: (n, n) symmetric CSR of lengths, the shorter of two parallel edges.
        component: (n,) number of the connected part of each node; 0 is the part with the most nodes.
        tree: index of the edges as straight lines.
    """

    zone: int
    xy: Floats
    edges: Ints
    lengths: Floats
    street: Ints
    graph: sparse.csr_array
    component: Ints
    tree: shapely.STRtree = field(repr=False)

    def node_positions(self) -> tuple[Floats, Floats]:
        """Longitudes and latitudes of the nodes, degrees."""
        return points_from_metric(self.xy[:, 0], self.xy[:, 1], self.zone)

    def junctions(self) -> Ints:
        """Nodes where streets meet or end, of the largest connected part: not the corners along a street."""
        degree = np.diff(self.graph.indptr)
        return np.flatnonzero((degree != 2) & (self.component == 0))


@dataclass(frozen=True, slots=True)
class Snapped:
    """Points put onto the nearest edges of a network.

    Attributes:
        edge: (k,) edge positions; -1 where no street is within reach.
        along: (k,) metres from the edge's first node.
        access: (k,) metres from the point to the edge in a straight line.
    """

    edge: Ints
    along: Floats
    access: Floats

    def __len__(self) -> int:
        return len(self.edge)


def _project(points: Floats, a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Position (0..1) on segments a→b nearest to points, and the distance; all arrays have shape (k, 2)."""
    d = b - a
    square = np.einsum("ij,ij->i", d, d)
    t = np.einsum("ij,ij->i", points - a, d) / np.where(square > 0, square, 1.0)
    t = np.clip(t, 0.0, 1.0)
    return t, np.hypot(*(points - (a + t[:, None] * d)).T)


def _crossings(a: Floats, b: Floats, c: Floats, d: Floats) -> tuple[Floats, Floats]:
    """Positions on a→b and on c→d where the two cross; NaN where they do not or are parallel."""
    r, s, w = b - a, d - c, c - a
    with np.errstate(divide="ignore", invalid="ignore"):
        cross = r[:, 0] * s[:, 1] - r[:, 1] * s[:, 0]
        t = (w[:, 0] * s[:, 1] - w[:, 1] * s[:, 0]) / cross
        u = (w[:, 0] * r[:, 1] - w[:, 1] * r[:, 0]) / cross
    real = (cross != 0) & (t >= 0) & (t <= 1) & (u >= 0) & (u <= 1)
    return np.where(real, t, np.nan), np.where(real, u, np.nan)


class _Noding:
    """Collects the points of the graph (corners first, then cuts) and which of them are one node."""

    def __init__(self, xy: Floats, line: Ints, bridge: NDArray[np.bool_], snap: float) -> None:
        self.xy, self.line, self.bridge, self.snap = xy, line, bridge, snap
        self.first = np.flatnonzero(
            line[1:] == line[:-1]
        )  # segment k runs from corner first[k] to first[k] + 1
        size = np.hypot(*(xy[self.first + 1] - xy[self.first]).T)
        self.first, self.size = self.first[size > 0], size[size > 0]
        new = np.r_[True, line[1:] != line[:-1]]
        self.end_of_line = new | np.r_[new[1:], True]
        self.links: list[Ints] = []
        self.cut_segment: list[Ints] = []
        self.cut_at: list[Floats] = []
        self.points = len(xy)

    def _cut(self, segment: Ints, t: Floats) -> Ints:
        """New points on segments; returns their numbers."""
        numbers = np.arange(self.points, self.points + len(segment))
        self.cut_segment.append(segment)
        self.cut_at.append(t)
        self.points += len(segment)
        return numbers

    def _join_corner(self, corner: Ints, segment: Ints) -> None:
        """Join corners to segments that pass within the tolerance, at the segment's own corner if that is as near."""
        start = self.first[segment]
        t, distance = _project(self.xy[corner], self.xy[start], self.xy[start + 1])
        ours, theirs = self.line[corner], self.line[start]
        over = self.bridge[ours] != self.bridge[theirs]
        from_start, from_end = t * self.size[segment], (1.0 - t) * self.size[segment]
        at_corner = np.minimum(from_start, from_end) <= self.snap
        their_corner = start + (from_start > from_end)
        same = np.hypot(*(self.xy[corner] - self.xy[their_corner]).T) <= SAME
        near = distance <= self.snap
        # Along one and the same line, and between a bridge and what it passes over, only true contact joins.
        joins = np.where(
            (ours == theirs) | (over & ~self.end_of_line[corner]), same | (distance <= SAME) & ~over, near
        )
        joins &= corner != their_corner
        corner, segment, t = corner[joins], segment[joins], t[joins]
        at_corner, their_corner = at_corner[joins], their_corner[joins]
        self.links.append(np.stack([corner[at_corner], their_corner[at_corner]], axis=1))
        inner = ~at_corner
        self.links.append(np.stack([corner[inner], self._cut(segment[inner], t[inner])], axis=1))

    def run(self) -> None:
        a, b = self.xy[self.first], self.xy[self.first + 1]
        lines = shapely.linestrings(np.stack([a, b], axis=1))
        one, other = shapely.STRtree(lines).query(lines, predicate="dwithin", distance=self.snap)
        pair = one < other
        one, other = one[pair], other[pair]
        for corner, segment in ((one, other), (other, one)):
            self._join_corner(self.first[corner], segment)
            self._join_corner(self.first[corner] + 1, segment)
        level = self.bridge[self.line[self.first[one]]] == self.bridge[self.line[self.first[other]]]
        one, other = one[level], other[level]
        t, u = _crossings(a[one], b[one], a[other], b[other])
        inner = ~np.isnan(t)
        for at, segment in ((t, one), (u, other)):  # a crossing at a corner is joined there already
            along = np.where(inner, at, 0.5) * self.size[segment]
            inner &= np.minimum(along, self.size[segment] - along) > self.snap
        first = self._cut(one[inner], t[inner])
        self.links.append(np.stack([first, self._cut(other[inner], u[inner])], axis=1))


def build_network(lines: ArrayLike, bridges: ArrayLike | None = None, snap: float = SNAP) -> Network:
    """The walking graph of streets.

    Args:
        lines: shapely LineStrings or MultiLineStrings, EPSG:4490, lon/lat order.
        bridges: (len(lines),) whether each is a bridge; none is without it.
        snap: metres within which an end joins another street.

    Raises:
        InputError: no street at all, a geometry that is not a line, or a negative tolerance.
    """
    given = np.asarray(lines, dtype=object).ravel()
    if snap < 0:
        raise InputError(f"街道接合容差 {snap} 米无效。", remedy="请填写不小于 0 的米数，通常取 1 米。")
    flags = np.zeros(len(given), bool) if bridges is None else np.asarray(bridges, dtype=bool)
    parts, origin = shapely.get_parts(given, return_index=True)
    wrong = ~np.isin(shapely.get_type_id(parts), (1, 2))
    if wrong.any():
        row = int(origin[np.argmax(wrong)])
        raise InputError(
            f"第 {row + 1} 条街道不是线（{parts[np.argmax(wrong)].geom_type}）。",
            remedy="请只选择街路巷的中心线。",
        )
    degrees, line = shapely.get_coordinates(parts, return_index=True)
    if not len(degrees):
        raise InputError(
            "范围内没有可步行的街道，无法计算步行距离。",
            remedy="请先导入街路巷图层，或把分析范围扩大到有街道的地方。",
        )
    zone = zone_for(float(np.mean(degrees[:, 0])))
    xy = np.column_stack(points_to_metric(degrees[:, 0], degrees[:, 1], zone))
    noding = _Noding(xy, line, flags[origin], snap)
    noding.run()
    return _assemble(noding, origin, zone)


def _assemble(noding: _Noding, origin: Ints, zone: int) -> Network:
    """Merge linked points into nodes and cut the segments into edges."""
    first, size = noding.first, noding.size
    cut_segment = np.concatenate(noding.cut_segment)
    cut_at = np.concatenate(noding.cut_at)
    links = np.concatenate(noding.links)
    count = noding.points
    join = sparse.coo_array((np.ones(len(links), bool), (links[:, 0], links[:, 1])), shape=(count, count))
    nodes, node = csgraph.connected_components(join, directed=False)
    start = noding.xy[first[cut_segment]]
    cuts = start + cut_at[:, None] * (noding.xy[first[cut_segment] + 1] - start)
    points = np.concatenate([noding.xy, cuts])
    weight = np.bincount(node, minlength=nodes)
    xy = np.column_stack([np.bincount(node, points[:, k], nodes) / weight for k in (0, 1)])

    segments = np.arange(len(first))
    segment = np.concatenate([segments, cut_segment, segments])
    t = np.concatenate([np.zeros(len(first)), cut_at, np.ones(len(first))])
    point = np.concatenate([first, np.arange(len(noding.xy), count), first + 1])
    order = np.lexsort((t, segment))
    segment, t, point = segment[order], t[order], point[order]
    follows = np.flatnonzero(segment[1:] == segment[:-1])
    edges = np.stack([node[point[follows]], node[point[follows + 1]]], axis=1).astype(np.int64)
    lengths = (t[follows + 1] - t[follows]) * size[segment[follows]]
    street = origin[noding.line[first[segment[follows]]]]
    kept = edges[:, 0] != edges[:, 1]
    edges, lengths, street = edges[kept], lengths[kept], street[kept]
    if not len(edges):
        raise InputError("街道长度为零，无法计算步行距离。", remedy="请检查街路巷图层的几何。")
    # Corners that only closed loops shorter than the tolerance had are no nodes.
    used, edges = np.unique(edges, return_inverse=True)
    edges, xy = edges.reshape(-1, 2), xy[used]
    graph = _graph(edges, lengths, len(xy))
    _, component = csgraph.connected_components(graph, directed=False)
    rank = np.argsort(np.argsort(-np.bincount(component), kind="stable"), kind="stable")
    tree = shapely.STRtree(shapely.linestrings(xy[edges]))
    return Network(zone, xy, edges, lengths, street.astype(np.int64), graph, rank[component], tree)


def _graph(edges: Ints, lengths: Floats, count: int) -> sparse.csr_array:
    """Symmetric CSR with the shorter of parallel edges (a sparse matrix would add them up)."""
    low, high = edges.min(axis=1), edges.max(axis=1)
    order = np.lexsort((lengths, high, low))
    low, high, size = low[order], high[order], lengths[order]
    fresh = np.r_[True, (low[1:] != low[:-1]) | (high[1:] != high[:-1])]
    low, high, size = low[fresh], high[fresh], size[fresh]
    # A length of zero would mean "no edge" to the sparse matrix.
    size = np.maximum(size, 1e-6)
    return sparse.csr_array(
        (np.r_[size, size], (np.r_[low, high], np.r_[high, low])), shape=(count, count), dtype=np.float64
    )


def snap_points(network: Network, lon: ArrayLike, lat: ArrayLike, reach: float = 300.0) -> Snapped:
    """Put points onto the nearest street.

    Args:
        lon: (k,) degrees.
        lat: (k,) degrees.
        reach: metres beyond which a point counts as being at no street.
    """
    x, y = points_to_metric(np.asarray(lon, np.float64), np.asarray(lat, np.float64), network.zone)
    xy = np.column_stack([x, y])
    edge = np.full(len(xy), -1, dtype=np.int64)
    if len(xy):
        which, found = network.tree.query_nearest(shapely.points(xy), max_distance=reach, all_matches=False)
        edge[which] = found
    ends = network.edges[edge]
    t, access = _project(xy, network.xy[ends[:, 0]], network.xy[ends[:, 1]])
    lost = edge < 0
    return Snapped(edge, np.where(lost, 0.0, t * network.lengths[edge]), np.where(lost, np.inf, access))


def node_points(network: Network, nodes: ArrayLike) -> Snapped:
    """Nodes of the network as points on it, without a way to get there."""
    wanted = np.asarray(nodes, dtype=np.int64)
    any_edge = np.full(len(network.xy), -1, dtype=np.int64)
    at_end = np.zeros(len(network.xy), dtype=bool)
    for side in (0, 1):
        any_edge[network.edges[:, side]] = np.arange(len(network.edges))
        at_end[network.edges[:, side]] = side == 1
    edge = any_edge[wanted]
    along = np.where(at_end[wanted], network.lengths[edge], 0.0)
    return Snapped(edge, along, np.zeros(len(wanted)))


def walking_distances(network: Network, sources: Snapped, targets: Snapped, limit: float = np.inf) -> Floats:
    """Shortest walking distance of every source to every target.

    The way consists of the straight lines from the points to their streets and the streets between. Dijkstra runs from
    the side with fewer points.

    Args:
        limit: metres beyond which the answer need not be known (it is infinite then), which saves time.

    Returns:
        (sources, targets) metres, ``inf`` where no way leads.
    """
    if len(sources) > len(targets):
        return np.ascontiguousarray(walking_distances(network, targets, sources, limit).T)
    out = np.full((len(sources), len(targets)), np.inf)
    here, there = np.flatnonzero(sources.edge >= 0), np.flatnonzero(targets.edge >= 0)
    if not len(here) or not len(there):
        return out
    ends = network.edges[targets.edge[there]]
    rest = network.lengths[targets.edge[there]]
    to_end = (targets.along[there], rest - targets.along[there])
    step = max(1, _ROUND // (2 * max(len(network.xy), len(there))))
    for begin in range(0, len(here), step):
        rows = here[begin : begin + step]
        edge = sources.edge[rows]
        starts, position = np.unique(network.edges[edge], return_inverse=True)
        position = position.reshape(-1, 2)
        table = csgraph.dijkstra(network.graph, directed=False, indices=starts, limit=limit)
        reach = np.minimum(table[:, ends[:, 0]] + to_end[0], table[:, ends[:, 1]] + to_end[1])
        along = sources.along[rows]
        ways = np.minimum(
            reach[position[:, 0]] + along[:, None],
            reach[position[:, 1]] + (network.lengths[edge] - along)[:, None],
        )
        on_one = edge[:, None] == targets.edge[there][None, :]
        ways = np.where(
            on_one, np.minimum(ways, np.abs(along[:, None] - targets.along[there][None, :])), ways
        )
        ways += sources.access[rows][:, None] + targets.access[there][None, :]
        ways[ways > limit] = np.inf
        out[np.ix_(rows, there)] = ways
    return out
