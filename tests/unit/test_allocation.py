"""p-median and coverage against enumeration, published optima, and each other."""

from __future__ import annotations

import csv
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csgraph

from gisapp.analytics import allocation
from gisapp.errors import InputError
from tests.shared_data import shared

SPOPT = "bench/spopt/spopt/tests/test_locate/data/"


def best_by_enumeration(cost: np.ndarray, p: int, fixed: list[int]) -> float:
    """Least total of the cheapest open site of each demand, over all choices."""
    free = [j for j in range(cost.shape[1]) if j not in fixed]
    return min(cost[:, [*fixed, *c]].min(axis=1).sum() for c in itertools.combinations(free, p))


@st.composite
def problems(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, int, list[int]]:
    sites = draw(st.integers(3, 9))
    demands = draw(st.integers(1, 14))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    kind = draw(st.sampled_from(["plane", "whole", "few"]))
    if kind == "plane":
        d = np.hypot(
            *(rng.uniform(0, 1000, (demands, 1, 2)) - rng.uniform(0, 1000, (1, sites, 2))).transpose(2, 0, 1)
        )
    else:
        d = rng.integers(0, 4 if kind == "few" else 500, (demands, sites)).astype(float)
    w = rng.integers(0, 5, demands).astype(float)
    w[0] += 1.0
    fixed = draw(st.lists(st.integers(0, sites - 1), max_size=sites - 3, unique=True))
    return d, w, draw(st.integers(1, sites - len(fixed) - 1)), fixed


@settings(max_examples=120, deadline=None)
@given(problems())
def test_p_median_equals_enumeration(problem: tuple[np.ndarray, np.ndarray, int, list[int]]) -> None:
    d, w, p, fixed = problem
    result = allocation.p_median(d, w, p, fixed=fixed)
    best = best_by_enumeration(d * w[:, None], p, fixed)
    assert result.objective == pytest.approx(best, rel=2e-6, abs=1e-9)
    assert result.proven and result.bound <= best * (1 + 1e-9) + 1e-9
    assert len(set(result.chosen)) == p and not set(result.chosen) & set(fixed)
    assert set(result.opened) == set(result.chosen) | set(fixed)
    np.testing.assert_array_equal(result.distance, d[:, result.opened].min(axis=1))
    np.testing.assert_array_equal(d[np.arange(len(d)), result.assigned], result.distance)


@settings(max_examples=80, deadline=None)
@given(problems(), st.sampled_from([1.0, 2.0, 150.0, 400.0]))
def test_coverage_equals_enumeration(
    problem: tuple[np.ndarray, np.ndarray, int, list[int]], reach: float
) -> None:
    d, w, p, fixed = problem
    result = allocation.max_coverage(d, w, p, reach, fixed=fixed)
    best = best_by_enumeration((d > reach) * w[:, None], p, fixed)
    assert result.objective == best and result.bound == best and result.proven
    after = allocation.coverage(d, w, result.opened, reach)
    assert after.covered == w.sum() - best
    before = allocation.coverage(d, w, fixed, reach)
    assert before.covered <= after.covered


