"""Gi* against esda, against the paper's own example, and where nothing can be said."""

from __future__ import annotations

import csv
import warnings

import h3.api.basic_int as h3
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from gisapp.analytics import hotspots
from gisapp.errors import InputError
from tests.shared_data import shared

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import esda
    import libpysal


def disk(size: int) -> np.ndarray:
    return np.array(sorted(h3.grid_disk(h3.latlng_to_cell(30.28, 120.17, 9), size)))


def oracle(values: np.ndarray, weights: sparse.csr_array, star: bool = True) -> esda.G_Local:
    """esda with the same binary weights."""
    neighbours = {i: [int(j) for j in weights.indices[a:b]] for i, (a, b) in enumerate(_rows(weights))}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        w = libpysal.weights.W(neighbours, silence_warnings=True)
        return esda.G_Local(values.astype(float), w, transform="B", star=star, permutations=0)


def _rows(weights: sparse.csr_array) -> list[tuple[int, int]]:
    return list(zip(weights.indptr[:-1], weights.indptr[1:], strict=True))


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 5), st.integers(1, 2), st.integers(0, 10_000), st.sampled_from([0.3, 3.0, 300.0]))
def test_scores_equal_esda(size: int, rings: int, seed: int, rate: float) -> None:
    cells = disk(size)
    values = np.random.default_rng(seed).poisson(rate, len(cells)).astype(float)
    values[0] += 1.0  # not all equal
    weights = hotspots.cell_weights(cells, rings)
    expected = oracle(values, weights)
    result = hotspots.gi_star(values, weights, correction=False)
    certain = result.neighbours < len(cells)
    assert np.abs(result.z - expected.Zs)[certain].max() <= 1e-9
    assert np.abs(result.p - 2 * expected.p_norm)[certain].max() <= 1e-9
    without = weights - sparse.identity(len(cells), format="csr")
    plain = sparse.csr_array(without)
    plain.eliminate_zeros()
    small = np.diff(plain.indptr) < len(cells) - 1
    gi = hotspots.gi_z(values, plain, star=False)
    assert np.abs(gi - oracle(values, plain, star=False).Zs)[small].max() <= 1e-9


def test_getis_and_ord_1996() -> None:
    """The example of the paper, as spdep computes it: Gi and Gi* of one cell of a 16 by 16 grid."""
    path = shared("bench/getisord_256.csv")
    with path.open() as file:
        rows = np.array([[float(v) for v in r.values()] for r in csv.DictReader(file)])
    distance = np.hypot(*(rows[:, None, :2] - rows[None, :, :2]).transpose(2, 0, 1))
    cell = len(rows) - 136 - 1
    expected = {30: 1.221979, 60: 1.748098, 90: 1.986135, 120: 1.893374, 150: 1.237454}
    for reach, value in expected.items():
        near = sparse.csr_array(((distance <= reach) & (distance > 0)).astype(float))
        assert hotspots.gi_z(rows[:, 2], near, star=False)[cell] == pytest.approx(value, abs=1e-6)
    near = sparse.csr_array((distance <= 30).astype(float))
    assert hotspots.gi_z(rows[:, 2], near)[cell] == pytest.approx(1.45078, abs=1e-5)


@settings(max_examples=50)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=50), st.floats(0.001, 0.5))
def test_false_discovery_flags_what_benjamini_and_hochberg_flag(p: list[float], rate: float) -> None:
    values = np.array(p)
    n = len(values)
    passing = [k for k, v in enumerate(sorted(values), 1) if v <= rate * k / n]
    limit = sorted(values)[max(passing) - 1] if passing else -1.0
    adjusted = hotspots.false_discovery(values)
    # The two ways to say it may differ by rounding where p lies on the limit itself.
    clear = np.abs(adjusted - rate) > 1e-12
    np.testing.assert_array_equal((adjusted <= rate)[clear], (values <= limit)[clear])
    assert ((adjusted >= values) & (adjusted <= 1.0)).all()


