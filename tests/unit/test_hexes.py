"""H3 cells must be the library's, point for point, where it is hardest: on borders, at pentagons, at face edges."""

from __future__ import annotations

import h3.api.basic_int as h3
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gisapp.analytics import hexes
from gisapp.analytics.h3tables import FACE_CENTRES
from gisapp.errors import InputError

RESOLUTIONS = st.integers(0, 15)
LONGITUDES = st.floats(-180, 180)
LATITUDES = st.floats(-90, 90)


def library(lon: np.ndarray, lat: np.ndarray, resolution: int) -> np.ndarray:
    return np.array(
        [h3.latlng_to_cell(float(y), float(x), resolution) for x, y in zip(lon, lat, strict=True)]
    )


def same(lon: list[float] | np.ndarray, lat: list[float] | np.ndarray, resolution: int) -> None:
    x, y = np.asarray(lon, float), np.asarray(lat, float)
    np.testing.assert_array_equal(hexes.point_cells(x, y, resolution), library(x, y, resolution))


@settings(deadline=None)
@given(st.lists(st.tuples(LONGITUDES, LATITUDES), min_size=1, max_size=20), RESOLUTIONS)
def test_cells_equal_the_library(points: list[tuple[float, float]], resolution: int) -> None:
    same([p[0] for p in points], [p[1] for p in points], resolution)


@pytest.mark.parametrize("resolution", range(16))
def test_cells_all_over_the_globe(resolution: int) -> None:
    rng = np.random.default_rng(resolution)
    same(rng.uniform(-180, 180, 3000), np.degrees(np.arcsin(rng.uniform(-1, 1, 3000))), resolution)


@settings(deadline=None)
@given(LONGITUDES, st.floats(-89, 89), RESOLUTIONS, st.sampled_from([0.0, 1e-15, 1e-13, 1e-11, 1e-9, 1e-7]))
def test_corners_and_edges_of_cells(lon: float, lat: float, resolution: int, jitter: float) -> None:
    ring = np.array(h3.cell_to_boundary(h3.latlng_to_cell(lat, lon, resolution)))
    middle = (ring + np.roll(ring, 1, axis=0)) / 2
    points = np.concatenate([ring, middle])
    for sign in (-1, 0, 1):
        same(points[:, 1] + sign * jitter, np.clip(points[:, 0] + sign * jitter, -90, 90), resolution)


@pytest.mark.parametrize("resolution", range(16))
def test_around_pentagons(resolution: int) -> None:
    rng = np.random.default_rng(resolution)
    for cell in h3.get_pentagons(resolution):
        lat, lon = h3.cell_to_latlng(cell)
        size = np.degrees(h3.average_hexagon_edge_length(resolution, unit="km") / 6371) * 8
        same(
            (lon + rng.normal(0, size, 60) + 180) % 360 - 180,
            np.clip(lat + rng.normal(0, size, 60), -90, 90),
            resolution,
        )
        ring = np.array(h3.cell_to_boundary(cell))
        same(ring[:, 1], ring[:, 0], resolution)


@pytest.mark.parametrize("resolution", [0, 1, 7, 8, 14, 15])
def test_face_centres_edges_corners_and_poles(resolution: int) -> None:
    c = FACE_CENTRES
    points = [
        c,
        *(np.cos(a) * c[i] + np.sin(a) * c[j] for i in range(20) for j in range(i) for a in (np.pi / 4,)),
    ]
    rng = np.random.default_rng(1)
    xyz = np.concatenate([np.atleast_2d(p) for p in points])
    xyz = np.concatenate(
        [xyz, *(c + rng.normal(0, scale, c.shape) for scale in (1e-15, 1e-12, 1e-9, 1e-6, 1e-3))]
    )
    xyz = xyz / np.linalg.norm(xyz, axis=1, keepdims=True)
    xyz = xyz[np.isfinite(xyz).all(axis=1)]
    same(
        np.degrees(np.arctan2(xyz[:, 1], xyz[:, 0])),
        np.degrees(np.arcsin(np.clip(xyz[:, 2], -1, 1))),
        resolution,
    )
    same([0, 0, 180, -180, 180, 359.0], [90, -90, 90, 0, 0, 12.0], resolution)


def test_counts_and_weights() -> None:
    rng = np.random.default_rng(0)
    lon, lat = rng.normal(120.17, 0.01, 5000), rng.normal(30.28, 0.01, 5000)
    weights = rng.integers(0, 5, 5000).astype(float)
    cells, counts = hexes.count_cells(lon, lat, 9)
    expected: dict[int, list[float]] = {}
    for cell, weight in zip(library(lon, lat, 9), weights, strict=True):
        expected.setdefault(int(cell), []).append(weight)
    assert cells.tolist() == sorted(expected)
    assert counts.tolist() == [len(expected[c]) for c in cells.tolist()]
    same_cells, sums = hexes.count_cells(lon, lat, 9, weights)
    assert same_cells.tolist() == cells.tolist()
    assert sums.tolist() == [sum(expected[c]) for c in cells.tolist()]
    assert cells.dtype == np.int64 and (cells > 0).all()