@pytest.mark.parametrize("seed", range(40))
def test_costs_near_nothing_come_to_an_end(seed: int) -> None:
    """Gains made of rounding alone once swapped sites for ever where everything could be covered."""
    rng = np.random.default_rng(seed)
    d = rng.uniform(0, 1000, (12, 8))
    d[:, :4] = np.where(rng.uniform(size=(12, 4)) < 0.5, 1.0, 900.0)
    d[:, 5] = 1e-13 * rng.uniform(size=12)
    w = rng.integers(1, 4, 12).astype(float)
    covered = allocation.max_coverage(d, w, 2, 400.0, fixed=[1])
    assert covered.objective == best_by_enumeration((d > 400.0) * w[:, None], 2, [1]) and covered.proven
    nearest = allocation.p_median(d, w, 2, fixed=[1])
    assert nearest.objective == pytest.approx(best_by_enumeration(d * w[:, None], 2, [1]), rel=2e-6, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(problems(), st.floats(0.1, 0.6))
def test_sites_that_are_not_reached(
    problem: tuple[np.ndarray, np.ndarray, int, list[int]], share: float
) -> None:
    d, w, p, fixed = problem
    rng = np.random.default_rng(len(d))
    d = np.where(rng.random(d.shape) < share, np.inf, d)
    with np.errstate(invalid="ignore"):
        best = best_by_enumeration(np.where(w[:, None] > 0, d * w[:, None], 0.0), p, fixed)
    if np.isinf(best):
        with pytest.raises(InputError, match=r"到不了|到不了任何"):
            allocation.p_median(d, w, p, fixed=fixed)
    else:
        assert allocation.p_median(d, w, p, fixed=fixed).objective == pytest.approx(best, rel=2e-6, abs=1e-9)


def pmed(number: int) -> tuple[np.ndarray, int]:
    """Distances and p of an OR-Library problem (of a repeated edge the last cost holds)."""
    words = iter(shared(f"bench/pmed/pmed{number}.txt").read_text().split())
    n, m, p = (int(next(words)) for _ in range(3))
    cost = np.full((n, n), np.inf)
    for _ in range(m):
        a, b, c = (int(next(words)) for _ in range(3))
        cost[a - 1, b - 1] = cost[b - 1, a - 1] = c
    return csgraph.shortest_path(cost, directed=False), p


@pytest.mark.parametrize("number", range(1, 21))
def test_or_library(number: int) -> None:
    lines = shared("bench/pmed/pmedopt.txt").read_text().split("\n")
    optimum = {row[0]: float(row[1]) for row in (line.split() for line in lines[1:]) if len(row) == 2}
    d, p = pmed(number)
    result = allocation.p_median(d, np.ones(len(d)), p)
    assert result.objective == result.bound == optimum[f"pmed{number}"]
    assert result.proven and result.gap == 0


def san_francisco() -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Distances of 205 tracts to 16 stores, weights, and the stores' numbers."""
    with shared(SPOPT + "SF_network_distance_candidateStore_16_censusTract_205_new.csv").open() as file:
        rows = list(csv.DictReader(file))
    tracts = sorted({r["DestinationName"] for r in rows})
    stores = sorted({int(r["name"].split("_")[1]) for r in rows})
    d, w = np.full((len(tracts), len(stores)), np.inf), np.zeros(len(tracts))
    for r in rows:
        i, j = tracts.index(r["DestinationName"]), stores.index(int(r["name"].split("_")[1]))
        d[i, j], w[i] = float(r["distance"]), float(r["demand"])
    return d, w, stores


def test_san_francisco_stores() -> None:
    d, w, stores = san_francisco()
    median = allocation.p_median(d, w, 4)
    assert {stores[j] for j in median.chosen} == {2, 11, 12, 15}
    assert median.objective / w.sum() == pytest.approx(2982.1268579890657, rel=1e-12)
    cover = allocation.max_coverage(d, w, 4, 5000)
    assert (cover.distance <= 5000).mean() * 100 == pytest.approx(89.7561, abs=1e-4)
    assert median.proven and cover.proven


def test_two_thousand_by_two_hundred_is_proven_soon() -> None:
    rng = np.random.default_rng(1)
    d = np.hypot(*(rng.uniform(0, 1e4, (2000, 1, 2)) - rng.uniform(0, 1e4, (1, 200, 2))).transpose(2, 0, 1))
    result = allocation.p_median(d, rng.integers(1, 100, 2000), 10, seconds=30)
    assert result.proven and result.gap <= 1e-6


def test_time_is_kept_and_the_bound_still_holds() -> None:
    rng = np.random.default_rng(2)
    d = rng.uniform(1, 100, (300, 120))  # distances of no plane: hard to prove
    w = np.ones(300)
    quick = allocation.p_median(d, w, 12, seconds=0.0)
    longer = allocation.p_median(d, w, 12, seconds=3.0)
    assert 0 < quick.bound <= longer.objective <= quick.objective
    assert quick.gap == pytest.approx((quick.objective - quick.bound) / quick.objective)
    assert quick.seconds < 5


def test_coverage_before_there_is_anything() -> None:
    nothing = allocation.coverage([[5.0], [np.inf]], [2.0, 1.0], [], 10)
    assert nothing.covered == 0 and nothing.unreached == 3 and np.isnan(nothing.mean_distance)
    one = allocation.coverage([[5.0], [np.inf]], [2.0, 1.0], [0], 10)
    assert (one.covered, one.share, one.mean_distance, one.farthest, one.unreached) == (2, 2 / 3, 5, 5, 1)


GOOD = np.array([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])


@pytest.mark.parametrize(
    ("distances", "weights", "p", "fixed", "words"),
    [
        (np.empty((0, 3)), [], 1, [], "没有服务需求"),
        (np.empty((2, 0)), [1, 1], 1, [], "没有候选设点"),
        (GOOD, [1], 1, [], "不一致"),
        (GOOD, [0, 0], 1, [], "权重都是 0"),
        (GOOD, [1, -1], 1, [], "第 2 个需求的权重"),
        (GOOD, [1, np.nan], 1, [], "第 2 个需求的权重"),
        (np.where(GOOD == 3, np.nan, GOOD), [1, 1], 1, [], "第 1 个需求的距离"),
        (-GOOD, [1, 1], 1, [], "第 1 个需求的距离"),
        (GOOD, [1, 1], 0, [], "新增服务点个数"),
        (GOOD, [1, 1], 3, [], "没有选择余地"),
        (GOOD, [1, 1], 2, [0], "没有选择余地"),
        (GOOD, [1, 1], 1, [3], "现有服务点的序号"),
        (np.array([[1.0, 2.0, 3.0], [np.inf] * 3]), [1, 1], 1, [], "首处为第 2 处"),
    ],
)
def test_refusals(distances: np.ndarray, weights: list[float], p: int, fixed: list[int], words: str) -> None:
    with pytest.raises(InputError, match=words):
        allocation.p_median(distances, weights, p, fixed=fixed)


def test_parts_that_are_not_connected_need_a_site_each() -> None:
    d = np.array([[1.0, np.inf, 2.0], [np.inf, 1.0, np.inf]])
    with pytest.raises(InputError, match="互不连通"):
        allocation.p_median(d, [1, 1], 1)
    assert allocation.p_median(d, [1, 1], 2).opened.tolist() == [0, 1]
    assert allocation.max_coverage(d, [5, 1], 1, 10).opened.tolist() in ([0], [2])
    with pytest.raises(InputError, match="服务半径"):
        allocation.max_coverage(d, [1, 1], 1, 0)
