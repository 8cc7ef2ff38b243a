"""The fence: the tie rule, and a raster that agrees with the exact library on the most malicious points."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import MultiPolygon, Polygon, box

from gisapp.analytics.fabric import locate as fabric_locate
from gisapp.analytics.fencing import NOWHERE, Fence
from gisapp.analytics.raster_fence import FINE_M, RasterFence

WEST, SOUTH = 120.1, 30.2
CELL = FINE_M / 111_320.0


def code(number: int) -> str:
    return f"330103001{number // 1000:03d}{number % 1000:03d}"


def tiling(columns: int, rows: int, seed: int, size: float = 0.0013) -> list[Polygon]:
    """A tiling of crooked quadrangles with wavy borders, corners on nine decimals, each shared edge corner for corner."""
    dice = np.random.default_rng(seed)
    x, y = np.meshgrid(np.arange(columns + 1), np.arange(rows + 1), indexing="ij")
    px = (WEST + size * (x + dice.uniform(-0.3, 0.3, x.shape))).round(9)
    py = (SOUTH + size * (y + dice.uniform(-0.3, 0.3, x.shape))).round(9)

    def corner(i: int, j: int) -> tuple[float, float]:
        return float(px[i, j]), float(py[i, j])

    def border(a: tuple[float, float], b: tuple[float, float]) -> list[tuple[float, float]]:
        shares = np.sort(dice.uniform(0.05, 0.95, dice.integers(0, 5)))
        xs = (a[0] + (b[0] - a[0]) * shares + dice.normal(0, size * 0.02, len(shares))).round(9)
        ys = (a[1] + (b[1] - a[1]) * shares + dice.normal(0, size * 0.02, len(shares))).round(9)
        return list(zip(xs.tolist(), ys.tolist(), strict=True))

    flat = {(i, j): border(corner(i, j), corner(i + 1, j)) for i in range(columns) for j in range(rows + 1)}
    steep = {(i, j): border(corner(i, j), corner(i, j + 1)) for i in range(columns + 1) for j in range(rows)}
    shapes = []
    for i in range(columns):
        for j in range(rows):
            ring = [corner(i, j), *flat[i, j], corner(i + 1, j), *steep[i + 1, j]]
            ring += [corner(i + 1, j + 1), *flat[i, j + 1][::-1], corner(i, j + 1), *steep[i, j][::-1]]
            shapes.append(Polygon(ring))
    return [shape for shape in shapes if shape.is_valid]


def malicious(
    shapes: list[Polygon | MultiPolygon], seed: int = 0, count: int = 4000
) -> tuple[np.ndarray, np.ndarray]:
    """Corners, points of edges, their neighbours by one unit in the last place, borders of raster cells, and plain ones."""
    dice = np.random.default_rng(seed)
    rings = shapely.get_rings(shapely.get_parts(np.array(shapes, dtype=object)))
    points = [shapely.get_coordinates(ring) for ring in rings]
    corners = np.vstack(points)
    on_edges = np.vstack([a[:-1] + np.diff(a, axis=0) * dice.uniform(0, 1, (len(a) - 1, 1)) for a in points])
    middles = np.vstack([(a[:-1] + a[1:]) / 2 for a in points])
    west, south, east, north = shapely.total_bounds(np.array(shapes, dtype=object))
    wide = CELL / np.cos(np.radians((south + north) / 2))
    column = dice.integers(-4, int((east - west) / wide) + 4, 400)
    row = dice.integers(-4, int((north - south) / CELL) + 4, 400)
    lattice = np.column_stack([west - 2 * wide + column * wide, south - 2 * CELL + row * CELL])
    plain = np.column_stack(
        [dice.uniform(west - 1e-4, east + 1e-4, count), dice.uniform(south - 1e-4, north + 1e-4, count)]
    )
    near = corners[dice.integers(0, len(corners), count)] + dice.normal(0, 1e-9, (count, 2))
    exact = np.vstack([corners, on_edges, middles, lattice])
    beside = [
        np.column_stack(
            [np.nextafter(exact[:, 0], exact[:, 0] + dx), np.nextafter(exact[:, 1], exact[:, 1] + dy)]
        )
        for dx in (-1, 0, 1)
        for dy in (-1, 0, 1)
    ]
    whole = np.vstack([*beside, near, plain])
    return np.ascontiguousarray(whole[:, 0]), np.ascontiguousarray(whole[:, 1])


def check(shapes: list[Polygon | MultiPolygon], seed: int = 0) -> None:
    codes = [code(i) for i in range(len(shapes))]
    lon, lat = malicious(shapes, seed)
    exact, fast = Fence(codes, shapes).locate(lon, lat), RasterFence(codes, shapes).locate(lon, lat)
    wrong = np.flatnonzero(exact != fast)
    assert len(wrong) == 0, [(lon[i], lat[i], exact[i], fast[i]) for i in wrong[:5]]


def test_a_shared_border_belongs_to_the_lowest_code() -> None:
    squares = [box(1, 0, 2, 1), box(0, 0, 1, 1), box(0, 1, 1, 2), box(1, 1, 2, 2)]
    for kind in (Fence, RasterFence):
        fence = kind(["3", "1", "4", "2"], squares)
        found = fence.codes_at(
            np.array([1.0, 1.0, 0.5, 1.5, 3.0, 0.0]), np.array([1.0, 0.5, 1.0, 1.5, 0.5, 0.0])
        )
        assert found == ["1", "1", "1", "2", None, "1"]


def test_it_is_the_rule_of_the_fabric() -> None:
    shapes = tiling(4, 4, 3)
    codes = [code(i) for i in range(len(shapes))]
    lon, lat = malicious(shapes, 3, 500)
    expected = fabric_locate(dict(zip(codes, shapes, strict=True)), lon, lat).tolist()
    assert Fence(codes, shapes).codes_at(lon, lat) == expected
    assert RasterFence(codes, shapes).codes_at(lon, lat) == expected


def test_hardly_a_point_needs_the_exact_library(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = tiling(12, 12, 1)
    fence = RasterFence([code(i) for i in range(len(shapes))], shapes)
    asked: list[int] = []
    exact = Fence.locate

    def counted(self: Fence, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
        asked.append(len(lon))
        return exact(self, lon, lat)

    monkeypatch.setattr(Fence, "locate", counted)
    dice = np.random.default_rng(2)
    west, south, east, north = shapely.total_bounds(np.array(shapes, dtype=object))
    fence.locate(dice.uniform(west, east, 100_000), dice.uniform(south, north, 100_000))
    assert sum(asked) < 100


def test_no_polygons_and_no_points() -> None:
    nothing = np.array([])
    assert RasterFence([], []).locate(np.array([1.0]), np.array([1.0])).tolist() == [NOWHERE]
    assert len(RasterFence(["1"], [box(0, 0, 1, 1)]).locate(nothing, nothing)) == 0


def test_what_is_no_position_is_nowhere() -> None:
    fence = RasterFence(["1"], [box(120.0, 30.0, 120.001, 30.001)])
    lon = np.array([np.nan, np.inf, -np.inf, 1e300, 120.0005, 120.0005])
    lat = np.array([30.0005, 30.0005, 30.0005, 30.0005, np.nan, -1e300])
    assert fence.locate(lon, lat).tolist() == [NOWHERE] * 6


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 10_000))
def test_tilings_agree(columns: int, rows: int, seed: int) -> None:
    check(list(tiling(columns, rows, seed)), seed)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_small_grids_with_many_corners_in_one_cell_agree(seed: int) -> None:
    check(list(tiling(6, 6, seed, size=4 * CELL)), seed)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 8))
def test_whatever_overlaps_or_leaves_gaps_agrees(seed: int, count: int) -> None:
    dice = np.random.default_rng(seed)
    shapes: list[Polygon | MultiPolygon] = []
    for _ in range(count):
        around = shapely.Point(WEST + dice.uniform(0, 0.002), SOUTH + dice.uniform(0, 0.002))
        shapes.append(around.buffer(dice.uniform(0.0001, 0.0012), quad_segs=int(dice.integers(1, 6))))
    check(shapes, seed)


def test_corners_that_do_not_match_agree() -> None:
    """A corner of one in the middle of the other's edge, on it and a rounding off it."""
    west = box(WEST, SOUTH, WEST + 0.002, SOUTH + 0.002)
    for off in (0.0, 1e-9, -1e-9, 3e-13):
        edge = WEST + 0.002
        south = Polygon(
            [
                (edge, SOUTH),
                (edge + 0.001, SOUTH),
                (edge + 0.001, SOUTH + 0.0007),
                (edge + off, SOUTH + 0.0007),
            ]
        )
        north = Polygon(
            [
                (edge + off, SOUTH + 0.0007),
                (edge + 0.001, SOUTH + 0.0007),
                (edge + 0.001, SOUTH + 0.002),
                (edge, SOUTH + 0.002),
            ]
        )
        check([west, south, north])