def test_one_point() -> None:
    assert hexes.point_cell(120.17, 30.28, 9) == hexes.point_cells([120.17], [30.28], 9)[0]
    with pytest.raises(InputError, match="第 1 个点"):
        hexes.point_cell(float("nan"), 30.0, 9)


def test_nothing_gives_nothing() -> None:
    cells, counts = hexes.count_cells([], [], 9)
    assert len(cells) == len(counts) == 0
    assert len(hexes.cell_polygons(cells)) == 0
    assert all(len(part) == 0 for part in hexes.neighbour_pairs(cells))
    assert all(len(part) == 0 for part in hexes.cell_centres(cells))


@pytest.mark.parametrize(
    ("lon", "lat", "named"),
    [([0.0, np.nan], [0.0, 0.0], "第 2 个点"), ([0.0], [91.0], "第 1 个点"), ([np.inf], [0.0], "第 1 个点")],
)
def test_wrong_coordinates_are_named(lon: list[float], lat: list[float], named: str) -> None:
    with pytest.raises(InputError, match=named):
        hexes.point_cells(lon, lat, 9)


@pytest.mark.parametrize("resolution", [-1, 16, 8.5, True])
def test_wrong_resolution(resolution: float) -> None:
    with pytest.raises(InputError, match="分辨率"):
        hexes.point_cells([0.0], [0.0], resolution)  # type: ignore[arg-type]


def test_wrong_weights_and_lengths() -> None:
    with pytest.raises(InputError, match="权重"):
        hexes.count_cells([0.0], [0.0], 9, [-1.0])
    with pytest.raises(InputError, match="权重个数"):
        hexes.count_cells([0.0], [0.0], 9, [1.0, 2.0])
    with pytest.raises(InputError, match="个数不一致"):
        hexes.point_cells([0.0], [0.0, 1.0], 9)


@settings(max_examples=20, deadline=None)
@given(st.floats(-170, 170), st.floats(-80, 80), st.integers(0, 4), st.integers(1, 3), st.randoms())
def test_neighbours_are_those_of_grid_disk(
    lon: float, lat: float, size: int, rings: int, random: object
) -> None:
    disk = sorted(h3.grid_disk(h3.latlng_to_cell(lat, lon, 8), size))
    random.shuffle(disk)  # type: ignore[attr-defined]
    rows, columns = hexes.neighbour_pairs(disk, rings)
    found = set(zip(rows.tolist(), columns.tolist(), strict=True))
    expected = {
        (i, j) for i, a in enumerate(disk) for j, b in enumerate(disk) if b in set(h3.grid_disk(a, rings))
    }
    assert found == expected
    assert (np.diff(rows) >= 0).all()


def test_neighbours_refuse_what_is_no_set_of_cells() -> None:
    cell = h3.latlng_to_cell(30.28, 120.17, 9)
    with pytest.raises(InputError, match="重复"):
        hexes.neighbour_pairs([cell, cell])
    with pytest.raises(InputError, match="分辨率不一致"):
        hexes.neighbour_pairs([cell, h3.cell_to_parent(cell)])
    with pytest.raises(InputError, match="圈数"):
        hexes.neighbour_pairs([cell], 0)


def test_outlines_and_centres() -> None:
    cells = np.array(sorted(h3.grid_disk(h3.latlng_to_cell(30.28, 120.17, 9), 2)))
    shapes = hexes.cell_polygons(cells)
    lon, lat = hexes.cell_centres(cells)
    assert shapely.is_valid(shapes).all()
    assert shapely.contains_xy(shapes, lon, lat).all()
    np.testing.assert_array_equal(hexes.point_cells(lon, lat, 9), cells)


def test_area_cells_hold_every_point_of_the_area_that_has_a_centre() -> None:
    area = shapely.box(120.15, 30.27, 120.18, 30.29)
    cells = hexes.area_cells(area, 9)
    assert set(h3.geo_to_cells(area, 9)) <= set(cells.tolist())
    assert len(hexes.area_cells(shapely.box(120.1500, 30.2700, 120.1501, 30.2701), 7)) >= 1
    assert len(hexes.area_cells(shapely.Polygon(), 9)) == 0
    with pytest.raises(InputError, match="超过上限"):
        hexes.area_cells(area, 15, limit=1000)
    with pytest.raises(InputError, match="应为面"):
        hexes.area_cells(shapely.Point(120, 30), 9)
