"""The walking graph: joins where streets meet and nowhere else, distances as a plain search over them gives."""

from __future__ import annotations

import heapq
import itertools

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gisapp.analytics import network as net
from gisapp.analytics.crs import points_from_metric
from gisapp.errors import InputError
from tests.shared_data import shared

ZONE = 40
ORIGIN = np.array([517_000.0, 3_352_000.0])


def degrees(points: object) -> np.ndarray:
    """Metres from an origin in Hangzhou → longitude, latitude."""
    xy = np.asarray(points, float) + ORIGIN
    return np.column_stack(points_from_metric(xy[:, 0], xy[:, 1], ZONE))


def street(*points: tuple[float, float]) -> shapely.LineString:
    return shapely.LineString(degrees(points))


def distance(
    network: net.Network, start: tuple[float, float], end: tuple[float, float], **kwargs: float
) -> float:
    one, other = (net.snap_points(network, *degrees([p]).T) for p in (start, end))
    return float(net.walking_distances(network, one, other, **kwargs)[0, 0])


def test_streets_that_cross_join_though_they_share_no_corner() -> None:
    network = net.build_network([street((0, 0), (100, 0)), street((50, -50), (50, 50))])
    assert len(network.xy) == 5 and len(network.edges) == 4
    assert distance(network, (0, 0), (50, 50)) == pytest.approx(100, abs=0.02)


def test_a_bridge_passes_over_but_joins_where_it_ends() -> None:
    lines = [street((0, 0), (100, 0)), street((50, -50), (50, 50)), street((0, 0), (50, 50))]
    network = net.build_network(lines, bridges=[False, True, False])
    assert distance(network, (50, -50), (0, 0)) == pytest.approx(100 + np.hypot(50, 50), abs=0.05)
    touching = net.build_network([street((0, 0), (100, 0)), street((50, 0), (50, 50))], bridges=[False, True])
    assert distance(touching, (0, 0), (50, 50)) == pytest.approx(100, abs=0.02)


def test_an_end_within_the_tolerance_joins_and_one_beyond_does_not() -> None:
    near = net.build_network([street((0, 0), (100, 0)), street((50, 0.8), (50, 60))])
    assert distance(near, (0, 0), (50, 60)) == pytest.approx(110, abs=1.5)
    far = net.build_network([street((0, 0), (100, 0)), street((50, 1.5), (50, 60))])
    assert np.isinf(distance(far, (0, 0), (50, 60)))
    overshoot = net.build_network([street((0, 0), (100, 0)), street((50, -0.5), (50, 60))])
    assert distance(overshoot, (0, 0), (50, 60)) == pytest.approx(110, abs=1.5)


def test_points_on_one_edge_and_the_way_to_the_street() -> None:
    network = net.build_network([street((0, 0), (1000, 0))])
    assert distance(network, (100, 30), (140, 20)) == pytest.approx(90, abs=0.05)
    snapped = net.snap_points(network, *degrees([(100, 30), (500, 400)]).T, reach=300)
    assert snapped.access[0] == pytest.approx(30, abs=0.01) and snapped.edge[1] == -1
    table = net.walking_distances(network, snapped, snapped)
    assert (
        np.isinf(table[1]).all()
        and np.isinf(table[:, 1]).all()
        and table[0, 0] == pytest.approx(60, abs=0.02)
    )


def test_limit_and_parts_that_are_not_connected() -> None:
    network = net.build_network([street((0, 0), (1000, 0)), street((0, 500), (1000, 500), (1500, 500))])
    assert sorted(network.component.tolist()) == [0, 0, 0, 1, 1]
    assert np.isinf(distance(network, (0, 0), (0, 500)))
    assert np.isinf(distance(network, (0, 0), (900, 0), limit=800))
    assert distance(network, (0, 0), (900, 0), limit=950) == pytest.approx(900, abs=0.5)
    assert len(network.junctions()) == 2


def test_loops_doubled_corners_and_multilines() -> None:
    loop = street((0, 0), (100, 0), (100, 100), (0, 100), (0, 0))
    doubled = shapely.LineString(np.repeat(degrees([(0, 0), (-100, 0), (-200, 0)]), 2, axis=0))
    many = shapely.MultiLineString([street((100, 100), (200, 100)), street((200, 100), (300, 100))])
    network = net.build_network([loop, doubled, many])
    assert (network.component == 0).all()
    assert distance(network, (-200, 0), (300, 100)) == pytest.approx(600, abs=0.2)
    assert set(network.street.tolist()) == {0, 1, 2}


def test_parallel_ways_take_the_shorter() -> None:
    network = net.build_network([street((0, 0), (50, 80), (100, 0)), street((0, 0), (100, 0))])
    assert distance(network, (0, 0), (100, 0)) == pytest.approx(100, abs=0.02)