def test_a_planted_hotspot_and_cold_spot_are_found() -> None:
    cells = disk(15)
    centre, far = h3.latlng_to_cell(30.28, 120.17, 9), int(cells[0])
    values = np.random.default_rng(3).poisson(20, len(cells)).astype(float)
    hot, cold = np.isin(cells, h3.grid_disk(centre, 2)), np.isin(cells, h3.grid_disk(far, 2))
    values[hot] += 30
    values[cold] = 0
    result = hotspots.gi_star(values, hotspots.cell_weights(cells))
    assert (result.level[np.isin(cells, h3.grid_disk(centre, 1))] == 3).all()
    assert (result.level[np.isin(cells, h3.grid_disk(far, 1))] == -3).all()
    assert (result.level == 0).mean() > 0.9
    assert not result.few


def test_correction_takes_chance_away() -> None:
    cells = disk(40)
    values = np.random.default_rng(5).poisson(4, len(cells)).astype(float)
    weights = hotspots.cell_weights(cells)
    plain = hotspots.gi_star(values, weights, correction=False)
    corrected = hotspots.gi_star(values, weights)
    assert (plain.level != 0).sum() > 100
    assert (corrected.level != 0).sum() < 10


@pytest.mark.parametrize("value", [0.0, 7.0, 0.1, 1e9 + 0.1])
def test_equal_values_say_nothing(value: float) -> None:
    cells = disk(4)
    result = hotspots.gi_star(np.full(len(cells), value), hotspots.cell_weights(cells))
    assert (result.z == 0).all() and (result.p == 1).all() and (result.level == 0).all()


def test_one_cell_and_neighbourhoods_of_everything() -> None:
    assert hotspots.gi_star([3.0], hotspots.cell_weights(disk(0))).z.tolist() == [0.0]
    cells = disk(1)
    result = hotspots.gi_star(np.arange(7.0), hotspots.cell_weights(cells, 2))
    assert (result.z == 0).all() and result.few


def test_shifting_and_scaling_change_nothing() -> None:
    cells = disk(6)
    weights = hotspots.cell_weights(cells)
    values = np.random.default_rng(1).poisson(3, len(cells)).astype(float)
    z = hotspots.gi_z(values, weights)
    np.testing.assert_allclose(hotspots.gi_z(values * 7 + 1e6, weights), z, atol=1e-7)
    np.testing.assert_allclose(hotspots.gi_z(-values, weights), -z, atol=1e-12)


def test_permutation_agrees_with_the_normal_approximation_and_repeats() -> None:
    cells = disk(8)
    weights = hotspots.cell_weights(cells, 2)
    values = np.random.default_rng(2).poisson(30, len(cells)).astype(float)
    normal = hotspots.gi_star(values, weights, correction=False)
    drawn = hotspots.gi_star(values, weights, correction=False, permutations=999, seed=4)
    again = hotspots.gi_star(values, weights, correction=False, permutations=999, seed=4)
    np.testing.assert_array_equal(drawn.p, again.p)
    # Gi* keeps the cell's own value under permutation, the approximation does not: they agree on the whole only.
    assert np.corrcoef(drawn.p, normal.p)[0, 1] > 0.8
    assert drawn.p.min() >= 2 / 1000


def test_refusals() -> None:
    cells = disk(2)
    weights = hotspots.cell_weights(cells)
    with pytest.raises(InputError, match="没有可分析"):
        hotspots.gi_star([], sparse.csr_array((0, 0)))
    with pytest.raises(InputError, match="不一致"):
        hotspots.gi_star([1.0, 2.0], weights)
    with pytest.raises(InputError, match="第 3 个六边形"):
        hotspots.gi_star([1.0, 2.0, np.nan, *([0.0] * 16)], weights)
    with pytest.raises(InputError, match="置换次数"):
        hotspots.permuted_p(np.arange(19.0), weights, 5)
