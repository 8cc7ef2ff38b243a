"""Where to put service points: p-median and maximal coverage, always with a proven bound.

The p-median asks for p sites so that the demand-weighted distance to the nearest open site is least (Hakimi 1964);
maximal coverage (Church & ReVelle 1974) is the same problem with the cost 1 beyond the service distance and 0 within.
The solution comes from interchange (Teitz & Bart 1968, in Whitaker's fast form), the bound from Lagrangian relaxation
of "every demand is served once" (Narula, Ogbu & Samuelsson 1977); branching on sites closes what remains of the gap as
long as time allows. The bound holds whatever the gap, so a solution is never called best without proof.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gisapp.analytics.pmedian import Costs, branch, prepare
from gisapp.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: relative gap at which a solution counts as proven best
GAP = 1e-6


@dataclass(frozen=True, slots=True)
class Allocation:
    """Chosen sites and what is known about them.

    Attributes:
        chosen: positions of the newly opened sites, ascending.
        opened: positions of all open sites, existing ones included, ascending.
        assigned: (demands,) position of the nearest open site of each demand; -1 for demand that reaches none.
        distance: (demands,) distance to it; infinite where assigned is -1.
        objective: sum of weight × distance (p-median), or the weight that lies beyond the service distance (coverage).
        bound: no choice of sites has a smaller objective than this.
        gap: (objective - bound) / objective, 0 for an objective of 0.
        proven: whether the gap is at most 1e-6, so that the choice is best (others may be equally good).
        nodes: branches looked at.
        seconds: time taken.
    """

    chosen: Ints
    opened: Ints
    assigned: Ints
    distance: Floats
    objective: float
    bound: float
    gap: float
    proven: bool
    nodes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Coverage:
    """How well a set of open sites serves the demand; shares and means by weight, distances as given.

    Attributes:
        covered: weight within the service distance of an open site.
        total: weight of all demand.
        share: covered / total; 0 where there is no weight.
        mean_distance: of the demand that reaches a site; NaN where none does.
        farthest: largest distance of demand that reaches a site; NaN where none does.
        unreached: weight of demand that reaches no open site at all.
    """

    covered: float
    total: float
    share: float
    mean_distance: float
    farthest: float
    unreached: float


def _matrix(distances: ArrayLike, weights: ArrayLike) -> tuple[Floats, Floats]:
    d = np.asarray(distances, dtype=np.float64)
    w = np.asarray(weights, dtype=np.float64)
    if d.ndim != 2 or w.shape != (len(d),):
        raise InputError(
            f"距离表 {d.shape} 与需求个数 {w.shape} 不一致。", remedy="每个需求一行，每个候选点一列。"
        )
    if not len(d):
        raise InputError("没有服务需求。", remedy="请扩大范围、放宽时间或改选需求类型。")
    if not d.shape[1]:
        raise InputError("没有候选设点。", remedy="请选择另一类候选点，或扩大范围。")
    wrong = np.isnan(d).any(axis=1) | (d < 0).any(axis=1)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InputError(f"第 {row + 1} 个需求的距离有缺失或负值。", details={"row": row})
    bad = ~((w >= 0) & (w < np.inf))
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(
            f"第 {row + 1} 个需求的权重 {w[row]} 无效。",
            remedy="权重应为不小于 0 的数。",
            details={"row": row},
        )
    if not w.any():
        raise InputError("所有需求的权重都是 0，无从比较设点位置。", remedy="请改选需求类型或放宽时间。")
    return d, w


def _sites(count: int, p: int, fixed: ArrayLike) -> Ints:
    held = np.unique(np.asarray(fixed, dtype=np.int64))
    if len(held) and (held[0] < 0 or held[-1] >= count):
        raise InputError(f"现有服务点的序号应在 0 到 {count - 1} 之间。")
    free = count - len(held)
    if isinstance(p, bool) or p != int(p) or p < 1:
        raise InputError(f"新增服务点个数“{p}”无效。", remedy="请填写不小于 1 的整数。")
    if p >= free:
        raise InputError(
            f"新增服务点 {p} 个，而可选的候选点只有 {free} 个，没有选择余地。",
            remedy=f"请把新增个数减到 {max(free - 1, 0)} 个以内，或增加候选点。",
            details={"p": int(p), "sites": free},
        )
    return held


def _unit(costs: Floats, scale: float) -> float:
    """What objectives are multiples of, in scaled costs: known where all costs are whole numbers, else 0."""
    return 1.0 / scale if scale < 1e9 and bool((costs == np.rint(costs)).all()) else 0.0


def _finish(
    costs: Costs,
    distances: Floats,
    loss: Floats,
    p: int,
    held: Ints,
    scale: float,
    seconds: float,
    gap: float,
) -> Allocation:
    """Solve and say it in the caller's units; ``loss`` (demands, sites) is what the objective sums."""
    started = time.perf_counter()
    solved = branch(costs, p, gap, seconds)
    opened = np.union1d(held, solved.chosen)
    every = np.arange(len(distances))
    nearest = opened[np.argmin(distances[:, opened], axis=1)]
    distance = distances[every, nearest]
    objective = float(loss[every, nearest].sum())
    bound = solved.bound * scale
    if costs.unit:
        bound = float(np.rint(bound))  # lifted to the next whole number by the solver
    bound = min(bound, objective)
    rest = (objective - bound) / objective if objective > 0 else 0.0
    return Allocation(
        chosen=np.sort(solved.chosen),
        opened=opened,
        assigned=np.where(np.isfinite(distance), nearest, -1),
        distance=distance,
        objective=objective,
        bound=bound,
        gap=rest,
        proven=rest <= gap,
        nodes=solved.nodes,
        seconds=time.perf_counter() - started,
    )