def plain_distance(lines: list[list[tuple[int, int]]], start: tuple[int, int], end: tuple[int, int]) -> float:
    """Shortest way over streets along a unit lattice, by an ordinary search over lattice points."""
    near: dict[tuple[int, int], set[tuple[int, int]]] = {}
    for line in lines:
        for (x0, y0), (x1, y1) in itertools.pairwise(line):
            steps = max(abs(x1 - x0), abs(y1 - y0))
            for k in range(steps):
                a = (x0 + (x1 - x0) * k // steps, y0 + (y1 - y0) * k // steps)
                b = (x0 + (x1 - x0) * (k + 1) // steps, y0 + (y1 - y0) * (k + 1) // steps)
                near.setdefault(a, set()).add(b)
                near.setdefault(b, set()).add(a)
    best, queue = {start: 0.0}, [(0.0, start)]
    while queue:
        cost, at = heapq.heappop(queue)
        if at == end:
            return cost
        for other in near.get(at, ()):
            if cost + 1 < best.get(other, np.inf):
                best[other] = cost + 1
                heapq.heappush(queue, (cost + 1, other))
    return np.inf


@st.composite
def lattice_streets(draw: st.DrawFn) -> list[list[tuple[int, int]]]:
    """Streets that run along the lines of a 7 by 7 lattice, crossing, touching and overlapping each other."""
    lines = []
    for _ in range(draw(st.integers(1, 6))):
        x, y = draw(st.integers(0, 6)), draw(st.integers(0, 6))
        line = [(x, y)]
        for _ in range(draw(st.integers(1, 4))):
            if draw(st.booleans()):
                x = draw(st.integers(0, 6).filter(lambda v, x=x: v != x))
            else:
                y = draw(st.integers(0, 6).filter(lambda v, y=y: v != y))
            line.append((x, y))
        lines.append(line)
    return lines


@settings(max_examples=60, deadline=None)
@given(lattice_streets(), st.data())
def test_distances_equal_a_plain_search(lines: list[list[tuple[int, int]]], data: st.DataObject) -> None:
    size = 50.0
    network = net.build_network([street(*((x * size, y * size) for x, y in line)) for line in lines])
    corners = sorted({p for line in lines for p in line})
    chosen = data.draw(st.lists(st.sampled_from(corners), min_size=1, max_size=4))
    points = net.snap_points(network, *degrees(np.array(chosen) * size).T)
    table = net.walking_distances(network, points, points)
    expected = np.array([[plain_distance(lines, a, b) * size for b in chosen] for a in chosen])
    np.testing.assert_allclose(table, expected, atol=0.2)
    np.testing.assert_allclose(table, table.T, atol=1e-6)


def test_rows_and_columns_may_be_given_either_way_round() -> None:
    network = net.build_network([street((0, 0), (100, 0), (100, 70)), street((100, 0), (180, 0))])
    few = net.node_points(network, [0, 1])
    many = net.snap_points(network, *degrees([(10, 5), (100, 60), (170, -3), (40, 0)]).T)
    np.testing.assert_allclose(
        net.walking_distances(network, few, many), net.walking_distances(network, many, few).T, atol=1e-9
    )
    assert net.walking_distances(network, few, net.snap_points(network, [], [])).shape == (2, 0)


def test_refusals() -> None:
    with pytest.raises(InputError, match="没有可步行的街道"):
        net.build_network([])
    with pytest.raises(InputError, match="第 2 条街道不是线"):
        net.build_network([street((0, 0), (1, 1)), shapely.Point(120, 30)])
    with pytest.raises(InputError, match="容差"):
        net.build_network([street((0, 0), (1, 1))], snap=-1)
    with pytest.raises(InputError, match="长度为零"):
        net.build_network([shapely.LineString(degrees([(0, 0), (0, 0)]))])


def test_real_streets_are_mostly_one_network() -> None:
    import geopandas

    roads = geopandas.read_file(shared("osm/shanghai_bund_roads.geojson"))
    network = net.build_network(roads.geometry.to_numpy())
    assert (network.component == 0).mean() > 0.9
    west, south, east, north = roads.total_bounds
    rng = np.random.default_rng(0)
    points = net.snap_points(network, rng.uniform(west, east, 60), rng.uniform(south, north, 60))
    table = net.walking_distances(network, points, points)
    x, y = network.xy[network.edges[points.edge]][:, 0].T
    straight = np.hypot(x[:, None] - x, y[:, None] - y)
    slack = network.lengths[points.edge]
    reached = np.isfinite(table)
    assert reached.mean() > 0.8
    assert (table + slack[:, None] + slack >= straight - 2)[reached].all()
