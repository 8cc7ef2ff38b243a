"""Getis-Ord Gi*: where high values, or low ones, stand together more than chance would have it.

Source: Ord & Getis 1995, "Local spatial autocorrelation statistics", Geographical Analysis 27(4); the values equal those
of ``esda.G_Local`` with binary weights (its analytic inference). One sparse product does the work.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.special import ndtr

from gisapp.analytics.hexes import Cells, Floats, neighbour_pairs
from gisapp.errors import InputError

# Confidence 90, 95 and 99 % of the classes 1, 2 and 3 (hot) and -1, -2 and -3 (cold); 0 is not significant.
LEVELS = (0.10, 0.05, 0.01)
# The normal approximation asks for this many areas; fewer are computed but said to be few (Ord & Getis 1995, p. 290).
FEW_CELLS = 30


@dataclass(frozen=True, slots=True)
class Hotspots:
    """Gi* of every cell; all arrays have shape (n,) in the order of the values.

    Attributes:
        z: standard scores; 0 where nothing can be said (all values equal, or a neighbourhood of every cell).
        p: two-sided probability of such a score by chance, or the permuted one.
        q: p adjusted for testing n cells at once (Benjamini & Hochberg 1995, false discovery rate).
        level: class -3..3 by the adjusted probability (or by p where correction is off).
        neighbours: number of cells in each neighbourhood, the cell itself included.
        few: whether there are too few cells for the normal approximation to be trusted.
    """

    z: Floats
    p: Floats
    q: Floats
    level: NDArray[np.int8]
    neighbours: NDArray[np.int64]
    few: bool


def cell_weights(cells: Cells, rings: int = 1) -> sparse.csr_array:
    """Binary weights between cells at most ``rings`` steps apart, each cell its own neighbour.

    Args:
        cells: (n,) distinct H3 cells of one resolution.

    Returns:
        (n, n) CSR matrix of ones, as ``gi_star`` takes it.
    """
    rows, columns = neighbour_pairs(cells, rings)
    return sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=(len(cells), len(cells)))


def _checked(values: ArrayLike, weights: sparse.csr_array) -> Floats:
    x = np.ascontiguousarray(values, dtype=np.float64)
    if x.ndim != 1 or not len(x):
        raise InputError("没有可分析的六边形。", remedy="请扩大范围、放宽时间或改选需求类型。")
    if weights.shape != (len(x), len(x)):
        raise InputError(f"邻接矩阵的大小 {weights.shape} 与六边形个数 {len(x)} 不一致。")
    if not np.isfinite(x).all():
        row = int(np.argmin(np.isfinite(x)))
        raise InputError(f"第 {row + 1} 个六边形的数值 {x[row]} 无效。", remedy="请先填补或去掉缺失值。")
    return x


@nb.njit(cache=True, nogil=True)
def _scores(
    y: Floats,
    indptr: NDArray[np.int32],
    indices: NDArray[np.int32],
    total: float,
    squares: float,
    star: bool,
    out: Floats,
) -> None:
    """Scores of all cells in one pass over the neighbourhoods."""
    n = float(len(y)) if star else float(len(y) - 1)
    mean = total / n
    spread = squares / n - mean * mean
    scale = 0.0
    last = -1.0
    for i in range(len(y)):
        local = 0.0
        for k in range(indptr[i], indptr[i + 1]):
            local += y[indices[k]]
        inside = float(indptr[i + 1] - indptr[i])
        if not star:  # the cell itself belongs neither to the sum nor to what it is compared with
            mean = (total - y[i]) / n
            spread = (squares - y[i] * y[i]) / n - mean * mean
            last = -1.0
        if inside != last:  # most neighbourhoods have the same size: the root is taken once for them
            variance = inside * (n - inside) * spread
            scale = np.sqrt((n - 1.0) / variance) if variance > 0.0 else 0.0
            last = inside
        out[i] = (local - inside * mean) * scale


def gi_z(values: ArrayLike, weights: sparse.csr_array, *, star: bool = True) -> Floats:
    """Standard scores of Gi* (or of Gi, which leaves the cell itself out).

    Args:
        values: (n,) finite numbers, usually counts.
        weights: (n, n) CSR of ones; with the diagonal for Gi*, without it for Gi.
        star: Gi* or Gi.

    Returns:
        (n,) float64; 0 where the variance under chance is 0.

    Raises:
        InputError: no values, a value that is not finite, or shapes that do not match.
    """
    x = _checked(values, weights)
    n = len(x)
    # Shifting all values changes no score, keeps the sums of squares small and so loses no digits.
    shift = x.mean()
    y = x - shift
    squares = float((y * y).sum())
    # Below rounding of the values themselves there is no variance, only noise.
    if n < 2 or squares <= n * (np.finfo(np.float64).eps * n * np.abs(x).max()) ** 2:
        return np.zeros(n)
    out = np.empty(n)
    _scores(y, weights.indptr, weights.indices, float(y.sum()), squares, star, out)
    return out


def false_discovery(p: Floats) -> Floats:
    """Probabilities adjusted for many tests (Benjamini & Hochberg 1995): flag those at most the accepted rate."""
    n = len(p)
    order = np.argsort(p, kind="stable")
    ranked = p[order] * (n / np.arange(1, n + 1))
    adjusted = np.empty(n)
    adjusted[order] = np.minimum.accumulate(ranked[::-1])[::-1]
    return np.minimum(adjusted, 1.0)


@nb.njit(cache=True, nogil=True)
def _permuted(
    x: Floats, indptr: NDArray[np.int32], local: Floats, rounds: int, seed: int, larger: NDArray[np.int64]
) -> None:
    """Count, per cell, the random neighbourhoods (its own value kept) whose sum is at least the observed one."""
    np.random.seed(seed)
    n = len(x)
    last_seen = np.full(n, -1, dtype=np.int64)
    mark = 0
    for i in range(n):
        others = indptr[i + 1] - indptr[i] - 1
        for _ in range(rounds):
            mark += 1
            last_seen[i] = mark
            total = x[i]
            taken = 0
            while taken < others:
                j = np.random.randint(0, n)
                if last_seen[j] != mark:
                    last_seen[j] = mark
                    total += x[j]
                    taken += 1
            if total >= local[i]:
                larger[i] += 1


def permuted_p(values: ArrayLike, weights: sparse.csr_array, rounds: int = 999, seed: int = 0) -> Floats:
    """Two-sided pseudo probabilities of Gi* by conditional permutation.

    Each cell keeps its value while its neighbours are drawn anew from all other cells without repetition; the smaller
    tail is counted as esda counts it, (extreme + 1) / (rounds + 1), and doubled for the two sides.

    Args:
        rounds: draws per cell; the smallest probability that can come out is 2 / (rounds + 1).
        seed: same seed, same result.
    """
    x = _checked(values, weights)
    if rounds < 19:
        raise InputError(f"置换次数“{rounds}”过少。", remedy="请至少 19 次，通常取 999 次。")
    if not (weights.diagonal() > 0).all():
        raise InputError("置换检验的邻域必须包含自身。")
    larger = np.zeros(len(x), dtype=np.int64)
    local = weights @ x
    # Equal sums must compare equal though they were added in another order.
    local = local - 1e-9 * np.maximum(np.abs(local), 1.0)
    _permuted(x, weights.indptr, local, rounds, seed, larger)
    extreme = np.minimum(larger, rounds - larger)
    return np.minimum(2.0 * (extreme + 1.0) / (rounds + 1.0), 1.0)


def gi_star(
    values: ArrayLike,
    weights: sparse.csr_array,
    *,
    correction: bool = True,
    permutations: int = 0,
    seed: int = 0,
) -> Hotspots:
    """Gi* with significance and classes.

    Args:
        values: (n,) finite numbers, usually counts; cells without any must stand in it as 0.
        weights: (n, n) CSR of ones with the diagonal (``cell_weights``).
        correction: class by the false discovery rate, so that 20,000 cells do not give 1,000 hotspots by chance.
        permutations: 0 for the normal approximation, else the number of conditional permutations.

    Raises:
        InputError: as ``gi_z``.
    """
    z = gi_z(values, weights)
    p = permuted_p(values, weights, permutations, seed) if permutations else 2.0 * ndtr(-np.abs(z))
    q = false_discovery(p)
    judged = q if correction else p
    level = np.zeros(len(z), dtype=np.int8)
    for step in LEVELS:
        level += judged <= step
    level = np.where(z < 0, -level, np.where(z > 0, level, 0)).astype(np.int8)
    return Hotspots(z, p, q, level, np.diff(weights.indptr).astype(np.int64), len(z) < FEW_CELLS)