def p_median(
    distances: ArrayLike,
    weights: ArrayLike,
    p: int,
    *,
    fixed: ArrayLike = (),
    seconds: float = 60.0,
    gap: float = GAP,
) -> Allocation:
    """Open p more sites so that the weighted distance to the nearest open site is least.

    Args:
        distances: (demands, sites) non-negative, any unit; infinite where no way leads.
        weights: (demands,) non-negative; demand of weight 0 has no influence but is assigned.
        p: number of sites to open, at least 1 and fewer than the free sites.
        fixed: positions of sites that are open already and stay so; they do not count towards p.
        seconds: after this time the best solution so far is returned with the bound reached.
        gap: relative gap that counts as proven.

    Raises:
        InputError: empty or wrong input, p not below the number of free sites, demand that no site reaches (naming
            the rows), or too few sites for all the parts that are not connected with each other.
    """
    d, w = _matrix(distances, weights)
    held = _sites(d.shape[1], p, fixed)
    lost = np.flatnonzero(np.isinf(d).all(axis=1) & (w > 0))
    if len(lost):
        raise InputError(
            f"有 {len(lost)} 处需求（首处为第 {lost[0] + 1} 处）步行到不了任何候选点或现有服务点。",
            remedy="请补全这些地点附近的街道、增加候选点，或先把它们排除。",
            details={"rows": lost[:1000].tolist()},
        )
    finite = np.where(np.isinf(d), 0.0, d)
    # A demand left unserved costs more than any complete service could, so a complete one is chosen if there is one.
    scale = float((w * finite.max(axis=1)).sum()) or 1.0
    walked = w[:, None] * finite
    unserved = np.isinf(d) & (w > 0)[:, None]
    costs = prepare(np.where(unserved, 1.0 + GAP, walked / scale), held, _unit(walked, scale))
    result = _finish(costs, d, walked, p, held, scale, seconds, gap)
    alone = np.flatnonzero((result.assigned < 0) & (w > 0))
    if len(alone):
        raise InputError(
            f"新增 {p} 个服务点不够：街道互不连通，至少还有 {len(alone)} 处需求到不了任何服务点。",
            remedy="请增加新增个数，或补全断开的街道，或缩小范围。",
            details={"rows": alone[:1000].tolist()},
        )
    return result


def max_coverage(
    distances: ArrayLike,
    weights: ArrayLike,
    p: int,
    service_distance: float,
    *,
    fixed: ArrayLike = (),
    seconds: float = 60.0,
    gap: float = GAP,
) -> Allocation:
    """Open p more sites so that as much demand as possible lies within the service distance of an open site.

    Arguments and errors as ``p_median``, but demand that no site reaches is simply not covered; the objective is the
    weight not covered, and its bound the weight that no choice could cover.
    """
    d, w = _matrix(distances, weights)
    held = _sites(d.shape[1], p, fixed)
    if not service_distance > 0:
        raise InputError(f"服务半径“{service_distance}”无效。", remedy="请填写大于 0 的米数。")
    scale = float(w.sum())
    beyond = (d > service_distance) * w[:, None]
    return _finish(prepare(beyond / scale, held, _unit(w, scale)), d, beyond, p, held, scale, seconds, gap)


def coverage(
    distances: ArrayLike, weights: ArrayLike, opened: ArrayLike, service_distance: float
) -> Coverage:
    """How much demand lies within a distance of open sites, before or after an allocation.

    Args:
        distances: (demands, sites).
        opened: positions of the open sites; may be empty, then nothing is covered.
    """
    d, w = _matrix(distances, weights)
    open_sites = np.asarray(opened, dtype=np.int64)
    nearest = d[:, open_sites].min(axis=1) if len(open_sites) else np.full(len(d), np.inf)
    total = float(w.sum())
    covered = float(w[nearest <= service_distance].sum())
    reached = np.isfinite(nearest) & (w > 0)
    weight = float(w[reached].sum())
    return Coverage(
        covered,
        total,
        covered / total if total else 0.0,
        float((w[reached] * nearest[reached]).sum() / weight) if weight else float("nan"),
        float(nearest[reached].max()) if weight else float("nan"),
        float(w[np.isinf(nearest)].sum()),
    )