def test_holes_islands_and_parts_agree() -> None:
    ring = box(WEST, SOUTH, WEST + 0.003, SOUTH + 0.003).difference(
        box(WEST + 0.001, SOUTH + 0.001, WEST + 0.002, SOUTH + 0.002)
    )
    island = box(WEST + 0.001, SOUTH + 0.001, WEST + 0.002, SOUTH + 0.002)
    parts = MultiPolygon(
        [
            box(WEST + 0.004, SOUTH, WEST + 0.005, SOUTH + 0.001),
            box(WEST + 0.004, SOUTH + 0.002, WEST + 0.005, SOUTH + 0.003),
        ]
    )
    check([ring, island, parts])
    check([island, ring, parts])


def test_slivers_and_needles_agree() -> None:
    fan = [
        Polygon([(WEST, SOUTH), (WEST + 0.003, SOUTH + 0.0001 * a), (WEST + 0.003, SOUTH + 0.0001 * b)])
        for a, b in pairwise([0.0, 0.5, 0.52, 0.521, 3.0, 11.0])
    ]
    check(list(fan))


@pytest.mark.parametrize("lon0", [0.0, -0.0005, 179.998, -75.3])
def test_it_holds_anywhere_on_earth(lon0: float) -> None:
    shapes = [shapely.transform(shape, lambda xy: xy - [WEST - lon0, SOUTH]) for shape in tiling(3, 3, 11)]
    check(shapes)


def test_a_large_extent_gets_larger_cells() -> None:
    fence = RasterFence(["1", "2"], [box(100, 20, 110, 30), box(110, 20, 120, 30)])
    assert fence.codes_at(np.array([105.0, 110.0, 119.0]), np.array([25.0, 25.0, 25.0])) == ["1", "1", "2"]
